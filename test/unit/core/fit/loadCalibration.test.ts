import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { knownModel } from '../../../../src/core/fit/catalogue.ts';
import type { OllamaModelReading } from '../../../../src/core/fit/ollamaModel.ts';
import type { GpuSnapshot } from '../../../../src/core/gpu/gpuText.ts';
import { CalibrationFile } from '../../../../src/core/fit/calibrationFile.ts';
import { LoadCalibration } from '../../../../src/core/fit/loadCalibration.ts';

const gibibyte = 1024 ** 3;
const facts = knownModel('llama3.1:8b') ?? assert.fail();
const vramBytes = Math.round(5.5 * gibibyte);

const snapshot = (contextWindowTokens = 8192): GpuSnapshot => ({
  reading: {
    state: 'gpus',
    readAtMs: Date.UTC(2026, 10, 24),
    gpus: [
      {
        id: 'GPU-1',
        name: 'NVIDIA GeForce RTX 3060',
        vendor: 'nvidia',
        totalBytes: 11.6 * gibibyte,
        usedBytes: 6 * gibibyte,
        freeBytes: 5.6 * gibibyte,
        isUnified: false,
        processes: [{ pid: 1, name: 'Ollama', usedBytes: 5.8 * gibibyte }],
      },
    ],
  },
  server: {
    backend: 'ollama',
    endpoint: 'http://127.0.0.1:11434/',
    isHere: true,
    models: [{ id: 'llama3.1:8b', sizeBytes: vramBytes, vramBytes, contextWindowTokens }],
  },
});

describe('What is kept of loads', () => {
  let folder: string;
  let file: string;
  let asked: string[];
  const messages: string[] = [];
  const log = { debug: (text: string) => messages.push(text), info: () => undefined, warn: () => undefined };

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'a2ia-loads-'));
    file = path.join(folder, 'kept', 'calibrations.json');
    asked = [];
    messages.length = 0;
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const calibration = (answer: () => Promise<OllamaModelReading> = () => Promise.resolve(described)) =>
    new LoadCalibration({
      file: new CalibrationFile(file),
      log,
      describe: (model) => {
        asked.push(model);
        return answer();
      },
      serverLog: () => Promise.resolve(undefined),
      environment: () => Promise.resolve({}),
      running: () => assert.fail('it is no other server'),
      readModel: () => assert.fail('it is Ollama’s'),
    });
  const described: OllamaModelReading = {
    outcome: 'model',
    model: { name: 'llama3.1:8b', facts, fileType: 'Q4_K_M' },
    version: '0.32.0',
  };

  it('is in a file, and another window reads it', async () => {
    await calibration().note(snapshot());
    const { entries } = await new CalibrationFile(file).read();
    assert.deepEqual(
      entries.map(({ key }) => [key.server, key.serverVersion, key.model, key.gpu]),
      [['ollama', '0.32.0', 'llama3.1:8b Q4_K_M 0', 'GPU-1']],
    );
    assert.deepEqual(await readdir(path.dirname(file)), ['calibrations.json']);
    assert.equal((JSON.parse(await readFile(file, 'utf8')) as { version: number }).version, 2);
  });

  it('is measured once for each load, however often it is seen', async () => {
    const one = calibration();
    await Promise.all([one.note(snapshot()), one.note(snapshot()), one.note(snapshot(4096))]);
    await one.note(snapshot());
    assert.equal(asked.length, 2);
  });

  it('is nothing where there is nothing to measure, and nobody is asked', async () => {
    await calibration().note({ reading: { state: 'none', message: '', readAtMs: 0 } });
    assert.deepEqual(asked, []);
    assert.deepEqual(await new CalibrationFile(file).read(), { version: 2, entries: [] });
  });

  it('is whole whoever writes at the same time, and nothing lies about where it cannot be written', async () => {
    await calibration().note(snapshot());
    const [one = assert.fail()] = (await new CalibrationFile(file).read()).entries;
    await Promise.all(Array.from({ length: 20 }, () => new CalibrationFile(file).add(one)));
    assert.deepEqual((await new CalibrationFile(file).read()).entries, [one]);
    assert.deepEqual(await readdir(path.dirname(file)), ['calibrations.json']);
    await rm(file);
    await mkdir(file);
    await assert.rejects(new CalibrationFile(file).add(one), { code: 'EISDIR' });
    assert.deepEqual(await new CalibrationFile(file).read(), { version: 2, entries: [] });
    assert.deepEqual(await readdir(path.dirname(file)), ['calibrations.json']);
  });

  it('outlives a server that does not answer, and a file that is damaged', async () => {
    await calibration(() => Promise.reject(new Error('gone'))).note(snapshot());
    assert.match(messages[0] ?? '', /could not be measured: gone/);
    await calibration().note(snapshot());
    await writeFile(file, '{"version":1,"entries":[{"key":');
    assert.deepEqual(await new CalibrationFile(file).read(), { version: 2, entries: [] });
    await calibration().note(snapshot(4096));
    assert.equal((await new CalibrationFile(file).read()).entries.length, 1);
  });
});
