import assert from 'node:assert/strict';
import type { LoadedModel } from '../../src/core/clients/llmClient.ts';
import { noCalibrations } from '../../src/core/fit/calibration.ts';
import { fitBadge } from '../../src/core/fit/fitBadge.ts';
import type { FitGpu, FitPlan } from '../../src/core/fit/fitRequest.ts';
import { OllamaFits } from '../../src/core/fit/ollamaFits.ts';
import { fittingTokens } from '../../src/core/gpu/fittingTokens.ts';
import type { GpuReading, GpuState } from '../../src/core/gpu/gpuReading.ts';
import type { ServerUse } from '../../src/core/gpu/serverUse.ts';
import { usefulContext } from '../../src/core/gpu/usefulContext.ts';
import { parseSettings } from '../../src/core/settings/settings.ts';
import { dialectOf, never } from '../support/dialects.ts';
import { qwen14b, qwen7b, serveModels } from '../support/ollamaModels.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';
import { createTestHost } from '../support/testHost.ts';

const gib = (count: number) => count * 1024 ** 3;

describe('What models of Ollama take on the GPU', () => {
  let server: ScriptedServer;
  let fits: OllamaFits;

  before(async () => {
    server = await ScriptedServer.start(dialectOf('ollama').routes([]));
    serveModels(server, [qwen7b, qwen14b]);
  });
  after(() => server.close());
  beforeEach(() => {
    fits = new OllamaFits(createTestHost());
    server.requests.length = 0;
  });

  const settings = (more: Readonly<Record<string, unknown>> = {}) =>
    parseSettings((key) => ({ 'a2ia.ollamaUrl': server.url, ...more })[key]).settings;
  const card = (freeGib: number): readonly FitGpu[] => [
    { name: 'NVIDIA GeForce RTX 3060', totalBytes: gib(11.6), freeBytes: gib(freeGib), isUnified: false },
  ];
  const badge = async (model: string, freeGib: number, more = {}) => {
    const plan = await fits.plan(settings(more), model, card(freeGib), never);
    return plan && fitBadge(plan);
  };

  it('is said in a word or two before a load', async () => {
    assert.equal(await badge('qwen2.5-coder:7b', 11), 'fits 32k');
    assert.match((await badge('qwen2.5-coder:14b', 11)) ?? '', /^(fits \d+k|tight)$/);
    const share = /^(\d+) % on CPU$/.exec((await badge('qwen2.5-coder:14b', 6)) ?? '')?.[1];
    // 9 GiB and a reserve of one do not go into 6.
    assert.ok(Number(share) > 30 && Number(share) < 70, share);
  });

  it('goes by the context that the settings ask for', async () => {
    const plan = await fits.plan(settings({ 'a2ia.ollama.contextTokens': 16384 }), 'qwen2.5-coder:7b', card(11), never);
    assert.equal(plan?.contextTokens, 16384);
  });

  it('goes by what the server was told by its environment, where the settings say nothing', async () => {
    let asked = 0;
    const told = new OllamaFits(createTestHost(), {
      calibrations: () => Promise.resolve(noCalibrations),
      environment: () => {
        asked++;
        return Promise.resolve({ contextTokens: 24_576, cacheType: 'q8_0' });
      },
    });
    const cacheOf = (plan: FitPlan | undefined) => plan?.rows.find(({ part }) => part === 'cache')?.figure.bytes ?? 0;
    const plan = await told.plan(settings(), 'qwen2.5-coder:7b', card(11), never);
    assert.equal(plan?.contextTokens, 24_576);
    const sixteenBits = await fits.plan(settings(), 'qwen2.5-coder:7b', card(11), never, 24_576);
    assert.equal(cacheOf(plan) / cacheOf(sixteenBits), 1.0625 / 2);
    const asSet = settings({ 'a2ia.ollama.contextTokens': 8192 });
    assert.equal((await told.plan(asSet, 'qwen2.5-coder:7b', card(11), never))?.contextTokens, 8192);
    assert.equal(asked, 1, 'remembered');
  });

  it('is after unloading what is in its way', async () => {
    const rooms = { beside: card(2), alone: card(11), others: ['qwen2.5-coder:14b'] };
    const plan = await fits.planWithLoaded(settings(), 'qwen2.5-coder:7b', rooms, never);
    assert.equal(plan && fitBadge(plan), 'fits 32k after unloading qwen2.5-coder:14b');
  });

  it('asks once what a model is', async () => {
    await badge('qwen2.5-coder:7b', 11);
    const asked = server.requestsTo('/api/show').length;
    await badge('qwen2.5-coder:7b', 6);
    assert.equal(server.requestsTo('/api/show').length, asked);
  });

  it('throws for a model that is not there, and asks again the next time', async () => {
    await assert.rejects(badge('none:1b', 11), { kind: 'modelNotFound' });
    await assert.rejects(badge('none:1b', 11), { kind: 'modelNotFound' });
    assert.equal(server.requestsTo('/api/show').length, 2);
  });

  describe('for one that is partly on the CPU', () => {
    const reading = (usedGib: number): GpuReading => ({
      state: 'gpus',
      readAtMs: 0,
      gpus: [
        {
          id: 'GPU-1',
          name: 'NVIDIA GeForce RTX 3060',
          vendor: 'nvidia',
          isUnified: false,
          totalBytes: gib(11.6),
          usedBytes: gib(usedGib),
          freeBytes: gib(11.6 - usedGib),
          processes: [],
        },
      ],
    });
    const use = (more: Partial<ServerUse> = {}): ServerUse => ({
      backend: 'ollama',
      endpoint: server.url,
      isHere: true,
      models: [{ id: 'qwen2.5-coder:14b', sizeBytes: gib(16), vramBytes: gib(10), contextWindowTokens: 32768 }],
      ...more,
    });
    const longest = async (given: ServerUse, usedGib = 10.4) =>
      (await fittingTokens(fits, settings(), given, reading(usedGib), never)).get('qwen2.5-coder:14b');

    it('finds the longest context that would not be', async () => {
      const tokens = (await longest(use())) ?? 0;
      assert.ok(tokens >= 2048 && tokens < 16384, `${tokens}`);
    });

    it('finds none where nothing is partly on the CPU, nothing would fit, or the GPU is not its own', async () => {
      const [model] = use().models;
      assert.ok(model);
      assert.equal(await longest(use({ models: [{ ...model, vramBytes: gib(16) }] })), undefined);
      assert.equal(await longest(use({ models: [{ ...model, vramBytes: gib(1) }] }), 11), undefined);
      assert.equal(await longest(use({ isHere: false })), undefined);
      assert.equal(await longest(use({ backend: 'vllm' })), undefined);
      assert.equal(await longest(use(), 1), undefined);
    });
  });

  describe('with the context that is useful', () => {
    const cards = (...free: readonly number[]): readonly GpuState[] =>
      free.map((freeGib, index) => ({
        id: `GPU-${index}`,
        name: 'NVIDIA GeForce RTX 3060',
        vendor: 'nvidia',
        isUnified: false,
        totalBytes: gib(11.6),
        usedBytes: gib(11.6 - freeGib),
        freeBytes: gib(freeGib),
        processes: [],
      }));
    const ask = (gpus: readonly GpuState[], model: string, loaded: readonly LoadedModel[] = [], more = {}) =>
      usefulContext(fits, gpus, { settings: settings(more), model, loaded }, never);

    it('is the longest with which all of it is on the GPU', async () => {
      assert.equal(await ask(cards(11), 'qwen2.5-coder:7b'), 32_768);
      const tight = (await ask(cards(7.5), 'qwen2.5-coder:7b')) ?? 0;
      assert.ok(tight >= 4096 && tight < 32_768, `${tight}`);
      const large = await ask(cards(11), 'qwen2.5-coder:14b');
      assert.ok(large === undefined || (large >= 4096 && large < 16_384), `${large}`);
    });

    it('counts the memory of the model itself, and of others where it must', async () => {
      const own = { id: 'qwen2.5-coder:7b', vramBytes: gib(6) };
      assert.equal(await ask(cards(5), 'qwen2.5-coder:7b', [own]), 32_768);
      const other = { id: 'qwen2.5-coder:14b', vramBytes: gib(10) };
      assert.equal(await ask(cards(1), 'qwen2.5-coder:7b', [other]), 32_768);
    });

    it('is unknown where it does not fit, on another machine, and without figures', async () => {
      assert.equal(await ask(cards(3), 'qwen2.5-coder:7b'), undefined);
      assert.equal(
        await ask(cards(11), 'qwen2.5-coder:7b', [], { 'a2ia.ollamaUrl': 'http://gpu-box.invalid:11434' }),
        undefined,
      );
      assert.equal(await ask([], 'qwen2.5-coder:7b'), undefined);
      const forwarded = [{ id: 'x', vramBytes: gib(9) }];
      assert.equal(await ask(cards(11), 'qwen2.5-coder:7b', forwarded), undefined);
    });
  });
});
