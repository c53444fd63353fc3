import assert from 'node:assert/strict';
import { knownModel } from '../../../../src/core/fit/catalogue.ts';
import type { ModelFacts } from '../../../../src/core/fit/modelFacts.ts';
import { largestVllmContext, planVllm } from '../../../../src/core/fit/plan.ts';
import {
  cacheNeededBytes,
  estimateVllm,
  vllmDefaults,
  type VllmGpu,
  type VllmSettings,
} from '../../../../src/core/fit/vllm.ts';

const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;

function model(name: string): ModelFacts {
  const facts = knownModel(name);
  assert.ok(facts, name);
  return facts;
}

const h100: VllmGpu = { totalBytes: 81_090.6 * mebibyte, multiprocessors: 132, nvlink: true, hopper: true };
const usual: VllmSettings = {
  version: [0, 19],
  scheme: { kind: 'plain', bytes: 2 },
  dtypeBytes: 2,
  cacheElementBytes: 2,
  maxModelTokens: 8192,
  maxSequences: 1024,
  maxBatchedTokens: 8192,
  utilization: 0.95,
  tensorParallel: 1,
  pipelineParallel: 1,
  eager: false,
  graphSizes: 51,
};

describe('Memory of vLLM', () => {
  // Peak activation and pool of keys and values, as 0.19 printed them on an H100.
  for (const [name, activationMiB, poolMiB, changes] of [
    ['codellama-7b', 788, 63_140, {}],
    ['llama-3.1-8b', 1935, 59_505, {}],
    ['llama-3.1-8b', 1935, 65_290, { tensorParallel: 2 }],
    ['llama-3.1-8b', 1075, 71_475, { pipelineParallel: 4 }],
    ['qwen2.5-7b', 2263, 59_935, {}],
    ['gemma-2-27b', 3748, 21_084, {}],
    ['qwen3-30b-a3b', 2744, 15_780, {}],
    ['mixtral-8x7b', 1239, 29_123, { tensorParallel: 2 }],
  ] as const) {
    it(`is right for ${name} ${JSON.stringify(changes)}`, () => {
      const { activation, cachePool } = estimateVllm(model(name), { ...usual, ...changes }, h100);
      near(activation.bytes / mebibyte, activationMiB, 0.02);
      near(cachePool.bytes / mebibyte, poolMiB, 0.01);
      assert.ok(cachePool.lowBytes <= cachePool.bytes && cachePool.bytes <= cachePool.highBytes);
    });
  }

  it('needs 38 bytes a logit until 0.16', () => {
    const { activation } = estimateVllm(model('qwen3-14b'), { ...usual, version: [0, 15] }, h100);
    near(activation.bytes / mebibyte, 5775, 0.02);
    const unknown: VllmSettings = { ...usual };
    delete (unknown as { version?: unknown }).version;
    assert.ok(estimateVllm(model('qwen3-14b'), unknown, h100).activation.bytes >= activation.bytes);
  });

  it('has room for as many tokens as servers printed', () => {
    for (const [name, poolMiB, tokens, changes] of [
      ['llama-3.1-8b', 59_504.6, 476_016, {}],
      ['llama-3.1-8b', 59_504.6, 952_032, { cacheElementBytes: 1 }],
      ['gpt-oss-20b', 59_873, 1_277_184, {}],
      ['deepseek-v2-lite', 44_656.6, 1_505_552, {}],
      ['gemma-3-12b', 48_865, 130_304, {}],
      ['mixtral-8x7b', 29_122.6, 465_936, { tensorParallel: 2 }],
      ['llama-4-scout-17b-16e', 17_152, 365_968, { tensorParallel: 4 }],
    ] as const) {
      const { bytesPerToken } = estimateVllm(model(name), { ...usual, ...changes }, h100);
      near((poolMiB * mebibyte) / bytesPerToken, tokens, 0.0005);
    }
  });

  it('holds so many bytes of keys and values a token', () => {
    for (const [name, bytes, changes] of [
      ['llama-3.1-8b', 131_072, {}],
      ['llama-3.1-8b', 65_536, { cacheElementBytes: 1 }],
      ['llama-3.1-8b', 32_768, { tensorParallel: 4 }],
      // Four KV heads over eight GPUs: each has one whole.
      ['qwen3-235b-a22b', 94 * 2 * 128 * 2, { tensorParallel: 8 }],
      ['deepseek-v2-lite', 31_104, {}],
      ['deepseek-v2-lite', 31_104, { tensorParallel: 2 }],
      ['phi-3-mini', 393_216, {}],
    ] as const) {
      assert.equal(estimateVllm(model(name), { ...usual, ...changes }, h100).bytesPerToken, bytes, name);
    }
  });

  it('keeps of a window no more than the window and a batch', () => {
    const facts = model('gemma-3-27b');
    const need = (tokens: number, maxBatchedTokens: number) =>
      cacheNeededBytes(facts, { ...usual, maxBatchedTokens }, tokens);
    assert.equal(need(8192, 8192), 62 * 8192 * 2 * 16 * 128 * 2);
    assert.ok(need(131_072, 2048) < 0.25 * 62 * 131_072 * 2 * 16 * 128 * 2);
  });

  it('counts graphs into the budget from 0.21 on', () => {
    const facts = model('llama-3.1-8b');
    const old = estimateVllm(facts, { ...usual, version: [0, 20] }, h100);
    const recent = estimateVllm(facts, { ...usual, version: [0, 21] }, h100);
    const eager = estimateVllm(facts, { ...usual, version: [0, 21], eager: true }, h100);
    near(old.graphs.bytes / mebibyte, 932, 0.07);
    assert.ok(recent.cachePool.bytes < eager.cachePool.bytes);
    assert.equal(eager.graphs.bytes, 0);
  });

  it('makes no room for graphs from 0.27 on, unless the log says that it does', () => {
    const facts = model('llama-3.1-8b');
    const pool = (changes: Partial<VllmSettings>) =>
      estimateVllm(facts, { ...usual, version: [0, 27], ...changes }, h100).cachePool.bytes;
    assert.equal(pool({}), pool({ eager: true }));
    assert.ok(pool({ profilesGraphs: true }) < pool({}));
    assert.ok(pool({ version: [0, 26] }) < pool({ version: [0, 26], profilesGraphs: false }));
  });

  it('keeps less beside a layer in the old engine with FlashAttention', () => {
    for (const [tokens, loggedMiB] of [
      [20_000, 1761],
      [29_000, 2703],
    ] as const) {
      const settings: VllmSettings = { ...usual, version: [0, 6], maxSequences: 256, maxBatchedTokens: tokens };
      const { activation } = estimateVllm(model('llama-3.1-8b'), { ...settings, oldFlashAttention: true }, h100);
      near(activation.bytes / mebibyte, loggedMiB, 0.05);
    }
  });

  it('does not sample while the old engine profiles chunks', () => {
    const settings: VllmSettings = { ...usual, version: [0, 8], maxSequences: 256, maxBatchedTokens: 2048 };
    const { activation } = estimateVllm(model('llama-3.1-8b'), { ...settings, profilesNoSampler: true }, h100);
    near(activation.bytes / mebibyte, 225, 0.06);
  });

  it('takes other defaults on large GPUs', () => {
    assert.deepEqual(vllmDefaults([0, 19], 80 * gibibyte, false), {
      maxSequences: 1024,
      maxBatchedTokens: 8192,
      utilization: 0.9,
    });
    assert.deepEqual(vllmDefaults([0, 21], 24 * gibibyte, false), {
      maxSequences: 256,
      maxBatchedTokens: 2048,
      utilization: 0.92,
    });
    assert.equal(vllmDefaults([0, 19], 80 * gibibyte, true).maxSequences, 256);
  });
});

describe('A plan for vLLM', () => {
  // A laptop’s RTX 3500 Ada: 11.6 GiB, 11.1 of them free.
  const laptop: VllmGpu = {
    totalBytes: 11.6 * gibibyte,
    freeBytes: 11.1 * gibibyte,
    multiprocessors: 40,
    nvlink: false,
  };
  const small: VllmSettings = {
    ...usual,
    version: [0, 11],
    maxSequences: 16,
    maxBatchedTokens: 2048,
    utilization: 0.9,
    maxModelTokens: 4096,
    eager: true,
  };
  const failing = (facts: ModelFacts, settings: VllmSettings, gpu = laptop) =>
    planVllm(facts, settings, gpu).conditions.find(({ holds }) => holds === 'no')?.name;

  it('says why a 7B of 16 bits fails on 12 GB, whatever the utilization', () => {
    for (const utilization of [0.6, 0.9]) {
      const settings = { ...small, utilization };
      assert.equal(planVllm(model('mistral-7b'), settings, laptop).verdict, 'fails');
      assert.equal(failing(model('mistral-7b'), settings), 'the weights alone');
    }
  });

  it('says that a low utilization leaves no cache', () => {
    assert.equal(failing(model('phi-3-mini'), { ...small, utilization: 0.6 }), 'one request of the whole context');
    assert.equal(planVllm(model('phi-3-mini'), small, laptop).verdict, 'fits');
  });

  it('says that the context is too long, and which one would do', () => {
    const settings = { ...small, maxModelTokens: 131_072 };
    assert.equal(failing(model('phi-3-mini-128k'), settings), 'one request of the whole context');
    const largest = largestVllmContext(model('phi-3-mini-128k'), settings, laptop) ?? 0;
    assert.ok(largest > 5000 && largest < 9000 && largest % 16 === 0, `${largest}`);
    assert.equal(planVllm(model('phi-3-mini-128k'), { ...settings, maxModelTokens: largest }, laptop).verdict, 'fits');
  });

  it('fits the same model in 4 bits', () => {
    const settings: VllmSettings = { ...small, scheme: { kind: 'awq' }, maxModelTokens: 32_768 };
    assert.equal(planVllm(model('mistral-7b'), settings, laptop).verdict, 'fits');
  });

  it('says when others use the GPU', () => {
    const busy = { ...laptop, freeBytes: 8 * gibibyte };
    assert.equal(failing(model('phi-3-mini'), small, busy), 'free memory at the start');
  });

  it('does not decide what depends on others that were not counted', () => {
    const { totalBytes, multiprocessors, nvlink } = laptop;
    const plan = planVllm(
      model('phi-3-mini'),
      { ...small, utilization: 0.95 },
      { totalBytes, multiprocessors, nvlink },
    );
    assert.equal(plan.verdict, 'tight');
  });
});

function near(actual: number, expected: number, tolerance: number): void {
  const error = Math.abs(actual - expected) / expected;
  assert.ok(error <= tolerance, `${actual} instead of ${expected}: ${(error * 100).toFixed(2)} % off`);
}
