import assert from 'node:assert/strict';
import { noCalibrations, planCalibrated, withCalibration } from '../../../../src/core/fit/calibration.ts';
import { knownModel } from '../../../../src/core/fit/catalogue.ts';
import { loadInLog } from '../../../../src/core/fit/diagnosis/loadInLog.ts';
import type { FitModel } from '../../../../src/core/fit/fitRequest.ts';
import { measurableLoad, observedCalibration, type OllamaLoad } from '../../../../src/core/fit/observedLoad.ts';
import { planFit } from '../../../../src/core/fit/planFit.ts';
import type { LoadedModel } from '../../../../src/core/clients/llmClient.ts';
import type { GpuReading, GpuState } from '../../../../src/core/gpu/gpuReading.ts';
import type { ServerUse } from '../../../../src/core/gpu/serverUse.ts';
import { ollamaCache, ollamaEstimate, ollamaLoaded, ollamaMeasured } from './diagnosis/logs.ts';

const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;

const model: FitModel = { name: 'llama3.1:8b', facts: knownModel('llama3.1:8b') ?? assert.fail(), fileType: 'Q4_K_M' };
const described = { model, version: '0.32.0' };
/** What the planner says of it at 8192 tokens: the truth is told from there. */
const buffers = planFit({
  model,
  server: { kind: 'ollama', version: '0.32.0', contextTokens: 8192 },
  gpus: [{ name: 'NVIDIA GeForce RTX 3060', totalBytes: 11.6 * gibibyte, freeBytes: 11 * gibibyte }],
})
  .rows.filter(({ part }) => part !== 'overhead' && part !== 'ram')
  .reduce((sum, { figure }) => sum + figure.bytes, 0);

const vramBytes = Math.round(buffers + 80 * mebibyte);
const gpu: GpuState = {
  id: 'GPU-1',
  name: 'NVIDIA GeForce RTX 3060',
  vendor: 'nvidia',
  totalBytes: 11.6 * gibibyte,
  usedBytes: vramBytes + 600 * mebibyte,
  freeBytes: 11.6 * gibibyte - vramBytes - 600 * mebibyte,
  isUnified: false,
  processes: [
    { pid: 1, name: 'Ollama', usedBytes: vramBytes + 300 * mebibyte },
    { pid: 2, name: 'desktop', usedBytes: 300 * mebibyte },
  ],
};
const loaded: LoadedModel = { id: 'llama3.1:8b', sizeBytes: vramBytes, vramBytes, contextWindowTokens: 8192 };
const reading = (...gpus: readonly GpuState[]): GpuReading => ({ state: 'gpus', gpus, readAtMs: 0 });
const use = (more: Partial<ServerUse> = {}): ServerUse => ({
  backend: 'ollama',
  endpoint: 'http://127.0.0.1:11434/',
  isHere: true,
  models: [loaded],
  ...more,
});
const ollamaLoad = (seen: GpuReading): OllamaLoad => {
  const found = measurableLoad(seen, use());
  return found?.backend === 'ollama' ? found : assert.fail('it can be measured');
};
const load = () => ollamaLoad(reading(gpu));

describe('A load that is seen', () => {
  it('is measured by what the server and the driver say, and the next plan is right', () => {
    const found = observedCalibration(load(), described, undefined, 0) ?? assert.fail('nothing was learned');
    assert.ok(Math.abs((found.bytes.compute ?? 0) - 80 * mebibyte) < mebibyte);
    const request = {
      model,
      server: { kind: 'ollama', version: '0.32.0', contextTokens: 8192 },
      gpus: [{ id: gpu.id, name: gpu.name, totalBytes: 11.6 * gibibyte, freeBytes: 11 * gibibyte }],
    } as const;
    const all = withCalibration(noCalibrations, found);
    const plan = planCalibrated(request, all);
    const onGpu = plan.rows.filter(({ part }) => part !== 'ram').reduce((sum, { figure }) => sum + figure.bytes, 0);
    assert.ok(Math.abs(onGpu - (vramBytes + 300 * mebibyte)) < mebibyte, 'all that Ollama holds');
  });

  it('takes the buffers that the log tells, where it is the log of this load', () => {
    const logged = loadInLog(ollamaLoaded) ?? assert.fail();
    assert.deepEqual(logged, {
      contextTokens: 8192,
      parallel: 1,
      cacheType: 'f16',
      load: { weights: Math.round(4403.49 * mebibyte), compute: 120 * mebibyte },
    });
    const found = observedCalibration(load(), described, logged, 0);
    const compute = planFit({
      model,
      server: { kind: 'ollama', version: '0.32.0', contextTokens: 8192 },
      gpus: [],
    }).rows.find(({ part }) => part === 'compute');
    assert.equal(found?.bytes.compute, 120 * mebibyte - (compute?.figure.bytes ?? 0));
    const other = observedCalibration(load(), described, { ...logged, contextTokens: 4096 }, 0);
    assert.equal(other?.bytes.weights, undefined, 'the log is another load’s');
  });

  it('is not taken for one of other files that have its name now', () => {
    const before = { ...load(), model: { ...load().model, digest: 'sha256:old' } };
    const now = { ...described, model: { ...model, digest: 'sha256:new' } };
    assert.equal(observedCalibration(before, now, undefined, 0), undefined);
    assert.ok(observedCalibration(before, { ...now, model: { ...model, digest: 'sha256:old' } }, undefined, 0));
  });

  it('is planned with what the server was told by its environment', () => {
    const found = observedCalibration(load(), described, undefined, 0, { parallel: 2, cacheType: 'q8_0' });
    assert.equal(found?.key.cacheType, 'q8_0');
    assert.equal(found.key.sequences, 2);
    const flash = (flashAttention: boolean) =>
      observedCalibration(load(), described, undefined, 0, { flashAttention })?.bytes.compute ?? assert.fail();
    assert.ok(flash(false) < flash(true), 'without it more was planned, so that less is beyond that');
  });

  it('is left alone where it is not known what is measured', () => {
    const cannot = (seen: GpuReading, server: ServerUse | undefined) =>
      assert.equal(measurableLoad(seen, server), undefined);
    cannot({ state: 'asleep', readAtMs: 0 }, use());
    cannot(reading(gpu), undefined);
    cannot(reading(gpu, gpu), use());
    cannot(reading({ ...gpu, isUnified: true }), use());
    cannot(reading({ ...gpu, isSplit: true }), use());
    cannot(reading(gpu), use({ isHere: false }));
    cannot(reading(gpu), use({ models: [loaded, { ...loaded, id: 'other' }] }));
    cannot(reading(gpu), use({ models: [{ id: 'm', vramBytes }] }));
    cannot(reading(gpu), use({ models: [{ ...loaded, sizeBytes: 1.2 * vramBytes }] }));
    cannot(reading({ ...gpu, usedBytes: gibibyte }), use());
    const { freeBytes: _, ...silent } = gpu;
    cannot(reading(silent), use());
  });

  it('without what the driver tells of processes only the buffers are learned', () => {
    const quiet = ollamaLoad(reading({ ...gpu, processes: [{ pid: 1, name: 'Ollama' }] }));
    assert.deepEqual(Object.keys(observedCalibration(quiet, described, undefined, 0)?.bytes ?? {}), ['compute']);
  });
});

describe('A load in a log', () => {
  it('is none that failed, is partly in RAM, or was only guessed', () => {
    for (const log of [ollamaCache, ollamaEstimate, ollamaMeasured, '']) assert.equal(loadInLog(log), undefined);
    assert.ok(loadInLog(`${ollamaCache}${ollamaLoaded}`));
  });
});
