import { about, between, exact, type Figure } from '../../src/core/fit/figure.ts';
import type { FitPlan, FitRow } from '../../src/core/fit/fitRequest.ts';
import { inequality, minus } from '../../src/core/fit/inequality.ts';
import type { ControlsView, CurveView, ModelsView, OptionView, PlanState } from '../../src/protocol/planState.ts';
import { contextStepsOf } from '../../src/vscode/plan/planRequest.ts';
import { neededOnGpu, planView } from '../../src/vscode/plan/planView.ts';

/** What the page of a plan can be told to show: plans as the planner makes them, of a model of 8B on a card of 12 GiB. */

const gibibyte = 1024 ** 3;
const mebibyte = 1024 ** 2;

export const contextSteps = contextStepsOf({ contextTokens: 131_072 });

const cacheBytes = (tokens: number): number => tokens * 147_456;

function row(part: FitRow['part'], label: string, figure: Figure): FitRow {
  return { part, label, figure };
}

export function rows(tokens: number): FitRow[] {
  return [
    row('weights', 'Weights', exact(4.36 * gibibyte, '36 layers and the output matrix in Q4_K_M')),
    row('cache', 'KV cache', exact(cacheBytes(tokens), `keys and values of 36 layers for ${tokens} tokens, f16`)),
    row('compute', 'Compute', about(304 * mebibyte, 0.1, 'formula', '512 tokens at once, with flash attention')),
    row('graphs', 'CUDA graphs', about(90 * mebibyte, 0.4, 'assumed', 'by the number of layers')),
    row(
      'overhead',
      'Overhead',
      between(
        150 * mebibyte,
        200 * mebibyte,
        450 * mebibyte,
        'assumed',
        'CUDA context and kernels, by driver and card',
      ),
    ),
    row('ram', 'In RAM', exact(320 * mebibyte, 'token embedding and inputs')),
  ];
}

const free = exact(11.1 * gibibyte, 'read from the driver');
const total = exact(11.6 * gibibyte, 'read from the driver');

export function fitPlan(contextTokens: number, more: Partial<FitPlan> = {}): FitPlan {
  return {
    verdict: 'fits',
    rows: rows(contextTokens),
    free,
    total,
    conditions: [inequality('everything on the GPU', neededOnGpu(rows(contextTokens)), minus(free, gibibyte))],
    contextTokens,
    largestContextTokens: 40_960,
    command: `OLLAMA_CONTEXT_LENGTH=${contextTokens} ollama run qwen3:8b`,
    doubts: ['The version of Ollama is not known: the newest is planned with.'],
    ...more,
  };
}

const oneRequest = inequality(
  'one request of the whole context',
  exact(18 * gibibyte, 'keys and values'),
  about(3.2 * gibibyte, 0.05, 'formula', 'what is left'),
);

export const failing = fitPlan(131_072, {
  verdict: 'fails',
  conditions: [oneRequest],
  largestContextTokens: 20_480,
  command: 'vllm serve Qwen/Qwen3-8B-AWQ --max-model-len 131072 --gpu-memory-utilization 0.9',
  failure: {
    condition: oneRequest,
    serverError:
      'ValueError: To serve at least one request with the models’s max seq len (131072), (18.0 GiB KV cache is needed, which is larger than the available KV cache memory (3.2 GiB).',
    explanation:
      'Weights 5.7 + activation 1.3 + graphs 0.4 leave 3.2 of the 10.4 GiB that vLLM may use, and one request of 128k tokens needs 18.0 GiB, because it keeps keys and values of 36 layers for each token.',
  },
});

export const partial = fitPlan(65_536, {
  verdict: 'partial',
  placement: { gpuLayers: 28, layers: 37, layersWithoutExperts: 0, weightBytes: 0, cacheBytes: 0, computeBytes: 0 },
});

const { verdict, rows: parts, conditions, contextTokens, command, doubts } = fitPlan(32_768, { verdict: 'unknown' });
export const noGpu: FitPlan = { verdict, rows: parts, conditions, contextTokens, command, doubts };

const options = (...ids: readonly string[]): OptionView[] => ids.map((id) => ({ id, label: id, detail: '' }));

export const models: ModelsView = {
  isLooking: false,
  groups: [
    {
      label: 'Ollama at 127.0.0.1:11434',
      models: [
        { id: 'ollama:qwen3:8b', label: 'qwen3:8b', detail: '5.2 GB · Q4_K_M' },
        { id: 'ollama:llama3.2:3b', label: 'llama3.2:3b', detail: '2.0 GB · Q4_K_M' },
      ],
    },
    {
      label: 'Files of the workspace',
      models: [{ id: 'file:0', label: 'models/mistral-7b.Q5_K_M.gguf', detail: '5.1 GB' }],
    },
    {
      label: 'Catalogue',
      models: ['qwen3-8b', 'qwen3-30b-a3b', 'gemma-3-12b', 'mixtral-8x7b', 'phi-4'].map((name) => ({
        id: `catalogue:${name}`,
        label: name,
        detail: '',
      })),
    },
  ],
};

export const controls: ControlsView = {
  seen: 0,
  choice: {
    modelId: 'ollama:qwen3:8b',
    backend: 'ollama',
    format: 'Q4_K_M',
    cacheType: 'f16',
    gpuId: 'RTX 3500 Ada',
    vramGib: 12,
    gpuCount: 1,
  },
  model: { state: 'ready', name: 'qwen3:8b', detail: '36 layers, trained for 128k tokens. Read from Ollama.' },
  draft: null,
  beside: { state: 'none', name: '', detail: '' },
  formats: [
    { id: 'Q8_0', label: 'Q8_0', detail: '8.1 GiB' },
    { id: 'Q4_K_M', label: 'Q4_K_M', detail: '4.7 GiB' },
  ],
  cacheTypes: options('f16', 'q8_0', 'q4_0'),
  gpus: [
    { id: 'machine', label: 'This machine', detail: 'no GPU found' },
    { id: 'RTX 3500 Ada', label: 'RTX 3500 Ada', detail: '12 GB' },
    { id: 'RTX 4090', label: 'RTX 4090', detail: '24 GB' },
    { id: 'size', label: 'Another size…', detail: '' },
  ],
  gpuNotice: '',
  flags: [],
  contextSteps,
};

export const curve: CurveView = {
  contextSteps,
  parts: rows(0)
    .filter(({ part }) => part !== 'ram')
    .map(({ part, figure }) => ({
      part,
      bytes: contextSteps.map((tokens) => (part === 'cache' ? cacheBytes(tokens) : figure.bytes)),
    })),
  verdicts: contextSteps.map((tokens) => (tokens <= 40_960 ? 'fits' : tokens <= 46_000 ? 'tight' : 'partial')),
  limit: minus(free, gibibyte),
};

export function planState(plan: FitPlan, more: Partial<PlanState> = {}): PlanState {
  return { models, controls, plan: planView(plan), curve, alternatives: [], ...more };
}

const none = { state: 'none', name: '', detail: '' } as const;
const alternatives = [
  { id: '0', label: 'Context of 20k', verdict: 'fits', detail: 'Fits on the GPU, 8.1 of 11.1 GiB' },
  { id: '1', label: 'KV cache in q8_0', verdict: 'tight', detail: 'Tight: it may fit, 10.9 of 11.1 GiB' },
  {
    id: '2',
    label: 'Ollama instead of vLLM',
    verdict: 'partial',
    detail: '28 of 37 layers on the GPU, 13.9 of 11.1 GiB',
  },
] as const;

/** By name: each look that the page can have. */
export const planStates: Readonly<Record<string, PlanState>> = {
  empty: planState(fitPlan(8192), {
    controls: { ...controls, model: none, formats: [], cacheTypes: [], contextSteps: [] },
    plan: null,
    curve: null,
  }),
  fits: planState(fitPlan(32_768), { alternatives: alternatives.slice(1, 2) }),
  tight: planState(fitPlan(43_008, { verdict: 'tight' })),
  measured: planState(
    fitPlan(32_768, {
      measuredBy: { of: 'qwen3:8b', atMs: Date.UTC(2026, 10, 24, 12) },
      unloading: { models: ['llama3.1:8b'], by: 'server' },
    }),
  ),
  together: planState(
    fitPlan(8192, {
      rows: [
        ...rows(8192).slice(0, -1),
        row(
          'beside',
          'qwen2.5-coder:1.5b',
          about(1.9 * gibibyte, 0.02, 'formula', 'all that qwen2.5-coder:1.5b takes'),
        ),
        ...rows(8192).slice(-1),
      ],
    }),
    {
      controls: {
        ...controls,
        choice: { ...controls.choice, backend: 'llama-server', besideId: 'catalogue:x', draftId: 'catalogue:y' },
        draft: { state: 'failed', name: 'draft.gguf', detail: 'draft.gguf is not there.' },
        beside: { state: 'ready', name: 'qwen2.5-coder:1.5b', detail: '28 layers.' },
      },
    },
  ),
  partial: planState(partial, { alternatives }),
  fails: planState(failing, {
    controls: { ...controls, choice: { ...controls.choice, backend: 'vllm' } },
    alternatives,
  }),
  noGpu: planState(noGpu, {
    controls: {
      ...controls,
      choice: { ...controls.choice, gpuId: 'machine' },
      gpuNotice: 'No GPU was found on this machine. Choose a card, or a size.',
    },
    curve: { ...curve, limit: null },
  }),
  unreadable: planState(fitPlan(8192), {
    controls: {
      ...controls,
      model: {
        state: 'failed',
        name: 'broken.gguf',
        detail: 'broken.gguf is cut off in its header: download it again.',
      },
      formats: [],
      cacheTypes: [],
      contextSteps: [],
    },
    plan: null,
    curve: null,
  }),
};
