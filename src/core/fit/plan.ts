import { sum, type Figure } from './figure.ts';
import { freeFigure, inequality, minus, type GpuRoom, type Inequality } from './inequality.ts';
import {
  computeBytes,
  estimateLlamaCpp,
  gpuWeightBytes,
  layerBytes,
  outputBytes,
  type LlamaCppEstimate,
  type LlamaCppSettings,
} from './llamaCpp.ts';
import { layerCacheBytes } from './kvCache.ts';
import { buildTraits } from './llamaCppBuild.ts';
import type { ModelFacts, WeightBytes } from './modelFacts.ts';
import { ollamaOwnDemand } from './ollamaOwnPlan.ts';
import {
  cacheNeededBytes,
  estimateVllm,
  graphsInBudget,
  type VllmEstimate,
  type VllmGpu,
  type VllmSettings,
} from './vllm.ts';

/**
 * `fits`: whatever the unknowns are. `tight`: it depends on them. `partial`: some layers run on the CPU. `unknown`: not enough was given to say.
 */
export type Verdict = 'fits' | 'tight' | 'partial' | 'fails' | 'unknown';

/** What a server does with a model that is too large. */
export interface OffloadPolicy {
  /** Left free on every GPU. */
  readonly marginBytes: number;
  /** Ollama's versions that decide by formulas of their own; `perhaps`: the version is not known. Absent: it measures. */
  readonly ownPlan?: 'formula' | 'perhaps';
  /** `offload`: layers stay on the CPU. `fail`: the load ends with an error. `asTold`: so many layers as the user said, which is not known. */
  readonly whenFull: 'offload' | 'fail' | 'asTold';
  /** Experts go to the CPU before whole layers do (llama.cpp since the end of 2025). */
  readonly expertsFirst: boolean;
  /** Which of several GPUs the server may use is in its own environment, and nothing was said of that: perhaps only one. */
  readonly mayUseOne?: boolean;
}

export interface LlamaCppPlan {
  readonly verdict: Verdict;
  readonly estimate: LlamaCppEstimate;
  readonly conditions: readonly Inequality[];
  /** Where the layers go if not all fit; absent where nothing is offloaded. */
  readonly placement?: Placement;
}

export interface Placement {
  /** Of the model's layers and the output matrix, which counts as one. */
  readonly gpuLayers: number;
  readonly layers: number;
  /** Layers on the GPU whose experts are in RAM. */
  readonly layersWithoutExperts: number;
  readonly weightBytes: number;
  readonly cacheBytes: number;
  readonly computeBytes: number;
}

const mebibyte = 1024 ** 2;

/** The name of the condition with all that llama.cpp needs on its left. */
export const everythingCondition = 'everything on the GPU';

/** `rooms`: every GPU that the server uses; empty: not known. */
export function planLlamaCpp(
  facts: ModelFacts,
  weights: WeightBytes | undefined,
  settings: LlamaCppSettings,
  rooms: readonly GpuRoom[],
  policy: OffloadPolicy,
): LlamaCppPlan {
  const estimate = estimateLlamaCpp(facts, settings, weights);
  const { total } = estimate;
  if (rooms.length === 0 || !weights || !total) return { verdict: 'unknown', estimate, conditions: [] };
  const have = minus(freeOnAll(rooms, policy), policy.marginBytes * rooms.length);
  const need = demanded(facts, weights, settings, total, policy, rooms.length);
  const condition = inequality(everythingCondition, need, have);
  // Servers that keep latent attention as full heads are known to have planned too little for it, and crashed.
  const isShaky =
    (settings.latentAsHeads === true || policy.ownPlan !== undefined) &&
    facts.layers.some(({ mixer }) => mixer.kind === 'latent');
  if (condition.holds === 'yes') return { verdict: isShaky ? 'tight' : 'fits', estimate, conditions: [condition] };
  if (condition.holds === 'maybe') return { verdict: 'tight', estimate, conditions: [condition] };
  if (policy.whenFull === 'asTold') return { verdict: 'unknown', estimate, conditions: [condition] };
  if (policy.whenFull === 'fail') return { verdict: 'fails', estimate, conditions: [condition] };
  const roomBytes = have.bytes - estimate.overhead.bytes - (settings.draft?.bytes ?? 0);
  const placement = placeLayers(facts, weights, settings, roomBytes, policy.expertsFirst);
  return { verdict: 'partial', estimate, conditions: [condition], placement };
}

/** What the server compares with what is free: what it takes, or what its own formulas say. */
function demanded(
  facts: ModelFacts,
  weights: WeightBytes,
  settings: LlamaCppSettings,
  total: Figure,
  { ownPlan }: OffloadPolicy,
  gpus: number,
): Figure {
  if (ownPlan === undefined) return total;
  const bytes = ollamaOwnDemand(facts, weights, settings, gpus);
  const known = gpuWeightBytes(facts, weights, settings.mapsWholeFile);
  const [less, more] = settings.weightSpread ?? [1, 1];
  const low = 0.97 * bytes - known * (1 - less);
  const high = 1.03 * bytes + known * (more - 1);
  // What it asked for gpt-oss changed with nearly every version of that summer.
  const isSettled = ownPlan === 'formula' && facts.architecture !== 'gpt-oss';
  if (isSettled) return { ...total, bytes, lowBytes: low, highBytes: high };
  return { ...total, lowBytes: Math.min(low, total.lowBytes), highBytes: Math.max(high, total.highBytes) };
}

export function freeOnAll(
  rooms: readonly GpuRoom[],
  { mayUseOne = false }: Pick<OffloadPolicy, 'mayUseOne'> = {},
): Figure {
  const figures = rooms.map(freeFigure);
  const free = sum(figures, 'free on all GPUs');
  if (!mayUseOne || rooms.some(({ freeBytes }) => freeBytes !== undefined)) return free;
  return { ...free, lowBytes: Math.min(...figures.map(({ lowBytes }) => lowBytes)) };
}

/** As many layers as fit, from the last one backwards, the output matrix first. */
function placeLayers(
  facts: ModelFacts,
  weights: WeightBytes,
  settings: LlamaCppSettings,
  roomBytes: number,
  expertsFirst: boolean,
): Placement {
  const output = outputBytes(facts, weights);
  const compute = computeBytes(
    facts,
    { ...settings, expertsOnCpu: true },
    { layerBytes: buildTraits(settings.build).copiesLayers ? weights.largestTensor : 0, outputBytes: 0 },
  );
  const hasExperts = expertsFirst && weights.layers.some(({ experts }) => experts > 0);
  let left = roomBytes - compute - output;
  let placed = left >= 0 ? 1 : 0;
  let weightBytes = placed > 0 ? output : 0;
  let cache = 0;
  let withoutExperts = 0;
  const place = (index: number, what: 'all' | 'dense' | 'experts'): boolean => {
    const layer = facts.layers[index];
    const parts = weights.layers[index];
    if (!layer || !parts) return false;
    const experts = what === 'dense' ? 0 : parts.experts;
    const bytes =
      what === 'experts' ? experts : layerBytes(layer, index, facts, weights, settings) - parts.experts + experts;
    if (bytes > left) return false;
    left -= bytes;
    weightBytes += what === 'experts' ? experts : parts.dense + experts;
    if (what !== 'experts') cache += layerCacheBytes(layer, settings);
    return true;
  };
  const last = facts.layers.length - 1;
  let index = last;
  for (; index >= 0 && placed > 0 && place(index, hasExperts ? 'dense' : 'all'); index--) placed++;
  if (hasExperts) {
    withoutExperts = placed - 1;
    for (let full = last; full > index && place(full, 'experts'); full--) withoutExperts--;
  }
  return {
    gpuLayers: placed,
    layers: facts.layers.length + 1,
    layersWithoutExperts: withoutExperts,
    weightBytes,
    cacheBytes: cache,
    computeBytes: compute,
  };
}

/** The largest multiple of `step` up to `limit` for which a condition holds that larger numbers only make harder. */
export function largestMultiple(step: number, limit: number, holds: (value: number) => boolean): number | undefined {
  let low = 0;
  let high = Math.floor(limit / step);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (holds(middle * step)) low = middle;
    else high = middle - 1;
  }
  return low === 0 ? undefined : low * step;
}

export interface VllmPlan {
  readonly verdict: Verdict;
  readonly estimate: VllmEstimate;
  /** In the order in which vLLM meets them: the first that does not hold is the error it ends with. */
  readonly conditions: readonly Inequality[];
}

/** The CUDA context, which exists before vLLM counts. */
export const ownContext = { low: 150 * mebibyte, usual: 300 * mebibyte, high: 550 * mebibyte } as const;

/** The name of the condition with the pool of keys and values on its right. */
export const poolCondition = 'one request of the whole context';

/** The name of the condition with vLLM's budget on its left: all of it is taken, whatever one request needs. */
export const startCondition = 'free memory at the start';

export function planVllm(facts: ModelFacts, settings: VllmSettings, gpu: VllmGpu): VllmPlan {
  const estimate = estimateVllm(facts, settings, gpu);
  const usable = gpu.isFreeInside ? freeFigure(gpu) : withoutContext(freeFigure(gpu));
  const conditions = [
    inequality(startCondition, estimate.budget, usable),
    inequality('the weights alone', estimate.weights, usable),
    inequality(poolCondition, estimate.cacheNeeded, estimate.cachePool),
    ...headroomConditions(facts, settings, estimate, usable),
  ];
  const failing = conditions.some(({ holds }) => holds === 'no');
  const open = conditions.some(({ holds }) => holds === 'maybe');
  const verdict = facts.doubts.length > 0 ? 'unknown' : failing ? 'fails' : open ? 'tight' : 'fits';
  return { verdict, estimate, conditions };
}

function withoutContext(free: Figure): Figure {
  return {
    ...free,
    bytes: free.bytes - ownContext.usual,
    lowBytes: free.lowBytes - ownContext.high,
    highBytes: free.highBytes - ownContext.low,
  };
}

/** The name of the condition with what has no place in the budget. */
export const graphsCondition = 'CUDA graphs and the first sampling, beside the budget';

/** Where no room was made for them, the CUDA graphs need what the budget leaves of the GPU, and so may the first sampling: one more 32-bit copy of the logits. */
function headroomConditions(
  facts: ModelFacts,
  settings: VllmSettings,
  { budget, graphs }: VllmEstimate,
  usable: Figure,
): readonly Inequality[] {
  if (settings.eager || graphsInBudget(settings)) return [];
  const rest = minus(usable, budget.bytes);
  const need = { ...graphs, highBytes: graphs.highBytes + 4 * settings.maxSequences * facts.vocabularySize };
  return [inequality(graphsCondition, need, rest)];
}

/** In tokens, a multiple of 16. */
export function largestVllmContext(facts: ModelFacts, settings: VllmSettings, gpu: VllmGpu): number | undefined {
  const { cachePool } = estimateVllm(facts, settings, gpu);
  const fits = (tokens: number) => cacheNeededBytes(facts, settings, tokens) <= cachePool.lowBytes;
  return largestMultiple(16, facts.contextTokens ?? settings.maxModelTokens, fits);
}
