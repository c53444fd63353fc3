import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  calibrated,
  calibrationOf,
  keyOf,
  noCalibrations,
  parseCalibrations,
  planCalibrated,
  withCalibration,
  type Calibration,
  type MeasuredLoad,
} from '../../../../src/core/fit/calibration.ts';
import { knownModel } from '../../../../src/core/fit/catalogue.ts';
import type { FitPlan, FitRequest, FitServer } from '../../../../src/core/fit/fitRequest.ts';
import { planFit } from '../../../../src/core/fit/planFit.ts';

const inputs = Number(process.env['A2IA_FUZZ_INPUTS'] ?? 300);
const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;
const atMs = Date.UTC(2026, 10, 24, 12);

const facts = knownModel('llama3.1:8b') ?? assert.fail();
const requestFor = (server: FitServer, freeBytes = 11 * gibibyte): FitRequest => ({
  model: {
    name: 'llama3.1:8b',
    facts,
    ...(server.kind === 'vllm' ? { scheme: { kind: 'awq' } } : { fileType: 'Q4_K_M' }),
  },
  server,
  gpus: [{ name: 'NVIDIA GeForce RTX 3060', totalBytes: 11.6 * gibibyte, freeBytes }],
});
const ollama = requestFor({ kind: 'ollama', version: '0.32.0', contextTokens: 8192 });
const bytesOf = (plan: FitPlan, part: string) => plan.rows.find((row) => row.part === part)?.figure.bytes ?? 0;
const buffersOf = (plan: FitPlan) =>
  ['weights', 'cache', 'state', 'compute'].reduce((sum, part) => sum + bytesOf(plan, part), 0);
const key = (request: FitRequest, contextTokens = 8192) => keyOf(request, contextTokens, 'GPU-1', 'sha256:1');

function measured(request: FitRequest, load: MeasuredLoad): Calibration {
  return calibrationOf(key(request), load, planFit(request), atMs) ?? assert.fail('it was not taken');
}

describe('Calibration by loads of this machine', () => {
  it('adds what a load took beyond its plan, and says since when', () => {
    const before = planFit(ollama);
    const one = measured(ollama, { buffers: buffersOf(before) + 100 * mebibyte, overhead: 400 * mebibyte });
    const plan = planFit(calibrated(ollama, withCalibration(noCalibrations, one), key(ollama)));
    assert.equal(bytesOf(plan, 'compute') - bytesOf(before, 'compute'), 100 * mebibyte);
    assert.equal(bytesOf(plan, 'overhead'), 400 * mebibyte);
    assert.equal(plan.calibratedAtMs, atMs);
    assert.match(
      plan.rows.find(({ part }) => part === 'compute')?.figure.because ?? '',
      /calibrated on this machine, 24 November 2026/,
    );
    assert.equal(before.calibratedAtMs, undefined);
  });

  it('makes a verdict of what the formulas alone leave open', () => {
    const free = buffersOf(planFit(ollama)) + 1024 * mebibyte + 250 * mebibyte;
    const tight = requestFor(ollama.server, free);
    assert.equal(planFit(tight).verdict, 'tight');
    const one = measured(ollama, { buffers: buffersOf(planFit(ollama)), overhead: 160 * mebibyte });
    assert.equal(planFit(calibrated(tight, withCalibration(noCalibrations, one), key(tight))).verdict, 'fits');
  });

  it('of vLLM: activations and graphs by its own last line, and so the context that is left', () => {
    const request = requestFor({ kind: 'vllm', version: [0, 22], contextTokens: 8192, maxSequences: 16 });
    const before = planFit(request);
    const one = measured(request, { compute: bytesOf(before, 'compute') + 512 * mebibyte });
    const plan = planFit(calibrated(request, withCalibration(noCalibrations, one), key(request)));
    assert.equal(bytesOf(plan, 'compute') - bytesOf(before, 'compute'), 512 * mebibyte);
    assert.ok((plan.largestContextTokens ?? 0) < (before.largestContextTokens ?? 0));
  });

  it('holds for loads alike only', () => {
    const all = withCalibration(noCalibrations, measured(ollama, { overhead: 400 * mebibyte }));
    const other = (server: FitServer, contextTokens = 8192, gpu = 'GPU-1', model = 'sha256:1') => {
      const request = requestFor(server);
      return calibrated(request, all, keyOf(request, contextTokens, gpu, model)).corrections;
    };
    assert.ok(other({ kind: 'ollama', version: '0.32.0', contextTokens: 16_384 }, 16_384), 'the same batch');
    assert.equal(other({ kind: 'ollama', version: '0.33.0' }), undefined, 'another version');
    assert.equal(other({ kind: 'ollama', version: '0.32.0' }, 65_536), undefined, 'another batch');
    assert.equal(other({ kind: 'ollama', version: '0.32.0', cacheType: 'q8_0' }), undefined);
    assert.equal(other({ kind: 'ollama', version: '0.32.0', parallel: 4 }), undefined);
    assert.equal(other({ kind: 'ollama', version: '0.32.0' }, 8192, 'GPU-2'), undefined);
    assert.equal(other({ kind: 'ollama', version: '0.32.0' }, 8192, 'GPU-1', 'sha256:2'), undefined);
    const two = { ...ollama, gpus: [...ollama.gpus, ...ollama.gpus] };
    assert.equal(
      calibrated(two, all, key(two)).corrections,
      undefined,
      'of two GPUs it is not known which part is where',
    );
  });

  it('is found by the card, by the model’s name with or without its tag, and by the context that the plan comes to', () => {
    const one = measured(ollama, { overhead: 400 * mebibyte });
    const all = withCalibration(noCalibrations, { ...one, key: { ...one.key, model: 'llama3.1:latest' } });
    const on = (id: string): FitRequest => ({ ...ollama, gpus: ollama.gpus.map((gpu) => ({ ...gpu, id })) });
    for (const name of ['llama3.1', 'llama3.1:latest']) {
      assert.equal(bytesOf(planCalibrated(on('GPU-1'), all, name), 'overhead'), 400 * mebibyte, name);
    }
    for (const plan of [
      planCalibrated(on('GPU-2'), all, 'llama3.1'),
      planCalibrated(on('GPU-1'), all, 'llama3.1:8b'),
      planCalibrated(on('GPU-1'), noCalibrations, 'llama3.1'),
      planCalibrated(ollama, all, 'llama3.1'),
    ]) {
      assert.equal(plan.calibratedAtMs, undefined);
    }
  });

  it('does not take for a measurement what counts only a part, or something else', () => {
    const plan = planFit(ollama);
    const tried = (load: MeasuredLoad) => calibrationOf(key(ollama), load, plan, atMs);
    assert.equal(tried({ buffers: bytesOf(plan, 'weights') }), undefined, 'the weights alone');
    assert.equal(tried({ buffers: 3 * buffersOf(plan) }), undefined);
    assert.equal(tried({ overhead: 5 * gibibyte }), undefined, 'another process is in it');
    assert.equal(tried({}), undefined);
    const partial = requestFor(ollama.server, 4 * gibibyte);
    assert.equal(calibrationOf(key(partial), { buffers: buffersOf(plan) }, planFit(partial), atMs), undefined);
  });

  it('keeps the newest of each kind, and no more than a machine has use for', () => {
    let all = noCalibrations;
    for (let number = 0; number < 500; number++) {
      const one = measured(ollama, { overhead: 300 * mebibyte });
      all = withCalibration(all, { ...one, key: { ...one.key, model: `m${number % 250}` } });
    }
    assert.equal(all.entries.length, 200);
    assert.equal(all.entries.at(-1)?.key.model, 'm249');
    assert.deepEqual(parseCalibrations(JSON.stringify(all)), all);
  });

  it(`reads ${inputs} random inputs: what is damaged is left out, and plans stay finite`, () => {
    const good = withCalibration(noCalibrations, measured(ollama, { overhead: 300 * mebibyte }));
    const file = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record({ version: fc.constantFrom(1, 2, '1'), entries: fc.array(fc.anything()) })
        .map((value) => JSON.stringify(value)),
      fc.nat(JSON.stringify(good).length).map((at) => JSON.stringify(good).slice(0, at)),
      fc.double().map((bytes) => JSON.stringify(good).replace(/"overhead":[^}]+/, `"overhead":${bytes}`)),
    );
    fc.assert(
      fc.property(file, (text) => {
        const plan = planFit(calibrated(ollama, parseCalibrations(text), key(ollama)));
        for (const { figure } of plan.rows) assert.ok(Number.isFinite(figure.bytes) && figure.bytes >= 0);
      }),
      { numRuns: inputs },
    );
  });
});
