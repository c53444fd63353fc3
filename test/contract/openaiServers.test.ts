import assert from 'node:assert/strict';
import type { ChatEvent, ChatRequest, LLMClient } from '../../src/core/clients/llmClient.ts';
import { answering, collect, dialectOf, never, question } from '../support/dialects.ts';
import { expectError, rejection } from '../support/expectations.ts';
import { ScriptedServer, type Handler } from '../support/scriptedServer.ts';
import { createTestHost } from '../support/testHost.ts';
import { answerOf, transcripts } from '../support/transcripts.ts';

/** What each kind of OpenAI-style server has of its own: how it is recognised, its context window, its counts, its gaps. */

const json =
  (body: unknown, status = 200): Handler =>
  (exchange) =>
    exchange.json(body, status);
const list = (owned_by: string, fields: object = {}) =>
  json({ object: 'list', data: [{ id: 'm', object: 'model', owned_by, ...fields }] });
const event = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
const finish = (reason: string, promptTokens = 7) =>
  event({ choices: [{ index: 0, delta: {}, finish_reason: reason }] }) +
  event({ choices: [], usage: { prompt_tokens: promptTokens, completion_tokens: 3 } }) +
  'data: [DONE]\n\n';
const completed = (text: string) =>
  event({ choices: [{ index: 0, text, finish_reason: null }] }) +
  event({ choices: [{ index: 0, text: '', finish_reason: 'stop' }] }) +
  'data: [DONE]\n\n';
const lastOf = (events: readonly ChatEvent[]) => {
  const last = events.at(-1);
  assert.equal(last?.type, 'finish');
  return last;
};
/** As LM Studio answers every path that it does not know. */
const unexpected: Handler = (exchange) =>
  exchange.json({ error: `Unexpected endpoint or method. (${exchange.request.method} ${exchange.request.path})` });

const vllm = dialectOf('vllm');
const compatible = dialectOf('openai-compatible');
const openai = dialectOf('openai');
const eventStream = compatible.contentType;
const loading = transcripts.find(({ case: name }) => name === 'loading-health');
const noInfill = transcripts.find(({ server, case: name }) => server === 'llama-server' && name === 'infill');
assert.ok(loading && noInfill);
const stillLoading = answerOf(loading);

const chat = (client: LLMClient, fields: Partial<ChatRequest> = {}) =>
  collect(client.chat({ ...question(), ...fields }, never));

/** A server with these routes for the time of `test`. */
async function withServer(routes: Record<string, Handler>, test: (server: ScriptedServer) => Promise<void>) {
  const server = await ScriptedServer.start(routes);
  try {
    await test(server);
  } finally {
    await server.close();
  }
}

const bodies = (server: ScriptedServer, path: string) =>
  server.requestsTo(path).map(({ body }) => JSON.parse(body) as Readonly<Record<string, unknown>>);

const lmStudioModels = {
  models: [
    {
      type: 'llm',
      key: 'm',
      display_name: 'Model M',
      size_bytes: 4_000_000_000,
      quantization: { name: 'Q4_K_M', bits_per_weight: 4 },
      max_context_length: 131_072,
      loaded_instances: [{ id: 'm', config: { context_length: 8192 } }],
      capabilities: { vision: false, trained_for_tool_use: true },
    },
  ],
};

describe('openai-compatible: which server answers', () => {
  const servers: readonly (readonly [name: string, version: string | undefined, routes: Record<string, Handler>])[] = [
    ['vLLM', '0.32.0', { '/v1/models': list('vllm'), '/version': json({ version: '0.32.0' }) }],
    ['SGLang', '0.5.2', { '/v1/models': list('sglang'), '/server_info': json({ version: '0.5.2' }) }],
    ['llama-server', 'b11434', { '/v1/models': list('llamacpp'), '/props': json({ build_info: 'b11434' }) }],
    ['llama-server', 'b11434', { '/v1/models': list('me'), '/props': json({ build_info: 'b11434' }) }],
    ['LM Studio', undefined, { '/v1/models': list('organization_owner'), '*': unexpected }],
    ['LM Studio', undefined, { '/v1/models': list('me'), '/api/v1/models': json(lmStudioModels), '*': unexpected }],
    [
      'LM Studio',
      undefined,
      { '/v1/models': list('me'), '/api/v0/models': json({ data: [{ id: 'm', state: 'loaded' }] }), '*': unexpected },
    ],
    [
      'TGI',
      '3.3.4',
      { '/v1/models': list('me'), '/info': json({ model_id: 'm', max_total_tokens: 9, version: '3.3.4' }) },
    ],
    ['LiteLLM', undefined, { '/v1/models': list('openai'), '/health/liveliness': json("I'm alive!") }],
    ['Ollama', '0.17.4', { '/v1/models': list('library'), '/api/version': json({ version: '0.17.4' }) }],
    ['an OpenAI-compatible server', undefined, { '/v1/models': list('me') }],
  ];
  for (const [name, version, routes] of servers) {
    it(`${name}${version ? ` ${version}` : ''}, by ${Object.keys(routes).join(' and ')}`, () =>
      withServer(routes, async ({ url }) => {
        const status = await compatible.client(url).probe(never);
        assert.deepEqual(status, { state: 'ready', server: name, ...(version ? { version } : {}), modelIds: ['m'] });
      }));
  }

  it('case 73: 200 with “Unexpected endpoint” is no sign of anything', () =>
    withServer({ '/v1/models': list('me'), '*': unexpected }, async ({ url }) => {
      const client = compatible.client(url);
      const status = await client.probe(never);
      assert.equal(status.state === 'ready' && status.server, 'an OpenAI-compatible server');
      assert.deepEqual(await client.listModels(never), [{ id: 'm' }]);
      assert.equal((await client.countTokens(question(), never)).isExact, false);
    }));

  it('case 73: 200 with “Unexpected endpoint” to the list is no model server', () =>
    withServer({ '*': unexpected }, async ({ url }) => {
      assert.equal((await compatible.client(url).probe(never)).state, 'unavailable');
    }));

  it('case 82: another server at the same address is asked in its own way, and for everything', () =>
    withServer({ '/v1/models': list('llamacpp'), '/props': json({ build_info: 'b1' }) }, async (server) => {
      const tools = [{ name: 'read', description: 'Reads.', parameters: {} }];
      server.on(compatible.chatPath, (exchange) =>
        exchange.request.body.includes('"tools"')
          ? exchange.json({ error: { message: 'tools param requires --jinja flag' } }, 500)
          : answering(compatible, finish('stop'))(exchange),
      );
      const client = compatible.client(server.url);
      await client.probe(never);
      await chat(client, { tools });
      server.on('/v1/models', list('sglang')).on(compatible.chatPath, answering(compatible, finish('stop')));
      await client.probe(never);
      await chat(client, { tools });
      assert.deepEqual(
        bodies(server, compatible.chatPath).map((body) => ['return_progress' in body, 'tools' in body]),
        [
          [true, true],
          [true, false],
          [false, true],
        ],
      );
    }));
});

describe('openai-compatible: context windows in use, and what models can', () => {
  const described = async (routes: Record<string, Handler>, expected: object) =>
    withServer(routes, async ({ url }) => {
      const client = compatible.client(url);
      const models = await client.listModels(never);
      assert.deepEqual(models[0], expected);
      const expectedWindow = (expected as { readonly contextWindowTokens?: number }).contextWindowTokens;
      assert.equal(await client.contextWindow('m', never), expectedWindow);
    });

  it('llama-server: of one slot, and not what the model was trained for', () =>
    described(
      {
        '/v1/models': list('llamacpp', { meta: { n_ctx: 4096, n_ctx_train: 8192, size: 96_576_768, ftype: 'Q4_1' } }),
        '/props': json({
          default_generation_settings: { n_ctx: 1024 },
          modalities: { vision: true },
          chat_template_caps: { supports_tools: false },
        }),
      },
      {
        id: 'm',
        contextWindowTokens: 1024,
        trainedContextTokens: 8192,
        sizeBytes: 96_576_768,
        quantization: 'Q4_1',
        loaded: true,
        capabilities: { images: true, tools: false },
      },
    ));

  it('llama-server with one model answers with it under every name', () =>
    withServer(
      { '/v1/models': list('llamacpp'), '/props': json({ default_generation_settings: { n_ctx: 1024 } }) },
      async ({ url }) => assert.equal(await compatible.client(url).contextWindow('another', never), 1024),
    ));

  it('case 81: llama-server as a router is asked for each model that is loaded, by its encoded id', () =>
    withServer(
      {
        '/v1/models': json({
          data: [
            { id: 'org/a b:7%', owned_by: 'llamacpp', status: { value: 'loaded' } },
            { id: 'other', owned_by: 'llamacpp', status: { value: 'unloaded' } },
          ],
        }),
        '/props': json({ role: 'router', build_info: 'b1', default_generation_settings: { n_ctx: 0 } }),
        '/props?model=org%2Fa%20b%3A7%25&autoload=false': json({ default_generation_settings: { n_ctx: 2048 } }),
      },
      async (server) => {
        const client = compatible.client(server.url);
        const models = await client.listModels(never);
        assert.deepEqual(
          models.map(({ id, loaded, contextWindowTokens }) => [id, loaded, contextWindowTokens]),
          [
            ['org/a b:7%', true, 2048],
            ['other', false, undefined],
          ],
        );
        assert.deepEqual(await client.loadedModels?.(never), [{ id: 'org/a b:7%', contextWindowTokens: 2048 }]);
      },
    ));

  it('LM Studio: of the instance that is loaded', () =>
    described(
      { '/v1/models': list('organization_owner'), '/api/v1/models': json(lmStudioModels), '*': unexpected },
      {
        id: 'm',
        displayName: 'Model M',
        sizeBytes: 4_000_000_000,
        quantization: 'Q4_K_M',
        trainedContextTokens: 131_072,
        contextWindowTokens: 8192,
        loaded: true,
        capabilities: { chat: true, tools: true, images: false },
      },
    ));

  it('LM Studio before 0.4', () =>
    described(
      {
        '/v1/models': list('organization_owner'),
        '/api/v0/models': json({
          data: [
            {
              id: 'm',
              type: 'vlm',
              state: 'loaded',
              quantization: '4bit',
              max_context_length: 32_768,
              loaded_context_length: 4096,
              capabilities: ['tool_use'],
            },
          ],
        }),
        '*': unexpected,
      },
      {
        id: 'm',
        quantization: '4bit',
        trainedContextTokens: 32_768,
        contextWindowTokens: 4096,
        loaded: true,
        capabilities: { chat: true, tools: true, images: true },
      },
    ));

  it('SGLang: of its list', () =>
    described(
      { '/v1/models': list('sglang', { max_model_len: 4096 }) },
      { id: 'm', contextWindowTokens: 4096, loaded: true },
    ));

  it('TGI: max_total_tokens', () =>
    described(
      { '/v1/models': list('me'), '/info': json({ model_id: 'm', max_input_tokens: 3000, max_total_tokens: 4096 }) },
      { id: 'm', contextWindowTokens: 4096, loaded: true },
    ));

  it('LiteLLM: what it was told of the model, null for what it was not', () =>
    described(
      {
        '/v1/models': list('openai'),
        '/health/liveliness': json("I'm alive!"),
        '/model/info': json({
          data: [
            {
              model_name: 'm',
              model_info: { max_input_tokens: 32_768, supports_vision: false, supports_function_calling: null },
            },
          ],
        }),
      },
      { id: 'm', contextWindowTokens: 32_768, capabilities: { images: false } },
    ));

  it('Ollama’s /v1: of the model that runs', () =>
    described(
      { '/v1/models': list('library'), '/api/ps': json({ models: [{ name: 'm', context_length: 4096 }] }) },
      { id: 'm', contextWindowTokens: 4096, loaded: true },
    ));

  it('case 38: LM Studio’s empty success for a prompt that does not fit is an overflow, with both numbers', () =>
    withServer(
      { '/v1/models': list('organization_owner'), '/api/v1/models': json(lmStudioModels), '*': unexpected },
      async (server) => {
        server.on(compatible.chatPath, answering(compatible, finish('stop', 9000)));
        const { error } = await chat(compatible.client(server.url));
        const { promptTokens, contextTokens } = expectError(error, 'contextOverflow');
        assert.deepEqual([promptTokens, contextTokens], [9000, 8192]);
        server.on(compatible.chatPath, answering(compatible, finish('stop', 90)));
        const short = await chat(compatible.client(server.url));
        assert.equal(short.error, undefined);
        assert.equal(lastOf(short.events).reason, 'stop');
      },
    ));
});

describe('openai-compatible: llama-server', () => {
  const routes = {
    '/v1/models': list('llamacpp'),
    '/props': json({ build_info: 'b11434', default_generation_settings: { n_ctx: 1024 } }),
  };
  const counted = '/v1/chat/completions/input_tokens';

  it('tells how far it has read the prompt, once it is known to be one', () =>
    withServer(routes, async (server) => {
      const progress = (processed: number) =>
        event({ choices: [{ delta: { content: null } }], prompt_progress: { total: 100, cache: 20, processed } });
      server.on(
        compatible.chatPath,
        answering(compatible, progress(20), progress(60), compatible.text('a'), finish('stop')),
      );
      const client = compatible.client(server.url);
      await chat(client);
      await client.probe(never);
      const { events } = await chat(client);
      assert.deepEqual(events.slice(0, 3), [
        { type: 'progress', stage: 'readingPrompt', fraction: 0 },
        { type: 'progress', stage: 'readingPrompt', fraction: 0.5 },
        { type: 'text', delta: 'a' },
      ]);
      assert.deepEqual(
        bodies(server, compatible.chatPath).map((body) => body['return_progress']),
        [undefined, true],
      );
    }));

  it('reasoning is left to the chat template', () =>
    withServer(routes, async (server) => {
      server.on(compatible.chatPath, answering(compatible, finish('stop')));
      const client = compatible.client(server.url);
      await client.probe(never);
      await chat(client, { reasoning: 'off' });
      await chat(client, { reasoning: 'high' });
      assert.deepEqual(
        bodies(server, compatible.chatPath).map((body) => [body['chat_template_kwargs'], body['reasoning_effort']]),
        [
          [{ enable_thinking: false }, undefined],
          [{ enable_thinking: true }, 'high'],
        ],
      );
    }));

  it('case 68: is waited for while it loads its model, which is told', () =>
    withServer(
      { '/v1/models': stillLoading, '/props': stillLoading, [compatible.chatPath]: stillLoading },
      async (server) => {
        let looks = 0;
        server.on('/v1/models', (exchange) => {
          if (++looks < 3) return stillLoading(exchange);
          server.on(compatible.chatPath, answering(compatible, compatible.text('a'), finish('stop')));
          return list('llamacpp')(exchange);
        });
        server.on('/props', json({ build_info: 'b1' }));
        const host = createTestHost();
        const { events, text, error } = await chat(compatible.client(server.url, { host }));
        assert.equal(error, undefined);
        assert.equal(text, 'a');
        assert.deepEqual(events[0], { type: 'progress', stage: 'loading' });
        assert.deepEqual(host.waitedMs, [1000, 1000, 1000]);
        assert.equal(server.requestsTo(compatible.chatPath).length, 2);
      },
    ));

  it('case 68: is still loading while only its list is there', () =>
    withServer({ '/v1/models': list('llamacpp', { meta: null }), '/props': stillLoading }, async ({ url }) => {
      assert.equal((await compatible.client(url).probe(never)).state, 'loading');
    }));

  it('case 68, 74: waiting for it can be stopped', () =>
    withServer({ '*': stillLoading }, async (server) => {
      const controller = new AbortController();
      const events: ChatEvent[] = [];
      for await (const given of compatible.client(server.url).chat(question(), controller.signal)) {
        events.push(given);
        controller.abort();
      }
      assert.deepEqual(events, [{ type: 'progress', stage: 'loading' }]);
    }));

  it('counts the tokens of a prompt itself', () =>
    withServer({ ...routes, [counted]: json({ input_tokens: 37 }) }, async (server) => {
      const client = compatible.client(server.url);
      assert.deepEqual(await client.countTokens(question(), never), { tokens: 37, isExact: true });
      assert.deepEqual(bodies(server, counted), [{ model: 'm', messages: [{ role: 'user', content: 'Hello' }] }]);
    }));

  it('counts by template and tokens where it is older', () =>
    withServer(
      {
        ...routes,
        [counted]: json({ error: { code: 404, message: 'File Not Found', type: 'not_found_error' } }, 404),
        '/apply-template': json({ prompt: '<user>Hello<assistant>' }),
        '/tokenize': json({ tokens: [1, 2, 3] }),
      },
      async (server) => {
        const client = compatible.client(server.url);
        assert.deepEqual(await client.countTokens(question(), never), { tokens: 3, isExact: true });
        assert.equal(bodies(server, '/tokenize')[0]?.['content'], '<user>Hello<assistant>');
      },
    ));

  const gap = { model: 'm', prefix: 'a(', suffix: ')', maxOutputTokens: 8, stop: ['\n'] };

  it('fills a gap by /infill', () =>
    withServer(routes, async (server) => {
      const end = { content: '', stop: true, stop_type: 'limit', tokens_evaluated: 8, tokens_predicted: 2 };
      const frames = [
        { content: 'b', stop: false },
        { content: 'c', stop: false },
        { ...end, timings: { prompt_ms: 9 } },
      ];
      server.on('/infill', (exchange) => exchange.send(frames.map(event).join(''), eventStream));
      const { text, events, error } = await collect(compatible.client(server.url).complete!(gap, never));
      assert.equal(error, undefined);
      assert.equal(text, 'bc');
      assert.deepEqual(lastOf(events), {
        type: 'finish',
        reason: 'length',
        usage: { promptTokens: 8, outputTokens: 2 },
        timings: { promptMs: 9 },
      });
      const { input_prefix, input_suffix, n_predict, stop } = bodies(server, '/infill')[0] ?? {};
      assert.deepEqual([input_prefix, input_suffix, n_predict, stop], ['a(', ')', 8, ['\n']]);
    }));

  it('a gap that breaks off is truncated', () =>
    withServer(routes, async (server) => {
      server.on('/infill', (exchange) => exchange.send(event({ content: 'b', stop: false }), eventStream));
      const { text, error } = await collect(compatible.client(server.url).complete!(gap, never));
      assert.equal(text, 'b');
      expectError(error, 'truncated');
    }));

  it('case 72: a model without tokens for gaps gets the raw prompt, from then on at once', () =>
    withServer({ ...routes, '/infill': answerOf(noInfill) }, async (server) => {
      server.on('/v1/completions', (exchange) => exchange.send(completed('b'), eventStream));
      const client = compatible.client(server.url);
      for (let time = 0; time < 2; time++) {
        const { text, error } = await collect(client.complete!({ ...gap, rawPrompt: '<PRE>a(<SUF>)<MID>' }, never));
        assert.equal(error, undefined);
        assert.equal(text, 'b');
      }
      assert.equal(server.requestsTo('/infill').length, 1);
      assert.equal(bodies(server, '/v1/completions')[1]?.['prompt'], '<PRE>a(<SUF>)<MID>');
    }));

  it('case 72: without a raw prompt it is refused, from then on without asking', () =>
    withServer({ ...routes, '/infill': answerOf(noInfill) }, async (server) => {
      const client = compatible.client(server.url);
      for (let time = 0; time < 2; time++) {
        const { error } = await collect(client.complete!(gap, never));
        assert.equal(expectError(error, 'unsupported').feature, 'fillInTheMiddle');
      }
      assert.equal(server.requestsTo('/infill').length, 1);
      assert.equal(server.requestsTo('/v1/completions').length, 0);
    }));

  it('case 72: Ollama behind it is not asked: it would put the chat template around the prompt', () =>
    withServer({ ...dialectOf('ollama').routes(['m']), '/v1/models': list('library') }, async (server) => {
      const { error } = await collect(compatible.client(server.url).complete!({ ...gap, rawPrompt: '<PRE>' }, never));
      assert.equal(expectError(error, 'unsupported').feature, 'fillInTheMiddle');
      assert.equal(server.requestsTo('/v1/completions').length, 0);
    }));

  it('a router loads and unloads, and is waited for', () =>
    withServer({ '/props': json({ build_info: 'b1' }) }, async (server) => {
      // What its list says now, and what it will say next; then that for ever.
      let states = ['unloaded'];
      const becomes = (...next: string[]): Handler => {
        return (exchange) => {
          states = next;
          exchange.json({ success: true });
        };
      };
      server.on('/v1/models', (exchange) => {
        const value = states.length > 1 ? states.shift() : states[0];
        return list('llamacpp', { status: { value } })(exchange);
      });
      server.on('/models/load', becomes('loading', 'loaded'));
      server.on('/models/unload', becomes('loaded', 'unloaded'));
      const host = createTestHost();
      const client = compatible.client(server.url, { host });
      await client.load!('m', never);
      assert.deepEqual(bodies(server, '/models/load'), [{ model: 'm' }]);
      assert.deepEqual([host.waitedMs, states], [[1000], ['loaded']]);
      await client.load!('m', never);
      assert.equal(server.requestsTo('/models/load').length, 1, 'it is there already');
      await client.unload!('m', never);
      assert.deepEqual(bodies(server, '/models/unload'), [{ model: 'm' }]);
      assert.deepEqual([host.waitedMs, states], [[1000, 1000], ['unloaded']]);
    }));

  it('a router that cannot load a model, or does not have it, says so; one that is none too', () =>
    withServer({ '/props': json({ build_info: 'b1' }), '/models/load': json({ success: true }) }, async (server) => {
      server.on('/v1/models', list('llamacpp', { status: { value: 'unloaded' } }));
      await rejection(compatible.client(server.url).load!('m', never), 'loadFailed');
      await rejection(compatible.client(server.url).load!('other', never), 'modelNotFound');
      server.on('/v1/models', list('llamacpp'));
      await rejection(compatible.client(server.url).load!('other', never), 'unsupported');
    }));
});

describe('openai-compatible: other servers', () => {
  const routes = { '/v1/models': list('me') };

  it('a text is continued by /v1/completions', () =>
    withServer(routes, async (server) => {
      server.on('/v1/completions', (exchange) => exchange.send(completed('b'), eventStream));
      const client = compatible.client(server.url);
      const { text, events } = await collect(client.complete!({ model: 'm', prefix: 'a', suffix: '' }, never));
      assert.equal(text, 'b');
      assert.equal(lastOf(events).reason, 'stop');
      assert.deepEqual(bodies(server, '/v1/completions'), [
        { model: 'm', prompt: 'a', stream: true, stream_options: { include_usage: true } },
      ]);
    }));

  it('<think> in raw text is text', () =>
    withServer(routes, async (server) => {
      server.on('/v1/completions', (exchange) => exchange.send(completed('<think>b'), eventStream));
      const completion = compatible.client(server.url).complete!({ model: 'm', prefix: 'a', suffix: '' }, never);
      assert.equal((await collect(completion)).text, '<think>b');
    }));

  it('an estimate learns from what the server has counted', () =>
    withServer(routes, async (server) => {
      server.on(compatible.chatPath, answering(compatible, compatible.text('a'), finish('stop', 504)));
      const client = compatible.client(server.url);
      const request = { model: 'm', messages: [{ role: 'user' as const, text: 'x'.repeat(1000) }] };
      const before = await client.countTokens(request, never);
      await collect(client.chat(request, never));
      const after = await client.countTokens(request, never);
      assert.deepEqual([before.isExact, after], [false, { tokens: 504, isExact: false }]);
    }));

  it('how much to think is asked for as OpenAI is asked', () =>
    withServer(routes, async (server) => {
      server.on(compatible.chatPath, answering(compatible, finish('stop')));
      await chat(compatible.client(server.url), { reasoning: 'low' });
      assert.equal(bodies(server, compatible.chatPath)[0]?.['reasoning_effort'], 'low');
    }));

  it('LM Studio loads and unloads by request, all instances', () =>
    withServer({ '/v1/models': list('organization_owner'), '*': unexpected }, async (server) => {
      const [model] = lmStudioModels.models;
      const having = (loaded_instances: object[]) => json({ models: [{ ...model, loaded_instances }] });
      server.on('/api/v1/models', having([]));
      server.on('/api/v1/models/load', json({ type: 'llm', instance_id: 'm', status: 'loaded' }));
      server.on('/api/v1/models/unload', json({ instance_id: 'm' }));
      const client = compatible.client(server.url);
      await client.load!('m', never);
      server.on('/api/v1/models', having([{ id: 'm' }, { id: 'm:2' }]));
      await client.load!('m', never);
      await client.unload!('m', never);
      assert.deepEqual(bodies(server, '/api/v1/models/load'), [{ model: 'm' }]);
      assert.deepEqual(bodies(server, '/api/v1/models/unload'), [{ instance_id: 'm' }, { instance_id: 'm:2' }]);
    }));

  it('an old LM Studio, and a server of no known kind, cannot', () =>
    withServer({ '/v1/models': list('organization_owner'), '*': unexpected }, async (server) => {
      await rejection(compatible.client(server.url).load!('m', never), 'unsupported');
      server.on('/v1/models', list('me')).on('*', json({ detail: 'Not Found' }, 404));
      await rejection(compatible.client(server.url).load!('m', never), 'unsupported');
    }));
});

describe('vllm: what it has of its own', () => {
  it('case 79: the window of an adapter is that of its model', () =>
    withServer(
      {
        '/v1/models': json({
          data: [
            { id: 'base', owned_by: 'vllm', max_model_len: 2048, parent: null },
            { id: 'adapter', owned_by: 'vllm', parent: 'base' },
            { id: 'lost', owned_by: 'vllm', parent: 'gone' },
          ],
        }),
      },
      async ({ url }) => {
        const client = vllm.client(url);
        const windows = ['base', 'adapter', 'lost', 'none'].map((model) => client.contextWindow(model, never));
        assert.deepEqual(await Promise.all(windows), [2048, 2048, undefined, undefined]);
      },
    ));

  it('counts tokens by /tokenize, with what else makes the prompt', () =>
    withServer({ '/tokenize': json({ count: 37, max_model_len: 2048, tokens: [] }) }, async (server) => {
      const tools = [{ name: 'read', description: 'Reads.', parameters: {} }];
      const count = await vllm.client(server.url).countTokens({ ...question(), tools, reasoning: 'off' }, never);
      assert.deepEqual(count, { tokens: 37, isExact: true });
      assert.deepEqual(bodies(server, '/tokenize'), [
        {
          model: 'm',
          messages: [{ role: 'user', content: 'Hello' }],
          tools: [{ type: 'function', function: tools[0] }],
          chat_template_kwargs: { enable_thinking: false },
        },
      ]);
    }));

  it('estimates where a proxy does not let /tokenize through, and says when it is not there at all', () =>
    withServer({}, async (server) => {
      const client = vllm.client(server.url);
      assert.equal((await client.countTokens(question(), never)).isExact, false);
      await server.close();
      await rejection(client.countTokens(question(), never), 'notRunning');
    }));

  it('case 72: a gap is filled by the raw prompt; a suffix is never sent', () =>
    withServer({}, async (server) => {
      server.on('/v1/completions', (exchange) => exchange.send(completed('b'), eventStream));
      const client = vllm.client(server.url);
      const gap = { model: 'm', prefix: 'a(', suffix: ')', seed: 1, temperature: 0, topP: 0.9, maxOutputTokens: 8 };
      assert.equal((await collect(client.complete!({ ...gap, rawPrompt: '<PRE>' }, never))).text, 'b');
      assert.deepEqual(bodies(server, '/v1/completions'), [
        {
          model: 'm',
          prompt: '<PRE>',
          stream: true,
          stream_options: { include_usage: true },
          temperature: 0,
          top_p: 0.9,
          seed: 1,
          max_tokens: 8,
        },
      ]);
      const { error } = await collect(client.complete!(gap, never));
      assert.equal(expectError(error, 'unsupported').feature, 'fillInTheMiddle');
      assert.equal(server.requests.length, 1);
    }));
});

describe('openai: what it has of its own', () => {
  it('knows the context window of its families without asking, of others what the list says', () =>
    withServer({ '/v1/models': list('me', { max_model_len: 2048 }) }, async (server) => {
      const client = openai.client(server.url);
      const windows: Readonly<Record<string, number | undefined>> = {
        'gpt-6-astra': 1_050_000,
        'gpt-5.5': 1_050_000,
        'gpt-5.4-mini': 400_000,
        'gpt-5.1-codex': 400_000,
        'gpt-5-chat-latest': 128_000,
        'gpt-4.1-nano': 1_047_576,
        'gpt-4o-2024-08-06': 128_000,
        'gpt-4': 8192,
        'o3-mini': 200_000,
        'gpt-3.5-turbo-0125': 16_385,
      };
      for (const [model, expected] of Object.entries(windows)) {
        assert.equal(await client.contextWindow(model, never), expected, model);
      }
      assert.equal(server.requests.length, 0);
      assert.equal(await client.contextWindow('m', never), 2048);
      assert.equal(await client.contextWindow('ft:gpt-4o:team', never), undefined);
    }));

  it('counts tokens by the Responses API, in whose shape the conversation is', () =>
    withServer({ '/v1/responses/input_tokens': json({ input_tokens: 37 }) }, async (server) => {
      const count = await openai.client(server.url).countTokens(
        {
          model: 'm',
          messages: [
            { role: 'system', text: 'Be brief.' },
            { role: 'user', text: 'Look', images: [{ mediaType: 'image/png', base64: 'AAAA' }] },
            { role: 'assistant', text: '', toolCalls: [{ id: 'a', name: 'read', argumentsJson: '{"x":1}' }] },
            { role: 'tool', toolCallId: 'a', toolName: 'read', text: 'done' },
          ],
          tools: [{ name: 'read', description: 'Reads.', parameters: {} }],
        },
        never,
      );
      assert.deepEqual(count, { tokens: 37, isExact: true });
      assert.deepEqual(bodies(server, '/v1/responses/input_tokens'), [
        {
          model: 'm',
          input: [
            { role: 'system', content: 'Be brief.' },
            {
              role: 'user',
              content: [
                { type: 'input_text', text: 'Look' },
                { type: 'input_image', image_url: 'data:image/png;base64,AAAA' },
              ],
            },
            { type: 'function_call', call_id: 'a', name: 'read', arguments: '{"x":1}' },
            { type: 'function_call_output', call_id: 'a', output: 'done' },
          ],
          tools: [{ type: 'function', name: 'read', description: 'Reads.', parameters: {} }],
        },
      ]);
    }));

  it('estimates where there is no such API', () =>
    withServer({}, async (server) => {
      assert.equal((await openai.client(server.url).countTokens(question(), never)).isExact, false);
    }));

  it('asks nothing beside its API', () =>
    withServer({ '/v1/models': list('system') }, async (server) => {
      const client = openai.client(server.url);
      await client.probe(never);
      await client.listModels(never);
      assert.deepEqual(new Set(server.requests.map(({ path }) => path)), new Set(['/v1/models']));
    }));

  it('how much to think, in its own words', () =>
    withServer({ [openai.chatPath]: answering(openai, finish('stop')) }, async (server) => {
      const client = openai.client(server.url);
      await chat(client, { reasoning: 'off' });
      await chat(client, { reasoning: 'high' });
      assert.deepEqual(
        bodies(server, openai.chatPath).map((body) => body['reasoning_effort']),
        ['none', 'high'],
      );
    }));

  it('has nothing that continues raw text, and none of a server’s memory', () => {
    const client = openai.client('http://127.0.0.1:1');
    assert.deepEqual(
      ['complete', 'loadedModels', 'load', 'unload'].filter((name) => name in client),
      [],
    );
  });
});
