/**
 * What decides how much memory a model takes, whatever it was read from: a GGUF header, a `config.json`, Ollama's `show`, or the catalogue. Lengths are
 * elements, not bytes.
 */
export interface ModelFacts {
  /** As its source names it, for example `qwen2` or `Qwen2ForCausalLM`. */
  readonly architecture: string;
  readonly name?: string;
  readonly origin: FactsOrigin;
  /** What the model was trained for. */
  readonly contextTokens?: number;
  readonly embeddingLength: number;
  readonly vocabularySize: number;
  /** The output matrix is the token embedding, stored once. */
  readonly tiedEmbeddings: boolean;
  readonly layers: readonly Layer[];
  readonly encoder?: Encoder;
  /** Positions in the table of rotations, where a stretched one has more than the context. */
  readonly rotationTokens?: number;
  /** Rows of a table of positions that were learned, beside the token embedding. */
  readonly learnedPositions?: number;
  /** Elements of the embeddings that Gemma's small models have for each layer. */
  readonly perLayerInputs?: number;
  /** What the weights really take, where a tensor list says it. */
  readonly weights?: WeightBytes;
  /** In words for the user: what was not known and how that was bounded. Empty: everything was known. */
  readonly doubts: readonly string[];
}

export type FactsOrigin = 'header' | 'config' | 'server' | 'catalogue';

/** What makes tokens of pictures or sound, with its projector; kept in 16 bits. */
export interface Encoder {
  readonly parameters: number;
  /** The shape of its own layers, where pictures may have any size: the largest that it takes are planned for. */
  readonly anySize?: { readonly patches: number; readonly embeddingLength: number; readonly width: number };
  /** Bytes of scratch memory that Ollama before 0.30 reserved for one picture. */
  readonly ollamaGraphBytes?: number;
}

/** Bytes of the tensors of a model file, by where llama.cpp puts them. */
export interface WeightBytes {
  readonly tokenEmbedding: number;
  /** Gemma's embeddings for each layer, which stay in RAM. */
  readonly perLayerInputs: number;
  /** Output matrix and last norm; 0 when the embedding serves for it. */
  readonly output: number;
  readonly layers: readonly { readonly dense: number; readonly experts: number }[];
  readonly encoder: number;
  /** The largest single matrix: what partial offload copies to the GPU at a time. */
  readonly largestTensor: number;
}

export interface Layer {
  readonly mixer: Mixer;
  readonly feedForward: FeedForward;
  /** Norms of the embedding's length; 2 where nothing is said. */
  readonly norms?: number;
  /** Rows, of the embedding's length, of small matrices beside the two parts: gates of embeddings for each layer, low-rank detours. */
  readonly sideRows?: number;
}

export type Mixer = Attention | LatentAttention | GatedDeltaNet | Mamba2 | ShortConvolution | { readonly kind: 'none' };

export interface Attention {
  readonly kind: 'attention';
  readonly heads: number;
  readonly kvHeads: number;
  readonly keyLength: number;
  readonly valueLength: number;
  /** Tokens that a head sees back; absent: all of them. */
  readonly windowTokens?: number;
  readonly bias?: 'none' | 'qkv' | 'all';
  readonly qkNorm?: boolean;
  /** The query projection also makes a gate, so it has twice the rows (Qwen3-Next and later). */
  readonly gated?: boolean;
  /** Reads the cache of an earlier layer and has none of its own (Gemma 3n and 4). */
  readonly sharesCache?: boolean;
  /** The keys serve as values: one projection, though both are cached (Gemma 4's full layers). */
  readonly valuesAreKeys?: boolean;
}

/** DeepSeek's multi-head latent attention: one compressed vector per token, whatever the number of heads. */
export interface LatentAttention {
  readonly kind: 'latent';
  readonly heads: number;
  readonly queryRank?: number;
  readonly kvRank: number;
  readonly ropeLength: number;
  readonly nopeLength: number;
  readonly valueLength: number;
  /** Keys of the sparse indexer, where the layer has one. */
  readonly indexerLength?: number;
}

/** Linear attention of Qwen3-Next and later. */
export interface GatedDeltaNet {
  readonly kind: 'deltaNet';
  readonly keyHeads: number;
  readonly valueHeads: number;
  readonly headLength: number;
  readonly convKernel: number;
}

export interface Mamba2 {
  readonly kind: 'mamba2';
  readonly heads: number;
  readonly innerLength: number;
  readonly stateLength: number;
  readonly groups: number;
  readonly convKernel: number;
}

/** LFM2's gated convolution. */
export interface ShortConvolution {
  readonly kind: 'shortConv';
  readonly kernel: number;
}

export type FeedForward = DenseFeedForward | Experts | { readonly kind: 'none' };

export interface DenseFeedForward {
  readonly kind: 'dense';
  readonly width: number;
  /** Gate, up and down; false: up and down only. */
  readonly gated: boolean;
  readonly bias?: boolean;
}

export interface Experts {
  readonly kind: 'experts';
  readonly count: number;
  readonly used: number;
  readonly width: number;
  readonly gated: boolean;
  readonly bias?: boolean;
  /** All shared experts together; 0: none. */
  readonly sharedWidth: number;
}

/** Cached elements per token of one layer: keys and values. `latentAsHeads`: servers that do not know latent attention keep every head. */
export function cacheRow(mixer: Mixer, latentAsHeads = false): { readonly keys: number; readonly values: number } {
  switch (mixer.kind) {
    case 'attention':
      if (mixer.sharesCache) return { keys: 0, values: 0 };
      return { keys: mixer.kvHeads * mixer.keyLength, values: mixer.kvHeads * mixer.valueLength };
    case 'latent':
      if (latentAsHeads) {
        return { keys: mixer.heads * (mixer.nopeLength + mixer.ropeLength), values: mixer.heads * mixer.valueLength };
      }
      return { keys: mixer.kvRank + mixer.ropeLength, values: 0 };
    default:
      return { keys: 0, values: 0 };
  }
}

/** Elements of the recurrent state of one sequence in one layer: the convolution's last inputs, and the state itself. */
export function stateElements(
  mixer: Mixer,
  embeddingLength: number,
): { readonly conv: number; readonly state: number } {
  switch (mixer.kind) {
    case 'deltaNet': {
      const inner = mixer.valueHeads * mixer.headLength;
      const channels = inner + 2 * mixer.keyHeads * mixer.headLength;
      return { conv: (mixer.convKernel - 1) * channels, state: inner * mixer.headLength };
    }
    case 'mamba2': {
      const channels = mixer.innerLength + 2 * mixer.groups * mixer.stateLength;
      return { conv: (mixer.convKernel - 1) * channels, state: mixer.innerLength * mixer.stateLength };
    }
    case 'shortConv':
      return { conv: embeddingLength * (mixer.kernel - 1), state: 0 };
    default:
      return { conv: 0, state: 0 };
  }
}

/** The widest that a token gets inside one layer's feed-forward part: all experts used at once count together. */
export function activeWidth(feedForward: FeedForward): number {
  switch (feedForward.kind) {
    case 'dense':
      return feedForward.width;
    case 'experts':
      return feedForward.used * feedForward.width;
    case 'none':
      return 0;
  }
}
