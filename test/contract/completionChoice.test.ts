import assert from 'node:assert/strict';
import type { BackendId } from '../../src/core/clients/llmClient.ts';
import { BackendRegistry } from '../../src/core/clients/registry.ts';
import { chooseCompletion } from '../../src/core/completion/completionChoice.ts';
import { findFimModels } from '../../src/core/completion/fimModels.ts';
import { dialectOf, never, settingsWith } from '../support/dialects.ts';
import { rejection } from '../support/expectations.ts';
import { ScriptedServer, type Handler } from '../support/scriptedServer.ts';
import { createTestHost, type TestHostOptions } from '../support/testHost.ts';

/** Who completes code: by what servers say of their models, and by the models’ names. */

const nowhere = 'http://127.0.0.1:9';

describe('who completes code', () => {
  let server: ScriptedServer;
  let registry: BackendRegistry;
  beforeEach(async () => {
    server = await ScriptedServer.start();
  });
  afterEach(async () => {
    registry.dispose();
    await server.close();
  });

  const routes = (all: Record<string, Handler>) => {
    for (const [path, handler] of Object.entries(all)) server.on(path, handler);
  };
  const ollamaModels = (models: readonly { name: string; capabilities?: readonly string[]; size?: number }[]) =>
    routes({
      ...dialectOf('ollama').routes([]),
      '/api/tags': (exchange) =>
        exchange.json({ models: models.map((model) => ({ ...model, model: model.name, size: model.size ?? 1 })) }),
    });
  /** No server but that of the test. */
  const settings = (url: 'ollamaUrl' | 'vllmUrl' | 'openaiCompatibleUrl' | 'anthropicUrl', model = '') =>
    settingsWith({
      'a2ia.ollamaUrl': nowhere,
      'a2ia.vllmUrl': nowhere,
      'a2ia.openaiCompatibleUrl': nowhere,
      [`a2ia.${url}`]: server.url,
      'a2ia.completion.model': model,
    });
  const choose = (given: ReturnType<typeof settings>, host: TestHostOptions = {}) => {
    registry = new BackendRegistry(createTestHost(host));
    return chooseCompletion(registry, given, never);
  };

  it('Ollama’s model that says it can, with the tokens of its family', async () => {
    ollamaModels([{ name: 'qwen2.5-coder:1.5b', capabilities: ['completion', 'insert'] }]);
    const choice = await choose(settings('ollamaUrl', 'ollama/qwen2.5-coder:1.5b'));
    assert.ok(choice.is === 'ready', choice.is);
    assert.equal(choice.model.template?.family, 'Qwen Coder');
  });

  it('Ollama’s model of an unknown family that says it can, in Ollama’s own way', async () => {
    ollamaModels([{ name: 'mine:latest', capabilities: ['completion', 'insert'] }]);
    const choice = await choose(settings('ollamaUrl', 'ollama/mine'));
    assert.ok(choice.is === 'ready', choice.is);
    assert.equal(choice.model.model, 'mine:latest');
    assert.equal(choice.model.template, undefined);
  });

  it('a model that cannot is said to be one, with those that can; it is sent nothing', async () => {
    ollamaModels([
      { name: 'llama3.2:3b', capabilities: ['completion', 'tools'] },
      { name: 'starcoder2:3b', capabilities: ['completion', 'insert'] },
    ]);
    const choice = await choose(settings('ollamaUrl', 'ollama/llama3.2:3b'));
    assert.ok(choice.is === 'cannotFill', choice.is);
    assert.equal(choice.reason, 'llama3.2:3b cannot fill a gap in code.');
    assert.equal(choice.alternatives[0]?.model, 'starcoder2:3b');
    assert.deepEqual(server.requestsTo('/api/generate'), []);
  });

  it('vLLM’s model by its name, or by the repository it serves under another name', async () => {
    const list = (data: readonly object[]) =>
      routes({ ...dialectOf('vllm').routes([]), '/v1/models': (exchange) => exchange.json({ object: 'list', data }) });
    list([{ id: 'coder', owned_by: 'vllm', root: 'Qwen/Qwen2.5-Coder-7B' }]);
    const choice = await choose(settings('vllmUrl', 'vllm/coder'));
    assert.ok(choice.is === 'ready', choice.is);
    assert.equal(choice.model.template?.family, 'Qwen Coder');
    registry.dispose();
    list([{ id: 'meta-llama/Llama-3.1-8B', owned_by: 'vllm', root: 'meta-llama/Llama-3.1-8B' }]);
    assert.equal((await choose(settings('vllmUrl', 'vllm/meta-llama/Llama-3.1-8B'))).is, 'cannotFill');
  });

  it('llama-server’s model, whatever its name: it knows the tokens itself', async () => {
    routes(dialectOf('openai-compatible').routes(['model.gguf']));
    const choice = await choose(settings('openaiCompatibleUrl', 'openai-compatible/model.gguf'));
    assert.equal(choice.is, 'ready');
  });

  it('no cloud', async () => {
    routes(dialectOf('anthropic').routes(['claude']));
    const choice = await choose(settings('anthropicUrl', 'anthropic/claude'));
    assert.ok(choice.is === 'cannotFill', choice.is);
    assert.equal(choice.reason, 'Anthropic’s API has no way to fill a gap in code.');
  });

  it('half of the context window at most goes into a prompt', async () => {
    routes({
      ...dialectOf('vllm').routes([]),
      '/v1/models': (exchange) =>
        exchange.json({ data: [{ id: 'starcoder2-3b', owned_by: 'vllm', max_model_len: 1000 }] }),
    });
    const choice = await choose(settings('vllmUrl', 'vllm/starcoder2-3b'));
    assert.ok(choice.is === 'ready');
    assert.equal(choice.model.budgetTokens, 500);
  });

  it('a machine that only the workspace names is sent nothing', async () => {
    const choice = await choose(settings('ollamaUrl', 'ollama/qwen2.5-coder'), { refused: [server.url] });
    assert.deepEqual(choice, {
      is: 'mustAsk',
      named: { backend: 'ollama', model: 'qwen2.5-coder' },
      origin: server.url,
    });
    assert.deepEqual(server.requests, []);
  });

  it('a model that the server has not is an error with those it has', async () => {
    ollamaModels([{ name: 'qwen2.5-coder:7b', capabilities: ['insert'] }]);
    const error = await rejection(choose(settings('ollamaUrl', 'ollama/qwen2.5-coder:1.5b')), 'modelNotFound');
    assert.deepEqual(error.nextStep, { do: 'chooseModel', models: ['qwen2.5-coder:7b'] });
  });

  it('a server that is not there is an error', async () => {
    await rejection(choose(settings('openaiCompatibleUrl', 'vllm/qwen2.5-coder')), 'notRunning');
  });

  it('without a name the best that is found: in memory, then the smallest', async () => {
    ollamaModels([
      { name: 'llama3.2:3b', capabilities: ['completion'], size: 1 },
      { name: 'qwen2.5-coder:7b', capabilities: ['insert'], size: 5e9 },
      { name: 'qwen2.5-coder:1.5b', capabilities: ['insert'], size: 1e9 },
    ]);
    const small = await choose(settings('ollamaUrl'));
    assert.ok(small.is === 'ready', small.is);
    assert.equal(small.model.model, 'qwen2.5-coder:1.5b');
    registry.dispose();
    server.on('/api/ps', (exchange) =>
      exchange.json({ models: [{ name: 'qwen2.5-coder:7b', model: 'qwen2.5-coder:7b' }] }),
    );
    const loaded = await choose(settings('ollamaUrl'));
    assert.ok(loaded.is === 'ready');
    assert.equal(loaded.model.model, 'qwen2.5-coder:7b');
  });

  it('without a name and without one that can: nobody', async () => {
    ollamaModels([{ name: 'llama3.2:3b', capabilities: ['completion'] }]);
    const choice = await choose(settings('ollamaUrl'));
    assert.ok(choice.is === 'cannotFill', choice.is);
    assert.equal(choice.reason, 'No model that completes code was found.');
  });

  it('a look at all models asks no machine that only the workspace names', async () => {
    registry = new BackendRegistry(createTestHost({ refused: [server.url] }));
    const found = await findFimModels(registry, settings('ollamaUrl'), never);
    assert.deepEqual(
      found.filter(({ backend }) => backend !== ('embedded' satisfies BackendId)),
      [],
    );
    assert.deepEqual(server.requests, []);
  });
});
