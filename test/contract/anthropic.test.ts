import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { answering, collect, dialects, never } from '../support/dialects.ts';
import { expectError, rejection } from '../support/expectations.ts';
import { ScriptedServer, type Exchange, type Handler } from '../support/scriptedServer.ts';
import { createTestHost } from '../support/testHost.ts';
import type { ChatMessage, ChatRequest, LLMClient } from '../../src/core/clients/llmClient.ts';

const dialect = dialects.find(({ backend }) => backend === 'anthropic') ?? assert.fail('no dialect');
const event = (value: { readonly type: string } & Record<string, unknown>) =>
  `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;

/** What a request's body holds, as far as tests look at it. */
interface Body {
  readonly max_tokens?: number;
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  readonly thinking?: { readonly type: string; readonly budget_tokens?: number };
  readonly [field: string]: unknown;
}

describe('anthropic: requests of its own', () => {
  let server: ScriptedServer;
  let client: LLMClient;
  beforeEach(async () => {
    server = await ScriptedServer.start(dialect.routes(['m']));
    server.on('/v1/messages', answering(dialect, dialect.text('ok'), dialect.finish()));
    client = dialect.client(server.url);
  });
  afterEach(() => server.close());

  const lists = (entry: object) =>
    server.on(dialect.modelsPath, (exchange) => exchange.json({ data: [{ type: 'model', id: 'm', ...entry }] }));
  const ask = (messages: readonly ChatMessage[] = [{ role: 'user', text: 'Hi' }], more: Partial<ChatRequest> = {}) =>
    collect(client.chat({ model: 'm', messages, ...more }, never));
  const bodies = () => server.requestsTo('/v1/messages').map(({ body }) => JSON.parse(body) as Body);
  const lastBody = () => bodies().at(-1) ?? assert.fail('nothing was sent');
  /** Refuses with these words while the body has the field, and answers without it. */
  const refusing =
    (field: string, message: string): Handler =>
    (exchange: Exchange) =>
      field in (JSON.parse(exchange.request.body) as object)
        ? exchange.json({ type: 'error', error: { type: 'invalid_request_error', message } }, 400)
        : exchange.send(dialect.text('ok') + dialect.finish(), dialect.contentType);

  const tools = [{ name: 'read', description: 'Reads a file.', parameters: { type: 'object' } }];
  const toolLoop: readonly ChatMessage[] = [
    { role: 'system', text: 'Be brief.' },
    { role: 'user', text: 'Read both.' },
    {
      role: 'assistant',
      text: '',
      toolCalls: [
        { id: 'a', name: 'read', argumentsJson: '{"path":"x"}' },
        { id: 'b', name: 'read', argumentsJson: 'not JSON' },
      ],
    },
    { role: 'tool', toolCallId: 'a', toolName: 'read', text: 'X' },
    { role: 'tool', toolCallId: 'b', toolName: 'read', text: 'Y' },
    { role: 'system', text: 'Really.' },
  ];

  describe('messages', () => {
    it('puts the results of several tools into one user message, and system messages together', async () => {
      await ask(toolLoop, { tools });
      const { messages, system, tools: sent } = lastBody();
      assert.equal(system, 'Be brief.\n\nReally.');
      assert.deepEqual(sent, [{ name: 'read', description: 'Reads a file.', input_schema: { type: 'object' } }]);
      assert.deepEqual(messages, [
        { role: 'user', content: [{ type: 'text', text: 'Read both.' }] },
        {
          role: 'assistant',
          content: [
            { type: 'tool_use', id: 'a', name: 'read', input: { path: 'x' } },
            { type: 'tool_use', id: 'b', name: 'read', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'a', content: 'X' },
            { type: 'tool_result', tool_use_id: 'b', content: 'Y' },
          ],
        },
      ]);
    });

    it('tells earlier tool calls as text where the request has no tools', async () => {
      await ask(toolLoop);
      const text = JSON.stringify(lastBody().messages);
      assert.doesNotMatch(text, /tool_use|tool_result/);
      assert.match(text, /Called read with \{\\"path\\":\\"x\\"\}/);
      assert.match(text, /Result of read:\\nY/);
    });

    it('case 83: images go as bytes, before the text', async () => {
      await ask([{ role: 'user', text: 'What is it?', images: [{ mediaType: 'image/png', base64: 'AAAA' }] }]);
      assert.deepEqual(lastBody().messages[0]?.content, [
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
        { type: 'text', text: 'What is it?' },
      ]);
    });
  });

  describe('limits', () => {
    it('asks for 4096 tokens where the list does not say what the model can, and asks the list once', async () => {
      await ask();
      await ask();
      assert.deepEqual(
        bodies().map((body) => body.max_tokens),
        [4096, 4096],
      );
      assert.equal(server.requestsTo(dialect.modelsPath).length, 1);
    });

    it('asks for more where the model can, never for more than it can, and for what the request says', async () => {
      lists({ max_input_tokens: 200_000, max_tokens: 64_000 });
      await ask();
      assert.equal(lastBody().max_tokens, 16_384);
      await ask(undefined, { maxOutputTokens: 50 });
      assert.equal(lastBody().max_tokens, 50);
      client = dialect.client(server.url);
      lists({ max_model_len: 2048, owned_by: 'vllm' });
      await ask();
      assert.equal(lastBody().max_tokens, 2048);
    });

    it('is not held up by a server without a list', async () => {
      server.on(dialect.modelsPath, (exchange) => exchange.json({ detail: 'Not Found' }, 404));
      assert.equal((await ask()).text, 'ok');
    });

    it('reads window, name and capabilities from the list', async () => {
      lists({
        display_name: 'M',
        max_input_tokens: 200_000,
        capabilities: { image_input: { supported: true }, thinking: { supported: false } },
      });
      assert.deepEqual(await client.listModels(never), [
        {
          id: 'm',
          displayName: 'M',
          contextWindowTokens: 200_000,
          capabilities: { images: true, reasoning: false },
        },
      ]);
      assert.equal(await client.contextWindow('m', never), 200_000);
    });
  });

  describe('thinking', () => {
    it('sends nothing about it unless asked', async () => {
      await ask();
      assert.equal(lastBody().thinking, undefined);
    });

    for (const reasoning of ['low', 'medium', 'high'] as const) {
      it(`${reasoning}: a budget, with room for the answer beside it`, async () => {
        await ask(undefined, { reasoning, maxOutputTokens: 100 });
        const { thinking, max_tokens: maxTokens = 0 } = lastBody();
        assert.equal(thinking?.type, 'enabled');
        assert.ok((thinking.budget_tokens ?? 0) >= 1024);
        assert.equal(maxTokens - (thinking.budget_tokens ?? 0), 100);
      });
    }

    it('a budget never exceeds what the model can put out', async () => {
      lists({ max_tokens: 8192 });
      await ask(undefined, { reasoning: 'high' });
      assert.equal(lastBody().max_tokens, 8192);
      assert.equal(lastBody().thinking?.budget_tokens, 4096);
    });

    it('an effort where the list says that the model decides by itself', async () => {
      lists({ capabilities: { thinking: { supported: true, types: { adaptive: { supported: true } } } } });
      await ask(undefined, { reasoning: 'medium' });
      assert.deepEqual(lastBody().thinking, { type: 'adaptive', display: 'summarized' });
      assert.deepEqual(lastBody()['output_config'], { effort: 'medium' });
    });

    it('off where it can be, and a warning where the list says that it cannot', async () => {
      await ask(undefined, { reasoning: 'off' });
      assert.deepEqual(lastBody().thinking, { type: 'disabled' });
      client = dialect.client(server.url);
      lists({ capabilities: { thinking: { supported: true, types: { adaptive: { supported: true } } } } });
      const { events, text } = await ask(undefined, { reasoning: 'off' });
      assert.equal(lastBody().thinking, undefined);
      assert.equal(events[0]?.type, 'warning');
      assert.equal(text, 'ok');
    });

    const thinkingAnswer = [
      event({
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'thinking', thinking: '', signature: '' },
      }),
      event({ type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'Let me' } }),
      event({ type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: ' see.' } }),
      event({ type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'sig' } }),
      event({ type: 'content_block_stop', index: 0 }),
      dialect.toolCall({ id: 'a', name: 'read', arguments: { path: 'x' } }),
      dialect.finish(),
    ];

    it('goes back, signed as it came, with the result of the tool that it led to', async () => {
      server.on('/v1/messages', answering(dialect, ...thinkingAnswer));
      const { reasoning } = await ask(undefined, { tools, reasoning: 'low' });
      assert.equal(reasoning, 'Let me see.');
      await ask(toolLoop, { tools, reasoning: 'low' });
      const { messages, thinking } = lastBody();
      assert.deepEqual((messages[1]?.content as readonly object[])[0], {
        type: 'thinking',
        thinking: 'Let me see.',
        signature: 'sig',
      });
      assert.equal(thinking?.type, 'enabled');
    });

    it('is left out in a tool loop that began elsewhere, which the API would refuse', async () => {
      await ask(toolLoop, { tools, reasoning: 'low' });
      assert.equal(lastBody().thinking, undefined);
    });
  });

  describe('what a server refuses', () => {
    const sampling = { temperature: 0.5, topP: 0.9 };

    it('is left out, said once and not sent again', async () => {
      server.on('/v1/messages', refusing('temperature', '`temperature` is not supported by this model.'));
      const first = await ask(undefined, { temperature: 0.5 });
      assert.equal(first.text, 'ok');
      assert.equal(first.events.filter(({ type }) => type === 'warning').length, 1);
      const second = await ask(undefined, { temperature: 0.5 });
      assert.equal(second.events.filter(({ type }) => type === 'warning').length, 0);
      assert.equal(bodies().length, 3);
    });

    it('of temperature and top_p, which some models take one of, temperature stays', async () => {
      server.on(
        '/v1/messages',
        refusing('top_p', '`temperature` and `top_p` cannot both be specified for this model.'),
      );
      assert.equal((await ask(undefined, sampling)).text, 'ok');
      assert.equal(lastBody()['temperature'], 0.5);
    });

    it('case 47: tools, in the words of Ollama and vLLM', async () => {
      for (const words of [
        'registry.ollama.ai/library/m does not support tools',
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
      ]) {
        client = dialect.client(server.url);
        server.on('/v1/messages', refusing('tools', words));
        const { text, events } = await ask(toolLoop, { tools });
        assert.equal(text, 'ok', words);
        assert.equal(events[0]?.type, 'warning');
        assert.doesNotMatch(JSON.stringify(lastBody().messages), /tool_use/);
      }
    });

    it('thinking', async () => {
      server.on('/v1/messages', refusing('thinking', '"m" does not support thinking'));
      const { text, events } = await ask(undefined, { reasoning: 'high' });
      assert.equal(text, 'ok');
      assert.equal(events[0]?.type, 'warning');
      assert.equal(lastBody().max_tokens, 4096, 'no room for thinking then');
    });

    it('what was not sent is an error, and is asked once', async () => {
      server.on('/v1/messages', refusing('model', 'temperature: something else'));
      expectError((await ask()).error, 'badRequest');
      assert.equal(bodies().length, 1);
    });
  });

  describe('token counts', () => {
    const request: ChatRequest = { model: 'm', messages: toolLoop, tools, temperature: 1, reasoning: 'low' };

    it('are the server’s own, for the prompt alone', async () => {
      server.on('/v1/messages/count_tokens', (exchange) => exchange.json({ input_tokens: 123 }));
      assert.deepEqual(await client.countTokens(request, never), { tokens: 123, isExact: true });
      const [sent] = server.requestsTo('/v1/messages/count_tokens');
      assert.deepEqual(Object.keys(JSON.parse(sent?.body ?? '') as object).sort(), [
        'messages',
        'model',
        'system',
        'tools',
      ]);
    });

    it('are estimated where the server has no such path, as Ollama', async () => {
      server.on('/v1/messages/count_tokens', (exchange) => exchange.send('404 page not found', 'text/plain', 404));
      const { tokens, isExact } = await client.countTokens(request, never);
      assert.equal(isExact, false);
      assert.ok(tokens > 10);
    });

    it('fail as the server fails', async () => {
      server.on('/v1/messages/count_tokens', (exchange) => exchange.json({ error: 'Unauthorized' }, 401));
      await rejection(client.countTokens(request, never), 'unauthorized');
    });
  });

  describe('addresses and keys', () => {
    it('case 9: with or without /v1, a slash at the end, a path before it', async () => {
      server.on('/gw/v1/messages', answering(dialect, dialect.text('behind'), dialect.finish()));
      for (const [suffix, text] of [
        ['', 'ok'],
        ['/', 'ok'],
        ['/v1', 'ok'],
        ['/v1/', 'ok'],
        ['/gw', 'behind'],
        ['/gw/v1/', 'behind'],
      ] as const) {
        client = dialect.client(server.url + suffix);
        assert.equal((await ask()).text, text, suffix);
      }
    });

    it('gives the key as vLLM takes it and as Anthropic does', async () => {
      client = dialect.client(server.url, { host: createTestHost({ keys: { [server.url]: 'secret' } }) });
      await ask();
      const [{ headers } = assert.fail()] = server.requestsTo('/v1/messages');
      assert.equal(headers['x-api-key'], 'secret');
      assert.equal(headers.authorization, 'Bearer secret');
      assert.equal(headers['anthropic-version'], '2023-06-01');
    });

    it('says who really answers', async () => {
      for (const [entry, name] of [
        [{ id: 'm', owned_by: 'vllm' }, 'vLLM'],
        [{ id: 'm', owned_by: 'llamacpp' }, 'llama-server'],
        [{ id: 'm', owned_by: 'library' }, 'Ollama'],
        [{ id: 'm' }, 'a server with Anthropic’s API'],
        [{ type: 'model', id: 'm' }, 'a server with Anthropic’s API'],
      ] as const) {
        server.on(dialect.modelsPath, (exchange) => exchange.json({ data: [entry] }));
        const status = await client.probe(never);
        assert.equal(status.state === 'ready' && status.server, name);
      }
      // A gateway lists models as Anthropic does, whoever made them.
      server.on('/health/liveliness', (exchange) => exchange.json("I'm alive!"));
      const status = await client.probe(never);
      assert.equal(status.state === 'ready' && status.server, 'LiteLLM');
    });

    it('is asked nothing but its list where it is Anthropic itself', async () => {
      const agent = new http.Agent();
      agent.createConnection = () => net.connect(server.port, '127.0.0.1');
      client = dialect.client('http://api.anthropic.com', { host: createTestHost({ agent }) });
      const status = await client.probe(never);
      assert.equal(status.state === 'ready' && status.server, 'Anthropic');
      assert.deepEqual(
        server.requests.map(({ path }) => path),
        [dialect.modelsPath],
      );
    });
  });
});
