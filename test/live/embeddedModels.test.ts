import assert from 'node:assert/strict';
import { copyFile, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createEmbeddedClient } from '../../src/core/clients/embedded.ts';
import type { ChatEvent, LLMClient } from '../../src/core/clients/llmClient.ts';
import { ServerMemory } from '../../src/core/clients/serverMemory.ts';
import { embeddedModels } from '../../src/core/embedded/catalogue.ts';
import { EngineProcess } from '../../src/core/embedded/engineProcess.ts';
import type { CoreHost } from '../../src/core/host.ts';
import { parseSettings } from '../../src/core/settings/settings.ts';
import { all, failure, finishOf, textOf } from '../support/answers.ts';
import { ask, complete, modelPath, never, startEngine, type LiveEngine } from '../support/embeddedEngine.ts';

describe('embedded backend, live: models', function () {
  this.timeout(240_000);
  let live: LiveEngine;
  let engine: EngineProcess;
  let client: LLMClient;

  before(async () => {
    live = await startEngine();
    ({ engine } = live);
  });
  beforeEach(() => {
    ({ client } = live);
  });
  after(() => live.stop());

  it('is ready without starting the engine', async () => {
    const status = await client.probe(never);
    assert.equal(status.state, 'ready');
    assert.equal(status.state === 'ready' && status.modelIds[0], modelPath);
    assert.equal(engine.processId, undefined);
  });

  it('says where its model is: the user’s file, else the folder of the models', () => {
    assert.equal(client.endpoint, modelPath);
    assert.equal(live.clientWith({ 'a2ia.model': 'own.gguf' }).endpoint, live.folder);
  });

  it('lists the user’s file, the files of the models folder and the catalogue', async () => {
    const models = await client.listModels(never);
    assert.deepEqual(
      models.map((model) => model.id),
      [modelPath, 'own.gguf', ...embeddedModels.map((model) => model.id)],
    );
    assert.ok(models[0]?.trainedContextTokens);
    assert.equal(models[0]?.contextWindowTokens, 1024);
    assert.equal(engine.processId, undefined);
  });

  it('answers an unknown model with those that exist', async () => {
    const error = await failure(client.chat({ ...ask('Hi'), model: 'llama3:70b' }, never), 'modelNotFound');
    assert.ok(error.nextStep.do === 'chooseModel' && error.nextStep.models.includes('smollm2-135m'));
    await failure(client.chat({ ...ask('Hi'), model: '../../etc/passwd' }, never), 'modelNotFound');
  });

  it('answers without tools and without the thinking that it cannot do, and says so once', async () => {
    const request = ask('Hi', {
      tools: [{ name: 'a', description: 'b', parameters: {} }],
      reasoning: 'high',
      maxOutputTokens: 4,
    });
    const warnings = (events: readonly ChatEvent[]) => events.filter(({ type }) => type === 'warning');
    const first = await all(client.chat(request, never));
    assert.equal(warnings(first).length, 2);
    assert.ok(textOf(first).length > 0);
    assert.equal(warnings(await all(client.chat(request, never))).length, 0);
    assert.equal(
      warnings(await all(client.chat(ask('Hi', { reasoning: 'off', maxOutputTokens: 4 }), never))).length,
      0,
    );
  });

  it('refuses images', async () => {
    const images = [{ mediaType: 'image/png', base64: 'AAAA' }];
    const error = await failure(
      client.chat({ model: modelPath, messages: [{ role: 'user', text: 'What is it?', images }] }, never),
      'unsupported',
    );
    assert.equal(error.feature, 'images');
  });

  it('says what the model can do', async () => {
    const [model] = await client.listModels(never);
    assert.deepEqual(model?.capabilities, {
      chat: true,
      tools: false,
      images: false,
      reasoning: false,
      fillInTheMiddle: false,
    });
    assert.equal(await client.contextWindow(modelPath, never), 1024);
  });

  it('counts exactly what a request reads', async () => {
    const request = ask('Grüße, 世界! How many tokens is this?', { maxOutputTokens: 1 });
    const count = await client.countTokens(request, never);
    assert.equal(count.isExact, true);
    assert.equal(count.tokens, finishOf(await all(client.chat(request, never))).usage?.promptTokens);
  });

  it('loads, says what is loaded, and gives the memory back', async () => {
    await client.unload?.(modelPath, never);
    assert.deepEqual(await client.loadedModels?.(never), []);
    await client.load?.(modelPath, never);
    const [loaded] = (await client.loadedModels?.(never)) ?? [];
    assert.equal(loaded?.id, modelPath);
    assert.equal(loaded.contextWindowTokens, 1024);
    assert.ok((loaded.sizeBytes ?? 0) > 50_000_000);
    const pid = engine.processId ?? 0;
    await client.unload?.(modelPath, never);
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  });

  it('tells how far the load and the reading of a long prompt are', async () => {
    await client.unload?.(modelPath, never);
    const events = await all(client.chat(ask('The ship sails on. '.repeat(100), { maxOutputTokens: 1 }), never));
    for (const stage of ['loading', 'readingPrompt']) {
      const fractions = events.flatMap((event) =>
        event.type === 'progress' && event.stage === stage ? [event.fraction ?? -1] : [],
      );
      assert.ok(fractions.length > 1, stage);
      assert.deepEqual(
        fractions,
        fractions.toSorted((a, b) => a - b),
        stage,
      );
      assert.ok((fractions[0] ?? -1) >= 0 && (fractions.at(-1) ?? 2) <= 1, stage);
    }
  });

  it('fills a gap in the tokens of the model’s vocabulary', async () => {
    // The same model with three of its unused tokens named as those for a gap are.
    const bytes = await readFile(modelPath);
    for (const [unused, named] of [
      ['<issue_closed>', '<|fim_prefix|>'],
      ['<jupyter_text>', '<|fim_suffix|>'],
      ['<jupyter_code>', '<|fim_middle|>'],
    ] as const) {
      const at = bytes.indexOf(unused);
      assert.ok(at > 0, unused);
      bytes.write(named, at);
    }
    await writeFile(join(live.folder, 'gap.gguf'), bytes);
    const listed = (await client.listModels(never)).find(({ id }) => id === 'gap.gguf');
    assert.equal(listed?.capabilities?.fillInTheMiddle, true);
    const counted = async (prefix: string, suffix: string) =>
      finishOf(await all(complete(client, { model: 'gap.gguf', prefix, suffix, maxOutputTokens: 1 }))).usage
        ?.promptTokens ?? 0;
    const [prefix, suffix] = ['def add(a, b):', 'print(add(1, 2))'];
    assert.equal(await counted(prefix, suffix), (await counted(prefix, '')) + (await counted(suffix, '')) + 3);
    await rm(join(live.folder, 'gap.gguf'));
  });

  it('refuses a model that is larger than the memory that is free, before it is loaded', async () => {
    const large = join(live.folder, 'large.gguf');
    await copyFile(modelPath, large);
    // Sparse: it takes no more of the disk than before.
    await truncate(large, 2 ** 42);
    const error = await failure(client.chat({ ...ask('Hi'), model: 'large.gguf' }, never), 'outOfMemory');
    assert.match(error.message, /4398\.0 GB/);
    await rm(large);
  });

  it('refuses a cut model file and a file that is none, before the engine sees them', async () => {
    const cut = join(live.folder, 'cut.gguf');
    await copyFile(modelPath, cut);
    await truncate(cut, 5_000_000);
    await failure(
      live.clientWith({ 'a2ia.embedded.modelPath': cut }).chat({ ...ask('Hi'), model: cut }, never),
      'modelFile',
      /cut short/,
    );
    const page = join(live.folder, 'page.gguf');
    const file = await open(page, 'w');
    await file.write('<!DOCTYPE html><title>Sign in</title>');
    await file.close();
    await failure(client.chat({ ...ask('Hi'), model: 'page.gguf' }, never), 'modelFile', /web page/);
    await Promise.all([rm(cut), rm(page)]);
  });

  it('names a model path that is not there, and one that is not absolute', async () => {
    const missing = live.clientWith({ 'a2ia.embedded.modelPath': join(live.folder, 'none.gguf') });
    assert.equal((await missing.probe(never)).state, 'unavailable');
    await failure(missing.chat(ask('Hi'), never), 'modelFile', /is not there/);
    await failure(live.clientWith({ 'a2ia.embedded.modelPath': 'models/x.gguf' }).chat(ask('Hi'), never), 'config');
  });

  it('asks before a download, and accepts a no', async () => {
    const catalogue = live.clientWith({});
    const status = await live.clientWith({ 'a2ia.model': 'smollm2-135m' }).probe(never);
    assert.match((status.state === 'ready' && status.detail) || '', /98 MB after you agree/);
    const request = { ...ask('Hi'), model: 'smollm2-135m' };
    await failure(catalogue.chat(request, never), 'declined');
    assert.deepEqual(live.confirmations, ['smollm2-135m']);
  });

  it('says that the engine is missing when it is', async () => {
    const without: CoreHost = {
      ...live.host,
      engine: { ...live.host.engine, workerPath: join(live.folder, 'embeddedWorker.mjs') },
    };
    const bare = createEmbeddedClient({
      settings: parseSettings(() => undefined).settings,
      host: without,
      memory: new ServerMemory(),
      engine: new EngineProcess(without),
    });
    assert.equal((await bare.probe(never)).state, 'unavailable');
    await failure(bare.chat({ ...ask('Hi'), model: 'smollm2-135m' }, never), 'engineMissing');
  });
});
