import assert from 'node:assert/strict';
import fc from 'fast-check';
import { headLength, readSafetensors, type SafetensorsReading } from '../../../../src/core/fit/safetensors.ts';
import { safetensorsHead } from '../../../support/checkpointFiles.ts';

/** `A2IA_FUZZ_RUNS=20000` for a long look. */
const runs = Number(process.env['A2IA_FUZZ_RUNS'] ?? 500);

const weights = {
  __metadata__: { format: 'pt' },
  'model.embed_tokens.weight': { dtype: 'BF16', shape: [1000, 256], data_offsets: [0, 512_000] },
  'model.norm.weight': { dtype: 'F32', shape: [256], data_offsets: [512_000, 513_024] },
};

function read(tensors: object, fileBytes?: number): SafetensorsReading {
  const head = safetensorsHead({ ...tensors });
  assert.equal(headLength(head), head.length - 8);
  return readSafetensors(head.subarray(8), fileBytes);
}

function problemOf(tensors: object, fileBytes?: number): string {
  const reading = read(tensors, fileBytes);
  assert.ok(reading.outcome === 'invalid', 'it was accepted');
  return reading.problem;
}

describe('The head of a safetensors file', () => {
  it('is its tensors in the order of the file, and their bytes', () => {
    const reading = read(weights);
    assert.ok(reading.outcome === 'read');
    assert.equal(reading.head.tensorBytes, 513_024);
    assert.deepEqual(reading.head.tensors[1], { name: 'model.norm.weight', dtype: 'F32', shape: [256], bytes: 1024 });
  });

  it('may have types that are newer than the table, and types smaller than a byte', () => {
    const tensors = {
      a: { dtype: 'F4', shape: [3], data_offsets: [0, 2] },
      b: { dtype: 'Q9_NEW', shape: [100], data_offsets: [2, 40] },
    };
    assert.equal(read(tensors).outcome, 'read');
  });

  it('is refused where it lies', () => {
    const at = (from: number, to: number, rest: object = {}) => ({
      dtype: 'U8',
      shape: [to - from],
      data_offsets: [from, to],
      ...rest,
    });
    assert.match(problemOf({ a: at(0, 10), b: at(5, 15) }), /overlap at “b”/);
    assert.match(problemOf({ a: at(0, 10), b: at(0, 10) }), /overlap/);
    assert.match(problemOf({ a: at(0, 10), b: at(12, 15) }), /gap before “b”/);
    assert.match(problemOf({ a: at(0, 10, { shape: [11] }) }), /another size than its shape/);
    assert.match(problemOf({ a: at(0, 10, { data_offsets: [10, 0] }) }), /ends before it begins/);
    assert.match(problemOf({ a: at(0, 10, { data_offsets: [0, 2 ** 60] }) }), /nowhere in the file/);
    assert.match(problemOf({ a: at(0, 10, { shape: [2 ** 40, 2 ** 40] }) }), /another size/);
    assert.match(problemOf({ a: at(0, 10, { shape: [-10] }) }), /no shape/);
    assert.match(problemOf({ a: at(0, 10, { dtype: 7 }) }), /no type/);
    assert.match(problemOf({ a: 'text' }), /not described/);
    assert.match(problemOf({ [`${'x'.repeat(5000)}`]: 1 }), /“x{80}…” is not described/);
    assert.match(problemOf({ a: at(0, 10) }, 20), /cut short: it has 20 bytes/);
  });

  it('is refused where it is none', () => {
    for (const json of ['', '{', '[]', 'null', '"text"', '[['.repeat(100_000)]) {
      assert.equal(readSafetensors(Buffer.from(json)).outcome, 'invalid', json.slice(0, 10));
    }
    for (const start of [Buffer.alloc(0), Buffer.alloc(7), Buffer.alloc(8), Buffer.alloc(8, 0xff)]) {
      assert.equal(headLength(start), undefined);
    }
  });

  it('never throws, whatever is changed in it', () => {
    const whole = safetensorsHead(weights);
    const change = fc.record({ at: fc.nat(whole.length - 1), bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }) });
    const entry = fc.record(
      {
        dtype: fc.oneof(fc.constantFrom('F16', 'U8', 'F4', 'NEW'), fc.jsonValue()),
        shape: fc.oneof(fc.array(fc.nat(8), { maxLength: 3 }), fc.array(fc.double()), fc.jsonValue()),
        data_offsets: fc.oneof(fc.tuple(fc.nat(64), fc.nat(64)), fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 6 }),
        fc.dictionary(fc.string({ maxLength: 8 }), fc.oneof(entry, fc.jsonValue()), { maxKeys: 6 }),
        fc.option(fc.nat(4096)),
        (changes, tensors, size) => {
          const changed = Buffer.from(whole);
          for (const { at, bytes } of changes) changed.set(bytes.subarray(0, changed.length - at), at);
          const length = headLength(changed);
          if (length !== undefined) readSafetensors(changed.subarray(8, 8 + length), size ?? undefined);
          const reading = readSafetensors(Buffer.from(JSON.stringify(tensors)), size ?? undefined);
          if (reading.outcome === 'read') {
            const sum = reading.head.tensors.reduce((total, { bytes }) => total + bytes, 0);
            assert.equal(sum, reading.head.tensorBytes);
          } else assert.ok(reading.problem.length < 300);
        },
      ),
      { numRuns: runs },
    );
  });
});
