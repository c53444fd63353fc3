import assert from 'node:assert/strict';
import { knownModel } from '../../../../src/core/fit/catalogue.ts';
import { mixtureNamed, weightsAs } from '../../../../src/core/fit/ggufMixtures.ts';
import type { CacheType } from '../../../../src/core/fit/kvCache.ts';
import { cacheBytes, stateBytes } from '../../../../src/core/fit/kvCache.ts';
import { computeBytes, type LlamaCppSettings } from '../../../../src/core/fit/llamaCpp.ts';
import { buildOfMonth, buildOfOllama, runsOnOllamaEngine } from '../../../../src/core/fit/llamaCppBuild.ts';
import type { ModelFacts, WeightBytes } from '../../../../src/core/fit/modelFacts.ts';
import { planLlamaCpp, type OffloadPolicy } from '../../../../src/core/fit/plan.ts';

const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;

function model(name: string): ModelFacts {
  const facts = knownModel(name);
  assert.ok(facts, name);
  return facts;
}

function weights(facts: ModelFacts, mixture = 'Q4_K_M'): WeightBytes {
  const rule = mixtureNamed(mixture);
  assert.ok(rule);
  return weightsAs(rule, facts);
}

const usual: LlamaCppSettings = {
  build: { number: 10_000 },
  contextTokens: 4096,
  sequences: 1,
  batchTokens: 512,
  keyType: 'f16',
  valueType: 'f16',
  flashAttention: true,
  gpus: 1,
};

function settings(changes: Partial<LlamaCppSettings> = {}, type: CacheType = 'f16'): LlamaCppSettings {
  return { ...usual, keyType: type, valueType: type, ...changes };
}

describe('The cache of llama.cpp', () => {
  // Every one as a server printed it.
  const cases: readonly (readonly [name: string, settings: LlamaCppSettings, mib: number])[] = [
    ['qwen2.5-7b', settings({ contextTokens: 8192 }, 'q8_0'), 238],
    ['qwen3-1.7b', settings({ contextTokens: 40_960 }), 4480],
    ['gemma-4-12b', settings({ contextTokens: 8192 }, 'q8_0'), 323],
    ['gemma-4-12b', settings({ contextTokens: 8192, sequences: 4 }, 'q8_0'), 833],
    ['gemma-4-12b', settings({ contextTokens: 8192 }, 'q4_0'), 171],
    ['gemma-4-12b', settings({ contextTokens: 8192 }), 608],
    ['gemma-4-12b', settings({ contextTokens: 16_384 }, 'q8_0'), 391],
    ['gpt-oss-20b', settings({ contextTokens: 131_072, batchTokens: 2048 }), 3126],
    // 12 of the layers share the caches of others, and the sliding ones keep everything.
    ['gemma-4-e2b', settings({ contextTokens: 4096, fullWindow: true }), 72],
    // Latent attention: 576 elements a token in 61 layers; in 78 layers, and 128 more in the 21 with an indexer.
    ['deepseek-v3', settings({ contextTokens: 16_384 }), 1098],
    ['glm-5', settings({ contextTokens: 524_288 }), 44_928 + 2688],
    // 16 of 64 layers have one.
    ['qwen3.5-27b', settings({ contextTokens: 32_768 }), 2048],
  ];
  for (const [name, given, mib] of cases) {
    it(`is ${mib} MiB for ${name} at ${given.contextTokens} tokens in ${given.keyType} for ${given.sequences}`, () => {
      assert.equal(Math.floor(cacheBytes(model(name), given) / mebibyte), mib);
    });
  }

  it('was a full set of heads before servers knew latent attention', () => {
    const bytes = cacheBytes(model('deepseek-v3'), settings({ contextTokens: 2048, latentAsHeads: true }));
    assert.equal(bytes / mebibyte, (61 * 128 * (192 + 128) * 2 * 2048) / mebibyte);
  });

  it('has a state beside it in recurrent layers, whatever the context', () => {
    const facts = model('qwen3.5-27b');
    assert.equal((stateBytes(facts, settings()) / mebibyte).toFixed(2), '149.63');
    assert.equal(stateBytes(facts, settings({ contextTokens: 131_072 })), stateBytes(facts, settings()));
    assert.equal(stateBytes(facts, settings({ sequences: 4 })), 4 * stateBytes(facts, settings()));
  });
});

describe('The compute buffer of llama.cpp', () => {
  const old = { number: 5000 };
  const cases: readonly (readonly [name: string, settings: LlamaCppSettings, mib: number, tolerance: number])[] = [
    // Logits of the whole batch, in builds before June 2026.
    ['llama-3-8b', settings({ build: old }), 258.5, 0.001],
    ['qwen2.5-3b', settings({ build: old }), 300.75, 0.001],
    ['qwen3-30b-a3b', settings({ build: { fork: 'ik' }, contextTokens: 32_768 }), 304.75, 0.001],
    ['gemma-3-27b', settings({ build: { fork: 'ik' }, contextTokens: 32_768 }), 522.62, 0.001],
    ['qwen3.5-27b', settings({ build: { number: 7600 }, contextTokens: 32_768 }), 495, 0.001],
    // Scores of all heads, without flash attention.
    ['llama-3.1-8b', settings({ build: old, contextTokens: 8192, flashAttention: false }), 560, 0.001],
    ['llama-2-7b', settings({ build: { number: 1800 }, contextTokens: 2048, flashAttention: false }), 164.01, 0.001],
    ['llama-3-70b', settings({ build: old, contextTokens: 8192, flashAttention: false, gpus: 2 }), 2208, 0.001],
    ['llama-3-70b', settings({ build: old, contextTokens: 128_000, flashAttention: false, gpus: 3 }), 48_942, 0.001],
    // The feed-forward part, in newer ones.
    ['llama-3-8b', settings(), 112, 0.01],
    ['llama-3-8b', settings({ batchTokens: 1024, contextTokens: 32_768 }), 280, 0.01],
    ['llama-3-8b', settings({ batchTokens: 2048, contextTokens: 131_072 }), 944, 0.01],
    ['qwen2.5-7b', settings({ contextTokens: 8192 }, 'q8_0'), 140, 0.01],
  ];
  for (const [name, given, mib, tolerance] of cases) {
    const how = `${given.contextTokens}/${given.batchTokens}, build ${given.build.number ?? given.build.fork}`;
    it(`is ${mib} MiB for ${name} at ${how}`, () => {
      const actual = computeBytes(model(name), given) / mebibyte;
      assert.ok(Math.abs(actual - mib) / mib <= tolerance, `${actual}`);
    });
  }

  it('is the largest of the possible sizes for a build that is not known', () => {
    const facts = model('qwen2.5-7b');
    for (const number of [1200, 5000, 7600, 10_000]) {
      assert.ok(
        computeBytes(facts, settings({ build: {} })) >= computeBytes(facts, settings({ build: { number } })),
        `${number}`,
      );
    }
  });

  it('knows builds by Ollama’s version and by the month', () => {
    assert.equal(buildOfOllama('0.30.5'), 9509);
    assert.equal(buildOfOllama('0.33.0'), 10_488);
    assert.equal(buildOfOllama('today'), undefined);
    assert.equal(buildOfMonth(2026, 6), 9450);
    assert.equal(runsOnOllamaEngine('0.13.0', 'gemma3'), true);
    assert.equal(runsOnOllamaEngine('0.13.0', 'llama'), false);
    assert.equal(runsOnOllamaEngine('0.30.0', 'gemma3'), false);
  });
});

describe('A plan for llama.cpp', () => {
  const offload: OffloadPolicy = { marginBytes: 1024 * mebibyte, whenFull: 'offload', expertsFirst: true };
  const card = (gib: number) => [{ totalBytes: gib * gibibyte, freeBytes: gib * gibibyte }];

  it('fits a 7B of 4 bits on 12 GB with all of its context', () => {
    const facts = model('mistral-7b');
    const plan = planLlamaCpp(
      facts,
      weights(facts),
      settings({ contextTokens: 32_768, batchTokens: 1024 }),
      card(11.5),
      offload,
    );
    assert.equal(plan.verdict, 'fits');
    assert.deepEqual(
      plan.conditions.map(({ holds }) => holds),
      ['yes'],
    );
  });

  it('names what is missing', () => {
    const facts = model('mistral-7b');
    const policy: OffloadPolicy = { ...offload, whenFull: 'fail' };
    const plan = planLlamaCpp(facts, weights(facts, 'F16'), settings(), card(11.5), policy);
    assert.equal(plan.verdict, 'fails');
    const [condition] = plan.conditions;
    assert.ok(condition && condition.holds === 'no' && condition.slackBytes < -3 * gibibyte);
  });

  it('is tight where it depends on the driver’s own memory', () => {
    const facts = model('mistral-7b');
    const { estimate } = planLlamaCpp(facts, weights(facts), settings(), [], offload);
    const plan = planLlamaCpp(
      facts,
      weights(facts),
      settings(),
      card(1 + (estimate.total?.bytes ?? 0) / gibibyte),
      offload,
    );
    assert.equal(plan.verdict, 'tight');
  });

  it('puts experts into RAM before layers', () => {
    const facts = model('mixtral-8x7b');
    const plan = planLlamaCpp(facts, weights(facts), settings(), card(11.5), offload);
    assert.equal(plan.verdict, 'partial');
    assert.equal(plan.placement?.gpuLayers, 33);
    const without = plan.placement?.layersWithoutExperts ?? 0;
    assert.ok(without >= 20 && without <= 24, `${without}`);
    const whole = planLlamaCpp(facts, weights(facts), settings(), card(11.5), { ...offload, expertsFirst: false });
    const layers = whole.placement?.gpuLayers ?? 0;
    assert.ok(layers >= 10 && layers <= 13, `${layers}`);
  });

  it('says nothing without weights or without a GPU', () => {
    const facts = model('llama-3.1-8b');
    assert.equal(planLlamaCpp(facts, undefined, settings(), card(24), offload).verdict, 'unknown');
    assert.equal(planLlamaCpp(facts, weights(facts), settings(), [], offload).verdict, 'unknown');
  });

  it('trusts cards of which nothing is known only as far as the smallest goes, where the server may use just one', () => {
    const facts = model('llama-3.3-70b');
    const rooms = [{ totalBytes: 24 * gibibyte }, { totalBytes: 48 * gibibyte }];
    const verdict = (policy: OffloadPolicy) =>
      planLlamaCpp(facts, weights(facts), settings({ gpus: 2 }), rooms, policy).verdict;
    assert.equal(verdict({ ...offload, mayUseOne: true }), 'tight');
    assert.equal(verdict(offload), 'fits');
  });
});
