import { between, exact, sum, type Figure } from './figure.ts';
import { cacheBytes, layerCacheBytes, layerStateBytes, padded, stateBytes, type CacheSettings } from './kvCache.ts';
import { buildTraits, type BuildTraits, type LlamaCppBuild } from './llamaCppBuild.ts';
import { activeWidth, type Layer, type ModelFacts, type WeightBytes } from './modelFacts.ts';

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
}

export interface LlamaCppEstimate {
  /** On all GPUs together, when everything is there. */
  readonly weights: Figure;
  readonly cache: Figure;
  readonly state: Figure;
  readonly compute: Figure;
  readonly encoder: Figure;
  /** The process beside its buffers: the CUDA context and the kernels' own memory. */
  readonly overhead: Figure;
  readonly total: Figure;
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
  const weightsFigure = weights
    ? exact(gpuWeightBytes(facts, weights, settings.mapsWholeFile), 'tensors of all layers, and the output matrix')
    : between(0, NaN, Infinity, 'bound', 'no tensor list, and no rule for this file type');
  const cache = exactly(cacheBytes(facts, settings), spread, 'keys and values of every layer with a cache');
  const state = exactly(stateBytes(facts, settings.sequences), spread, 'recurrent state of every sequence');
  const encoder = exactly(
    settings.withEncoder ? weights?.encoder || (facts.encoder?.parameters ?? 0) * 2 : 0,
    spread,
    'picture encoder in 16 bits',
  );
  const compute = computeFigure(facts, settings);
  const overhead =
    settings.gpus > 1 ? sum(Array(settings.gpus).fill(contextOverhead), contextOverhead.because) : contextOverhead;
  const parts = [weightsFigure, cache, state, compute, encoder, overhead];
  return {
    weights: weightsFigure,
    cache,
    state,
    compute,
    encoder,
    overhead,
    total: sum(parts, 'weights, cache, state, compute buffer, encoder and the process itself'),
    host: exactly(
      (weights?.tokenEmbedding ?? 0) + hostComputeBytes(facts, settings),
      spread,
      'token embedding, attention mask and inputs',
    ),
  };
}

function exactly(bytes: number, origin: 'bound' | 'formula', because: string): Figure {
  return { ...exact(bytes, because), origin, ...(origin === 'bound' ? { lowBytes: 0 } : {}) };
}

/** The token embedding stays in RAM. Where it is also the output matrix, the GPU gets a copy. */
export function gpuWeightBytes(facts: ModelFacts, weights: WeightBytes, mapsWholeFile = false): number {
  const layers = weights.layers.reduce((total, { dense, experts }) => total + dense + experts, 0);
  return layers + (mapsWholeFile ? weights.output + weights.tokenEmbedding : outputBytes(facts, weights));
}

export function outputBytes(facts: ModelFacts, weights: WeightBytes): number {
  const perLayerInputs = facts.cpuParameters ?? 0;
  if (!facts.tiedEmbeddings) return weights.output;
  const embeddingShare =
    (facts.vocabularySize * facts.embeddingLength) / (facts.vocabularySize * facts.embeddingLength + perLayerInputs);
  return weights.output + weights.tokenEmbedding * embeddingShare;
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
  return (
    dense +
    experts +
    layerCacheBytes(layer, settings) +
    layerStateBytes(layer, facts.embeddingLength, settings.sequences)
  );
}

function computeFigure(facts: ModelFacts, settings: LlamaCppSettings): Figure {
  const bytes = computeBytes(facts, settings);
  const because = `${settings.batchTokens} tokens at once, ${settings.flashAttention ? 'with' : 'without'} flash attention`;
  return between(
    bytes * 0.9,
    bytes,
    bytes * 1.15,
    settings.build.number === undefined ? 'assumed' : 'formula',
    because,
  );
}

/**
 * All GPUs together. ggml reuses memory inside a graph, so the largest of three moments counts: the feed-forward part, the attention, the logits.
 * `copied`: the matrix that partial offload brings to the GPU when it is needed.
 */
export function computeBytes(facts: ModelFacts, settings: LlamaCppSettings, copied = 0): number {
  const traits = buildTraits(settings.build);
  const slices = slicesOf(facts.layers, settings.gpus);
  return slices.reduce((total, layers, gpu) => {
    const inputs = maskBytes(layers, settings, traits);
    // Pipeline parallelism has four copies of a graph's inputs.
    const copies = settings.gpus > 1 && settings.build.fork === undefined ? 4 : 1;
    const body =
      inputs * copies +
      Math.max(feedForwardBytes(layers, facts, settings, traits), attentionBytes(layers, facts, settings, traits));
    const logits = gpu === slices.length - 1 ? logitBytes(facts, settings, traits) : 0;
    return total + Math.max(body, logits) + copied + mebibyte;
  }, 0);
}

function slicesOf(layers: readonly Layer[], count: number): readonly (readonly Layer[])[] {
  const size = Math.ceil(layers.length / Math.max(1, count));
  return Array.from({ length: Math.max(1, count) }, (_, index) => layers.slice(index * size, (index + 1) * size));
}

function maskBytes(layers: readonly Layer[], settings: LlamaCppSettings, { maskBytes: bytes }: BuildTraits): number {
  const attentions = layers.flatMap(({ mixer }) => (mixer.kind === 'attention' ? [mixer] : []));
  if (attentions.length === 0 && !layers.some(({ mixer }) => mixer.kind === 'latent')) return 0;
  const window = attentions.find(({ windowTokens }) => windowTokens !== undefined)?.windowTokens;
  const windowCells =
    window === undefined
      ? 0
      : Math.min(padded(settings.contextTokens), padded(window * settings.sequences + settings.batchTokens));
  const perCell = settings.flashAttention ? bytes.flash : bytes.plain;
  return (perCell * padded(settings.contextTokens) + Math.min(perCell, 4) * windowCells) * settings.batchTokens;
}

function feedForwardBytes(
  layers: readonly Layer[],
  facts: ModelFacts,
  { batchTokens }: LlamaCppSettings,
  { gluCopies }: BuildTraits,
): number {
  const embedding = facts.embeddingLength;
  const elements = layers.map(({ feedForward }) => {
    const width = activeWidth(feedForward);
    if (feedForward.kind !== 'experts') return gluCopies * width + 3 * embedding;
    const outputs = embedding <= 2 * feedForward.width ? 3 * embedding : feedForward.used * embedding + 2 * embedding;
    return gluCopies * width + outputs;
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
  const quantized = settings.keyType !== 'f16' && settings.keyType !== 'bf16' && settings.keyType !== 'f32';
  const bytes = layers.map(({ mixer }) => {
    if (mixer.kind !== 'attention') return 0;
    const queries = mixer.heads * mixer.keyLength;
    const keys = mixer.kvHeads * mixer.keyLength;
    if (!flashAttention) {
      const seen = mixer.windowTokens === undefined ? cells : Math.min(cells, padded(mixer.windowTokens + batchTokens));
      return 4 * seen * batchTokens * mixer.heads + 4 * batchTokens * (2 * facts.embeddingLength + queries + 2 * keys);
    }
    const copy =
      quantized && traits.copiesQuantizedCache ? 2 * cells * mixer.kvHeads * (mixer.keyLength + mixer.valueLength) : 0;
    return 4 * batchTokens * (2 * facts.embeddingLength + 2 * queries + 2 * keys) + copy;
  });
  return Math.max(0, ...bytes);
}

function logitBytes(
  facts: ModelFacts,
  { batchTokens, sequences }: LlamaCppSettings,
  { logitsPerBatch }: BuildTraits,
): number {
  const rows = logitsPerBatch ? batchTokens : sequences;
  return 4 * rows * (facts.vocabularySize + facts.embeddingLength);
}

export function hostComputeBytes(facts: ModelFacts, settings: LlamaCppSettings): number {
  const mask = (settings.build.number ?? 0) >= 9500 ? 2 : 4;
  return (
    mask * padded(settings.contextTokens) * settings.batchTokens + 8 * settings.batchTokens * facts.embeddingLength
  );
}
