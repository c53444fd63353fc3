import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  calibrationOf,
  noCalibrations,
  parseCalibrations,
  planCalibrated,
  withCalibration,
  withoutCalibrations,
  type Calibration,
  type MeasuredLoad,
} from '../../../../src/core/fit/calibration.ts';
import { calibrationText } from '../../../../src/core/fit/corrections.ts';
import { knownModel } from '../../../../src/core/fit/catalogue.ts';
import { keyOf } from '../../../../src/core/fit/loadKey.ts';
import type { FitPlan, FitRequest, FitServer } from '../../../../src/core/fit/fitRequest.ts';
import { poolCondition } from '../../../../src/core/fit/plan.ts';
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
  gpus: [{ id: 'GPU-1', name: 'NVIDIA GeForce RTX 3060', totalBytes: 11.6 * gibibyte, freeBytes }],
});
const ollama = requestFor({ kind: 'ollama', version: '0.32.0', contextTokens: 8192 });
const bytesOf = (plan: FitPlan, part: string) => plan.rows.find((row) => row.part === part)?.figure.bytes ?? 0;
const buffersOf = (plan: FitPlan) =>
  ['weights', 'cache', 'state', 'compute'].reduce((sum, part) => sum + bytesOf(plan, part), 0);
const card = { id: 'GPU-1', name: 'NVIDIA GeForce RTX 3060' };
const withModel = (request: FitRequest, more: Partial<FitRequest['model']>): FitRequest => ({
  ...request,
  model: { ...request.model, ...more },
});

function measured(request: FitRequest, load: MeasuredLoad): Calibration {
  return calibrationOf(request, card, load, atMs) ?? assert.fail('it was not taken');
}

describe('Calibration by loads of this machine', () => {
  it('adds what a load took beyond its plan, and says since when', () => {
    const before = planFit(ollama);
    const one = measured(ollama, { buffers: buffersOf(before) + 100 * mebibyte, overhead: 400 * mebibyte });
    const plan = planCalibrated(ollama, withCalibration(noCalibrations, one));
    assert.equal(bytesOf(plan, 'compute') - bytesOf(before, 'compute'), 100 * mebibyte);
    assert.equal(bytesOf(plan, 'overhead'), 400 * mebibyte);
    assert.deepEqual(plan.measuredBy, { atMs, of: 'llama3.1:8b' });
    assert.equal(
      calibrationText(plan.measuredBy),
      'Corrected by what this machine’s load of llama3.1:8b took on 24 November 2026.',
    );
    assert.match(
      plan.rows.find(({ part }) => part === 'compute')?.figure.because ?? '',
      /as measured here on 24 November 2026/,
    );
    assert.equal(before.measuredBy, undefined);
  });

  it('makes a verdict of what the formulas alone leave open', () => {
    const free = buffersOf(planFit(ollama)) + 1024 * mebibyte + 250 * mebibyte;
    const tight = requestFor(ollama.server, free);
    assert.equal(planFit(tight).verdict, 'tight');
    const one = measured(ollama, { buffers: buffersOf(planFit(ollama)), overhead: 160 * mebibyte });
    assert.equal(planCalibrated(tight, withCalibration(noCalibrations, one)).verdict, 'fits');
  });

  it('of vLLM: activations and graphs by its own last line, and so the context that is left', () => {
    const request = requestFor({ kind: 'vllm', version: [0, 22], contextTokens: 8192, maxSequences: 16 });
    const before = planFit(request);
    const one = measured(request, { compute: bytesOf(before, 'compute') + 512 * mebibyte });
    const plan = planCalibrated(request, withCalibration(noCalibrations, one));
    assert.equal(bytesOf(plan, 'compute') - bytesOf(before, 'compute'), 512 * mebibyte);
    assert.ok((plan.largestContextTokens ?? 0) < (before.largestContextTokens ?? 0));
  });

  it('holds for loads alike only, and of the process beside the buffers for other models too', () => {
    const base = withModel(ollama, { digest: 'sha256:1' });
    const both = { buffers: buffersOf(planFit(base)) + 100 * mebibyte, overhead: 400 * mebibyte };
    const all = withCalibration(noCalibrations, measured(base, both));
    const parts = (request: FitRequest) => {
      const [before, after] = [planFit(request), planCalibrated(request, all)];
      return (['compute', 'overhead'] as const).filter((part) => bytesOf(before, part) !== bytesOf(after, part));
    };
    const other = (server: FitServer) => parts(withModel(requestFor(server), { digest: 'sha256:1' }));
    const version = '0.32.0';
    assert.deepEqual(other({ kind: 'ollama', version, contextTokens: 16_384 }), ['compute', 'overhead'], 'same batch');
    assert.deepEqual(other({ kind: 'ollama', version, contextTokens: 65_536 }), ['overhead'], 'another batch');
    assert.deepEqual(other({ kind: 'ollama', version, contextTokens: 8192, cacheType: 'q8_0' }), ['overhead']);
    assert.deepEqual(other({ kind: 'ollama', version, contextTokens: 8192, parallel: 4 }), ['overhead']);
    assert.deepEqual(other({ kind: 'ollama', version, contextTokens: 8192, flashAttention: false }), ['overhead']);
    assert.deepEqual(other({ kind: 'ollama', version: '0.33.0', contextTokens: 8192 }), [], 'another version');
    assert.deepEqual(parts({ ...base, gpus: base.gpus.map((gpu) => ({ ...gpu, id: 'GPU-2' })) }), []);
    assert.deepEqual(parts({ ...base, gpus: [...base.gpus, ...base.gpus] }), [], 'which part is where is not known');
    const { id: _, ...nameless } = base.gpus[0] ?? assert.fail();
    assert.deepEqual(parts({ ...base, gpus: [nameless] }), [], 'a card to plan for, not one that is here');
  });

  it('is of the files and not of their name: what is fetched anew under it is another model', () => {
    const base = withModel(ollama, { digest: 'sha256:1' });
    const all = withCalibration(noCalibrations, measured(base, { overhead: 400 * mebibyte, compute: 300 * mebibyte }));
    const computeOf = (request: FitRequest) => bytesOf(planCalibrated(request, all), 'compute');
    assert.equal(computeOf(withModel(base, { name: 'copy-of-it' })), 300 * mebibyte);
    assert.notEqual(computeOf(withModel(base, { digest: 'sha256:2' })), 300 * mebibyte);
    assert.notEqual(computeOf(withModel(base, { fileType: 'Q8_0' })), 300 * mebibyte, 'as it would be in another file');
    const another = planCalibrated(withModel(base, { digest: 'sha256:2' }), all);
    const { lowBytes = 0, highBytes = 0 } = another.rows.find(({ part }) => part === 'overhead')?.figure ?? {};
    assert.equal(highBytes - lowBytes, 256 * mebibyte, 'how far it carries is less certain');
  });

  it('goes by name and size where no server tells a digest, whether the tag is said or not', () => {
    const key = (request: FitRequest) => keyOf(request, 8192, 'GPU-1').model;
    assert.equal(key(withModel(ollama, { name: 'llama3.1' })), key(withModel(ollama, { name: 'llama3.1:latest' })));
    assert.notEqual(key(withModel(ollama, { name: 'llama3.1' })), key(ollama));
    const vllm = requestFor({ kind: 'vllm' });
    assert.notEqual(key(withModel(vllm, { checkpointBytes: gibibyte })), key(vllm));
    assert.notEqual(key({ ...vllm, draft: vllm.model }), key(vllm));
  });

  it('of vLLM: the pool that it really has, at any context and utilization', () => {
    const request = requestFor({ kind: 'vllm', version: [0, 32], contextTokens: 8192, utilization: 0.9 });
    const pool = planFit(request).conditions.find(({ name }) => name === poolCondition)?.have.bytes ?? assert.fail();
    const all = withCalibration(noCalibrations, measured(request, { pool: pool - 400 * mebibyte }));
    const other = requestFor({ kind: 'vllm', version: [0, 32], contextTokens: 4096, utilization: 0.8 });
    const poolOf = (plan: FitPlan) => plan.conditions.find(({ name }) => name === poolCondition)?.have;
    const [before, after] = [poolOf(planFit(other)), poolOf(planCalibrated(other, all))];
    assert.equal((before?.bytes ?? 0) - (after?.bytes ?? 0), 400 * mebibyte);
    assert.equal((after?.highBytes ?? 0) - (after?.lowBytes ?? 0), 64 * mebibyte);
    const eager = requestFor({ kind: 'vllm', version: [0, 32], eager: true });
    assert.equal(planCalibrated(eager, all).measuredBy, undefined, 'without CUDA graphs it is another load');
  });

  it('of llama-server: what its process holds beyond all that was planned', () => {
    const request = requestFor({ kind: 'llama-server', build: 11_434, contextTokens: 8192 });
    const before = planFit(request);
    const all = buffersOf(before) + bytesOf(before, 'overhead') + 90 * mebibyte;
    const plan = planCalibrated(request, withCalibration(noCalibrations, measured(request, { all })));
    assert.equal(bytesOf(plan, 'overhead') - bytesOf(before, 'overhead'), 90 * mebibyte);
    const less = withCalibration(noCalibrations, measured(request, { all: all - 150 * mebibyte }));
    const another = withModel(request, { name: 'another' });
    assert.equal(planCalibrated(another, less).measuredBy, undefined, 'its buffers are in that');
    assert.equal(calibrationOf(request, card, { all: bytesOf(before, 'weights') / 2 }, atMs), undefined, 'on the CPU');
  });

  it('does not take for a measurement what counts only a part, or something else', () => {
    const plan = planFit(ollama);
    const tried = (load: MeasuredLoad) => calibrationOf(ollama, card, load, atMs);
    assert.equal(tried({ buffers: bytesOf(plan, 'weights') }), undefined, 'the weights alone');
    assert.equal(tried({ buffers: 3 * buffersOf(plan) }), undefined);
    assert.equal(tried({ overhead: 5 * gibibyte }), undefined, 'another process is in it');
    assert.equal(tried({}), undefined);
    const partial = requestFor(ollama.server, 4 * gibibyte);
    assert.equal(calibrationOf(partial, card, { buffers: buffersOf(plan) }, atMs), undefined);
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
    assert.equal(withoutCalibrations(all, 'llama3.1:8b').entries.length, 0);
    assert.equal(withoutCalibrations(all, 'another').entries.length, 200);
    assert.equal(withoutCalibrations(all, undefined).entries.length, 0);
  });

  it(`reads ${inputs} random inputs: what is damaged is left out, and plans stay finite`, () => {
    const good = withCalibration(noCalibrations, measured(ollama, { overhead: 300 * mebibyte }));
    const file = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record({ version: fc.constantFrom(1, 2, '2'), entries: fc.array(fc.anything()) })
        .map((value) => JSON.stringify(value)),
      fc.nat(JSON.stringify(good).length).map((at) => JSON.stringify(good).slice(0, at)),
      fc.double().map((bytes) => JSON.stringify(good).replace(/"overhead":[^}]+/, `"overhead":${bytes}`)),
    );
    fc.assert(
      fc.property(file, (text) => {
        const plan = planCalibrated(ollama, parseCalibrations(text));
        for (const { figure } of plan.rows) assert.ok(Number.isFinite(figure.bytes) && figure.bytes >= 0);
      }),
      { numRuns: inputs },
    );
  });
});
