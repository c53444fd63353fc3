import assert from 'node:assert/strict';
import { knownModel } from '../../../../src/core/fit/catalogue.ts';
import type { Scheme } from '../../../../src/core/fit/checkpoint.ts';
import type { FitPlan, FitServer } from '../../../../src/core/fit/fitRequest.ts';
import { planFit } from '../../../../src/core/fit/planFit.ts';

/** Three models on eight cards that people have, worked out by hand from what servers print and allocate. */

const gibibyte = 1024 ** 3;

/** What CUDA has of each, in GiB. */
const cards = {
  'RTX 3060': 11.76,
  'RTX 3500 Ada': 11.6,
  'RTX 4070 Ti': 11.73,
  'RTX 4080': 15.7,
  'RTX 4090': 23.55,
  'RTX A5000': 23.67,
  'A100 40GB': 39.4,
  'A100 80GB': 79.2,
} as const;
type Card = keyof typeof cards;

/** On an idle card without a screen. */
function plan(card: Card, name: string, server: FitServer, how: { fileType?: string; scheme?: Scheme }): FitPlan {
  const totalBytes = cards[card] * gibibyte;
  const facts = knownModel(name) ?? assert.fail(name);
  const gpus = [{ name: card, totalBytes, freeBytes: totalBytes - 0.05 * gibibyte }];
  return planFit({ model: { name, facts, ...how }, server, gpus });
}

function near(actual: number | undefined, expected: number, tolerance: number, what: string): void {
  assert.ok(actual !== undefined && Math.abs(actual - expected) <= tolerance, `${what}: ${actual} is not ${expected}`);
}

const plain: Scheme = { kind: 'plain', bytes: 2 };
const awq: Scheme = { kind: 'awq' };
const none = undefined;

describe('Mixtral, Mistral and Phi-3 on vLLM 0.11', () => {
  /** GiB that are left for keys and values; `none`: the weights are too large. */
  const rows: readonly (readonly [
    card: Card,
    mixtralAwq: number | undefined,
    mistral: number | undefined,
    mistralAwq: number,
    phi: number,
  ])[] = [
    ['RTX 3060', none, none, 6.17, 2.97],
    ['RTX 3500 Ada', none, none, 6.02, 2.83],
    ['RTX 4070 Ti', none, none, 6.14, 2.95],
    ['RTX 4080', none, 0.12, 9.7, 6.5],
    ['RTX 4090', none, 7.2, 16.8, 13.6],
    ['RTX A5000', none, 7.3, 16.9, 13.7],
    ['A100 40GB', 11.7, 21.5, 31.1, 27.8],
    ['A100 80GB', 47.5, 57.2, 66.9, 63.6],
  ];
  const models = [
    ['mixtral-8x7b', awq],
    ['mistral-7b-v0.3', plain],
    ['mistral-7b', awq],
    ['phi-3-mini-128k', plain],
  ] as const;
  for (const [card, ...pools] of rows) {
    it(`have what is left of the ${card}`, () => {
      models.forEach(([name, scheme], index) => {
        const expected = pools[index];
        const made = plan(card, name, { kind: 'vllm', version: [0, 11], contextTokens: 4096 }, { scheme });
        const pool = made.conditions[2]?.have.bytes ?? assert.fail();
        if (expected === none) assert.ok(made.verdict === 'fails' && pool < 0, `${name}: ${made.verdict}`);
        else near(pool / gibibyte, expected, 0.4, name);
      });
    });
  }

  it('fail in 16 bits on 12 GB in the weights, and on 16 GB in the context', () => {
    const on = (card: Card) =>
      plan(card, 'mistral-7b-v0.3', { kind: 'vllm', version: [0, 11], contextTokens: 4096 }, { scheme: plain });
    assert.match(on('RTX 3060').failure?.serverError ?? '', /Tried to allocate 224\.00 MiB/);
    assert.match(on('RTX 4080').failure?.serverError ?? '', /To serve at least one request/);
  });

  it('fail on 12 GB with what is proposed against it: a lower utilization', () => {
    for (const utilization of [0.6, 0.8, 0.95]) {
      const server: FitServer = { kind: 'vllm', version: [0, 11], utilization, maxSequences: 1, contextTokens: 2048 };
      assert.equal(plan('RTX 3500 Ada', 'mistral-7b-v0.3', server, { scheme: plain }).verdict, 'fails');
    }
  });

  it('start on 12 GB in 4 bits, with graphs for few sequences or none', () => {
    const server: FitServer = { kind: 'vllm', version: [0, 11], maxSequences: 8, eager: true };
    const made = plan('RTX 3060', 'mistral-7b', server, { scheme: awq });
    assert.equal(made.verdict, 'fits');
    assert.equal(made.contextTokens, 32_768);
  });
});

describe('Mixtral, Mistral and Phi-3 on Ollama in Q4_K_M', () => {
  const now: FitServer = { kind: 'ollama', version: '0.33.0' };
  const file = { fileType: 'Q4_K_M' };

  it('get the context that Ollama gives by itself', () => {
    const contexts = (card: Card) => plan(card, 'phi-3-mini-128k', now, file).contextTokens;
    assert.deepEqual(
      (Object.keys(cards) as Card[]).map(contexts),
      [4096, 4096, 4096, 4096, 32_768, 32_768, 32_768, 131_072],
    );
  });

  it('are whole on the GPU with up to so many tokens', () => {
    const largest = (card: Card, name: string) => plan(card, name, now, file).largestContextTokens;
    assert.equal(largest('RTX 3060', 'mistral-7b-v0.3'), 32_768);
    near(largest('RTX 3060', 'phi-3-mini-128k'), 21_700, 600, 'RTX 3060');
    near(largest('RTX 4080', 'phi-3-mini-128k'), 32_700, 600, 'RTX 4080');
    near(largest('RTX 4090', 'phi-3-mini-128k'), 53_500, 900, 'RTX 4090');
  });

  it('take 51 GiB where nobody asked for so long a context', () => {
    const made = plan('A100 80GB', 'phi-3-mini-128k', now, file);
    const bytes = made.rows.reduce((total, { part, figure }) => total + (part === 'ram' ? 0 : figure.bytes), 0);
    near(bytes / gibibyte, 50.9, 0.3, 'all');
  });

  it('leave the experts of so many layers in RAM since 0.30, and so many whole layers before', () => {
    const expertLayers = (card: Card, contextTokens: number) => {
      const { placement } = plan(card, 'mixtral-8x7b', { ...now, contextTokens }, file);
      return 32 - (placement?.layersWithoutExperts ?? 0);
    };
    near(expertLayers('RTX 3060', 4096), 10, 1, 'RTX 3060');
    near(expertLayers('RTX 4080', 4096), 15, 1, 'RTX 4080');
    near(expertLayers('RTX 4090', 4096), 25, 1, 'RTX 4090');
    near(expertLayers('RTX 4090', 32_768), 21, 1, 'RTX 4090 with 32k');
    assert.equal(plan('A100 40GB', 'mixtral-8x7b', now, file).verdict, 'fits');
    const layers = (card: Card) => {
      const old: FitServer = { kind: 'ollama', version: '0.12.6', contextTokens: 4096 };
      return plan(card, 'mixtral-8x7b', old, file).placement?.gpuLayers;
    };
    near(layers('RTX 3060'), 12, 1, 'RTX 3060');
    near(layers('RTX 4080'), 17, 1, 'RTX 4080');
  });
});

describe('A plan of what is not known', () => {
  const known = knownModel('llama-3.1-8b') ?? assert.fail();
  const facts = { ...known, architecture: 'llama99', doubts: ['The architecture “llama99” is not known.'] };

  it('is a bound, and says so: it fits where the most that it could take fits', () => {
    const on = (free: number, server: FitServer) => {
      const gpus = [{ name: 'GPU', totalBytes: free * gibibyte, freeBytes: free * gibibyte }];
      return planFit({ model: { name: 'new', facts, fileType: 'Q4_K_M' }, server, gpus });
    };
    const server: FitServer = { kind: 'ollama', version: '0.33.0', contextTokens: 32_768 };
    assert.equal(on(24, server).verdict, 'fits');
    const tight = on(8, server);
    assert.equal(tight.verdict, 'tight');
    assert.deepEqual(tight.doubts, facts.doubts);
    assert.equal(tight.rows.find(({ part }) => part === 'cache')?.figure.origin, 'bound');
    assert.equal(on(24, { kind: 'vllm', version: [0, 19] }).verdict, 'unknown');
  });

  it('abstains from files that follow no rule', () => {
    const gpus = [{ name: 'GPU', totalBytes: 24 * gibibyte }];
    const made = planFit({
      model: { name: 'x', facts: known, fileType: 'UD-Q4_K_XL' },
      server: { kind: 'ollama', version: '0.33.0' },
      gpus,
    });
    assert.equal(made.verdict, 'unknown');
    assert.equal(
      made.rows.some(({ part }) => part === 'weights'),
      false,
    );
    assert.match(made.doubts.join(), /UD-Q4_K_XL follow no rule/);
  });
});
