import assert from 'node:assert/strict';
import { mkdtemp, open, rm, symlink, truncate, copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createEmbeddedClient } from '../../src/core/clients/embedded.ts';
import { ServerMemory } from '../../src/core/clients/serverMemory.ts';
import { wait } from '../../src/core/util/wait.ts';
import { BackendError, type BackendErrorKind } from '../../src/core/clients/errors.ts';
import type { ChatEvent, ChatRequest, LLMClient } from '../../src/core/clients/llmClient.ts';
import { embeddedModels } from '../../src/core/embedded/catalogue.ts';
import { EngineProcess } from '../../src/core/embedded/engineProcess.ts';
import type { CoreHost } from '../../src/core/host.ts';
import { parseSettings } from '../../src/core/settings/settings.ts';

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

  it('stops computing when the request is aborted in mid-answer', async () => {
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

  it('stops computing when the consumer leaves, and when a long prompt is being read', async () => {
    for await (const event of client.chat(ask('Write a long story.', { temperature: 0.8, seed: 2 }), never)) {
      if (event.type === 'text') break;
    }
    await assertStops(engine);
    const abort = new AbortController();
    const beforeMs = await engineMs(engine);
    const answer = all(client.chat(ask(`Summarise: ${'The ship sails on. '.repeat(150)}`), abort.signal));
    await until(async () => (await engineMs(engine)) > beforeMs + 300);
    abort.abort();
    assert.deepEqual(await answer, []);
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

  it('refuses tools', async () => {
    const tools = [{ name: 'a', description: 'b', parameters: {} }];
    await failure(client.chat(ask('Hi', { tools }), never), 'unsupported');
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

async function all(answer: AsyncIterable<ChatEvent>): Promise<readonly ChatEvent[]> {
  const events: ChatEvent[] = [];
  for await (const event of answer) events.push(event);
  return events;
}

function textOf(events: readonly ChatEvent[]): string {
  return events.map((event) => (event.type === 'text' ? event.delta : '')).join('');
}

function finishOf(events: readonly ChatEvent[]) {
  const finishes = events.filter((event) => event.type === 'finish');
  assert.equal(finishes.length, 1, 'one finish');
  assert.equal(events.at(-1), finishes[0], 'and it is the last');
  return finishes[0] as ChatEvent & { type: 'finish' };
}

async function failure(answer: AsyncIterable<ChatEvent>, kind: BackendErrorKind, message = /./): Promise<BackendError> {
  try {
    await all(answer);
  } catch (error) {
    assert.ok(error instanceof BackendError, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, message);
    assert.notEqual(error.hint, '');
    return error;
  }
  return assert.fail(`no ${kind}`);
}

/**
 * The engine's processor time stands still from some moment on, after the step that it is in. Counted in processor time and not by the clock, which on a
 * busy machine says nothing: the stories of these tests take it ten seconds and more, a step less than one.
 */
async function assertStops(engine: EngineProcess): Promise<void> {
  const windowMs = 400;
  const startMs = await engineMs(engine);
  for (let beforeMs = startMs; ;) {
    await new Promise((resolve) => setTimeout(resolve, windowMs));
    const nowMs = await engineMs(engine);
    if (nowMs - beforeMs < windowMs / 10) return;
    assert.ok(nowMs - startMs < 4000, `it went on for ${nowMs - startMs} ms of processor time`);
    beforeMs = nowMs;
  }
}

async function engineMs(engine: EngineProcess): Promise<number> {
  return (await engine.cpuTimeMs()) ?? 0;
}

async function until(condition: () => Promise<boolean>, limitMs = 60_000): Promise<void> {
  const started = performance.now();
  while (!(await condition())) assert.ok(performance.now() - started < limitMs, `not within ${limitMs} ms`);
}
