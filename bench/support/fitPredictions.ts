import { layerCacheBytes, layerStateBytes } from '../../src/core/fit/kvCache.ts';
import {
  computeBytes,
  gpuWeightBytes,
  hostComputeBytes,
  outputBytes,
  type LlamaCppSettings,
} from '../../src/core/fit/llamaCpp.ts';
import { isServerEra, offloadPolicy, triesFourSlots } from '../../src/core/fit/llamaCppDefaults.ts';
import type { ModelFacts } from '../../src/core/fit/modelFacts.ts';
import { planLlamaCpp, type LlamaCppPlan, type OffloadPolicy, type Placement } from '../../src/core/fit/plan.ts';
import { factsOf, type FitCase } from './fitCases.ts';
import { mib, nothing, type Prediction } from './fitPrediction.ts';
import { llamaCppSettingsOf, roomsOf, serverOf } from './fitSettings.ts';
import { failsAtTheGate, predictVllm } from './fitVllm.ts';
import {
  asksForAllLayers,
  ggufWeightsOf,
  isPlacedByHand,
  layersAskedFor,
  staysOnCpu,
  weightsLeftOnGpu,
  type GgufWeights,
} from './fitWeights.ts';

export function predict(run: FitCase): Prediction {
  if (run.backend === 'vllm' && failsAtTheGate(run)) return { ...nothing(run), verdict: 'fails', confidence: 0.9 };
  const facts = factsOf(run);
  if (!facts || facts.layers.length === 0) return nothing(run);
  return run.backend === 'vllm' ? predictVllm(run, facts) : predictLlamaCpp(run, facts);
}

function predictLlamaCpp(run: FitCase, facts: ModelFacts): Prediction {
  const weights = ggufWeightsOf(run, facts);
  const settings = withSlots(run, facts, weights, llamaCppSettingsOf(run, facts));
  if (!settings) return predictWithoutContext(run, facts, weights);
  const isShapeKnown = facts.doubts.length === 0;
  const asked = staysOnCpu(run, settings.build) ? 0 : layersAskedFor(run, facts);
  const spread = weights?.spread;
  const plan = planLlamaCpp(
    facts,
    weights?.bytes,
    { ...settings, ...(spread ? { weightSpread: spread } : {}) },
    isShapeKnown ? roomsOf(run) : [],
    policyOf(run, facts, settings),
  );
  if (isShapeKnown && weights && asked !== undefined) {
    return {
      ...predictLayers(run, facts, weights, settings, asked),
      ...(countsRam(run, settings) ? { total_mib: mib(totalBytes(run, facts, weights, settings, plan)) } : {}),
    };
  }
  const { estimate, placement } = plan;
  const byHand = isPlacedByHand(run);
  const isTooLarge = plan.conditions.some(({ holds }) => holds === 'no');
  const spills = /Windows|WDDM/i.test(run.gpu ?? '') && isTooLarge;
  const split = mayBeSplit(run, facts, settings, plan);
  // The files of Ollama's own engine have the encoder among the weights.
  const encoderInFile = settings.build.ollamaEngine ? estimate.encoder.bytes : 0;
  const left = byHand && weights && !spread ? weightsLeftOnGpu(run, facts, weights.bytes) : undefined;
  const leftOnGpu = left === undefined ? null : mib(left);
  const allOnGpu = !byHand && !isTooLarge && !split;
  const cacheOnGpu = placement?.gpuLayers === placement?.layers;
  const placed =
    isSurelyPlaced(placement, policyOf(run, facts, settings)) && !byHand && !spread ? placement : undefined;
  return {
    ...nothing(run),
    weights_mib:
      allOnGpu && isShapeKnown && estimate.weights && !spread
        ? mib(estimate.weights.bytes + encoderInFile)
        : placed
          ? mib(placed.weightBytes)
          : leftOnGpu,
    kv_mib:
      (cacheOnGpu && !split) || spread
        ? mib(estimate.cache.bytes + (run.backend === 'ollama' ? estimate.state.bytes : 0))
        : placed
          ? mib(placed.cacheBytes)
          : null,
    compute_mib: isShapeKnown && !split ? mib(computeOf(run, facts, weights, settings, plan)) : null,
    total_mib:
      isShapeKnown && weights && !byHand && !spills ? mib(totalBytes(run, facts, weights, settings, plan)) : null,
    verdict: byHand ? 'unknown' : spills ? 'fails' : isFarTooLarge(run, plan) ? 'partial' : plan.verdict,
    confidence: allOnGpu && !spread ? 0.9 : 0.4,
  };
}

/** Whole layers, placed by what is measured, and so many that one more or less is little. */
function isSurelyPlaced(placement: Placement | undefined, { ownPlan }: OffloadPolicy): placement is Placement {
  return (
    placement !== undefined &&
    ownPlan === undefined &&
    placement.layersWithoutExperts === 0 &&
    placement.gpuLayers >= 25 &&
    placement.gpuLayers < placement.layers
  );
}

/** The last layers of the model are on the GPU, the output matrix is not. */
function predictLayers(
  run: FitCase,
  facts: ModelFacts,
  weights: GgufWeights,
  settings: LlamaCppSettings,
  count: number,
): Prediction {
  const first = facts.layers.length - count;
  const copies = { layerBytes: weights.bytes.largestTensor, outputBytes: outputBytes(facts, weights.bytes) };
  const parts = weights.bytes.layers.slice(first);
  const bytes = parts.reduce((sum, { dense, experts }) => sum + dense + experts, 0);
  // Ollama counts the recurrent state as cache.
  const withState = run.backend === 'ollama' ? 1 : 0;
  const cacheBytes = facts.layers
    .slice(first)
    .reduce(
      (sum, layer) =>
        sum + layerCacheBytes(layer, settings) + withState * layerStateBytes(layer, facts.embeddingLength, settings),
      0,
    );
  return {
    ...nothing(run),
    weights_mib: count > 0 && !weights.spread ? mib(bytes) : null,
    kv_mib: count > 0 ? mib(cacheBytes) : null,
    compute_mib: mib(computeBytes(facts, { ...settings, gpus: 1 }, copies)),
    verdict: 'partial',
    confidence: 0.5,
  };
}

function withSlots(
  run: FitCase,
  facts: ModelFacts,
  weights: GgufWeights | undefined,
  settings: LlamaCppSettings | undefined,
): LlamaCppSettings | undefined {
  const tries = settings && run.num_parallel === null && triesFourSlots(serverOf(run), settings.build);
  if (!tries) return settings;
  const four = { ...settings, contextTokens: settings.contextTokens * 4, sequences: 4 };
  const { verdict } = planLlamaCpp(facts, weights?.bytes, four, roomsOf(run), policyOf(run, facts, settings));
  return verdict === 'fits' || verdict === 'tight' ? four : settings;
}

/** More than any one consumer card holds, on a GPU that was not named: a part of it is probably in RAM, and which is not known. */
function mayBeSplit(run: FitCase, facts: ModelFacts, settings: LlamaCppSettings, { estimate }: LlamaCppPlan): boolean {
  const offloads = policyOf(run, facts, settings).whenFull === 'offload';
  return offloads && roomsOf(run).length === 0 && (estimate.total?.bytes ?? 0) > 32 * 1024 ** 3;
}

/** Without a context only what does not depend on it: the compute buffer, where the logits outweigh any attention. */
function predictWithoutContext(run: FitCase, facts: ModelFacts, weights: GgufWeights | undefined): Prediction {
  const [short, long] = [4096, 65_536].map((context) => {
    const settings = llamaCppSettingsOf(run, facts, context);
    return settings && facts.doubts.length === 0 ? computeBytes(facts, settings) : NaN;
  });
  const compute = short === long && short !== undefined ? mib(short) : null;
  const settings = llamaCppSettingsOf(run, facts, 4096);
  if (!settings || !weights || facts.doubts.length > 0)
    return { ...nothing(run), compute_mib: compute, confidence: 0.3 };
  const spread = weights.spread ? { weightSpread: weights.spread } : {};
  const plan = planLlamaCpp(
    facts,
    weights.bytes,
    { ...settings, ...spread },
    roomsOf(run),
    policyOf(run, facts, settings),
  );
  // llama.cpp shortens a context that nobody asked for until the model fits, and offloads only what does not fit with the shortest.
  const isPartial = plan.verdict === 'partial' && !weights.spread;
  const shortens = policyOf(run, facts, settings).whenFull === 'offload';
  const isWhole = (shortens && plan.verdict === 'fits') || asksForAllLayers(run, facts);
  return {
    ...nothing(run),
    weights_mib:
      isWhole && !weights.spread && !isPlacedByHand(run) && plan.estimate.weights
        ? mib(plan.estimate.weights.bytes)
        : null,
    compute_mib: isPartial || plan.verdict === 'fits' ? compute : null,
    total_mib: isPartial ? mib(totalBytes(run, facts, weights, settings, plan)) : null,
    verdict: isPartial ? 'partial' : shortens && plan.verdict === 'fits' ? 'fits' : 'unknown',
    confidence: 0.3,
  };
}

function computeOf(
  run: FitCase,
  facts: ModelFacts,
  weights: GgufWeights | undefined,
  settings: LlamaCppSettings,
  { estimate, placement }: LlamaCppPlan,
): number {
  if (placement && !weights?.spread) return placement.computeBytes;
  if (!isPlacedByHand(run) || settings.build.fork === 'ik') return estimate.compute.bytes;
  return computeBytes(facts, settings, { layerBytes: weights?.bytes.largestTensor ?? 0, outputBytes: 0 });
}

function policyOf(run: FitCase, facts: ModelFacts, { build }: LlamaCppSettings): OffloadPolicy {
  const policy = offloadPolicy(serverOf(run), build, isLayersFlag.test(run.other_flags ?? ''));
  const fails = policy.whenFull === 'asTold' && asksForAllLayers(run, facts);
  // Ollama lists the GPUs that it found and takes them all.
  return { ...policy, ...(fails ? { whenFull: 'fail' } : {}), mayUseOne: run.backend !== 'ollama' };
}

const isLayersFlag = /(^|\s)(-ngl|--n-gpu-layers)/;

/** Nobody said how many layers go to the GPU, and half of the model would be too much: whoever ran it did not put it all there. */
function isFarTooLarge(run: FitCase, { verdict, conditions: [whole] }: LlamaCppPlan): boolean {
  if (verdict !== 'unknown' || whole?.holds !== 'no' || isLayersFlag.test(run.other_flags ?? '')) return false;
  return whole.need.lowBytes > 2 * whole.have.highBytes;
}

/** Ollama before 0.30 says what a model takes with its part in RAM. */
function countsRam(run: FitCase, { build }: LlamaCppSettings): boolean {
  return run.backend === 'ollama' && !isServerEra(build);
}

/** Ollama before 0.30 counts what is in RAM too, and scratch memory for a picture. */
function totalBytes(
  run: FitCase,
  facts: ModelFacts,
  weights: GgufWeights,
  settings: LlamaCppSettings,
  plan: LlamaCppPlan,
): number {
  const { estimate, placement } = plan;
  if (countsRam(run, settings)) {
    const { cache, state, encoder } = estimate;
    // Its estimate counts the attention of one request only.
    const one = { ...settings, contextTokens: settings.contextTokens / settings.sequences };
    const compute = placement?.computeBytes ?? computeBytes(facts, one);
    const picture = settings.withEncoder ? (facts.encoder?.ollamaGraphBytes ?? 0) : 0;
    const host = weights.bytes.tokenEmbedding + weights.bytes.perLayerInputs + hostComputeBytes(facts, settings);
    return gpuWeightBytes(facts, weights.bytes) + cache.bytes + state.bytes + encoder.bytes + compute + picture + host;
  }
  const total = estimate.total?.bytes ?? NaN;
  const have = plan.conditions[0]?.have.bytes ?? Infinity;
  const { marginBytes, whenFull, expertsFirst } = policyOf(run, facts, settings);
  if (whenFull === 'offload' && total > have + marginBytes) return have;
  if (!placement || weights.spread) return total;
  return expertsFirst ? have : placement.weightBytes + placement.cacheBytes + placement.computeBytes;
}
