import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { ChatRequest, CompletionRequest, LLMClient, PullProgress } from '../../src/core/clients/llmClient.ts';
import { createOllamaClient } from '../../src/core/clients/ollama.ts';
import { ServerMemory } from '../../src/core/clients/serverMemory.ts';
import { answering, collect, dialects, never, question, settingsWith, type Dialect } from '../support/dialects.ts';
import { expectError, rejection } from '../support/expectations.ts';
import { ScriptedServer, type Exchange, type Handler } from '../support/scriptedServer.ts';
import { createTestHost } from '../support/testHost.ts';

/** What only Ollama has. The bodies are those of Ollama 0.17.4, for other versions those of its sources. */

const dialect = dialects.find(({ backend }) => backend === 'ollama') as Dialect;
const line = (value: object) => `${JSON.stringify(value)}\n`;
const lines = (...values: readonly object[]): Handler => {
  const body = values.map(line).join('');
  return (exchange) => exchange.send(body, dialect.contentType);
};
const refusing =
  (status: number, words: string): Handler =>
  (exchange) =>
    exchange.json({ error: words }, status);
/** The first answer, then the second for ever. */
const inTurn = (first: Handler, then: Handler): Handler => {
  let asked = 0;
  return (exchange) => (asked++ === 0 ? first(exchange) : then(exchange));
};

const modelName = 'smollm2:latest';
const loadedAnswer = { model: modelName, response: '', done: true, done_reason: 'load' };
const running = (fields: object) => ({
  name: modelName,
  model: modelName,
  size: 190948608,
  size_vram: 0,
  digest: '10e49fe95dfd',
  expires_at: '2026-11-23T21:53:36.254098128Z',
  ...fields,
});
const shown = (fields: object) => ({
  model_info: { 'general.architecture': 'llama', 'llama.context_length': 8192 },
  capabilities: ['completion'],
  ...fields,
});
const completion = (text: string) => line({ model: modelName, response: text, done: false });
const completionEnd = line({ model: modelName, response: '', done: true, done_reason: 'stop', prompt_eval_count: 7 });

describe('ollama: its own protocol', () => {
  let server: ScriptedServer;
  let memory: ServerMemory;
  beforeEach(async () => {
    server = await ScriptedServer.start({ ...dialect.routes([modelName]), '/api/show': (e) => e.json(shown({})) });
    memory = new ServerMemory();
  });
  afterEach(() => server.close());

  /** A new client, as every request has one; what was learnt is kept in `memory`. */
  const client = (settings: Record<string, unknown> = {}, host = createTestHost()): LLMClient =>
    createOllamaClient({ settings: settingsWith({ 'a2ia.ollamaUrl': server.url, ...settings }), host, memory });
  const chat = (request: Partial<ChatRequest> = {}, settings = {}) =>
    collect(client(settings).chat({ ...question(modelName), ...request }, never));
  const gap: CompletionRequest = { model: modelName, prefix: 'a = ', suffix: '\nprint(a)' };
  const complete = (request: Partial<CompletionRequest> = {}) =>
    collect(client().complete?.({ ...gap, ...request }, never) ?? assert.fail('no completion'));
  const sent = (route: string) =>
    server.requestsTo(route).map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  const answers = (...frames: readonly string[]) => server.on('/api/chat', answering(dialect, ...frames));
  const warningsOf = ({ events }: { events: readonly { type: string; message?: string }[] }) =>
    events.flatMap(({ type, message }) => (type === 'warning' ? [message ?? ''] : []));

  describe('reasoning', () => {
    it('case 36: thinking that was not asked for is reasoning, and completion asks for none', async () => {
      answers(dialect.reasoning('Hm.'), dialect.text('Yes.'), dialect.finish());
      const { text, reasoning } = await chat();
      assert.deepEqual([reasoning, text], ['Hm.', 'Yes.']);
      assert.ok(!('think' in (sent('/api/chat')[0] ?? {})));

      const thinking = line({ model: modelName, response: '', thinking: 'Hm.', done: false });
      server.on('/api/generate', answering(dialect, thinking, completion('1'), completionEnd));
      const completed = await complete();
      assert.deepEqual([completed.reasoning, completed.text], ['Hm.', '1']);
      assert.equal(sent('/api/generate')[0]?.['think'], false);
    });

    it('case 35: think tags that the server leaves in the text are told from it, whatever the cuts', async () => {
      answers(
        ...['<th', 'ink>\nHm', '.</thi', 'nk>\n\nYes', '.'].map((delta) => dialect.text(delta)),
        dialect.finish(),
      );
      const { text, reasoning } = await chat();
      assert.deepEqual([reasoning, text], ['Hm.', 'Yes.']);

      answers(dialect.text('<think>Hm'));
      const cut = await chat();
      assert.deepEqual([cut.reasoning, cut.text], ['Hm', '']);
      expectError(cut.error, 'truncated');
    });

    it('case 35: a model whose template opens the tag is known from its second answer on', async () => {
      answers(dialect.text('Hm.\n</think>\n\nYes.'), dialect.finish());
      await chat();
      const second = await chat();
      assert.deepEqual([second.reasoning.trim(), second.text], ['Hm.', 'Yes.']);
    });

    it('case 35: what a completion gives stands as it is', async () => {
      server.on('/api/generate', answering(dialect, completion('<think>a</think>'), completionEnd));
      assert.equal((await complete()).text, '<think>a</think>');
    });

    it('case 37: an output limit that reasoning has used up is told', async () => {
      answers(dialect.reasoning('Hm'), dialect.finish('length'));
      assert.match(warningsOf(await chat()).join(), /used up by reasoning/);
      answers(dialect.reasoning('Hm'), dialect.text('a'), dialect.finish('length'));
      assert.deepEqual(warningsOf(await chat()), []);
    });

    it('off, a level, or nothing: as asked', async () => {
      answers(dialect.text('a'), dialect.finish());
      for (const reasoning of ['off', 'low', 'high'] as const) await chat({ reasoning });
      await chat();
      assert.deepEqual(
        sent('/api/chat').map(({ think }) => think),
        [false, 'low', 'high', undefined],
      );
    });

    for (const words of [
      `"${modelName}" does not support thinking`,
      'think value "low" is not supported for this model',
      'json: cannot unmarshal string into Go struct field ChatRequest.think of type bool',
    ]) {
      it(`a level that is refused is left out, told once and not sent again: ${words.slice(0, 24)}…`, async () => {
        server.on('/api/chat', inTurn(refusing(400, words), answering(dialect, dialect.text('a'), dialect.finish())));
        const first = await chat({ reasoning: 'low' });
        const second = await chat({ reasoning: 'low' });
        await chat({ reasoning: 'off' });
        assert.deepEqual([first.text, second.text], ['a', 'a']);
        assert.equal(warningsOf(first).length, 1);
        assert.deepEqual(warningsOf(second), []);
        assert.deepEqual(
          sent('/api/chat').map(({ think }) => think),
          ['low', undefined, undefined, false],
        );
      });
    }
  });

  describe('tools', () => {
    const tools = [{ name: 'read', description: 'reads a file', parameters: { type: 'object' } }];
    const call = (fields: object) => ({ function: { name: 'read', arguments: { path: 'a.ts' } }, ...fields });

    it('case 45: tool calls in the last object alone', async () => {
      const message = { role: 'assistant', content: '', tool_calls: [call({ id: 'call_ab12cd34' })] };
      server.on('/api/chat', lines({ model: modelName, message, done: true, done_reason: 'stop' }));
      const { events } = await chat({ tools });
      assert.deepEqual(events[0], {
        type: 'toolCall',
        id: 'call_ab12cd34',
        name: 'read',
        argumentsJson: '{"path":"a.ts"}',
      });
      assert.equal(events[1]?.type === 'finish' && events[1].reason, 'toolCalls');
    });

    it('case 46: a tool call without an id gets one that no other call has; its arguments go back as an object', async () => {
      const message = { role: 'assistant', content: '', tool_calls: [call({}), call({})] };
      server.on('/api/chat', lines({ model: modelName, message, done: true, done_reason: 'stop' }));
      const calls = [...(await chat({ tools })).events, ...(await chat({ tools })).events].filter(
        (event) => event.type === 'toolCall',
      );
      assert.equal(new Set(calls.map(({ id }) => id)).size, 4);

      const [first] = calls;
      assert.ok(first);
      const broken = { id: 'call_2', name: 'read', argumentsJson: '{"path":' };
      await chat({
        tools,
        messages: [
          { role: 'user', text: 'Read.' },
          { role: 'assistant', text: '', toolCalls: [first, broken] },
          { role: 'tool', toolCallId: first.id, toolName: 'read', text: 'content' },
        ],
      });
      assert.deepEqual(sent('/api/chat').at(-1)?.['messages'], [
        { role: 'user', content: 'Read.' },
        {
          role: 'assistant',
          content: '',
          tool_calls: [
            { id: first.id, function: { name: 'read', arguments: { path: 'a.ts' } } },
            { id: 'call_2', function: { name: 'read', arguments: {} } },
          ],
        },
        { role: 'tool', content: 'content', tool_name: 'read', tool_call_id: first.id },
      ]);
    });

    it('case 47: tools that are refused are left out, told once and not sent again', async () => {
      const refusal = 'registry.ollama.ai/library/smollm2:latest does not support tools';
      server.on('/api/chat', inTurn(refusing(400, refusal), answering(dialect, dialect.text('a'), dialect.finish())));
      const first = await chat({ tools });
      const second = await chat({ tools });
      assert.deepEqual([first.text, second.text], ['a', 'a']);
      assert.match(warningsOf(first).join(), /smollm2:latest cannot use tools/);
      assert.deepEqual(warningsOf(second), []);
      assert.deepEqual(
        sent('/api/chat').map((body) => 'tools' in body),
        [true, false, false],
      );
    });

    it('another refusal is no refusal of tools', async () => {
      server.on('/api/chat', refusing(400, 'invalid role'));
      expectError((await chat({ tools })).error, 'badRequest');
      assert.equal(server.requestsTo('/api/chat').length, 1);
    });
  });

  describe('images', () => {
    const base64 = Buffer.from('pixels').toString('base64');
    const look = (image = base64): Partial<ChatRequest> => ({
      messages: [{ role: 'user', text: 'What is this?', images: [{ mediaType: 'image/png', base64: image }] }],
    });

    it('go to a model that can see, or whose server does not say', async () => {
      answers(dialect.text('a'), dialect.finish());
      server.on('/api/show', (exchange) => exchange.json(shown({ capabilities: ['completion', 'vision'] })));
      assert.equal((await chat(look())).text, 'a');
      server.on('/api/show', (exchange) => exchange.json({}));
      memory.forget(server.url);
      assert.equal((await chat(look())).text, 'a');
      for (const body of sent('/api/chat')) {
        assert.deepEqual(body['messages'], [{ role: 'user', content: 'What is this?', images: [base64] }]);
      }
    });

    it('are not sent to a model without eyes, which would ignore them and say nothing', async () => {
      const { error, events } = await chat(look());
      assert.equal(expectError(error, 'unsupported').feature, 'images');
      assert.deepEqual(events, []);
      assert.equal(server.requestsTo('/api/chat').length, 0);
    });

    it('case 83: a path in place of an image is never read', async () => {
      const folder = await mkdtemp(path.join(os.tmpdir(), 'a2ia-image-'));
      const file = path.join(folder, 'secret.png');
      const secret = 'the content of the file';
      writeFileSync(file, secret);
      server.on('/api/show', (exchange) => exchange.json(shown({ capabilities: ['completion', 'vision'] })));
      server.on('/api/chat', refusing(400, 'illegal base64 data at input byte 4'));
      await chat(look(file));
      await rm(folder, { recursive: true });
      const { body } = server.requestsTo('/api/chat')[0] ?? assert.fail('nothing was sent');
      assert.ok(body.includes(JSON.stringify(file)), body);
      assert.ok(!body.includes(secret) && !body.includes(Buffer.from(secret).toString('base64')));
    });
  });

  describe('NDJSON', () => {
    it('case 48: blank lines and lines that are no JSON are skipped and counted, without their words', async () => {
      const host = createTestHost();
      answers('\n', dialect.text('a'), 'user secret\n17\n\n', dialect.text('b'), dialect.finish());
      const { text, error } = await collect(client({}, host).chat(question(), never));
      assert.deepEqual([text, error], ['ab', undefined]);
      const logged = host.logged.join('\n');
      assert.match(logged, /skipped 2 lines/);
      assert.ok(!logged.includes('secret'));
    });

    it('case 49: an error line after text is an error; the text stands', async () => {
      answers(dialect.text('Hel'), dialect.text('lo'), line({ error: 'model runner crashed' }));
      const { text, error, events } = await chat();
      assert.equal(text, 'Hello');
      assert.equal(expectError(error, 'serverError').serverMessage, 'model runner crashed');
      assert.ok(!events.some(({ type }) => type === 'finish'));
    });

    it('case 50: a stream without its last object is truncated', async () => {
      answers(dialect.text('aaaa'));
      const { text, error } = await chat();
      assert.equal(text, 'aaaa');
      expectError(error, 'truncated');
    });

    it('case 51: counters that are missing are unknown', async () => {
      server.on('/api/chat', lines({ message: { content: 'a' }, done: true, done_reason: 'stop' }));
      const { events } = await chat();
      assert.deepEqual(events.at(-1), { type: 'finish', reason: 'stop', usage: {}, timings: {} });
    });

    it('case 52: load and unload are answered by one JSON object', async () => {
      server.on('/api/generate', (exchange) => exchange.json(loadedAnswer));
      await client().load?.(modelName, never);
      server.on('/api/generate', (exchange) => exchange.json({ ...loadedAnswer, done_reason: 'unload' }));
      await client().unload?.(modelName, never);
      const [load, unload] = sent('/api/generate');
      assert.ok(load && !('keep_alive' in load));
      assert.equal(unload?.['keep_alive'], 0);
    });
  });

  describe('pull', () => {
    const part = (digest: string, total: number, completed?: number) => ({
      status: `pulling ${digest}`,
      digest: `sha256:${digest}`,
      total,
      ...(completed === undefined ? {} : { completed }),
    });
    const pull = async (signal = never) => {
      const progress: PullProgress[] = [];
      let error: unknown;
      try {
        for await (const step of client().pull?.('qwen3:8b', signal) ?? assert.fail('no pull')) progress.push(step);
      } catch (thrown) {
        error = thrown;
      }
      return { progress, error };
    };

    for (const words of ['pull model manifest: file does not exist', 'invalid model name']) {
      it(`case 53: an unknown model is 200, then an error line: ${words}`, async () => {
        server.on('/api/pull', lines({ status: 'pulling manifest' }, { error: words }));
        const { progress, error } = await pull();
        assert.deepEqual(progress, [{ status: 'pulling manifest', completedBytes: 0, totalBytes: 0 }]);
        const { message, serverMessage } = expectError(error, 'modelNotFound');
        assert.ok(message.includes('qwen3:8b'));
        assert.equal(serverMessage, words);
      });
    }

    it('case 54: progress is monotone and never more than all', async () => {
      server.on(
        '/api/pull',
        lines(
          { status: 'pulling manifest' },
          part('aa', 100),
          part('aa', 100, 60),
          part('aa', 100, 60),
          part('bb', 1000),
          part('aa', 100, 20),
          part('aa', 100, 130),
          part('bb', 1000, 1000),
          { status: 'verifying sha256 digest' },
          { status: 'success' },
        ),
      );
      const { progress, error } = await pull();
      assert.equal(error, undefined);
      assert.deepEqual(
        progress.map(({ completedBytes, totalBytes }) => [completedBytes, totalBytes]),
        [
          [0, 0],
          [0, 100],
          [60, 100],
          [60, 100],
          [60, 1100],
          [60, 1100],
          [100, 1100],
          [1100, 1100],
          [1100, 1100],
          [1100, 1100],
        ],
      );
      assert.equal(progress.at(-1)?.status, 'success');
    });

    for (const [kind, words] of [
      ['diskFull', 'write /models/blobs/sha256-aa-partial: no space left on device'],
      [
        'download',
        'pull model manifest: Get "https://registry.ollama.ai/v2/": dial tcp: lookup registry.ollama.ai: no such host',
      ],
    ] as const) {
      it(`a disk or a network that fails: ${kind}, in the server’s words`, async () => {
        server.on('/api/pull', lines({ status: 'pulling manifest' }, part('aa', 100, 60), { error: words }));
        const { progress, error } = await pull();
        assert.equal(progress.at(-1)?.completedBytes, 60);
        assert.equal(expectError(error, kind).serverMessage, words);
      });
    }

    it('a stream that ends without success is truncated', async () => {
      server.on('/api/pull', lines(part('aa', 100, 60)));
      expectError((await pull()).error, 'truncated');
    });

    it('an abort ends it without an error and closes the connection', async () => {
      server.on('/api/pull', async (exchange) => {
        exchange.start(dialect.contentType);
        await exchange.write(line(part('aa', 100, 60)));
      });
      const controller = new AbortController();
      const pulling = client().pull?.('qwen3:8b', controller.signal)[Symbol.asyncIterator]();
      assert.equal((await pulling?.next())?.value?.completedBytes, 60);
      const rest = pulling?.next();
      controller.abort();
      assert.equal((await rest)?.done, true);
      await (
        await server.exchange('/api/pull')
      ).closed;
    });

    it('silence is no failure: verifying a large model takes minutes', async () => {
      server.on('/api/pull', async (exchange) => {
        exchange.start(dialect.contentType);
        await exchange.write(line({ status: 'verifying sha256 digest' }));
        setTimeout(() => exchange.response.end(line({ status: 'success' })), 150);
      });
      const steps: string[] = [];
      const pulling = client({ 'a2ia.idleTimeoutMs': 50 }).pull?.('qwen3:8b', never) ?? assert.fail();
      for await (const { status } of pulling) steps.push(status);
      assert.deepEqual(steps, ['verifying sha256 digest', 'success']);
    });
  });

  describe('errors', () => {
    it('case 81: an id is sent as it is, whatever is in it', async () => {
      const model = 'hf.co/org/Model name:7b%20 ä?&#';
      server.on('/api/chat', refusing(404, 'not found'));
      await chat({ model });
      const { body } = server.requestsTo('/api/chat')[0] ?? assert.fail('nothing was sent');
      assert.equal((JSON.parse(body) as { model: string }).model, model);
    });

    it('case 55: a model that is not there: how to fetch it, and which there are', async () => {
      server.on('/api/chat', refusing(404, `model 'nope:7b' not found`));
      const { nextStep, hint, serverMessage } = expectError((await chat({ model: 'nope:7b' })).error, 'modelNotFound');
      assert.match(hint, /ollama pull nope:7b.*smollm2:latest/);
      assert.deepEqual(nextStep, { do: 'chooseModel', models: [modelName] });
      assert.equal(serverMessage, `model 'nope:7b' not found`);

      server.on('/api/generate', refusing(404, `model 'nope:7b' not found`));
      for (const work of ['load', 'unload'] as const) {
        const error = await rejection(client()[work]?.('nope:7b', never) ?? assert.fail(), 'modelNotFound');
        assert.deepEqual(error.nextStep, { do: 'chooseModel', models: [modelName] });
      }
    });

    for (const [kind, words] of [
      ['outOfMemory', 'model requires more system memory (8.4 GiB) than is available (6.1 GiB)'],
      ['outOfMemory', 'llama runner process has terminated: cudaMalloc failed: out of memory'],
      ['outOfMemory', 'unable to load full model on GPU'],
      ['loadFailed', 'llama runner process has terminated: exit status 2'],
      ['loadFailed', 'llama-server process has terminated: exit status 1'],
      ['loadFailed', 'model runner has unexpectedly stopped, this may be due to resource limitations'],
      ['loadFailed', 'timed out waiting for llama runner to start - progress 0.10'],
    ] as const) {
      it(`case 56: ${kind}, and no second load: ${words}`, async () => {
        server.on('/api/chat', refusing(500, words));
        server.on('/api/generate', refusing(500, words));
        const { hint, serverMessage } = expectError((await chat()).error, kind);
        assert.match(hint, /memory|smaller/);
        assert.equal(serverMessage, words);
        await rejection(client().load?.(modelName, never) ?? assert.fail(), kind);
        assert.equal(server.requestsTo('/api/chat').length, 1);
        assert.equal(server.requestsTo('/api/generate').length, 1);
      });
    }

    it('case 57: busy is asked again twice at most', async () => {
      const host = createTestHost();
      const words = 'server busy, please try again.  maximum pending requests exceeded';
      server.on('/api/chat', refusing(503, words));
      const { error, events } = await collect(client({}, host).chat(question(), never));
      assert.equal(expectError(error, 'overloaded').serverMessage, words);
      assert.equal(server.requestsTo('/api/chat').length, 3);
      assert.equal(host.waitedMs.length, 2);
      assert.deepEqual(
        events.map((event) => event.type === 'progress' && event.stage),
        ['busy', 'busy'],
      );
    });

    it('case 58: an overflow as JSON inside the text, with both numbers', async () => {
      const inner = {
        error: {
          code: 400,
          message: 'request (9000 tokens) exceeds the available context size (4096 tokens)',
          type: 'exceed_context_size_error',
          n_prompt_tokens: 9000,
          n_ctx: 4096,
        },
      };
      server.on('/api/chat', refusing(400, JSON.stringify(inner)));
      const { promptTokens, contextTokens, nextStep, message } = expectError((await chat()).error, 'contextOverflow');
      assert.deepEqual([promptTokens, contextTokens], [9000, 4096]);
      assert.match(message, /9000.*4096/);
      assert.deepEqual(nextStep, { do: 'openSetting', key: 'a2ia.ollama.contextTokens' });
    });

    it('case 58: an overflow without numbers gets them: the window as it is, and an estimate', async () => {
      server.on('/api/chat', refusing(400, 'the input length exceeds the context length'));
      server.on('/api/ps', (exchange) => exchange.json({ models: [running({ context_length: 512 })] }));
      const text = 'The quick brown fox jumps over the lazy dog. '.repeat(150);
      const { error } = await chat({ messages: [{ role: 'user', text }] });
      const { promptTokens, contextTokens, message } = expectError(error, 'contextOverflow');
      assert.equal(contextTokens, 512);
      assert.ok(promptTokens && promptTokens > 1400 && promptTokens < 2200, String(promptTokens));
      assert.match(message, /about \d+ tokens.*512/);
    });

    it('case 62: 403 without a body: what to set on the server', async () => {
      server.on('/api/chat', (exchange) => exchange.response.writeHead(403).end());
      const { hint } = expectError((await chat()).error, 'forbidden');
      assert.ok(hint.includes('OLLAMA_ORIGINS') && hint.includes('OLLAMA_HOST'), hint);
    });
  });

  describe('one set of load options', () => {
    for (const [name, settings, options] of [
      ['without a setting', {}, undefined],
      ['with a context window', { 'a2ia.ollama.contextTokens': 16384 }, 16384],
    ] as const) {
      it(`case 59: every request of a model has the same, ${name}`, async () => {
        answers(dialect.text('a'), dialect.finish());
        let loaded = false;
        server.on('/api/show', (exchange) => exchange.json(shown({ capabilities: ['completion', 'insert'] })));
        server.on('/api/generate', (exchange) => {
          loaded = true;
          exchange.send(completion('1') + completionEnd, dialect.contentType);
        });
        server.on('/api/ps', (exchange) => exchange.json({ models: loaded ? [running({})] : [] }));
        const generation = { temperature: 0, maxOutputTokens: 5, seed: 1, topP: 0.5, stop: ['\n'] };
        await client(settings).contextWindow(modelName, never);
        await client(settings).load?.(modelName, never);
        await chat(generation, settings);
        await chat({ reasoning: 'off' }, settings);
        for (const extra of [{}, { suffix: '' }, { rawPrompt: '<fim>' }]) {
          const request = { ...gap, ...generation, ...extra };
          await collect(client(settings).complete?.(request, never) ?? assert.fail());
        }
        const bodies = [...sent('/api/generate'), ...sent('/api/chat')];
        assert.equal(bodies.length, 7);
        for (const body of bodies) {
          assert.equal(body['shift'], false);
          assert.equal(body['truncate'], false);
          assert.ok(!('keep_alive' in body));
          const sentOptions = (body['options'] ?? {}) as Record<string, unknown>;
          assert.equal(sentOptions['num_ctx'], options);
          const generationOptions = ['num_ctx', 'num_predict', 'temperature', 'top_p', 'seed', 'stop'];
          for (const key of Object.keys(sentOptions)) assert.ok(generationOptions.includes(key), key);
        }
      });
    }
  });

  describe('the context window', () => {
    const ps = (...models: readonly object[]) => server.on('/api/ps', (exchange) => exchange.json({ models }));
    const window = (settings = {}, model = modelName) => client(settings).contextWindow(model, never);
    /** Loads when asked, and shows it in `/api/ps` from then on. */
    const loadable = (fields: object) => {
      ps();
      server.on('/api/generate', (exchange) => {
        ps(running(fields));
        exchange.json(loadedAnswer);
      });
    };

    it('of a model that runs: what /api/ps says, and nothing is loaded', async () => {
      ps(running({ model: 'other:1b', context_length: 1 }), running({ context_length: 4096 }));
      assert.equal(await window(), 4096);
      assert.equal(await window({}, 'smollm2'), 4096);
      assert.equal(server.requestsTo('/api/generate').length, 0);
    });

    it('of a model that does not run: loads it and looks', async () => {
      loadable({ context_length: 32768 });
      assert.equal(await window(), 32768);
      assert.equal(server.requestsTo('/api/generate').length, 1);
    });

    it('case 61: less than was asked for: the server is right', async () => {
      loadable({ context_length: 8192 });
      assert.equal(await window({ 'a2ia.ollama.contextTokens': 16384 }), 8192);
      assert.deepEqual(sent('/api/generate')[0]?.['options'], { num_ctx: 16384 });
    });

    it('of a model that another program runs with another window: as the next request would load it', async () => {
      loadable({ context_length: 16384 });
      ps(running({ context_length: 4096 }));
      assert.equal(await window({ 'a2ia.ollama.contextTokens': 16384 }), 16384);
    });

    it('of a server that does not say: what was asked for, at most what the model was trained for', async () => {
      loadable({});
      const parameters = 'stop                           "<|im_end|>"\nnum_ctx                        16384';
      assert.equal(await window(), undefined);
      server.on('/api/show', (exchange) => exchange.json(shown({ parameters })));
      memory.forget(server.url);
      assert.equal(await window(), 8192);
      assert.equal(await window({ 'a2ia.ollama.contextTokens': 2048 }), 2048);
    });

    it('of a model in the cloud: all of it, and nothing is loaded', async () => {
      server.on('/api/show', (exchange) => exchange.json(shown({ remote_model: 'gpt-oss:120b' })));
      assert.equal(await window(), 8192);
      assert.equal(server.requestsTo('/api/generate').length, 0);
    });

    it('of a model that cannot be loaded: the reason', async () => {
      ps();
      server.on('/api/generate', refusing(500, 'model requires more system memory (8 GiB) than is available (6 GiB)'));
      await rejection(window(), 'outOfMemory');
    });
  });

  describe('prompts that are cut', () => {
    const longText = 'The quick brown fox jumps over the lazy dog. '.repeat(150);
    const long: Partial<ChatRequest> = { messages: [{ role: 'user', text: longText }] };
    const counted = (promptTokens: number, outputTokens = 3) =>
      answers(
        dialect.text('a'),
        line({
          message: { content: '' },
          done: true,
          done_reason: 'stop',
          prompt_eval_count: promptTokens,
          eval_count: outputTokens,
        }),
      );
    const version = (number: string) => server.on('/api/version', (exchange) => exchange.json({ version: number }));

    it('case 60: an old server that drops a part of the prompt: a warning, once', async () => {
      version('0.9.0');
      counted(512);
      const first = await chat(long);
      const [warning, ...others] = warningsOf(first);
      assert.match(warning ?? '', /prompt was truncated.*0\.9\.0/i);
      assert.deepEqual(others, []);
      assert.equal(first.events.at(-1)?.type, 'finish');
      assert.deepEqual(warningsOf(await chat(long)), []);
      const { tokens } = await client().countTokens({ ...question(modelName), ...long }, never);
      assert.ok(tokens > 1200, `${tokens}: nothing is learnt from a prompt that was cut`);
    });

    it('case 60: a window that prompt and answer fill says it too', async () => {
      version('0.11.4');
      server.on('/api/ps', (exchange) => exchange.json({ models: [running({ context_length: 2048 })] }));
      await client().contextWindow(modelName, never);
      counted(1500, 547);
      assert.equal(warningsOf(await chat(long)).length, 1);
    });

    it('a server that knows truncate:false is believed, and its count is learnt', async () => {
      counted(900);
      assert.deepEqual(warningsOf(await chat(long)), []);
      const { tokens, isExact } = await client().countTokens({ ...question(modelName), ...long }, never);
      assert.equal(isExact, false);
      assert.ok(Math.abs(tokens - 900) < 10, String(tokens));
    });

    it('a prompt that was not cut needs no look at the version', async () => {
      counted(1500);
      assert.deepEqual(warningsOf(await chat(long)), []);
      server.on('/api/chat', lines({ message: { content: 'a' }, done: true, done_reason: 'stop' }));
      assert.deepEqual(warningsOf(await chat(long)), []);
      assert.equal(server.requestsTo('/api/version').length, 0);
    });
  });

  describe('completion', () => {
    const refusal = 'registry.ollama.ai/library/smollm2:latest does not support insert';
    const filled = answering(dialect, completion('1'), completionEnd);

    it('fills a gap in the model’s own way', async () => {
      server.on('/api/generate', filled);
      const { text, events } = await complete({ maxOutputTokens: 24, stop: ['\n\n'] });
      assert.equal(text, '1');
      assert.equal(events.at(-1)?.type, 'finish');
      const [body] = sent('/api/generate');
      assert.deepEqual([body?.['prompt'], body?.['suffix'], body?.['raw']], ['a = ', '\nprint(a)', undefined]);
      assert.deepEqual(body?.['options'], { num_predict: 24, stop: ['\n\n'] });
    });

    it('continues text without the chat template', async () => {
      server.on('/api/generate', filled);
      assert.equal((await complete({ suffix: '' })).text, '1');
      const [body] = sent('/api/generate');
      assert.deepEqual([body?.['prompt'], body?.['suffix'], body?.['raw']], ['a = ', undefined, true]);
    });

    it('case 72: a model that cannot gets the raw prompt, from then on at once', async () => {
      server.on('/api/generate', inTurn(refusing(400, refusal), filled));
      for (let key = 0; key < 3; key++) {
        const { text, events } = await complete({ rawPrompt: '<PRE>a = <SUF>\nprint(a)<MID>' });
        assert.equal(text, '1');
        assert.deepEqual(warningsOf({ events }), []);
      }
      assert.deepEqual(
        sent('/api/generate').map(({ raw, suffix }) => [raw, suffix]),
        [
          [undefined, '\nprint(a)'],
          [true, undefined],
          [true, undefined],
          [true, undefined],
        ],
      );
    });

    it('case 72: without a raw prompt it is refused, from then on without asking', async () => {
      server.on('/api/generate', refusing(400, refusal));
      for (let key = 0; key < 3; key++) {
        assert.equal(expectError((await complete()).error, 'unsupported').feature, 'fillInTheMiddle');
      }
      assert.equal(server.requestsTo('/api/generate').length, 1);
    });

    it('case 72: what the list of models has told is not asked again', async () => {
      await client().listModels(never);
      server.on('/api/generate', filled);
      await complete({ rawPrompt: 'raw' });
      expectError((await complete()).error, 'unsupported');
      assert.deepEqual(
        sent('/api/generate').map(({ prompt }) => prompt),
        ['raw'],
      );
    });
  });

  describe('models', () => {
    const listed = (id: string, fields: object = {}) => ({
      name: id,
      model: id,
      size: 98363007,
      digest: `digest of ${id}`,
      details: { family: 'llama', quantization_level: 'Q4_1' },
      ...fields,
    });
    const tags = (...models: readonly object[]) => server.on('/api/tags', (exchange) => exchange.json({ models }));

    it('are listed with what the server knows, asked for once per version of a model', async () => {
      tags(listed(modelName));
      server.on('/api/ps', (exchange) => exchange.json({ models: [running({ context_length: 4096 })] }));
      const expected = {
        id: modelName,
        loaded: true,
        sizeBytes: 98363007,
        quantization: 'Q4_1',
        contextWindowTokens: 4096,
        trainedContextTokens: 8192,
        capabilities: { chat: true, tools: false, images: false, reasoning: false, fillInTheMiddle: false },
      };
      assert.deepEqual(await client().listModels(never), [expected]);
      assert.deepEqual(await client().listModels(never), [expected]);
      assert.equal(server.requestsTo('/api/show').length, 1);

      tags(listed(modelName, { digest: 'pulled anew' }));
      server.on('/api/show', (exchange) => exchange.json(shown({ capabilities: ['embedding'] })));
      const [model] = await client().listModels(never);
      assert.equal(model?.capabilities?.chat, false);
    });

    it('that the list describes are not asked about', async () => {
      const capabilities = ['completion', 'tools', 'thinking', 'insert', 'vision'];
      tags(listed(modelName, { capabilities, details: { context_length: 40960 } }));
      const [model] = await client().listModels(never);
      assert.equal(model?.trainedContextTokens, 40960);
      const all = { chat: true, tools: true, images: true, reasoning: true, fillInTheMiddle: true };
      assert.deepEqual(model.capabilities, all);
      assert.equal(server.requestsTo('/api/show').length, 0);
    });

    it('are asked about a few at a time, and one that fails is listed all the same', async () => {
      const ids = Array.from({ length: 20 }, (_, index) => `model-${index}:1b`);
      tags(...ids.map((id) => listed(id)));
      let waiting: Exchange[] = [];
      const waitedFor: number[] = [];
      server.on('/api/show', async (exchange) => {
        waiting.push(exchange);
        if (waiting.length !== 4) return;
        // One more would have time to come.
        await client().probe(never);
        waitedFor.push(waiting.length);
        const asked = waiting;
        waiting = [];
        for (const { request, response } of asked) {
          response.writeHead(request.body.includes('model-7') ? 500 : 200, { 'content-type': 'application/json' });
          response.end(JSON.stringify(shown({})));
        }
      });
      const models = await client().listModels(never);
      assert.deepEqual(
        models.map(({ id }) => id),
        ids,
      );
      assert.deepEqual(
        models.filter(({ capabilities }) => !capabilities).map(({ id }) => id),
        ['model-7:1b'],
      );
      assert.deepEqual(waitedFor, [4, 4, 4, 4, 4]);
    });

    it('of a server before 0.6.4 have no capabilities', async () => {
      tags(listed(modelName));
      server.on('/api/show', (exchange) => exchange.json({ modelfile: '' }));
      const [model] = await client().listModels(never);
      assert.ok(model && !('capabilities' in model) && !('trainedContextTokens' in model));
    });

    it('in memory: how much, where, for how long', async () => {
      const forever = running({ model: 'kept:7b', size_vram: 190948608, expires_at: '2318-03-04T10:00:00+01:00' });
      server.on('/api/ps', (exchange) =>
        exchange.json({ models: [running({ context_length: 4096 }), { ...forever, size: 190948608 }] }),
      );
      assert.deepEqual(await client().loadedModels?.(never), [
        {
          id: modelName,
          digest: '10e49fe95dfd',
          sizeBytes: 190948608,
          vramBytes: 0,
          contextWindowTokens: 4096,
          expiresAtMs: Date.parse('2026-11-23T21:53:36.254Z'),
        },
        { id: 'kept:7b', digest: '10e49fe95dfd', sizeBytes: 190948608, vramBytes: 190948608 },
      ]);
    });

    it('are out of memory when unload ends', async () => {
      let looks = 0;
      server.on('/api/ps', (exchange) => exchange.json({ models: ++looks < 3 ? [running({})] : [] }));
      server.on('/api/generate', (exchange) => exchange.json({ ...loadedAnswer, done_reason: 'unload' }));
      await client().unload?.('smollm2', never);
      assert.equal(looks, 3);
    });

    it('stop loading when nobody waits any more', async () => {
      server.on('/api/generate', () => undefined);
      const controller = new AbortController();
      const loading = client().load?.(modelName, controller.signal) ?? assert.fail();
      const exchange = await server.exchange('/api/generate');
      controller.abort();
      await assert.rejects(loading, { name: 'AbortError' });
      await exchange.closed;
    });
  });
});
