import assert from 'node:assert/strict';
import { BackendError } from '../../../../../src/core/clients/errors.ts';
import type { GpuReading } from '../../../../../src/core/gpu/gpuReading.ts';
import { MemoryFailure } from '../../../../../src/core/fit/diagnosis/memoryFailure.ts';
import {
  withReason,
  type FailedRequest,
  type FailureSources,
} from '../../../../../src/core/fit/diagnosis/requestFailure.ts';
import { ollamaLog, type ServerLogHost } from '../../../../../src/core/fit/diagnosis/serverLog.ts';
import { ollamaCache, ollamaLoaded } from './logs.ts';

const never = new AbortController().signal;
const gibibyte = 1024 ** 3;

const card = (freeBytes: number): GpuReading => ({
  state: 'gpus',
  readAtMs: 0,
  gpus: [
    {
      id: 'GPU-1',
      name: 'NVIDIA GeForce RTX 3060',
      vendor: 'nvidia',
      totalBytes: 11.76 * gibibyte,
      freeBytes,
      isUnified: false,
      processes: [],
    },
  ],
});

/** What of the machine was looked at is noted. */
class Machine implements FailureSources {
  readonly looked: string[] = [];
  readonly #log: string | undefined;
  readonly #reading: GpuReading;

  constructor(log?: string, reading: GpuReading = { state: 'none', message: '', readAtMs: 0 }) {
    this.#log = log;
    this.#reading = reading;
  }

  serverLog() {
    this.looked.push('log');
    return Promise.resolve(this.#log === undefined ? undefined : { source: 'log', text: this.#log, changedMs: 0 });
  }

  gpus() {
    this.looked.push('gpus');
    return Promise.resolve(this.#reading);
  }
}

const failed = (
  init: Partial<ConstructorParameters<typeof BackendError>[0]>,
  more: Partial<FailedRequest> = {},
): FailedRequest => ({
  error: new BackendError({ kind: 'outOfMemory', backend: 'ollama', message: 'm', hint: 'h', ...init }),
  backend: 'ollama',
  endpoint: 'http://127.0.0.1:11434/',
  model: 'llama3.1:8b',
  ...more,
});

describe('Why a request failed', () => {
  it('by the numbers in the server’s own words, without a look at the machine', async () => {
    const machine = new Machine();
    const words = 'model requires more system memory (8.4 GiB) than is available (6.1 GiB)';
    const error = await withReason(failed({ serverMessage: words }), machine, never);
    assert.ok(error instanceof MemoryFailure);
    assert.match(error.message, /^In RAM 8\.4 GiB > free RAM and swap 6\.1 GiB, because /);
    assert.equal(error.serverMessage, words);
    assert.equal(error.kind, 'outOfMemory');
    assert.deepEqual(machine.looked, []);
  });

  it('by the server’s log where its words have no numbers, also for a connection that died', async () => {
    for (const init of [
      { serverMessage: 'llama runner process has terminated: cudaMalloc failed: out of memory' },
      { kind: 'loadFailed', serverMessage: 'llama-server process has terminated: exit status 1' },
      { kind: 'streamCut' },
    ] as const) {
      const error = await withReason(failed(init), new Machine(ollamaCache), never);
      assert.ok(error instanceof MemoryFailure, JSON.stringify(init));
      assert.match(error.message, /^Weights 4\.3 GiB \+ KV cache 16\.0 GiB > free on the GPU 10\.8 GiB, because /);
      assert.match(error.hint, /45,056 tokens/);
    }
  });

  it('not by a failure in the log that was another load’s', async () => {
    const request = failed({ kind: 'streamCut' });
    const error = await withReason(request, new Machine(`${ollamaCache}${ollamaLoaded}`), never);
    assert.equal(error, request.error);
  });

  it('without a log by the shape of the model and what is free', async () => {
    const machine = new Machine(undefined, card(11.2 * gibibyte));
    const request = failed({ serverMessage: 'cudaMalloc failed: out of memory' }, { contextTokens: 131_072 });
    const error = await withReason(request, machine, never);
    assert.ok(error instanceof MemoryFailure);
    assert.match(
      error.message,
      /KV cache 16\.0 GiB.* > free on the GPU 11\.2 GiB, because a context of 131,072 tokens/i,
    );
    const tokens = error.explanation.diagnosis?.remedies[0]?.contextTokens ?? 0;
    assert.ok(tokens > 30_000 && tokens < 60_000, String(tokens));
    assert.deepEqual(machine.looked, ['log', 'gpus']);
  });

  it('says it where the model would fit by itself: then something else took the memory', async () => {
    const request = failed({ serverMessage: 'cudaMalloc failed: out of memory' }, { contextTokens: 4096 });
    const error = await withReason(request, new Machine(undefined, card(11.2 * gibibyte)), never);
    assert.match(error.message, /because another program took the memory/);
  });

  it('of a model that nobody knows: what the server said, and nothing made up', async () => {
    const request = failed({ serverMessage: 'cudaMalloc failed: out of memory' }, { model: 'unheard-of' });
    const error = await withReason(request, new Machine(undefined, card(11.2 * gibibyte)), never);
    assert.ok(error instanceof MemoryFailure);
    assert.doesNotMatch(error.message, /\d GiB/);
  });

  it('leaves another machine’s server alone: its log and GPUs are not here', async () => {
    const machine = new Machine(ollamaCache, card(gibibyte));
    const request = failed(
      { serverMessage: 'cudaMalloc failed: out of memory' },
      { endpoint: 'http://192.0.2.7:11434/' },
    );
    await withReason(request, machine, never);
    assert.deepEqual(machine.looked, []);
  });

  it('leaves every other failure as it is, and the machine alone', async () => {
    const machine = new Machine(ollamaCache);
    for (const kind of ['modelNotFound', 'contextOverflow', 'notRunning', 'unauthorized'] as const) {
      const request = failed({ kind, serverMessage: 'cudaMalloc failed: out of memory' });
      assert.equal(await withReason(request, machine, never), request.error);
    }
    const port = failed({ kind: 'serverError', serverMessage: 'bind: address already in use' });
    assert.equal(await withReason(port, new Machine(), never), port.error);
    assert.deepEqual(machine.looked, []);
  });

  it('tells the failure as it is when looking fails, or takes too long for whoever waits', async () => {
    const request = failed({ serverMessage: 'cudaMalloc failed: out of memory' });
    const broken: FailureSources = {
      serverLog: () => Promise.reject(new Error('broken')),
      gpus: () => Promise.reject(new Error('broken')),
    };
    assert.equal(await withReason(request, broken, never), request.error);
    const stop = new AbortController();
    const slow: FailureSources = {
      serverLog: (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
          stop.abort();
        }),
      gpus: () => assert.fail('not reached'),
    };
    assert.equal(await withReason(request, slow, stop.signal), request.error);
  });
});

describe('The log of Ollama', () => {
  const host = (more: Partial<ServerLogHost>): ServerLogHost => ({
    platform: 'linux',
    environment: {},
    homeFolder: '/home/me',
    now: () => 1_000_000,
    run: () => Promise.resolve({ end: 'notFound' }),
    readTail: () => Promise.resolve(undefined),
    ...more,
  });
  const files = (texts: Readonly<Record<string, string>>): Partial<ServerLogHost> => ({
    readTail: (file) => {
      const text = texts[file];
      return Promise.resolve(text === undefined ? undefined : { source: file, text, changedMs: 900_000 });
    },
  });

  it('is where each system keeps it', async () => {
    const mac = host({
      platform: 'darwin',
      homeFolder: '/Users/me',
      ...files({ '/Users/me/.ollama/logs/server.log': 'a' }),
    });
    assert.equal((await ollamaLog(mac, never))?.text, 'a');
    const windows = host({
      platform: 'win32',
      environment: { LOCALAPPDATA: 'C:\\Users\\me\\AppData\\Local' },
      ...files({ 'C:\\Users\\me\\AppData\\Local\\Ollama\\server.log': 'b' }),
    });
    assert.equal((await ollamaLog(windows, never))?.text, 'b');
  });

  it('is in the journal on Linux; the end of it only', async () => {
    const asked: string[][] = [];
    const linux = host({
      run: (program, args) => {
        asked.push([program, ...args]);
        return Promise.resolve({ end: 'exited', exitCode: 0, stdout: `${'x'.repeat(400_000)}end`, stderr: '' });
      },
    });
    const tail = await ollamaLog(linux, never, 60_000);
    assert.equal(tail?.text.length, 256 * 1024);
    assert.ok(tail.text.endsWith('end'));
    assert.deepEqual(
      asked.map(([program]) => program),
      ['journalctl'],
    );
    assert.ok(asked[0]?.includes('-60s'));
  });

  it('is none where there is none, or nothing new in it', async () => {
    assert.equal(await ollamaLog(host({}), never), undefined);
    const old = files({ '/home/me/.ollama/logs/server.log': 'a' });
    assert.equal(await ollamaLog(host(old), never, 50_000), undefined);
    assert.equal((await ollamaLog(host(old), never, 150_000))?.text, 'a');
    const denied = host({ run: () => Promise.resolve({ end: 'exited', exitCode: 1, stdout: 'x', stderr: 'denied' }) });
    assert.equal(await ollamaLog(denied, never), undefined);
  });
});
