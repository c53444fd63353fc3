import assert from 'node:assert/strict';
import { isOldEngine, vllmVersionNamed } from '../../../../src/core/fit/vllmVersion.ts';

describe('Versions of vLLM', () => {
  for (const [text, minor] of [
    ['0.19.0', 19],
    ['v0.10.2', 10],
    ['0.8.x (V0)', 8],
    ['0.4.0.post1 (also 0.4.3, 0.5.0)', 4],
    ['vLLM API server version 0.6.4.post1', 6],
    // A build between releases has what the next release has.
    ['0.20.1rc1.dev91 (CUDA-graph profiling on)', 21],
    ['0.10.2rc3.dev4+gabc', 11],
    // By date: what was released by then.
    ['2025-09 (gpu_worker.py:298)', 10],
    ['2026-08', 27],
    ['NVIDIA container 26.01', 14],
    ['PR build 2025-01-16', 6],
  ] as const) {
    it(`reads ${text}`, () => {
      assert.deepEqual(vllmVersionNamed(text), [0, minor]);
    });
  }

  it('knows nothing of other texts', () => {
    for (const text of ['', 'main', 'gpu_worker.py:857', '2026', 'CUDA 12.8'])
      assert.equal(vllmVersionNamed(text), undefined);
  });

  it('tells the old engine from the new one', () => {
    assert.equal(isOldEngine([0, 8], '0.8.5 (V0)', false), true);
    assert.equal(isOldEngine([0, 8], '0.8.5', false), false);
    assert.equal(isOldEngine([0, 8], '0.8.5', true), true);
    assert.equal(isOldEngine([0, 6], '0.6.6', false), true);
    assert.equal(isOldEngine([0, 9], '0.9.1, worker.py:266', false), true);
    assert.equal(isOldEngine([0, 9], '0.9.1, gpu_worker.py:276', true), false);
    assert.equal(isOldEngine(undefined, '', true), false);
  });
});
