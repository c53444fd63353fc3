import assert from 'node:assert/strict';
import {
  calibrationOf,
  noCalibrations,
  withCalibration,
  withoutCalibrations,
} from '../../../../src/core/fit/calibration.ts';
import { knownModel } from '../../../../src/core/fit/catalogue.ts';
import type { FitRequest } from '../../../../src/core/fit/fitRequest.ts';
import type { GpuReading } from '../../../../src/core/gpu/gpuReading.ts';
import { parsePlanChange } from '../../../../src/protocol/planMessages.ts';
import type { PlanChoice, PlanState } from '../../../../src/protocol/planState.ts';
import { catalogueModel } from '../../../../src/vscode/plan/catalogueModels.ts';
import { PlanSession, type ModelGroup, type ModelSource } from '../../../../src/vscode/plan/planSession.ts';
import type { Machine, ServersHere } from '../../../../src/vscode/plan/planTarget.ts';

const gibibyte = 1024 ** 3;

const laptop: Extract<GpuReading, { state: 'gpus' }> = {
  state: 'gpus',
  gpus: [
    {
      id: 'gpu-0',
      name: 'NVIDIA RTX 3500 Ada Generation Laptop GPU',
      vendor: 'nvidia',
      totalBytes: 11.6 * gibibyte,
      freeBytes: 11.1 * gibibyte,
      isUnified: false,
      processes: [],
    },
  ],
  readAtMs: 0,
};

/** The same with 6 GiB less. */
const busy: GpuReading = { ...laptop, gpus: laptop.gpus.map((gpu) => ({ ...gpu, freeBytes: 5.1 * gibibyte })) };

const catalogue: ModelGroup = {
  label: 'Catalogue',
  models: ['qwen3-8b', 'qwen3-32b', 'qwen3-4b', 'gpt-oss-20b', 'mixtral-8x7b', 'llama-3.1-8b'].map(catalogueModel),
};

interface World {
  readonly reading?: GpuReading;
  readonly models?: readonly ModelGroup[];
  readonly picked?: ModelSource;
  readonly machine?: Partial<Machine>;
  readonly servers?: ServersHere;
}

/** A session with what it posted, as its page has it. */
class Played {
  readonly session: PlanSession;
  readonly copied: string[] = [];
  kept: PlanChoice | undefined;
  calibrations = noCalibrations;
  readonly posts: Partial<PlanState>[] = [];
  state: Partial<PlanState> = {};
  #number = 0;
  #wake: () => void = () => undefined;

  constructor(
    { reading = laptop, models = [catalogue], picked, machine = {}, servers = {} }: World = {},
    choice: Partial<PlanChoice> = {},
  ) {
    this.session = new PlanSession(
      {
        findModels: (found) => Promise.resolve(found(models)),
        source: (id) => (id === picked?.id ? picked : catalogueModel(id.replace('catalogue:', ''))),
        readMachine: () =>
          Promise.resolve({ reading, loaded: [], environment: {}, calibrations: this.calibrations, ...machine }),
        servers: () => servers,
        forget: (of) => {
          this.calibrations = withoutCalibrations(this.calibrations, of);
          return Promise.resolve();
        },
        pickFile: () => Promise.resolve(picked?.id),
        copy: (text) => void this.copied.push(text),
        keep: (kept) => {
          this.kept = kept;
          this.#wake();
        },
        post: (part) => {
          this.posts.push(part);
          this.state = { ...this.state, ...part };
          this.#wake();
        },
      },
      choice,
    );
  }

  choose(change: Partial<PlanChoice>): void {
    void this.session.receive({ type: 'choose', number: ++this.#number, change });
  }

  take(id: string): void {
    void this.session.receive({ type: 'takeAlternative', number: ++this.#number, id });
  }

  /** The state, once it has everything that was chosen and satisfies `enough`. */
  async when(enough: (state: PlanState) => boolean = ({ plan }) => plan !== null): Promise<PlanState> {
    for (;;) {
      const { models, controls, plan = null, curve = null, alternatives = [] } = this.state;
      if (models && controls && controls.seen >= this.#number) {
        const state = { models, controls, plan, curve, alternatives };
        if (enough(state)) return state;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

describe('What somebody plans', () => {
  let open: PlanSession[] = [];
  const play = (...args: ConstructorParameters<typeof Played>): Played => {
    const played = new Played(...args);
    open.push(played.session);
    return played;
  };
  afterEach(() => {
    for (const session of open) session.dispose();
    open = [];
  });

  it('begins with what there is to choose, and the GPU of this machine', async () => {
    const played = play();
    const { models, controls, plan } = await played.when(({ models: { isLooking } }) => !isLooking);
    assert.equal(models.groups[0]?.models[0]?.id, 'catalogue:qwen3-8b');
    assert.equal(plan, null);
    assert.equal(controls.gpus[0]?.detail, 'RTX 3500 Ada Generation Laptop GPU');
    assert.equal(controls.gpuNotice, '');
  });

  it('plans a model as it comes, and follows the switches', async () => {
    const played = play();
    played.choose({ modelId: 'catalogue:qwen3-8b' });
    const first = await played.when();
    assert.equal(first.controls.choice.format, 'Q4_K_M');
    assert.equal(first.controls.model.state, 'ready');
    assert.equal(first.plan?.verdict, 'fits');
    played.choose({ format: 'Q8_0' });
    const second = await played.when();
    assert.ok((second.plan?.need.bytes ?? 0) > (first.plan?.need.bytes ?? 0) + 3 * gibibyte);
    played.choose({ contextTokens: 40_960, cacheType: 'q8_0' });
    const third = await played.when();
    assert.equal(third.plan?.contextTokens, 40_960);
    assert.match(third.plan.command, /OLLAMA_KV_CACHE_TYPE=q8_0/);
    played.choose({ backend: 'vllm' });
    const fourth = await played.when();
    assert.equal(fourth.controls.choice.format, 'bf16');
    assert.equal(fourth.plan?.verdict, 'fails');
    assert.match(fourth.plan.command, /^vllm serve Qwen\/Qwen3-8B /);
    assert.ok(fourth.plan.failure);
  });

  it('plans once for moves of the slider that arrive together', async () => {
    const played = play();
    played.choose({ modelId: 'catalogue:qwen3-8b' });
    await played.when(({ curve, plan }) => plan !== null && curve !== null);
    const before = played.posts.filter(({ plan }) => plan).length;
    for (const contextTokens of [4096, 8192, 16_384]) played.choose({ contextTokens });
    const { plan } = await played.when();
    assert.equal(plan?.contextTokens, 16_384);
    assert.equal(played.posts.filter(({ plan: one }) => one).length, before + 1);
  });

  it('draws the curve at every position of the slider', async () => {
    const played = play();
    played.choose({ modelId: 'catalogue:qwen3-8b' });
    const { curve, controls, plan } = await played.when(({ curve: drawn }) => drawn !== null);
    assert.deepEqual(curve?.contextSteps, controls.contextSteps);
    const cache = curve?.parts.find(({ part }) => part === 'cache')?.bytes ?? [];
    assert.equal(cache.length, controls.contextSteps.length);
    assert.ok(cache.every((bytes, step) => bytes >= (cache[step - 1] ?? 0)));
    assert.equal(curve?.limit?.bytes, plan?.limit?.bytes);
  });

  for (const [modelId, choice] of [
    ['catalogue:qwen3-32b', { backend: 'ollama', contextTokens: 16_384 }],
    ['catalogue:llama-3.1-8b', { backend: 'vllm', contextTokens: 32_768 }],
    ['catalogue:mixtral-8x7b', { backend: 'vllm', gpuId: 'RTX 4090' }],
    ['catalogue:gpt-oss-20b', { backend: 'llama-server', gpuId: 'size', vramGib: 12, contextTokens: 131_072 }],
  ] as const) {
    it(`keeps what a proposal promises: ${modelId} on ${choice.backend}`, async () => {
      const played = play();
      played.choose({ modelId, ...choice });
      const { alternatives } = await played.when((state) => state.alternatives.length > 0);
      assert.ok(alternatives.length > 0);
      for (const { id, label, verdict } of alternatives) {
        played.choose({ modelId: 'catalogue:qwen3-4b' });
        await played.when(({ controls }) => controls.model.state === 'ready');
        played.choose({
          modelId,
          gpuId: 'machine',
          flags: {},
          cacheType: 'f16',
          gpuCount: 1,
          ...choice,
        });
        const again = await played.when((state) => state.alternatives.some((one) => one.label === label));
        assert.equal(again.alternatives[Number(id)]?.label, label);
        played.take(id);
        const taken = await played.when(({ plan, controls }) => plan !== null && controls.model.state === 'ready');
        assert.equal(taken.plan?.verdict, verdict, label);
        const [amount] = /[\d.]+ (\w+ )?of/.exec(again.alternatives[Number(id)]?.detail ?? '') ?? [];
        assert.ok(amount && taken.plan.summary.startsWith(amount), `${label}: ${taken.plan.summary}, not ${amount}`);
      }
    });
  }

  it('says of a machine without a GPU why, and still says sizes', async () => {
    const played = play({ reading: { state: 'none', message: 'No GPU was found.', readAtMs: 0 } });
    played.choose({ modelId: 'catalogue:qwen3-8b' });
    const { controls, plan } = await played.when();
    assert.equal(controls.gpuNotice, 'No GPU was found. Choose a card or a size to plan for.');
    assert.equal(plan?.verdict, 'unknown');
    assert.ok(plan.need.bytes > 4 * gibibyte);
    assert.equal(plan.free, null);
    played.choose({ gpuId: 'size', vramGib: 24 });
    const { plan: sized, controls: then } = await played.when();
    assert.equal(sized?.total?.bytes, 24 * gibibyte);
    assert.equal(then.gpuNotice, '');
  });

  it('takes what Ollama has loaded for free, since it makes room for another model', async () => {
    const played = play({ machine: { loaded: [{ id: 'other:8b', vramBytes: 6 * gibibyte }] }, reading: busy });
    played.choose({ modelId: 'catalogue:qwen3-8b' });
    const { plan } = await played.when(({ plan: made }) => made?.free !== undefined && made?.free !== null);
    assert.equal(plan?.free?.bytes, 11.1 * gibibyte);
    assert.equal(plan.headline, 'Fits on the GPU after unloading other:8b');
    assert.match(plan.explanation, /Ollama does that by itself/);
    played.choose({ backend: 'llama-server' });
    const other = (await played.when()).plan;
    assert.equal(other?.free?.bytes, 5.1 * gibibyte);
    assert.match(
      other.explanation,
      /Ollama has other:8b loaded\. Without it there would be more room: unload it first\.$/,
    );
  });

  it('corrects the plan, its proposals and its curve by what a load took, until that is forgotten', async () => {
    const played = play();
    const request: FitRequest = {
      model: { name: 'qwen3:8b', facts: knownModel('qwen3-8b') ?? assert.fail(), fileType: 'Q4_K_M' },
      server: { kind: 'ollama', contextTokens: 8192 },
      gpus: [{ id: 'gpu-0', name: 'NVIDIA RTX 3500 Ada', totalBytes: 11.6 * gibibyte, freeBytes: 11.1 * gibibyte }],
    };
    const took = calibrationOf(request, request.gpus[0] ?? assert.fail(), { overhead: 0.75 * gibibyte }, 0);
    played.calibrations = withCalibration(noCalibrations, took ?? assert.fail());
    played.choose({ modelId: 'catalogue:qwen3-8b', contextTokens: 8192 });
    const { plan, curve } = await played.when((state) => state.curve !== null);
    assert.equal(plan?.measured, 'Corrected by what this machine’s load of qwen3:8b took on 1 January 1970.');
    const overhead = plan.rows.find(({ part }) => part === 'overhead')?.bytes;
    assert.equal(overhead, 0.75 * gibibyte);
    assert.equal(curve?.parts.find(({ part }) => part === 'overhead')?.bytes[0], overhead);
    void played.session.receive({ type: 'forgetMeasured' });
    const after = await played.when(({ plan: now }) => now?.measured === '');
    assert.notEqual(after.plan?.rows.find(({ part }) => part === 'overhead')?.bytes, overhead);
  });

  it('takes for Ollama what it was told, and the context that it has the model loaded with', async () => {
    const played = play({
      machine: {
        environment: { cacheType: 'q8_0', contextTokens: 6144 },
        loaded: [{ id: 'qwen3:8b', vramBytes: gibibyte, contextWindowTokens: 12_288 }],
      },
      servers: { ollama: { version: '0.33.0' } },
    });
    played.choose({ modelId: 'catalogue:qwen3-8b' });
    const { plan, controls } = await played.when();
    assert.equal(plan?.contextTokens, 12_288);
    assert.equal(controls.choice.cacheType, 'q8_0');
    assert.equal(plan.command, 'ollama run qwen3:8b', 'the server that runs is not told again');
    assert.ok(plan.doubts.some((doubt) => doubt.includes('a KV cache in q8_0')));
    assert.ok(plan.doubts.some((doubt) => doubt.includes('the one that Ollama has the model loaded with')));
    played.choose({ contextTokens: 4096, cacheType: 'f16' });
    const chosen = await played.when();
    assert.equal(chosen.plan?.contextTokens, 4096);
    assert.match(chosen.plan.command, /^OLLAMA_KV_CACHE_TYPE=f16 ollama serve\n/);
    played.choose({ modelId: 'catalogue:qwen3-4b' });
    const other = await played.when(
      ({ controls: now }) => now.model.name === 'qwen3-4b' && now.model.state === 'ready',
    );
    assert.equal(other.plan?.contextTokens, 6144);
  });

  it('says where what Ollama was told is not to be seen', async () => {
    const played = play({ machine: { environment: undefined }, servers: { ollama: {} } });
    played.choose({ modelId: 'catalogue:qwen3-8b' });
    const { plan } = await played.when();
    assert.ok(plan?.doubts.some((doubt) => doubt.includes('OLLAMA_KV_CACHE_TYPE')));
  });

  it('plans a draft model where the server takes one', async () => {
    const played = play();
    played.choose({ modelId: 'catalogue:qwen3-8b', draftId: 'catalogue:qwen3-4b' });
    assert.equal((await played.when()).controls.draft, null);
    played.choose({ backend: 'llama-server', contextTokens: 4096 });
    const { plan, controls } = await played.when(({ controls: now }) => now.draft?.state === 'ready');
    assert.match(plan?.command ?? '', / -md \S*qwen3-4b/);
    const needed = plan?.need.bytes ?? 0;
    assert.equal(controls.choice.draftId, 'catalogue:qwen3-4b');
    played.choose({ draftId: '' });
    const without = await played.when();
    assert.equal(without.controls.draft?.state, 'none');
    assert.ok(needed - (without.plan?.need.bytes ?? 0) > 2 * gibibyte);
  });

  it('plans a second model at the same time as a part of the same card', async () => {
    const played = play();
    played.choose({ modelId: 'catalogue:qwen3-8b', contextTokens: 8192, besideId: 'catalogue:qwen3-4b' });
    const { plan, curve } = await played.when((state) => state.curve !== null);
    assert.equal(plan?.headline, 'Both fit on the GPU');
    const beside = plan.rows.find(({ part }) => part === 'beside');
    assert.equal(beside?.label, 'qwen3:4b');
    assert.ok((curve?.parts.find(({ part }) => part === 'beside')?.bytes[0] ?? 0) > 2 * gibibyte);
    assert.match(plan.command, /ollama run qwen3:8b\n[^]*ollama run qwen3:4b/);
    assert.ok((plan.largestContextTokens ?? 0) > 8192);
    played.choose({ gpuId: 'size', vramGib: 9 });
    const small = await played.when(({ plan: now }) => now?.verdict === 'fails');
    assert.equal(small.plan?.headline, 'Do not fit together');
    assert.match(small.plan.explanation, /Ollama would unload one model for the other/);
  });

  it('plans what a server serves for that server', async () => {
    const served: ModelSource = {
      ...catalogueModel('qwen3-8b'),
      id: 'vllm:Qwen/Qwen3-8B',
      label: 'team-model',
      backend: 'vllm',
    };
    const played = play({
      models: [{ label: 'vLLM at 127.0.0.1:8000', models: [served] }],
      servers: { vllm: { version: '0.19.1' } },
    });
    await played.when(({ models }) => models.groups.length > 0);
    played.choose({ modelId: served.id });
    const { plan, controls } = await played.when();
    assert.equal(controls.choice.backend, 'vllm');
    assert.match(plan?.command ?? '', /^vllm serve Qwen\/Qwen3-8B /);
    assert.ok(!plan?.doubts.some((doubt) => doubt.includes('No version of vLLM')));
  });

  it('reads the address of a model that is pasted, and nothing that is no address', async () => {
    const address = 'https://huggingface.co/maker/model/resolve/main/tiny.gguf';
    const source: ModelSource = { ...catalogueModel('qwen3-4b'), id: `file:${address}`, label: 'tiny.gguf' };
    const played = play({ picked: source });
    await played.session.receive({ type: 'openAddress', address: 'C:\\models\\tiny.gguf' });
    assert.equal(played.state.controls?.model.state ?? 'none', 'none');
    void played.session.receive({ type: 'openAddress', address: ` ${address}` });
    const { controls, models } = await played.when();
    assert.equal(controls.model.name, 'tiny.gguf');
    assert.equal(models.groups[0]?.label, 'Opened files');
  });

  it('does not take the GPU of this machine for that of an Ollama elsewhere', async () => {
    const played = play({ servers: { ollama: { remote: 'gpu-box:11434', version: '0.30.0' } } });
    played.choose({ modelId: 'catalogue:qwen3-8b' });
    const { controls, plan } = await played.when();
    assert.match(controls.gpuNotice, /^Ollama runs on another machine \(gpu-box:11434\)/);
    assert.equal(plan?.free, null);
    assert.ok(!plan.doubts.some((doubt) => doubt.includes('version of Ollama')));
    played.choose({ backend: 'llama-server' });
    assert.ok((await played.when()).plan?.free);
  });

  it('does not take it for that of a llama-server elsewhere', async () => {
    const played = play({ servers: { 'llama-server': { remote: 'gpu-box:8080' } } });
    played.choose({ modelId: 'catalogue:qwen3-8b', backend: 'llama-server' });
    const { controls, plan } = await played.when();
    assert.match(controls.gpuNotice, /^llama-server runs on another machine \(gpu-box:8080\)/);
    assert.equal(plan?.free, null);
  });

  it('names a model that cannot be read, and takes the next one', async () => {
    const broken: ModelSource = {
      id: 'file:broken',
      label: 'broken.gguf',
      detail: '',
      load: () => Promise.reject(new Error('broken.gguf is cut off: download it again.')),
    };
    const played = play({ picked: broken });
    void played.session.receive({ type: 'openFile' });
    const { controls, plan } = await played.when(({ controls: { model } }) => model.state === 'failed');
    assert.deepEqual(controls.model, {
      state: 'failed',
      name: 'broken.gguf',
      detail: 'broken.gguf is cut off: download it again.',
    });
    assert.equal(plan, null);
    played.choose({ modelId: 'catalogue:qwen3-8b' });
    assert.equal((await played.when()).controls.model.name, 'qwen3-8b');
  });

  it('keeps what was chosen for the next time', async () => {
    const played = play();
    played.choose({ modelId: 'catalogue:qwen3-8b', contextTokens: 8192 });
    await played.when(() => played.kept?.contextTokens === 8192);
    assert.equal(played.kept?.modelId, 'catalogue:qwen3-8b');
    assert.deepEqual(parsePlanChange(JSON.parse(JSON.stringify(played.kept))), played.kept);
  });

  it('keeps no address that may hold a token', async () => {
    for (const address of ['https://hub.example/tiny.gguf?token=abc', 'https://me:abc@hub.example/tiny.gguf']) {
      const load = () => Promise.reject(new Error('It cannot be read.'));
      const played = play({ picked: { id: `file:${address}`, label: 'tiny.gguf', detail: '', load } });
      played.choose({ modelId: 'catalogue:qwen3-8b', besideId: `file:${address}` });
      await played.when(() => played.kept?.modelId === 'catalogue:qwen3-8b');
      assert.ok(!JSON.stringify(played.kept).includes('abc'));
    }
  });

  it('is there again with what was chosen, and gives it to a page that begins anew', async () => {
    const kept = {
      modelId: 'catalogue:qwen3-8b',
      backend: 'ollama',
      contextTokens: 12_288,
      gpuId: 'RTX 4090',
    } as const;
    const played = play({}, kept);
    const { plan, controls } = await played.when();
    assert.equal(plan?.contextTokens, 12_288);
    assert.equal(controls.choice.gpuId, 'RTX 4090');
    const count = played.posts.length;
    await played.session.receive({ type: 'ready' });
    assert.deepEqual(Object.keys(played.posts[count] ?? {}).sort(), [
      'alternatives',
      'controls',
      'curve',
      'models',
      'plan',
    ]);
  });

  it('copies the command of the plan', async () => {
    const played = play();
    played.choose({ modelId: 'catalogue:qwen3-8b', contextTokens: 8192 });
    const { plan } = await played.when();
    await played.session.receive({ type: 'copyCommand' });
    assert.deepEqual(played.copied, [plan?.command]);
    assert.match(plan?.command ?? '', /^ollama run qwen3:8b/);
  });
});
