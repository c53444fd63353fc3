import { corrected, type Corrections } from './corrections.ts';
import { about, between, exact, sum, type Figure } from './figure.ts';
import { activeWidth, cacheRow, stateElements, type Encoder, type Layer, type ModelFacts } from './modelFacts.ts';
import { checkpointBytes, type Scheme } from './checkpoint.ts';
import { isAtLeast, type VllmVersion } from './vllmVersion.ts';

/** What a vLLM server is told, or takes when it is not. */
export interface VllmSettings {
  /** `[0, 19]` for 0.19; absent: not known, and then the larger of the possible sizes is planned with. */
  readonly version?: VllmVersion;
  readonly scheme: Scheme;
  /** Bytes of one element of activations. */
  readonly dtypeBytes: 2 | 4;
  /** Bytes of one element of the cache: 2, or 1 for fp8. */
  readonly cacheElementBytes: number;
  readonly maxModelTokens: number;
  readonly maxSequences: number;
  readonly maxBatchedTokens: number;
  readonly utilization: number;
  readonly tensorParallel: number;
  readonly pipelineParallel: number;
  readonly eager: boolean;
  /** Sizes that CUDA graphs are captured for; 51 by default. */
  readonly graphSizes: number;
  /** What the checkpoint takes, where its index says so. */
  readonly checkpointBytes?: number;
  /** Whether the graphs' size is estimated before the cache gets the rest; absent: as the version does by itself. */
  readonly profilesGraphs?: boolean;
  /** The old engine, when it chose chunks by itself (more than 32768 tokens of context): the profiling run ends before anything is sampled. */
  readonly profilesNoSampler?: boolean;
  /** The old engine on Ampere and later: FlashAttention makes no copies of queries, keys and values, as xformers does. */
  readonly oldFlashAttention?: boolean;
  /** Version 0 of the engine, which captures whole graphs only, of 35 sizes at most; absent: as the version has it. */
  readonly oldEngine?: boolean;
  readonly corrections?: Corrections;
}

/** 0.21 to 0.26 take an estimate of the graphs from the budget. The runner of 0.27 and later does not: four logs that print all parts add up without it. */
export function graphsInBudget({ version, profilesGraphs }: VllmSettings): boolean {
  return profilesGraphs ?? (isAtLeast(version, 21) && !isAtLeast(version, 27));
}

/** One of the GPUs that vLLM uses. */
export interface VllmGpu {
  /** What CUDA calls its total, somewhat less than the card's name says. */
  readonly totalBytes: number;
  /** Before vLLM starts; absent: not known. */
  readonly freeBytes?: number;
  /** vLLM printed what is free itself: its own context is counted already. */
  readonly isFreeInside?: boolean;
  readonly isUnified?: boolean;
  readonly spills?: boolean;
  readonly isHeadless?: boolean;
  readonly multiprocessors: number;
  /** GPUs joined by NVLink: the collectives then keep large buffers. */
  readonly nvlink: boolean;
  /** Matrices of MXFP4 are laid out anew for its tensor cores. */
  readonly hopper?: boolean;
}

export interface VllmEstimate {
  readonly budget: Figure;
  readonly weights: Figure;
  readonly activation: Figure;
  readonly nonTorch: Figure;
  readonly graphs: Figure;
  /** What is left for keys and values. */
  readonly cachePool: Figure;
  /** What one request of the whole context takes. */
  readonly cacheNeeded: Figure;
  readonly bytesPerToken: number;
}

const mebibyte = 1024 ** 2;

/** What no reading of the source gives, only logs do. `npm run bench:fit -- --cross-validate` says how far it carries to models that were not among them. */
export interface FittedConstants {
  /** Copies of the logits beside the logits themselves, bytes each: three of 32 bits since 0.17. */
  readonly copiesPerLogit: number;
  /** The sampler that sorts, until 0.16: bytes a logit, all copies. */
  readonly sortedPerLogit: number;
  readonly fixedBytes: number;
  /** Hidden states that live at the same time in a forward pass. */
  readonly hiddenStates: number;
  readonly nonTorchBytes: number;
  readonly nvlinkBytes: number;
}

export const fittedConstants: FittedConstants = {
  copiesPerLogit: 12,
  sortedPerLogit: 38,
  fixedBytes: 40 * mebibyte,
  hiddenStates: 4.2,
  nonTorchBytes: 256 * mebibyte,
  nvlinkBytes: 2140 * mebibyte,
};

export function estimateVllm(
  facts: ModelFacts,
  settings: VllmSettings,
  gpu: VllmGpu,
  constants: FittedConstants = fittedConstants,
): VllmEstimate {
  const { utilization } = settings;
  const budget = exact(gpu.totalBytes * utilization, `${utilization} of the GPU's memory`);
  const { corrections } = settings;
  const weights = corrected(weightsFigure(facts, settings, gpu), corrections, 'weights');
  const activation = corrected(activationFigure(facts, settings, gpu, constants), corrections, 'compute');
  const nonTorch = corrected(nonTorchFigure(settings, gpu, constants), corrections, 'overhead');
  const graphs = settings.eager
    ? graphFigure(facts, settings)
    : corrected(graphFigure(facts, settings), corrections, 'graphs');
  const spent = [weights, activation, nonTorch, ...(graphsInBudget(settings) ? [graphs] : [])];
  const parts = sum(spent, '');
  const pool: Figure = {
    bytes: budget.bytes - parts.bytes,
    lowBytes: budget.lowBytes - parts.highBytes,
    highBytes: budget.highBytes - parts.lowBytes,
    origin: parts.origin,
    because: 'what the weights, the activations and the process leave of the budget',
  };
  return {
    budget,
    weights,
    activation,
    nonTorch,
    graphs,
    cachePool: corrected(pool, corrections, 'pool'),
    cacheNeeded: exact(cacheNeededBytes(facts, settings, settings.maxModelTokens), 'one request of the whole context'),
    bytesPerToken: facts.layers.reduce((total, layer) => total + tokenBytes(layer, settings), 0),
  };
}

function weightsFigure(facts: ModelFacts, settings: VllmSettings, gpu: VllmGpu): Figure {
  const { scheme, tensorParallel: tensor, pipelineParallel: pipeline } = settings;
  if (settings.checkpointBytes !== undefined) {
    return about(settings.checkpointBytes / (tensor * pipeline), 0.02, 'exact', 'size of the checkpoint');
  }
  const keepsProducts = isAtLeast(settings.version, 7) && !isAtLeast(settings.version, 8);
  const bytes = checkpointBytes(facts, scheme, { tensor, pipeline, keepsProducts });
  // Experts of 2880 are padded to whole tiles of Hopper's tensor cores: 3072 outputs, 2944 inputs.
  const tiles = scheme.kind === 'mxfp4' && gpu.hopper ? expertBytes(facts) / tensor : 0;
  const padding = ((3072 * 2944) / 2880 ** 2 - 1) * tiles;
  return about(bytes + padding, 0.01, 'formula', 'matrices as the checkpoint stores them, and the table of rotations');
}

function expertBytes(facts: ModelFacts): number {
  return facts.layers.reduce((total, { feedForward }) => {
    if (feedForward.kind !== 'experts') return total;
    return total + 3 * feedForward.count * feedForward.width * facts.embeddingLength * (0.5 + 1 / 32);
  }, 0);
}

/**
 * The largest of two moments of the profiling run: the forward pass over a full batch, and the sampler with a row of logits for every sequence. The
 * constants of the sampler are copies of the logits: until 0.16 a sort needed 38 bytes a logit, since 0.17 three 32-bit copies beside the logits.
 */
function activationFigure(facts: ModelFacts, settings: VllmSettings, gpu: VllmGpu, constants: FittedConstants): Figure {
  const { version, dtypeBytes, maxSequences, maxBatchedTokens, tensorParallel, pipelineParallel } = settings;
  const { vocabularySize, embeddingLength } = facts;
  const isNew = isAtLeast(version, 17);
  const perLogit = isNew ? recentPerLogit(version, constants, dtypeBytes) : constants.sortedPerLogit;
  const kernel = isNew ? 4 * gpu.multiprocessors * vocabularySize : 0;
  const hidden = maxBatchedTokens * embeddingLength * dtypeBytes;
  const width = Math.max(0, ...facts.layers.map(({ feedForward }) => denseWidth(feedForward)));
  const states = settings.oldFlashAttention ? 1 : constants.hiddenStates;
  const forward =
    maxBatchedTokens * dtypeBytes * ((3 * width) / tensorParallel + states * embeddingLength) +
    (settings.oldFlashAttention ? constants.fixedBytes : 0);
  const workspace = workspaceBytes(facts, settings);
  const sampler = settings.profilesNoSampler
    ? 0
    : perLogit * maxSequences * vocabularySize + kernel + hidden + constants.fixedBytes;
  // The first of several stages has no logits, and hands its last hidden state on.
  const bytes =
    pipelineParallel > 1
      ? forward + 2 * hidden + workspace
      : isNew
        ? Math.max(sampler, forward) + workspace
        : Math.max(sampler, forward + workspace);
  const because = `${maxBatchedTokens} tokens and ${maxSequences} sequences at once`;
  if (facts.encoder) return withEncoder(bytes, facts.encoder, settings, constants, because);
  return about(bytes, isNew ? 0.08 : 0.2, version === undefined ? 'assumed' : 'formula', because);
}

/** Three 32-bit copies beside the logits; fewer since 0.21 (one log), and between one and two in three logs of 0.27 and later. */
function recentPerLogit(
  version: VllmVersion | undefined,
  { copiesPerLogit }: FittedConstants,
  dtypeBytes: number,
): number {
  if (isAtLeast(version, 27)) return 6;
  return isAtLeast(version, 21) ? 10.5 : copiesPerLogit + dtypeBytes;
}

/** The largest picture goes through the encoder first; the old engine profiled a picture and a video together. */
function withEncoder(
  bytes: number,
  { anySize }: Encoder,
  { version, dtypeBytes }: VllmSettings,
  { hiddenStates }: FittedConstants,
  because: string,
): Figure {
  if (!anySize) {
    const own = isAtLeast(version, 17) ? 200 * mebibyte : 0;
    return between(bytes, bytes + own, bytes * 1.1 + 1024 * mebibyte, 'assumed', because);
  }
  const one = anySize.patches * dtypeBytes * (3 * anySize.width + hiddenStates * anySize.embeddingLength);
  const peak = one * (version !== undefined && !isAtLeast(version, 9) ? 2 : 1);
  const total = Math.max(bytes, peak);
  return between(total * 0.8, total, total + peak, 'assumed', `${because}; the largest picture`);
}

function denseWidth(feedForward: Layer['feedForward']): number {
  if (feedForward.kind === 'experts') return feedForward.sharedWidth;
  return activeWidth(feedForward);
}

/** Inputs and outputs of the experts that a batch uses; since 0.27 both in one place. The kernels for MXFP4 have none. */
function workspaceBytes(facts: ModelFacts, settings: VllmSettings): number {
  if (settings.scheme.kind === 'mxfp4') return 0;
  const { maxBatchedTokens, dtypeBytes, tensorParallel, version } = settings;
  return Math.max(
    0,
    ...facts.layers.map(({ feedForward }) => {
      if (feedForward.kind !== 'experts') return 0;
      const rows = maxBatchedTokens * feedForward.used * dtypeBytes;
      const width = feedForward.width / tensorParallel;
      const outputs = isAtLeast(version, 27) ? 0 : Math.max(width, facts.embeddingLength);
      return rows * (Math.max(2 * width, facts.embeddingLength) + outputs);
    }),
  );
}

function nonTorchFigure(
  { version, tensorParallel, pipelineParallel }: VllmSettings,
  gpu: VllmGpu,
  constants: FittedConstants,
): Figure {
  if (gpu.isUnified) {
    return between(20 * mebibyte, 256 * mebibyte, gpu.totalBytes, 'assumed', 'whatever else uses the same memory');
  }
  if (tensorParallel > 1 && gpu.nvlink) {
    return between(2050 * mebibyte, constants.nvlinkBytes, 2270 * mebibyte, 'assumed', 'collectives over NVLink');
  }
  // Symmetric memory came later: 0.6 and 1.7 GiB in the two logs there are.
  if (tensorParallel > 1 && isAtLeast(version, 21))
    return between(50 * mebibyte, 600 * mebibyte, 1800 * mebibyte, 'assumed', 'collectives over PCIe');
  if (tensorParallel > 1)
    return between(50 * mebibyte, 225 * mebibyte, 450 * mebibyte, 'assumed', 'collectives over PCIe');
  if (pipelineParallel > 1)
    return between(50 * mebibyte, 72 * mebibyte, 260 * mebibyte, 'assumed', 'kernels of the process');
  const usual = isAtLeast(version, 17) ? constants.nonTorchBytes : (isAtLeast(version, 12) ? 133 : 60) * mebibyte;
  return between(20 * mebibyte, usual, 480 * mebibyte, 'assumed', 'kernels of the process');
}

/** Fitted to 51 sizes captured whole and 51 in pieces. */
function graphFigure(facts: ModelFacts, settings: VllmSettings): Figure {
  const { eager, graphSizes, tensorParallel, version } = settings;
  if (eager) return exact(0, 'no CUDA graphs');
  const layers = facts.layers.length;
  // 174 MiB for 28 layers and 35 sizes, 0.2 to 0.6 GiB in the other logs.
  if (settings.oldEngine ?? (version !== undefined && !isAtLeast(version, 8)))
    return between(
      100 * mebibyte,
      6.2 * mebibyte * layers,
      Math.max(650, 15 * layers) * mebibyte,
      'assumed',
      'CUDA graphs',
    );
  const whole = 480 + 4.84 * layers + (9.75 * layers * facts.embeddingLength) / (4096 * tensorParallel);
  const bytes = (whole * mebibyte * graphSizes) / 51;
  const isMoe = facts.layers.some(({ feedForward }) => feedForward.kind === 'experts');
  // Within 15 % for dense models on 17 machines with the default sizes; fewer sizes and experts are less regular.
  const high = isMoe ? 2.5 : graphSizes === 51 ? 1.15 : 1.3;
  const because = `CUDA graphs of ${graphSizes} sizes`;
  // In logs of 0.27 and later they took from nothing to a fifth more than this.
  if (isAtLeast(version, 27)) return between(0, bytes * 0.7, bytes * 1.2, 'assumed', because);
  return between(bytes * 0.7, bytes, bytes * high, 'assumed', because);
}

/** Keys and values of one token in one layer, on one GPU: a head is never split. */
function tokenBytes({ mixer }: Layer, { cacheElementBytes, tensorParallel }: VllmSettings): number {
  const { keys, values } = cacheRow(mixer);
  const heads = mixer.kind === 'attention' ? Math.min(tensorParallel, mixer.kvHeads) : 1;
  return ((keys + values) * cacheElementBytes) / Math.max(1, heads);
}

/** Keys and values of one token on one GPU, where all layers have the same, so that all blocks are alike; undefined where they have not. */
export function uniformBytesPerToken({ layers }: ModelFacts, elementBytes: number): number | undefined {
  const sizes = layers.map(({ mixer }) => {
    const isWhole = mixer.kind === 'latent' || (mixer.kind === 'attention' && mixer.windowTokens === undefined);
    const { keys, values } = cacheRow(mixer);
    return isWhole ? (keys + values) * elementBytes : 0;
  });
  const [first = 0] = sizes;
  return first > 0 && sizes.every((size) => size === first) ? layers.length * first : undefined;
}

const blockTokens = 16;

/** Pages that one request of so many tokens holds at most. A window that is full still needs room for the batch. */
export function cacheNeededBytes(facts: ModelFacts, settings: VllmSettings, tokens: number): number {
  return facts.layers.reduce((total, layer) => {
    const perToken = tokenBytes(layer, settings);
    if (perToken === 0) {
      const { conv, state } = stateElements(layer.mixer, facts.embeddingLength);
      return total + ((conv + state) * settings.dtypeBytes) / settings.tensorParallel;
    }
    const window = layer.mixer.kind === 'attention' ? layer.mixer.windowTokens : undefined;
    const seen = window === undefined ? tokens : Math.min(tokens, window - 1 + settings.maxBatchedTokens + blockTokens);
    return total + Math.ceil(seen / blockTokens) * blockTokens * perToken;
  }, 0);
}

/** The settings that vLLM takes when nobody says otherwise. */
export function vllmDefaults(
  version: VllmVersion | undefined,
  gpuBytes: number | undefined,
  isA100: boolean,
): Pick<VllmSettings, 'maxSequences' | 'maxBatchedTokens' | 'utilization'> {
  const isLarge = gpuBytes !== undefined && gpuBytes >= 70 * 1024 ** 3 && !isA100;
  const isRecent = isAtLeast(version, 9);
  return {
    maxSequences: isLarge && isRecent ? 1024 : 256,
    maxBatchedTokens: isLarge && isRecent ? 8192 : 2048,
    utilization: isAtLeast(version, 21) ? 0.92 : 0.9,
  };
}
