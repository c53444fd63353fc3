import assert from 'node:assert/strict';
import type { LLMClient } from '../../src/core/clients/llmClient.ts';
import { createOllamaClient } from '../../src/core/clients/ollama.ts';
import { ServerMemory } from '../../src/core/clients/serverMemory.ts';
import type { ContextQuestion } from '../../src/core/gpu/usefulContext.ts';
import { answering, collect, dialectOf, never, question, settingsWith } from '../support/dialects.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';
import { createTestHost } from '../support/testHost.ts';

const dialect = dialectOf('ollama');

describe('ollama: the context window where the user set none', () => {
  let server: ScriptedServer;
  let memory: ServerMemory;
  let asked: ContextQuestion[];
  let useful: number | undefined;

  beforeEach(async () => {
    server = await ScriptedServer.start(dialect.routes(['m:7b']));
    server.on('/api/chat', answering(dialect, dialect.text('Hi'), dialect.finish()));
    server.on('/api/generate', (exchange) =>
      exchange.send('{"response":"","done":true,"done_reason":"stop"}\n', dialect.contentType),
    );
    show({});
    memory = new ServerMemory();
    asked = [];
    useful = 24_576;
  });
  afterEach(() => server.close());

  const show = (more: object) =>
    server.on('/api/show', (exchange) =>
      exchange.json({
        model_info: { 'general.architecture': 'llama', 'llama.context_length': 131_072 },
        capabilities: ['completion'],
        ...more,
      }),
    );
  const runs = (...contexts: readonly (number | undefined)[]) =>
    server.on('/api/ps', (exchange) =>
      exchange.json({
        models: contexts.map((context_length) => ({ model: 'm:7b', size: 5e9, size_vram: 5e9, context_length })),
      }),
    );
  /** A new one for each request, as in the program. */
  const client = (settings: Record<string, unknown> = {}): LLMClient =>
    createOllamaClient({
      settings: settingsWith({ 'a2ia.ollamaUrl': server.url, ...settings }),
      host: {
        ...createTestHost(),
        usefulContext: (given) => {
          asked.push(given);
          return Promise.resolve(useful);
        },
      },
      memory,
    });
  const chat = (settings?: Record<string, unknown>) => collect(client(settings).chat(question('m:7b'), never));
  const warnings = async () => (await chat()).events.filter(({ type }) => type === 'warning');
  /** `num_ctx` of every request that may load the model. */
  const contexts = () =>
    server.requests
      .filter(({ path }) => path === '/api/chat' || path === '/api/generate')
      .map(({ body }) => (JSON.parse(body) as { options?: { num_ctx?: number } }).options?.num_ctx);

  it('is the useful one, in every request of the model', async () => {
    await chat();
    runs(24_576);
    await collect(client().complete?.({ model: 'm:7b', prefix: 'a', suffix: '' }, never) ?? assert.fail());
    await client().load?.('m:7b', never);
    await chat();
    assert.deepEqual(contexts(), [24_576, 24_576, 24_576, 24_576]);
    assert.deepEqual(
      asked.map(({ model, loaded }) => [model, loaded]),
      [['m:7b', []]],
    );
  });

  it('is the user’s, and nothing is asked for it', async () => {
    await chat({ 'a2ia.ollama.contextTokens': 8192 });
    assert.deepEqual(contexts(), [8192]);
    assert.deepEqual(asked, []);
    assert.deepEqual(server.requestsTo('/api/ps'), []);
  });

  it('is that of a model that somebody else loaded, which is said once where more would fit', async () => {
    runs(4096);
    const [warning, ...others] = await warnings();
    assert.ok(warning?.type === 'warning' && others.length === 0);
    assert.match(warning.message, /loaded with a context of 4,096 tokens.*24,576 would fit.*unload the model/);
    assert.deepEqual(await warnings(), []);
    assert.deepEqual(contexts(), [4096, 4096]);
  });

  it('is not spoken of where no more would fit, or nobody knows', async () => {
    runs(32_768);
    assert.deepEqual(await warnings(), []);
    memory = new ServerMemory();
    useful = undefined;
    runs(4096);
    assert.deepEqual(await warnings(), []);
    assert.deepEqual(contexts(), [32_768, 4096]);
  });

  it('is Ollama’s own where nothing is certain', async () => {
    useful = undefined;
    await chat();
    assert.deepEqual(contexts(), [undefined]);
  });

  it('is Ollama’s own for a model that asks for one itself, or runs elsewhere', async () => {
    show({ parameters: 'num_ctx                        16384' });
    await chat();
    memory = new ServerMemory();
    show({ remote_model: 'big' });
    await chat();
    assert.deepEqual(contexts(), [undefined, undefined]);
    assert.deepEqual(asked, []);
  });

  it('is left alone where the server does not say what a model is loaded with', async () => {
    runs(undefined);
    await chat();
    assert.deepEqual(contexts(), [undefined]);
  });

  it('is chosen once for requests at the same time', async () => {
    await Promise.all([chat(), chat(), chat()]);
    assert.equal(asked.length, 1);
    assert.deepEqual(contexts(), [24_576, 24_576, 24_576]);
  });

  it('is chosen anew after the model was unloaded', async () => {
    await chat();
    await client().unload?.('m:7b', never);
    useful = 32_768;
    await chat();
    const unload = contexts()[1];
    assert.deepEqual([contexts()[0], unload, contexts()[2]], [24_576, undefined, 32_768]);
  });

  it('is Ollama’s own where nothing can be found out: the request goes out', async () => {
    server.on('/api/ps', (exchange) => exchange.json({ error: 'no' }, 404));
    const { events } = await chat();
    assert.equal(events.at(-1)?.type, 'finish');
    assert.deepEqual(contexts(), [undefined]);
  });

  it('survives that the request which looks is stopped', async () => {
    let answerLook: (() => void) | undefined;
    let look = new Promise<void>((resolve) => (answerLook = resolve));
    const looked = server.exchange('/api/ps');
    server.on('/api/ps', async (exchange) => {
      await look;
      exchange.json({ models: [] });
    });
    const controller = new AbortController();
    const first = collect(client().chat(question('m:7b'), controller.signal));
    await looked;
    const second = chat();
    controller.abort();
    await first;
    look = Promise.resolve();
    answerLook?.();
    await second;
    assert.deepEqual(contexts(), [24_576]);
  });
});
