import assert from 'node:assert/strict';
import {
  environmentNotes,
  readOllamaEnvironment,
  type OllamaTraces,
} from '../../../../src/core/fit/ollamaEnvironment.ts';
import { FakeMachine } from '../../../support/fakeMachine.ts';

describe('What Ollama was told by its environment', () => {
  let machine: FakeMachine;
  beforeEach(() => (machine = new FakeMachine()));
  afterEach(() => machine.remove());

  const asked: string[] = [];
  const traces = (more: Partial<OllamaTraces> = {}): OllamaTraces => ({
    host: machine.host,
    environment: {},
    homeFolder: '/home/me',
    readHead: (file) => {
      asked.push(file);
      return Promise.resolve(undefined);
    },
    ...more,
  });
  const read = (more?: Partial<OllamaTraces>) => readOllamaEnvironment(traces(more));
  const serve = ['/usr/local/bin/ollama', 'serve'];

  it('is read from its process, and nothing else of that', async () => {
    machine.process(1, ['/sbin/init']);
    machine.process(7, serve, [
      'SECRET_KEY=hunter2',
      'OLLAMA_KV_CACHE_TYPE=q8_0',
      'OLLAMA_FLASH_ATTENTION=1',
      'OLLAMA_CONTEXT_LENGTH=16384',
      'OLLAMA_NUM_PARALLEL=2',
    ]);
    machine.process(8, ['/usr/local/bin/ollama', 'runner', '--model', 'x'], ['OLLAMA_KV_CACHE_TYPE=q4_0']);
    assert.deepEqual(await read(), { contextTokens: 16_384, parallel: 2, cacheType: 'q8_0', flashAttention: true });
  });

  it('is what it takes by itself where it is told that, or nothing, or nonsense', async () => {
    machine.process(7, serve, ['OLLAMA_KV_CACHE_TYPE=f16', 'OLLAMA_NUM_PARALLEL=1', 'OLLAMA_CONTEXT_LENGTH=lots']);
    assert.deepEqual(await read(), {});
    assert.deepEqual(environmentNotes({}, undefined), []);
  });

  it('has flash attention switched off only where somebody said so', async () => {
    machine.process(7, serve, ['OLLAMA_FLASH_ATTENTION=0']);
    assert.deepEqual(await read(), { flashAttention: false });
    assert.match(environmentNotes({ flashAttention: false }, undefined).join(), /told: no flash attention/);
    const line = 'msg="server config" env="map[OLLAMA_FLASH_ATTENTION:false OLLAMA_NUM_PARALLEL:2]"';
    const host = { ...machine.host, platform: 'darwin' } as const;
    assert.deepEqual(await read({ host, readHead: () => Promise.resolve(line) }), { parallel: 2 });
  });

  it('of another user’s process is read from the units of systemd', async () => {
    machine.process(7, serve);
    machine.file('usr/lib/systemd/system/ollama.service', '[Service]\nEnvironment="OLLAMA_NUM_PARALLEL=8"\n');
    machine.file(
      'etc/systemd/system/ollama.service',
      '[Service]\nExecStart=/usr/local/bin/ollama serve\nEnvironment="PATH=/usr/bin" OLLAMA_NUM_PARALLEL=4\n',
    );
    assert.deepEqual(await read(), { parallel: 4 });
    machine.file(
      'etc/systemd/system/ollama.service.d/override.conf',
      '[Service]\nEnvironment=\'OLLAMA_KV_CACHE_TYPE=q4_0\' "OLLAMA_NUM_PARALLEL=2"\n',
    );
    machine.file('etc/systemd/system/ollama.service.d/notes.txt', 'Environment=OLLAMA_NUM_PARALLEL=9');
    assert.deepEqual(await read(), { parallel: 2, cacheType: 'q4_0' });
    machine.file('etc/systemd/system/ollama.service.d/z.conf', '[Service]\nEnvironmentFile=/etc/ollama.env\n');
    assert.equal(await read(), undefined, 'it is somewhere else');
  });

  it('is not known without a server, with two of them, and where nothing can be read', async () => {
    assert.equal(await read(), undefined);
    machine.process(7, serve);
    assert.equal(await read(), undefined);
    machine.process(8, serve, ['OLLAMA_NUM_PARALLEL=2']);
    assert.equal(await read(), undefined);
    assert.match(environmentNotes(undefined, undefined)[0] ?? '', /OLLAMA_KV_CACHE_TYPE.* is not to be seen/);
  });

  it('is in the first lines of its log on macOS and Windows', async () => {
    const line =
      'time=2026-11-24T10:00:00Z level=INFO source=routes.go:1528 msg="server config" env="map[CUDA_VISIBLE_DEVICES: HTTPS_PROXY:http://me:pw@proxy OLLAMA_CONTEXT_LENGTH:8192 OLLAMA_FLASH_ATTENTION:true OLLAMA_KV_CACHE_TYPE:q8_0 OLLAMA_NUM_PARALLEL:1 OLLAMA_ORIGINS:[http://localhost]]"\n';
    const on = (platform: NodeJS.Platform, text: string | undefined) => {
      asked.length = 0;
      return read({
        host: { ...machine.host, platform },
        environment: platform === 'win32' ? { LOCALAPPDATA: 'C:\\Users\\me\\AppData\\Local' } : {},
        readHead: (file) => {
          asked.push(file);
          return Promise.resolve(text);
        },
      });
    };
    const told = { contextTokens: 8192, cacheType: 'q8_0', flashAttention: true };
    assert.deepEqual(await on('darwin', `something else\n${line}`), told);
    assert.deepEqual(asked, ['/home/me/.ollama/logs/server.log']);
    assert.deepEqual(await on('win32', line), told);
    assert.deepEqual(asked, ['C:\\Users\\me\\AppData\\Local\\Ollama\\server.log']);
    assert.equal(await on('darwin', 'no such line'), undefined);
    assert.equal(await on('darwin', undefined), undefined);
  });

  it('is said in words', () => {
    assert.deepEqual(environmentNotes({ cacheType: 'q8_0', parallel: 2, flashAttention: true }, 8192), [
      'No context was chosen: planned with the one that Ollama has the model loaded with.',
      'By its environment, Ollama was told: 2 requests at once, a KV cache in q8_0, flash attention.',
    ]);
  });
});
