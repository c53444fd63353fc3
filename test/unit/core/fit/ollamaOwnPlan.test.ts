import assert from 'node:assert/strict';
import { knownModel } from '../../../../src/core/fit/catalogue.ts';
import { mixtureNamed, weightsAs } from '../../../../src/core/fit/ggufMixtures.ts';
import { offloadPolicy } from '../../../../src/core/fit/llamaCppDefaults.ts';
import type { LlamaCppSettings } from '../../../../src/core/fit/llamaCpp.ts';
import { ollamaOwnDemand } from '../../../../src/core/fit/ollamaOwnPlan.ts';
import { planLlamaCpp } from '../../../../src/core/fit/plan.ts';

const mebibyte = 1024 ** 2;
const reserveMiB = 457;
const old = { number: 5400 };

function loaded(name: string, fileType: string) {
  const facts = knownModel(name);
  const rule = mixtureNamed(fileType);
  assert.ok(facts && rule);
  return { facts, weights: weightsAs(rule, facts) };
}

function settings(changes: Partial<LlamaCppSettings>): LlamaCppSettings {
  return {
    build: old,
    contextTokens: 8192,
    sequences: 1,
    batchTokens: 512,
    keyType: 'f16',
    valueType: 'f16',
    flashAttention: false,
    gpus: 1,
    ...changes,
  };
}

describe('What Ollama itself asks for', () => {
  // `memory.required.full` in its log.
  for (const [name, fileType, requiredMiB, changes] of [
    ['gemma-3-12b', 'Q4_K_M', 11_673.6, { withEncoder: true }],
    ['llama-2-7b', 'Q4_0', 9011.2, { sequences: 2 }],
    ['gpt-oss-20b', 'MXFP4', 17_305.6, {}],
  ] as const) {
    it(`is about what it logged for ${name}`, () => {
      const { facts, weights } = loaded(name, fileType);
      const demandMiB = ollamaOwnDemand(facts, weights, settings(changes), 1) / mebibyte + reserveMiB;
      assert.ok(Math.abs(demandMiB / requiredMiB - 1) < 0.07, `${demandMiB}`);
    });
  }

  it('decides what goes to the GPU, not what the buffers then take', () => {
    const { facts, weights } = loaded('gemma-3-12b', 'Q4_K_M');
    const policy = offloadPolicy('ollama', old);
    const verdict = (freeMiB: number) =>
      planLlamaCpp(
        facts,
        weights,
        settings({ withEncoder: true }),
        [{ totalBytes: freeMiB * mebibyte, freeBytes: freeMiB * mebibyte }],
        policy,
      ).verdict;
    // Its buffers would be well below 11 GiB.
    assert.equal(verdict(11_300), 'partial');
    assert.equal(verdict(12_200), 'fits');
  });
});
