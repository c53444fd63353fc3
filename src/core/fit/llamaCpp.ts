import { corrected, type Corrections } from './corrections.ts';
import { between, exact, sum, type Figure } from './figure.ts';
import { cacheBytes, layerCacheBytes, layerStateBytes, padded, stateBytes, type CacheSettings } from './kvCache.ts';
import { buildTraits, narrowMaskSince, type BuildTraits, type LlamaCppBuild } from './llamaCppBuild.ts';
import { layerKinds } from './layers.ts';
import { activeWidth, type LatentAttention, type Layer, type ModelFacts, type WeightBytes } from './modelFacts.ts';
import { tensorsOf } from './tensors.ts';

/** What llama-server, or the one inside Ollama, is told. */
export interface LlamaCppSettings extends CacheSettings {
  readonly build: LlamaCppBuild;
  readonly flashAttention: boolean;
  /** GPUs that share the layers. */
  readonly gpus: number;
  /** The picture encoder is loaded too. */
  readonly withEncoder?: boolean;
  /** Metal maps the file as it is, token embedding and all. */
  readonly mapsWholeFile?: boolean;
  readonly expertsOnCpu?: boolean;
  /** Where the file type was only guessed: how much less and more its weights may take, for example `[0.9, 1.1]`. */
  readonly weightSpread?: readonly [low: number, high: number];
  /** What a draft model takes in the same process. */
  readonly draft?: Figure;
  readonly corrections?: Corrections;
}

export interface LlamaCppEstimate {
  /** On all GPUs together, when everything is there. Undefined: no tensor list, and no rule for the file type. */
  readonly weights: Figure | undefined;
  readonly cache: Figure;
  readonly state: Figure;
  readonly compute: Figure;
  readonly encoder: Figure;
  /** The process beside its buffers: the CUDA context and the kernels' own memory. */
  readonly overhead: Figure;
  readonly total: Figure | undefined;
  /** In RAM: the token embedding, and the host's side of the compute buffer. */
  readonly host: Figure;
}

const mebibyte = 1024 ** 2;

/** Measured on cards from 8 to 24 GB; more on large Blackwell cards. */
const contextOverhead = between(
  150 * mebibyte,
  200 * mebibyte,
  450 * mebibyte,
  'assumed',
  'CUDA context and kernels of the server, 150 to 450 MiB by driver and card',
);

/** Everything on the GPU. Without `weights` their bytes come from `facts`. */
export function estimateLlamaCpp(
  facts: ModelFacts,
  settings: LlamaCppSettings,
  weights: WeightBytes | undefined = facts.weights,
): LlamaCppEstimate {
  const spread = facts.doubts.length > 0 ? 'bound' : 'formula';
  const { corrections } = settings;
  const weightsFigure =
    weights &&
    corrected(
      weightFigure(gpuWeightBytes(facts, weights, settings.mapsWholeFile), settings.weightSpread),
      corrections,
      'weights',
    );
  const cache = certain(cacheBytes(facts, settings), spread, 'keys and values of every layer with a cache');
  const state = certain(stateBytes(facts, settings), spread, 'recurrent state of every sequence');
  const encoder = certain(
    settings.withEncoder ? weights?.encoder || (facts.encoder?.parameters ?? 0) * 2 : 0,
    spread,
    'picture encoder in 16 bits',
  );
  const compute = corrected(computeFigure(facts, settings), corrections, 'compute');
  const overhead =
    settings.gpus > 1
      ? sum(Array(settings.gpus).fill(contextOverhead), contextOverhead.because)
      : corrected(contextOverhead, corrections, 'overhead');
  const rest = [cache, state, compute, encoder, overhead, ...(settings.draft ? [settings.draft] : [])];
  return {
    weights: weightsFigure,
    cache,
    state,
    compute,
    encoder,
    overhead,
    total:
      weightsFigure &&
      sum([weightsFigure, ...rest], 'weights, cache, state, compute buffer, encoder and the process itself'),
    host: certain(
      (weights ? weights.tokenEmbedding + weights.perLayerInputs : 0) + hostComputeBytes(facts, settings),
      spread,
      'token embedding, attention mask and inputs',
    ),
  };
}

function weightFigure(bytes: number, spread: LlamaCppSettings['weightSpread']): Figure {
  if (!spread) return exact(bytes, 'tensors of all layers, and the output matrix');
  return between(bytes * spread[0], bytes, bytes * spread[1], 'assumed', 'the file type was not given');
}

function certain(bytes: number, origin: 'bound' | 'formula', because: string): Figure {
  return { ...exact(bytes, because), origin, ...(origin === 'bound' ? { lowBytes: 0 } : {}) };
}

/** The token embedding stays in RAM. Where it is also the output matrix, the GPU gets a copy. */
export function gpuWeightBytes(facts: ModelFacts, weights: WeightBytes, mapsWholeFile = false): number {
  const layers = weights.layers.reduce((total, { dense, experts }) => total + dense + experts, 0);
  return layers + (mapsWholeFile ? weights.output + weights.tokenEmbedding : outputBytes(facts, weights));
}

export function outputBytes({ tiedEmbeddings }: ModelFacts, { output, tokenEmbedding }: WeightBytes): number {
  return tiedEmbeddings ? output + tokenEmbedding : output;
}

/** What one layer takes on the GPU that it is on. */
export function layerBytes(
  layer: Layer,
  index: number,
  facts: ModelFacts,
  weights: WeightBytes,
  settings: CacheSettings,
): number {
  const { dense, experts } = weights.layers[index] ?? { dense: 0, experts: 0 };
  return dense + experts + layerCacheBytes(layer, settings) + layerStateBytes(layer, facts.embeddingLength, settings);
}

function computeFigure(facts: ModelFacts, settings: LlamaCppSettings): Figure {
  const bytes = computeBytes(facts, settings);
  const because = `${settings.batchTokens} tokens at once, ${settings.flashAttention ? 'with' : 'without'} flash attention`;
  const origin = settings.build.number === undefined ? 'assumed' : 'formula';
  return between(bytes * 0.9, bytes, bytes * 1.15, origin, because);
}

/** Matrices that partial offload brings to the first GPU when they are needed. */
export interface Copies {
  /** The largest of a layer on the CPU. */
  readonly layerBytes: number;
  /** The output matrix, if it is on the CPU. */
  readonly outputBytes: number;
}

/** All GPUs together. ggml reuses memory inside a graph, so the largest of three moments counts: feed-forward, attention, logits. */
export function computeBytes(facts: ModelFacts, settings: LlamaCppSettings, copies?: Copies): number {
  const traits = buildTraits(settings.build);
  const slices = slicesOf(facts, settings.gpus);
  // Pipeline parallelism has four copies of a graph's inputs.
  const inputCopies = settings.gpus > 1 && settings.build.fork === undefined && settings.flashAttention ? 4 : 1;
  return slices.reduce((total, layers, gpu) => {
    const inputs = maskBytes(layers, settings, traits) * inputCopies;
    const copied = gpu === 0 ? (copies?.layerBytes ?? 0) : 0;
    const moments = [
      inputs + feedForwardBytes(layers, facts, settings, traits) + copied,
      inputs + attentionBytes(layers, facts, settings, traits) + copied,
      gpu === slices.length - 1 ? logitBytes(facts, settings, traits) + (copies?.outputBytes ?? 0) : 0,
    ];
    return total + Math.max(...moments);
  }, 0);
}

const sliced = new WeakMap<ModelFacts['layers'], readonly (readonly Layer[])[]>();

/** Consecutive layers, so that every GPU has about the same number of parameters. */
function slicesOf(facts: ModelFacts, count: number): readonly (readonly Layer[])[] {
  if (count <= 1) return [facts.layers];
  const known = sliced.get(facts.layers);
  if (known?.length === count) return known;
  const sizes = facts.layers.map(() => 0);
  for (const { layer, columns, rows } of tensorsOf(facts)) if (layer !== undefined) sizes[layer]! += columns * rows;
  const whole = sizes.reduce((sum, size) => sum + size, 0);
  const slices: Layer[][] = Array.from({ length: count }, () => []);
  let before = 0;
  facts.layers.forEach((layer, index) => {
    const middle = before + (sizes[index] ?? 0) / 2;
    slices[Math.min(count - 1, Math.floor((middle / whole) * count))]?.push(layer);
    before += sizes[index] ?? 0;
  });
  sliced.set(facts.layers, slices);
  return slices;
}

function maskBytes(layers: readonly Layer[], settings: LlamaCppSettings, { maskBytes: bytes }: BuildTraits): number {
  const mixers = layerKinds(layers).map(({ layer }) => layer.mixer);
  const attentions = mixers.flatMap((mixer) => (mixer.kind === 'attention' ? [mixer] : []));
  if (attentions.length === 0 && !mixers.some(({ kind }) => kind === 'latent')) return 0;
  const perCell = settings.flashAttention ? bytes.flash : bytes.plain;
  const cells = padded(settings.contextTokens);
  const window = attentions.find(({ windowTokens }) => windowTokens !== undefined)?.windowTokens;
  const windowCells =
    window === undefined ? 0 : Math.min(cells, padded(window * settings.sequences + settings.batchTokens));
  return (perCell * cells + Math.min(perCell, 4) * windowCells) * settings.batchTokens;
}

function feedForwardBytes(
  layers: readonly Layer[],
  facts: ModelFacts,
  { batchTokens, expertsOnCpu = false, build }: LlamaCppSettings,
  { gluCopies }: BuildTraits,
): number {
  const embedding = facts.embeddingLength;
  const copies = build.fork === 'ik' ? 3 : gluCopies;
  const elements = layerKinds(layers).map(({ layer: { feedForward } }) => {
    const width = copies * activeWidth(feedForward);
    if (feedForward.kind !== 'experts') return width + 3 * embedding;
    // What experts in RAM worked out comes back as one row for each.
    const returned = expertsOnCpu ? feedForward.used * embedding : 0;
    const outputs = embedding <= 2 * feedForward.width ? 3 * embedding : (feedForward.used + 2) * embedding;
    return width + outputs + returned;
  });
  return 4 * batchTokens * Math.max(0, ...elements);
}

function attentionBytes(
  layers: readonly Layer[],
  facts: ModelFacts,
  settings: LlamaCppSettings,
  traits: BuildTraits,
): number {
  const { batchTokens, flashAttention } = settings;
  const cells = padded(settings.contextTokens);
  const quantized = !['f16', 'bf16', 'f32'].includes(settings.keyType);
  const bytes = layerKinds(layers).map(({ layer: { mixer } }) => {
    if (mixer.kind === 'latent') return latentBytes(mixer, facts, settings);
    if (mixer.kind !== 'attention') return 0;
    const queries = mixer.heads * mixer.keyLength * (mixer.gated ? 2 : 1);
    const keys = mixer.kvHeads * mixer.keyLength;
    if (!flashAttention) {
      const seen = mixer.windowTokens === undefined ? cells : Math.min(cells, padded(mixer.windowTokens + batchTokens));
      return 4 * batchTokens * (seen * mixer.heads + 2 * facts.embeddingLength + 2 * queries);
    }
    const copied = quantized && traits.copiesQuantizedCache;
    const copy = copied ? 2 * cells * mixer.kvHeads * (mixer.keyLength + mixer.valueLength) : 0;
    return 4 * batchTokens * (2 * facts.embeddingLength + 2 * queries + 2 * keys) + copy;
  });
  return Math.max(0, ...bytes);
}

/**
 * llama.cpp multiplies the up-projections into the queries, so that they are as long as what is cached. ik_llama.cpp, for prompts, makes keys and values of
 * all heads in 16 bits instead.
 */
function latentBytes(
  mixer: LatentAttention,
  facts: ModelFacts,
  { batchTokens, contextTokens, build }: LlamaCppSettings,
): number {
  const { heads, kvRank, ropeLength, nopeLength, valueLength } = mixer;
  if (build.fork === 'ik') return 2 * padded(contextTokens) * heads * (2 * nopeLength + ropeLength + valueLength);
  return 4 * batchTokens * (2 * facts.embeddingLength + 2 * heads * (kvRank + ropeLength));
}

function logitBytes(
  facts: ModelFacts,
  { batchTokens, sequences }: LlamaCppSettings,
  { logitsPerBatch }: BuildTraits,
): number {
  const rows = logitsPerBatch ? batchTokens : sequences;
  // The last layer's sum of experts is still there beside its input.
  const inputs = facts.layers.at(-1)?.feedForward.kind === 'experts' ? 2 : 1;
  return 4 * rows * (facts.vocabularySize + inputs * facts.embeddingLength);
}

export function hostComputeBytes(facts: ModelFacts, settings: LlamaCppSettings): number {
  const mask = (settings.build.number ?? 0) >= narrowMaskSince ? 2 : 4;
  return (
    mask * padded(settings.contextTokens) * settings.batchTokens + 8 * settings.batchTokens * facts.embeddingLength
  );
}
