import assert from 'node:assert/strict';
import { alternativesTo } from '../../../../src/core/fit/alternatives.ts';
import { knownModel } from '../../../../src/core/fit/catalogue.ts';
import type { FitModel, FitPlan, FitRequest, FitServer } from '../../../../src/core/fit/fitRequest.ts';
import { planFit } from '../../../../src/core/fit/planFit.ts';
import { planTogether } from '../../../../src/core/fit/planTogether.ts';

const gibibyte = 1024 ** 3;

function model(name: string, rest: Partial<FitModel> = { fileType: 'Q4_K_M' }): FitModel {
  return { name, facts: knownModel(name) ?? assert.fail(name), ...rest };
}

function request(on: FitModel, server: FitServer, freeGibibytes: number): FitRequest {
  const bytes = freeGibibytes * gibibyte;
  return { model: on, server, gpus: [{ name: 'RTX 4090', totalBytes: bytes, freeBytes: bytes }] };
}

function needed({ rows }: FitPlan): number {
  return rows.reduce((total, { part, figure }) => total + (part === 'ram' ? 0 : figure.bytes), 0);
}

const ollama: FitServer = { kind: 'ollama', version: '0.33.0', contextTokens: 8192 };

describe('Two models on one GPU', () => {
  const both = (freeGibibytes: number) =>
    planTogether([
      request(model('qwen3:8b'), ollama, freeGibibytes),
      request(model('qwen2.5-coder:3b'), ollama, freeGibibytes),
    ]);

  it('fit where the second has room in what the first leaves', () => {
    const { verdict, plans, needed: all, conditions, explanation } = both(16);
    assert.equal(verdict, 'fits');
    assert.equal(plans.length, 2);
    assert.equal(
      all.bytes,
      plans.reduce((total, plan) => total + needed(plan), 0),
    );
    assert.ok((plans[1]?.free?.bytes ?? 0) < 16 * gibibyte - needed(plans[0] ?? assert.fail()));
    assert.equal(conditions[0]?.holds, 'yes');
    assert.equal(explanation, undefined);
  });

  it('fail where Ollama would unload the one for the other', () => {
    const { verdict, plans, explanation } = both(8.2);
    assert.equal(plans[0]?.verdict, 'fits');
    assert.equal(verdict, 'fails');
    assert.match(explanation ?? '', /^Ollama would unload one model for the other: it guesses \d/);
  });

  it('fail where vLLM finds its budget taken', () => {
    const vllm: FitServer = { kind: 'vllm', version: [0, 19], contextTokens: 8192 };
    const chat = request(model('Qwen/Qwen3-8B-AWQ', { scheme: { kind: 'awq' } }), vllm, 23);
    const { verdict, explanation } = planTogether([request(model('qwen3:8b'), ollama, 23), chat]);
    assert.equal(verdict, 'fails');
    assert.match(explanation ?? '', /^vLLM takes 0\.9 of 23\.0 GiB/);
  });

  it('fail where vLLM fills the card with room for one of them, and not where each has its share', () => {
    const small = model('qwen2.5:0.5b', { scheme: { kind: 'plain', bytes: 2 } });
    const two = (utilization: number) => {
      const vllm: FitServer = { kind: 'vllm', version: [0, 19], contextTokens: 4096, maxSequences: 8, utilization };
      return planTogether([request(small, vllm, 79), request(small, vllm, 79)]);
    };
    assert.equal(two(0.9).verdict, 'fails');
    assert.ok(two(0.9).needed.bytes > 2 * 0.9 * 79 * gibibyte - 1);
    assert.equal(two(0.4).verdict, 'fits');
  });

  it('are tight where it depends on what an unknown desktop takes', () => {
    const gpus = [{ name: 'RTX 3070', totalBytes: 7.6 * gibibyte }];
    const requests = ['qwen3:4b', 'qwen2.5-coder:1.5b'].map((name) => ({ model: model(name), server: ollama, gpus }));
    assert.equal(planTogether(requests).verdict, 'tight');
  });

  it('are no more than one where there is one', () => {
    const one = request(model('qwen3:8b'), ollama, 16);
    assert.deepEqual(planTogether([one]).plans, [planFit(one)]);
  });
});

describe('A draft model', () => {
  const large = model('qwen3:14b');
  const small = model('qwen3:0.6b');

  it('takes weights, a cache and a buffer of its own in llama-server', () => {
    const server: FitServer = { kind: 'llama-server', build: 10_488, contextTokens: 16_384 };
    const alone = planFit(request(large, server, 14));
    const drafted = planFit({ ...request(large, server, 14), draft: small });
    const more = needed(drafted) - needed(alone);
    // 0.35 GiB of weights and output, and 28 layers of 8 heads of 128, keys and values, in 16 bits.
    assert.ok(more > 28 * 8 * 128 * 2 * 2 * 16_384 + 0.3 * gibibyte && more < 2.4 * gibibyte, `${more}`);
    assert.ok((drafted.largestContextTokens ?? 0) < (alone.largestContextTokens ?? 0));
    assert.match(drafted.command, / -md qwen3:0\.6b-Q4_K_M\.gguf/);
  });

  it('takes weights, and a place in the cache for each token, in vLLM', () => {
    const plain = { scheme: { kind: 'plain', bytes: 2 } } as const;
    const server: FitServer = { kind: 'vllm', version: [0, 19], contextTokens: 4096 };
    const on = request(model('Qwen/Qwen3-4B', plain), server, 23);
    const draft = model('Qwen/Qwen3-0.6B', plain);
    const alone = planFit(on);
    const drafted = planFit({ ...on, draft });
    const cache = (plan: FitPlan) => plan.rows.find(({ part }) => part === 'cache')?.figure.bytes ?? 0;
    assert.equal(cache(drafted) - cache(alone), 28 * 8 * 128 * 2 * 2 * 4096);
    assert.match(drafted.command, /--speculative-config '\{"model":"Qwen\/Qwen3-0\.6B","num_speculative_tokens":\d\}'/);
  });

  it('is not planned where the server takes none, and that is said', () => {
    const plan = planFit({ ...request(large, ollama, 23), draft: small });
    assert.match(plan.doubts.join(), /Ollama takes no draft model/);
  });

  it('is left out where the model would fit without it', () => {
    const server: FitServer = { kind: 'llama-server', build: 10_488, contextTokens: 16_384 };
    const on = { ...request(large, server, 13), draft: small };
    const [first] = alternativesTo(on, planFit(on));
    assert.match(first?.label ?? '', /^Without the draft model: 2\.\d GiB less$/);
  });
});
