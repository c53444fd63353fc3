import assert from 'node:assert/strict';
import { knownModel } from '../../../../src/core/fit/catalogue.ts';
import { fitBadge } from '../../../../src/core/fit/fitBadge.ts';
import type { FitGpu, FitRequest, FitServer } from '../../../../src/core/fit/fitRequest.ts';
import { planFit } from '../../../../src/core/fit/planFit.ts';
import { spillText } from '../../../../src/core/fit/spill.ts';
import { planWithLoaded, unloadingText } from '../../../../src/core/fit/unloading.ts';

const gibibyte = 1024 ** 3;
const card = (freeGib: number, more: Partial<FitGpu> = {}): FitGpu => ({
  name: 'NVIDIA GeForce RTX 3060',
  totalBytes: 11.6 * gibibyte,
  freeBytes: freeGib * gibibyte,
  ...more,
});
const request = (server: FitServer, gpus: readonly FitGpu[] = []): FitRequest => ({
  model: { name: 'qwen3:8b', facts: knownModel('qwen3-8b') ?? assert.fail(), fileType: 'Q4_K_M' },
  server,
  gpus,
});
const ollama = { kind: 'ollama', version: '0.33.0', contextTokens: 8192 } as const;
const rooms = (besideGib: number, aloneGib: number, ...others: readonly string[]) => ({
  beside: [card(besideGib)],
  alone: [card(aloneGib)],
  others,
});

describe('A plan where models are loaded', () => {
  it('is beside them where both have room', () => {
    const plan = planWithLoaded(request(ollama), rooms(10, 11, 'small:1b'), planFit);
    assert.equal(plan.verdict, 'fits');
    assert.equal(plan.unloading, undefined);
    assert.match(fitBadge(plan) ?? '', /^fits \d+k$/);
  });

  it('is after unloading them where not, which Ollama does by itself', () => {
    const plan = planWithLoaded(request(ollama), rooms(4, 11, 'other:8b'), planFit);
    assert.equal(plan.verdict, 'fits');
    assert.match(fitBadge(plan) ?? '', /^fits \d+k after unloading other:8b$/);
    assert.equal(
      unloadingText(plan),
      'That is after unloading other:8b: Ollama does that by itself, unless somebody uses it just then.',
    );
    const three = planWithLoaded(request(ollama), rooms(4, 11, 'a', 'b', 'c'), planFit);
    assert.match(fitBadge(three) ?? '', /after unloading 3 models$/);
  });

  it('is after unloading them also where it would fit, and Ollama guesses that it does not', () => {
    const long = { ...ollama, contextTokens: 32_768 };
    assert.equal(planFit(request(long, [card(11.1)])).verdict, 'fits');
    const plan = planWithLoaded(request(long), rooms(11.1, 11.5, 'other:1b'), planFit);
    assert.deepEqual(plan.unloading, { models: ['other:1b'], by: 'server' });
  });

  it('is as things are for a server that unloads nobody else’s models, and says what would help', () => {
    const plan = planWithLoaded(
      request({ kind: 'llama-server', contextTokens: 8192 }),
      rooms(4, 11, 'other:8b'),
      planFit,
    );
    assert.equal(plan.verdict, 'partial');
    assert.equal(plan.free?.bytes, 4 * gibibyte);
    assert.match(unloadingText(plan) ?? '', /^Ollama has other:8b loaded\. .* unload it first\.$/);
    assert.doesNotMatch(fitBadge(plan) ?? '', /unloading/);
    const useless = planWithLoaded(request({ kind: 'llama-server', contextTokens: 8192 }), rooms(3, 4, 'x'), planFit);
    assert.equal(useless.unloading, undefined);
  });

  it('tells of nothing that would go where it is not known what that frees', () => {
    const plan = planWithLoaded(request(ollama), rooms(4, 4, 'other:8b'), planFit);
    assert.equal(plan.unloading, undefined);
    assert.equal(plan.verdict, 'partial');
  });
});

describe('A plan for a driver that pages instead of failing', () => {
  const windows = (freeGib: number) => [card(freeGib, { spills: true })];
  const old = { kind: 'llama-server', build: 6000, contextTokens: 8192 } as const;

  it('pages what a server allocates beyond the card, and does not end with its error', () => {
    assert.equal(planFit(request(old, [card(4)])).verdict, 'fails');
    const plan = planFit(request(old, windows(4)));
    assert.equal(plan.verdict, 'partial');
    assert.equal(plan.failure, undefined);
    assert.ok((plan.spilledBytes ?? 0) > gibibyte && (plan.spilledBytes ?? 0) < 4 * gibibyte);
    assert.match(spillText(plan) ?? '', /pages about .* GiB into the machine’s memory instead of failing/);
    assert.equal(fitBadge(plan), 'pages into RAM');
  });

  it('is sure only where a tenth less would do, since that may be all that Windows gives', () => {
    const needed = planFit(request(ollama, [card(11)])).conditions[0]?.need.highBytes ?? 0;
    const free = (needed + gibibyte) / gibibyte + 0.2;
    assert.equal(planFit(request(ollama, [card(free)])).verdict, 'fits');
    const plan = planFit(request(ollama, windows(free)));
    assert.equal(plan.verdict, 'tight');
    assert.ok(plan.doubts.some((doubt) => doubt.includes('pages into the machine’s memory')));
  });

  it('fails where the server itself compares: vLLM’s budget, and the pool that is left', () => {
    const checkpoint = { ...request({ kind: 'vllm', version: [0, 19] }, windows(11)) };
    const plan = planFit({ ...checkpoint, model: { ...checkpoint.model, scheme: { kind: 'plain', bytes: 2 } } });
    assert.equal(plan.verdict, 'fails');
    assert.ok(plan.failure);
  });
});
