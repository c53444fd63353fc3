import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BackendError } from '../../../../src/core/clients/errors.ts';
import { BackendRegistry } from '../../../../src/core/clients/registry.ts';
import type { Settings } from '../../../../src/core/settings/settings.ts';
import { dialects, never, settingsWith, type Dialect } from '../../../support/dialects.ts';
import { rejection } from '../../../support/expectations.ts';
import { ScriptedServer } from '../../../support/scriptedServer.ts';
import { createTestHost, type TestHost } from '../../../support/testHost.ts';

type Backend = Dialect['backend'];

describe('BackendRegistry', () => {
  let host: TestHost;
  let registry: BackendRegistry;
  let running: ScriptedServer[];
  let folders: string[];

  beforeEach(() => {
    host = createTestHost();
    registry = new BackendRegistry(host);
    running = [];
    folders = [];
  });
  afterEach(async () => {
    registry.dispose();
    for (const server of running) await server.close();
    for (const folder of folders) await rm(folder, { recursive: true });
  });

  const dialectOf = (backend: Backend): Dialect => {
    const dialect = dialects.find((candidate) => candidate.backend === backend);
    assert.ok(dialect);
    return dialect;
  };
  const serve = async (backend: Backend, models: readonly string[] = ['m']): Promise<ScriptedServer> => {
    const server = await ScriptedServer.start(dialectOf(backend).routes(models));
    running.push(server);
    return server;
  };
  const closedUrl = async (): Promise<string> => {
    const server = await ScriptedServer.start();
    await server.close();
    return server.url;
  };
  /** Addresses of this test alone. Those in `named` are the user's, the others stand for the defaults. */
  const settingsFor = async (
    urls: Partial<Record<Backend, string>>,
    { named = [], more = {} }: { named?: readonly Backend[]; more?: Record<string, unknown> } = {},
  ): Promise<Settings> => {
    const closed = await closedUrl();
    const keys = (['ollama', 'vllm', 'openai-compatible'] as const).map((backend) => dialectOf(backend).urlSetting);
    const given = Object.entries(urls).map(([backend, url]) => [dialectOf(backend as Backend).urlSetting, url]);
    const settings = settingsWith({
      ...Object.fromEntries(keys.map((key) => [key, closed])),
      ...Object.fromEntries(given),
      ...more,
    });
    return { ...settings, explicit: new Set(named.map((backend) => dialectOf(backend).urlSetting)) };
  };
  const chosen = async (settings: Settings) => {
    const { client, model, reason } = await registry.choose(settings, never);
    return { backend: client.backend, model, reason };
  };

  it('auto: the first that is there, in the order Ollama, vLLM, OpenAI-compatible', async () => {
    const ollama = await serve('ollama');
    const vllm = await serve('vllm');
    const other = await serve('openai-compatible');
    const urls = { vllm: vllm.url, 'openai-compatible': other.url };
    assert.equal((await chosen(await settingsFor({ ...urls, ollama: ollama.url }))).backend, 'ollama');
    assert.equal((await chosen(await settingsFor(urls))).backend, 'vllm');
    assert.equal((await chosen(await settingsFor({ 'openai-compatible': other.url }))).backend, 'openai-compatible');
  });

  it('auto: a server whose address the user gave comes first', async () => {
    const ollama = await serve('ollama');
    const other = await serve('openai-compatible');
    const urls = { ollama: ollama.url, 'openai-compatible': other.url };
    const settings = await settingsFor(urls, { named: ['openai-compatible'] });
    assert.equal((await chosen(settings)).backend, 'openai-compatible');
  });

  it('auto: says what it chose and why, to the user and in the log', async () => {
    const vllm = await serve('vllm');
    const { reason } = await chosen(await settingsFor({ vllm: vllm.url }));
    assert.equal(reason, `vLLM 0.32.0 answers at ${vllm.url}/v1.`);
    assert.ok(
      host.logged.some((line) => line.startsWith('auto: vllm at')),
      host.logged.join('\n'),
    );
  });

  it('auto: decides though a server hangs, and leaves that one', async () => {
    const hanging = await ScriptedServer.start({ '*': () => undefined });
    running.push(hanging);
    const vllm = await serve('vllm');
    assert.equal((await chosen(await settingsFor({ ollama: hanging.url, vllm: vllm.url }))).backend, 'vllm');
    await hanging.allClosed();
  });

  it('auto: waits for no server behind one that is ready', async () => {
    const ollama = await serve('ollama');
    const hanging = await ScriptedServer.start({ '*': () => undefined });
    running.push(hanging);
    const settings = await settingsFor({ ollama: ollama.url, vllm: hanging.url });
    assert.equal((await chosen(settings)).backend, 'ollama');
    assert.equal(
      hanging.exchanges.every(({ response }) => !response.writableEnded),
      true,
    );
  });

  it('auto: passes over one without a model, and over what is no model server', async () => {
    const empty = await serve('ollama', []);
    const page = await ScriptedServer.start({ '*': (exchange) => exchange.send('<html>Router</html>', 'text/html') });
    running.push(page);
    const other = await serve('openai-compatible');
    const urls = { ollama: empty.url, vllm: page.url, 'openai-compatible': other.url };
    assert.equal((await chosen(await settingsFor(urls))).backend, 'openai-compatible');
  });

  it('auto: prefers the one that has the configured model', async () => {
    const ollama = await serve('ollama', ['llama3:latest']);
    const vllm = await serve('vllm', ['qwen']);
    const urls = { ollama: ollama.url, vllm: vllm.url };
    const withModel = (model: string) => settingsFor(urls, { more: { 'a2ia.model': model } });
    assert.equal((await chosen(await withModel('qwen'))).backend, 'vllm');
    assert.deepEqual((await chosen(await withModel('llama3'))).backend, 'ollama', 'Ollama’s :latest may be left out');
    // Nobody has it: the first answers, and its server says which models exist.
    assert.deepEqual((await chosen(await withModel('gone'))).backend, 'ollama');
  });

  it('auto: remembers what it found', async () => {
    const vllm = await serve('vllm');
    const settings = await settingsFor({ vllm: vllm.url });
    await registry.chooseClient(settings, never);
    const asked = vllm.requests.length;
    await registry.chooseClient(settings, never);
    assert.equal(vllm.requests.length, asked);
  });

  it('auto: looks again when the settings change', async () => {
    const vllm = await serve('vllm');
    const ollama = await serve('ollama');
    assert.equal((await chosen(await settingsFor({ vllm: vllm.url }))).backend, 'vllm');
    assert.equal((await chosen(await settingsFor({ vllm: vllm.url, ollama: ollama.url }))).backend, 'ollama');
  });

  it('auto: looks again when a failure says that the server is gone, and not for any failure', async () => {
    const ollama = await serve('ollama');
    const vllm = await serve('vllm');
    const settings = await settingsFor({ ollama: ollama.url, vllm: vllm.url });
    assert.equal((await chosen(settings)).backend, 'ollama');
    await ollama.close();
    const failure = (kind: 'notRunning' | 'contextOverflow') => new BackendError({ kind, message: 'x', hint: 'y' });
    registry.contradict(failure('contextOverflow'));
    assert.equal((await registry.chooseClient(settings, never)).client.backend, 'ollama');
    registry.contradict(failure('notRunning'));
    assert.equal((await chosen(settings)).backend, 'vllm');
  });

  /** A llama-server that reads its weights, until `load` is called. */
  const serveLoading = async () => {
    const server = await ScriptedServer.start({
      '*': (exchange) =>
        exchange.json({ error: { message: 'Loading model', type: 'unavailable_error', code: 503 } }, 503),
    });
    running.push(server);
    const load = () => {
      for (const [path, handler] of Object.entries(dialectOf('openai-compatible').routes(['m'])))
        server.on(path, handler);
    };
    return { url: server.url, load };
  };

  /** With the engine, and a file in the folder of its models; left out: no model is there yet. */
  const withEmbedded = async (modelFile?: string): Promise<void> => {
    const folder = await mkdtemp(path.join(tmpdir(), 'a2ia-registry-'));
    folders.push(folder);
    if (modelFile) await writeFile(path.join(folder, modelFile), 'GGUF');
    // A look at the engine finds its package from any file of the project.
    const engine = { ...host.engine, workerPath: import.meta.filename, modelsDir: folder };
    registry = new BackendRegistry({ ...host, engine });
  };

  it('auto: another answers for a server that is still loading, says so, and is not remembered', async () => {
    const first = await serveLoading();
    const vllm = await serve('vllm');
    const urls = { 'openai-compatible': first.url, vllm: vllm.url };
    const settings = await settingsFor(urls, { named: ['openai-compatible'] });
    const until = await registry.choose(settings, never);
    assert.equal(until.client.backend, 'vllm');
    assert.equal(until.isStandIn, true);
    assert.equal(
      until.reason,
      `llama-server at ${first.url}/v1 is still loading, so vLLM at ${vllm.url}/v1 answers until then.`,
    );
    first.load();
    const after = await registry.choose(settings, never);
    assert.deepEqual([after.client.backend, after.isStandIn], ['openai-compatible', undefined]);
  });

  it('auto: the embedded model likewise, but nobody is asked to fetch one for that', async () => {
    const { url } = await serveLoading();
    const settings = await settingsFor({ 'openai-compatible': url });
    await withEmbedded('own.gguf');
    const { client, isStandIn, reason } = await registry.choose(settings, never);
    assert.deepEqual([client.backend, isStandIn], ['embedded', true]);
    assert.match(reason, /still loading, so the embedded model answers until then\.$/);
    await withEmbedded();
    const error = await rejection(registry.choose(settings, never), 'overloaded');
    assert.equal(error.message, `llama-server at ${url}/v1 is still loading its model.`);
    assert.deepEqual(error.nextStep, { do: 'retry' });
  });

  it('auto: a server that is still loading says so when there is no other', async () => {
    const { url } = await serveLoading();
    const settings = await settingsFor({ 'openai-compatible': url });
    assert.match((await rejection(registry.choose(settings, never), 'overloaded')).message, /still loading its model/);
  });

  it('auto: nobody there is an error that names every refusal', async () => {
    const error = await rejection(registry.choose(await settingsFor({}), never), 'notRunning');
    assert.equal(error.serverMessage, undefined, 'no server said anything');
    assert.match(error.message, /Nothing listens at .*Nothing listens at .*Nothing listens at /);
    assert.match(error.hint, /a2ia\.ollamaUrl/);
  });

  it('auto: never asks a cloud', async () => {
    const cloud = await ScriptedServer.start({ '*': (exchange) => exchange.json({ data: [{ id: 'gpt' }] }) });
    running.push(cloud);
    const settings = await settingsFor({ openai: cloud.url, anthropic: cloud.url }, { named: ['openai', 'anthropic'] });
    await rejection(registry.choose(settings, never), 'notRunning');
    assert.equal(cloud.requests.length, 0);
  });

  it('a configured backend is not looked for', async () => {
    const ollama = await serve('ollama');
    const more = { 'a2ia.backend': 'vllm', 'a2ia.model': 'x' };
    const { backend, model, reason } = await chosen(await settingsFor({ ollama: ollama.url }, { more }));
    assert.deepEqual([backend, model, reason], ['vllm', 'x', 'a2ia.backend is vllm.']);
    assert.equal(ollama.requests.length, 0);
  });

  it('takes the configured model, else one that is loaded, else the first', async () => {
    const ollama = await serve('ollama', ['first', 'second']);
    const settings = (more: Record<string, unknown>) =>
      settingsFor({ ollama: ollama.url }, { more: { 'a2ia.backend': 'ollama', ...more } });
    assert.equal((await chosen(await settings({}))).model, 'first');
    ollama.on('/api/ps', (exchange) => exchange.json({ models: [{ name: 'second', model: 'second', size: 1 }] }));
    assert.equal((await chosen(await settings({}))).model, 'second');
    assert.equal((await chosen(await settings({ 'a2ia.model': 'any' }))).model, 'any');
    const models = { 'a2ia.model': 'any', 'a2ia.models': { ollama: 'mine', vllm: 'theirs' } };
    assert.equal((await chosen(await settings(models))).model, 'mine');
  });

  it('a server without a model is an error that says how to get one', async () => {
    const ollama = await serve('ollama', []);
    const settings = await settingsFor({ ollama: ollama.url }, { more: { 'a2ia.backend': 'ollama' } });
    assert.match((await rejection(registry.choose(settings, never), 'modelNotFound')).hint, /ollama pull/);
  });

  it('surveys everything: who answers, who does not and why, in the order of preference', async () => {
    const vllm = await serve('vllm', ['a', 'b']);
    const findings = await registry.survey(await settingsFor({ vllm: vllm.url }), never);
    assert.deepEqual(
      findings.map(({ client, status }) => [client.backend, status.state]),
      [
        ['ollama', 'unavailable'],
        ['vllm', 'ready'],
        ['openai-compatible', 'unavailable'],
        ['embedded', 'unavailable'],
      ],
    );
    const status = findings[1]?.status;
    assert.deepEqual(status?.state === 'ready' && status.modelIds, ['a', 'b']);
    const refused = findings[0]?.status;
    assert.ok(refused?.state === 'unavailable' && /Nothing listens/.test(refused.reason) && refused.hint !== '');
  });

  it('an abort ends the search with nothing left behind', async () => {
    const hanging = await ScriptedServer.start({ '*': () => undefined });
    running.push(hanging);
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      const settings = await settingsFor({ ollama: hanging.url, vllm: hanging.url });
      const controller = new AbortController();
      const choosing = registry.choose(settings, controller.signal);
      await hanging.exchange('/api/version');
      controller.abort(new Error('enough'));
      await assert.rejects(choosing, /enough/);
      await hanging.allClosed();
      await new Promise(setImmediate);
      assert.deepEqual(unhandled, []);
    } finally {
      process.off('unhandledRejection', note);
    }
  });
});
