import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { copyFile, mkdtemp, open, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createEmbeddedClient } from '../../src/core/clients/embedded.ts';
import { ServerMemory } from '../../src/core/clients/serverMemory.ts';
import { wait } from '../../src/core/util/wait.ts';
import type { ChatEvent, ChatRequest, CompletionRequest, LLMClient } from '../../src/core/clients/llmClient.ts';
import { embeddedModels } from '../../src/core/embedded/catalogue.ts';
import { EngineProcess } from '../../src/core/embedded/engineProcess.ts';
import type { CoreHost } from '../../src/core/host.ts';
import { parseSettings } from '../../src/core/settings/settings.ts';
import { all, assertStops, engineMs, failure, finishOf, textOf, until } from '../support/answers.ts';

/** The embedded backend with the real engine and a real model: A2IA_TEST_MODEL names its GGUF file, A2IA_WORKER the built worker if not in dist. */

const modelPath = process.env['A2IA_TEST_MODEL'] ?? '';
const workerPath =
  process.env['A2IA_WORKER'] ?? fileURLToPath(new URL('../../dist/embeddedWorker.mjs', import.meta.url));
const never = new AbortController().signal;

describe('embedded backend, live', function () {
  this.timeout(240_000);
  let folder: string;
  let host: CoreHost;
  let engine: EngineProcess;
  let client: LLMClient;
  let confirmations: string[];
  const logged: string[] = [];

  const clientWith = (values: Record<string, unknown>): LLMClient =>
    createEmbeddedClient({
      settings: parseSettings((key) => values[key]).settings,
      host,
      memory: new ServerMemory(),
      engine,
    });

  const complete = (request: CompletionRequest, signal = never) =>
    client.complete?.(request, signal) ?? assert.fail('no completion');

  before(async () => {
    assert.ok(
      modelPath,
      'Set A2IA_TEST_MODEL to a GGUF file of an instruct model, for example SmolLM2-135M-Instruct.Q4_1.gguf.',
    );
    folder = await mkdtemp(join(tmpdir(), 'a2ia-embedded-'));
    const log = (message: string) => void logged.push(message);
    host = {
      log: { debug: log, info: log, warn: log },
      credentialFor: () => Promise.resolve(undefined),
      mayContact: () => Promise.resolve(true),
      wait,
      caFile: () => '',
      proxyAgentFor: () => Promise.resolve(undefined),
      engine: {
        workerPath,
        nodePath: process.execPath,
        nodeEnv: {},
        modelsDir: folder,
        confirmDownload: (model) => {
          confirmations.push(model.id);
          return Promise.resolve(false);
        },
        duringDownload: () => assert.fail('nothing may be downloaded here'),
      },
    };
    engine = new EngineProcess(host);
    await symlink(modelPath, join(folder, 'own.gguf'));
  });

  beforeEach(() => {
    confirmations = [];
    client = clientWith({ 'a2ia.embedded.modelPath': modelPath, 'a2ia.embedded.contextTokens': 1024 });
  });

  after(async () => {
    engine.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  it('is ready without starting the engine', async () => {
    const status = await client.probe(never);
    assert.equal(status.state, 'ready');
    assert.equal(status.state === 'ready' && status.modelIds[0], modelPath);
    assert.equal(engine.processId, undefined);
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

  it('streams a sensible answer, and the same one again', async () => {
    const request = ask('What is the capital of France? Answer in one short sentence.', {
      temperature: 0,
      maxOutputTokens: 40,
    });
    const events = await all(client.chat(request, never));
    assert.ok(events.filter((event) => event.type === 'text').length > 3, 'several pieces');
    assert.match(textOf(events), /Paris/);
    const finish = finishOf(events);
    assert.equal(finish.reason, 'stop');
    assert.ok((finish.usage?.promptTokens ?? 0) > 10);
    assert.ok((finish.usage?.outputTokens ?? 0) > 3);
    assert.ok((finish.timings?.loadMs ?? 0) > 0);
    const again = await all(client.chat(request, never));
    assert.equal(textOf(again), textOf(events));
    assert.ok((finishOf(again).usage?.cachedPromptTokens ?? 0) > 10, 'the prompt is kept');
    assert.equal(finishOf(again).timings?.loadMs, undefined);
  });

  it('goes on with a conversation that has a system message, a tool result and an answer', async () => {
    const events = await all(
      client.chat(
        {
          model: modelPath,
          temperature: 0,
          maxOutputTokens: 20,
          messages: [
            { role: 'system', text: 'You answer in few words.' },
            { role: 'user', text: 'Look up a word and say it.' },
            { role: 'assistant', text: '', toolCalls: [{ id: '1', name: 'word', argumentsJson: '{}' }] },
            { role: 'tool', toolCallId: '1', toolName: 'word', text: 'banana' },
            { role: 'assistant', text: 'The word is banana.' },
            { role: 'user', text: 'Say that word again.' },
          ],
        },
        never,
      ),
    );
    assert.match(textOf(events), /banana/i);
  });

  it('never cuts a character in two', async () => {
    const events = await all(
      client.chat(ask('Repeat: 🎉👩‍👩‍👧🇫🇷 é 你好 🎉👩‍👩‍👧🇫🇷', { temperature: 0, maxOutputTokens: 60 }), never),
    );
    const deltas = events.flatMap((event) => (event.type === 'text' ? [event.delta] : []));
    assert.match(deltas.join(''), /[\u{1F000}-\u{1FFFF}]/u);
    for (const delta of deltas) assert.doesNotMatch(delta, /\p{Surrogate}|\uFFFD/u);
  });

  it('says length at the limit of the request, and stop at a stop text', async () => {
    const counting = 'Count from 1 to 50, separated by commas.';
    const limited = await all(client.chat(ask(counting, { temperature: 0, maxOutputTokens: 12 }), never));
    assert.equal(finishOf(limited).reason, 'length');
    assert.equal(finishOf(limited).usage?.outputTokens, 12);
    const stop = textOf(limited).slice(6, 10);
    const stopped = await all(client.chat(ask(counting, { temperature: 0, maxOutputTokens: 12, stop: [stop] }), never));
    assert.equal(finishOf(stopped).reason, 'stop');
    assert.equal(textOf(stopped), textOf(limited).slice(0, textOf(limited).indexOf(stop)));
  });

  it('says length at the end of the context window, and forgets nothing to go on', async () => {
    const small = clientWith({ 'a2ia.embedded.modelPath': modelPath, 'a2ia.embedded.contextTokens': 256 });
    const long = ask(`Write a very long story about a ship. ${'It has many chapters. '.repeat(28)}`, {
      temperature: 0.8,
      seed: 7,
    });
    const finish = finishOf(await all(small.chat(long, never)));
    assert.equal(finish.reason, 'length');
    const { promptTokens = 0, outputTokens = 0 } = finish.usage ?? {};
    assert.ok(promptTokens + outputTokens <= 256, `${promptTokens} + ${outputTokens}`);
  });

  it('refuses a prompt that is longer than the context window, with both numbers', async () => {
    const error = await failure(client.chat(ask('word '.repeat(3000)), never), 'contextOverflow');
    assert.match(error.message, /\b3\d\d\d tokens.*\b1024\b/);
  });

  it('case 74: stops computing when the request is aborted in mid-answer', async () => {
    const abort = new AbortController();
    let pieces = 0;
    let isAborted = false;
    for await (const event of client.chat(ask('Write a long story.', { temperature: 0.8, seed: 1 }), abort.signal)) {
      assert.ok(!isAborted, `${event.type} after the abort`);
      if (++pieces === 5) {
        isAborted = true;
        abort.abort();
      }
    }
    assert.ok(isAborted, 'the answer ended by itself');
    await assertStops(engine);
  });

  it('case 75: stops computing when the consumer leaves, and when a long prompt is being read', async () => {
    for await (const event of client.chat(ask('Write a long story.', { temperature: 0.8, seed: 2 }), never)) {
      if (event.type === 'text') break;
    }
    await assertStops(engine);
    const abort = new AbortController();
    const beforeMs = await engineMs(engine);
    const answer = all(client.chat(ask(`Summarise: ${'The ship sails on. '.repeat(150)}`), abort.signal));
    await until(async () => (await engineMs(engine)) > beforeMs + 300);
    abort.abort();
    assert.ok((await answer).every((event) => event.type === 'progress'));
    await assertStops(engine);
  });

  it('answers two requests at once, and a third after them', async () => {
    const answers = await Promise.all(
      ['one', 'two', 'three'].map((word) =>
        all(client.chat(ask(`Write about ${word}.`, { temperature: 0, maxOutputTokens: 16 }), never)),
      ),
    );
    for (const events of answers) {
      assert.ok(finishOf(events));
      assert.ok(textOf(events).length > 10);
    }
  });

  it('case 76: one of two that is aborted leaves the other alone', async () => {
    const abort = new AbortController();
    const request = (seed: number) => ask('Write a long story.', { temperature: 0.8, seed, maxOutputTokens: 40 });
    const other = all(client.chat(request(3), never));
    for await (const event of client.chat(request(4), abort.signal)) if (event.type === 'text') abort.abort();
    assert.ok(textOf(await other).length > 40);
    assert.ok(finishOf(await other));
  });

  it('case 77, 78: requests on one signal leave no listener, and an abort after the end changes nothing', async () => {
    const abort = new AbortController();
    const request = ask('Hi', { temperature: 0, maxOutputTokens: 1 });
    for (let count = 0; count < 20; count++) finishOf(await all(client.chat(request, abort.signal)));
    assert.equal(getEventListeners(abort.signal, 'abort').length, 0);
    abort.abort();
    finishOf(await all(client.chat(request, never)));
  });

  it('changes the context window after the answer under way', async () => {
    const order: string[] = [];
    const other = clientWith({ 'a2ia.embedded.modelPath': modelPath, 'a2ia.embedded.contextTokens': 512 });
    const request = ask('Write about the sea.', { temperature: 0, maxOutputTokens: 16 });
    const answer = client.chat(request, never)[Symbol.asyncIterator]();
    await answer.next();
    const first = all({ [Symbol.asyncIterator]: () => answer }).then((events) =>
      order.push(`first ${finishOf(events).reason}`),
    );
    const pid = engine.processId;
    const second = all(other.chat(request, never)).then((events) => order.push(`second ${finishOf(events).reason}`));
    await Promise.all([first, second]);
    assert.deepEqual(order, ['first length', 'second length']);
    assert.notEqual(engine.processId, pid);
  });

  it('fails when the engine is killed in mid-answer, keeps what came, and starts anew', async () => {
    const pieces: string[] = [];
    await failure(
      (async function* () {
        for await (const event of client.chat(ask('Write a long story.', { temperature: 0.8, seed: 3 }), never)) {
          if (event.type === 'text') pieces.push(event.delta);
          if (pieces.length === 3) process.kill(engine.processId ?? 0, 'SIGKILL');
          yield event;
        }
      })(),
      'engineCrashed',
      /SIGKILL/,
    );
    assert.ok(pieces.length >= 3);
    const events = await all(client.chat(ask('Say hello.', { maxOutputTokens: 5 }), never));
    assert.ok(textOf(events).length > 0);
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

  it('goes on with raw text, to its limit and to a stop text', async () => {
    const request = { model: modelPath, prefix: 'One, two, three, four, five,', suffix: '', temperature: 0 };
    const events = await all(complete({ ...request, maxOutputTokens: 12 }));
    assert.match(textOf(events), /^ six, seven/);
    assert.equal(finishOf(events).reason, 'length');
    assert.equal(finishOf(events).usage?.outputTokens, 12);
    const stopped = await all(complete({ ...request, maxOutputTokens: 12, stop: [' seven'] }));
    assert.equal(textOf(stopped), ' six,');
    assert.equal(finishOf(stopped).reason, 'stop');
  });

  it('keeps the beginning of raw text that fills the context to the last', async () => {
    const prefix = `The first word is banana. ${'word '.repeat(960)}`;
    const { usage } = finishOf(await all(complete({ model: modelPath, prefix, suffix: '', maxOutputTokens: 4 })));
    assert.ok((usage?.promptTokens ?? 0) > 960);
    await failure(complete({ model: modelPath, prefix: 'word '.repeat(1100), suffix: '' }), 'contextOverflow');
  });

  it('case 72: fills no gap where the model has no tokens for it, unless they are given', async () => {
    const gap = { model: modelPath, prefix: 'def add(a, b):\n    return ', suffix: '\n\nprint(add(1, 2))\n' };
    const error = await failure(complete(gap), 'unsupported');
    assert.equal(error.feature, 'fillInTheMiddle');
    const events = await all(complete({ ...gap, rawPrompt: gap.prefix, maxOutputTokens: 6 }));
    assert.ok(textOf(events).length > 0);
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
    await writeFile(join(folder, 'gap.gguf'), bytes);
    const listed = (await client.listModels(never)).find(({ id }) => id === 'gap.gguf');
    assert.equal(listed?.capabilities?.fillInTheMiddle, true);
    const counted = async (prefix: string, suffix: string) =>
      finishOf(await all(complete({ model: 'gap.gguf', prefix, suffix, maxOutputTokens: 1 }))).usage?.promptTokens ?? 0;
    const [prefix, suffix] = ['def add(a, b):', 'print(add(1, 2))'];
    assert.equal(await counted(prefix, suffix), (await counted(prefix, '')) + (await counted(suffix, '')) + 3);
    await rm(join(folder, 'gap.gguf'));
  });

  it('stops completing when it is aborted', async () => {
    const abort = new AbortController();
    for await (const event of complete({ model: modelPath, prefix: 'Once upon a time', suffix: '' }, abort.signal)) {
      if (event.type === 'text') abort.abort();
    }
    await assertStops(engine);
  });

  it('refuses a model that is larger than the memory that is free, before it is loaded', async () => {
    const large = join(folder, 'large.gguf');
    await copyFile(modelPath, large);
    // Sparse: it takes no more of the disk than before.
    await truncate(large, 2 ** 42);
    const error = await failure(client.chat({ ...ask('Hi'), model: 'large.gguf' }, never), 'outOfMemory');
    assert.match(error.message, /4398\.0 GB/);
    await rm(large);
  });

  it('refuses a cut model file and a file that is none, before the engine sees them', async () => {
    const cut = join(folder, 'cut.gguf');
    await copyFile(modelPath, cut);
    await truncate(cut, 5_000_000);
    await failure(
      clientWith({ 'a2ia.embedded.modelPath': cut }).chat({ ...ask('Hi'), model: cut }, never),
      'modelFile',
      /cut short/,
    );
    const page = join(folder, 'page.gguf');
    const file = await open(page, 'w');
    await file.write('<!DOCTYPE html><title>Sign in</title>');
    await file.close();
    await failure(client.chat({ ...ask('Hi'), model: 'page.gguf' }, never), 'modelFile', /web page/);
    await Promise.all([rm(cut), rm(page)]);
  });

  it('names a model path that is not there, and one that is not absolute', async () => {
    const missing = clientWith({ 'a2ia.embedded.modelPath': join(folder, 'none.gguf') });
    assert.equal((await missing.probe(never)).state, 'unavailable');
    await failure(missing.chat(ask('Hi'), never), 'modelFile', /is not there/);
    await failure(clientWith({ 'a2ia.embedded.modelPath': 'models/x.gguf' }).chat(ask('Hi'), never), 'config');
  });

  it('asks before a download, and accepts a no', async () => {
    const catalogue = clientWith({});
    const status = await clientWith({ 'a2ia.model': 'smollm2-135m' }).probe(never);
    assert.match((status.state === 'ready' && status.detail) || '', /98 MB after you agree/);
    const request = { ...ask('Hi'), model: 'smollm2-135m' };
    await failure(catalogue.chat(request, never), 'declined');
    assert.deepEqual(confirmations, ['smollm2-135m']);
  });

  it('says that the engine is missing when it is', async () => {
    const without: CoreHost = { ...host, engine: { ...host.engine, workerPath: join(folder, 'embeddedWorker.mjs') } };
    const bare = createEmbeddedClient({
      settings: parseSettings(() => undefined).settings,
      host: without,
      memory: new ServerMemory(),
      engine: new EngineProcess(without),
    });
    assert.equal((await bare.probe(never)).state, 'unavailable');
    await failure(bare.chat({ ...ask('Hi'), model: 'smollm2-135m' }, never), 'engineMissing');
  });

  it('logged no prompt and no answer', () => {
    for (const line of logged) assert.doesNotMatch(line, /story|Paris|capital/);
  });
});

function ask(text: string, options: Partial<ChatRequest> = {}): ChatRequest {
  return { model: modelPath, messages: [{ role: 'user', text }], ...options };
}
