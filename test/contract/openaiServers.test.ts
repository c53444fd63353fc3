import assert from 'node:assert/strict';
import { answering, collect, dialectOf, never, question } from '../support/dialects.ts';
import { expectError, rejection } from '../support/expectations.ts';
import { bodies, chat, completed, finish, json, lastOf, list, withServer } from '../support/openaiStyleServer.ts';
import type { Handler } from '../support/scriptedServer.ts';

/** How each kind of OpenAI-style server is recognised, its context window, and what some have of their own. */

/** As LM Studio answers every path that it does not know. */
const unexpected: Handler = (exchange) =>
  exchange.json({ error: `Unexpected endpoint or method. (${exchange.request.method} ${exchange.request.path})` });

const compatible = dialectOf('openai-compatible');
const eventStream = compatible.contentType;

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
      async ({ url }) => {
        const client = compatible.client(url);
        assert.equal(await client.contextWindow('another', never), 1024);
        const [loaded] = (await client.loadedModels?.(never)) ?? [];
        assert.equal(loaded?.isFixed, true, 'no request unloads it');
      },
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
