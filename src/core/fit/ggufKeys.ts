import { limits, needed, Unusable, wholeNumber } from './factsReading.ts';
import { madeLayers } from './layers.ts';
import type { FeedForward, Layer, Mixer, ModelFacts } from './modelFacts.ts';

/** The value of a key of a GGUF head; arrays have one number for each layer. */
export type KeyLookup = (key: string) => number | boolean | readonly number[] | undefined;

/**
 * Shape of a model from the keys of its GGUF head, wherever they were read: a file, or the `model_info` of Ollama. The keys and their defaults are those of
 * llama.cpp (`src/llama-arch.cpp`, `src/llama-model.cpp`).
 */
export function shapeOfKeys(
  architecture: string,
  lookup: KeyLookup,
  tokenCount: number | undefined,
): Omit<ModelFacts, 'origin' | 'tiedEmbeddings'> {
  const keys = new ArchitectureKeys(architecture, lookup);
  const blocks = needed(keys.number('block_count', limits.layers), 'number of layers', limits.layers);
  // Draft layers for speculative decoding are counted, though they take part only when the draft is used.
  const layers = Math.max(1, blocks - (keys.number('nextn_predict_layers', limits.layers) ?? 0));
  const embeddingLength = needed(keys.number('embedding_length', limits.length), 'embedding length', limits.length);
  const contextTokens = keys.number('context_length', limits.context);
  return {
    architecture,
    ...(contextTokens === undefined ? {} : { contextTokens }),
    embeddingLength,
    vocabularySize: needed(
      keys.number('vocab_size', limits.vocabulary) ?? tokenCount,
      'vocabulary size',
      limits.vocabulary,
    ),
    layers: madeLayers(layers, (index): Layer => ({
      mixer: mixerOf(keys, index, layers, embeddingLength),
      feedForward: feedForwardOf(keys, index),
    })),
    doubts: knownArchitectures.has(architecture)
      ? []
      : [
          `The architecture “${architecture}” is not known: every layer is planned with full attention, the most it could take.`,
        ],
  };
}

class ArchitectureKeys {
  readonly architecture: string;
  readonly #lookup: KeyLookup;

  constructor(architecture: string, lookup: KeyLookup) {
    this.architecture = architecture;
    this.#lookup = lookup;
  }

  number(key: string, most: number): number | undefined {
    const value = this.#lookup(`${this.architecture}.${key}`);
    return wholeNumber(Array.isArray(value) ? undefined : value, key.replaceAll(/[._]/g, ' '), most);
  }

  /** One number for all layers, or one for each. */
  ofLayer(key: string, index: number, most: number): number | undefined {
    const value = this.#lookup(`${this.architecture}.${key}`);
    const name = key.replaceAll(/[._]/g, ' ');
    if (typeof value === 'object') return wholeNumber(value[index], name, most);
    return wholeNumber(typeof value === 'boolean' ? Number(value) : value, name, most);
  }

  isList(key: string): boolean {
    return typeof this.#lookup(`${this.architecture}.${key}`) === 'object';
  }
}

function mixerOf(keys: ArchitectureKeys, index: number, layers: number, embedding: number): Mixer {
  const heads = keys.ofLayer('attention.head_count', index, limits.heads) ?? 0;
  const kvHeads = keys.ofLayer('attention.head_count_kv', index, limits.heads) ?? heads;
  if (isRecurrent(keys, index, kvHeads)) return recurrentOf(keys);
  if (heads === 0 || kvHeads === 0) return { kind: 'none' };
  const kvRank = keys.number('attention.kv_lora_rank', limits.length);
  if (kvRank !== undefined && kvRank > 0) return latentOf(keys, heads, kvRank);
  const windowTokens = windowOf(keys, index);
  const swa = windowTokens === undefined ? undefined : '_swa';
  const usual = Math.floor(embedding / heads);
  const length = (key: string) =>
    (swa && keys.number(`attention.${key}${swa}`, limits.length)) ??
    keys.number(`attention.${key}`, limits.length) ??
    usual;
  const shared = keys.number('attention.shared_kv_layers', limits.layers) ?? 0;
  return {
    kind: 'attention',
    heads,
    kvHeads,
    keyLength: length('key_length'),
    valueLength: length('value_length'),
    ...(windowTokens === undefined ? {} : { windowTokens }),
    ...(index >= layers - shared ? { sharesCache: true } : {}),
  };
}

function isRecurrent(keys: ArchitectureKeys, index: number, kvHeads: number): boolean {
  const hasState = ['ssm.state_size', 'shortconv.l_cache'].some((key) => keys.number(key, limits.length) !== undefined);
  if (!hasState) return false;
  const interval = keys.number('full_attention_interval', limits.layers);
  if (interval !== undefined && interval > 0) return index % interval !== interval - 1;
  // Without a list every layer is recurrent, as in Mamba itself.
  return kvHeads === 0 || (!keys.isList('attention.head_count_kv') && pureRecurrent.has(keys.architecture));
}

const pureRecurrent: ReadonlySet<string> = new Set(['mamba', 'mamba2']);

function recurrentOf(keys: ArchitectureKeys): Mixer {
  const kernel = keys.number('shortconv.l_cache', limits.length);
  if (kernel !== undefined) return { kind: 'shortConv', kernel };
  const innerLength = keys.number('ssm.inner_size', limits.length * 16) ?? 0;
  const stateLength = keys.number('ssm.state_size', limits.length) ?? 0;
  const groups = keys.number('ssm.group_count', limits.heads) ?? 0;
  return {
    kind: 'mamba2',
    heads: keys.number('ssm.time_step_rank', limits.length) ?? 0,
    innerLength,
    stateLength,
    groups,
    convKernel: Math.max(1, keys.number('ssm.conv_kernel', limits.heads) ?? 1),
  };
}

function latentOf(keys: ArchitectureKeys, heads: number, kvRank: number): Mixer {
  const ropeLength = keys.number('rope.dimension_count', limits.length) ?? 64;
  const keyLength =
    keys.number('attention.key_length_mla', limits.length) ?? keys.number('attention.key_length', limits.length);
  const valueLength =
    keys.number('attention.value_length_mla', limits.length) ?? keys.number('attention.value_length', limits.length);
  const queryRank = keys.number('attention.q_lora_rank', limits.length);
  const indexerLength = keys.number('attention.indexer.key_length', limits.length);
  return {
    kind: 'latent',
    heads,
    kvRank,
    ropeLength,
    nopeLength: Math.max(0, (keyLength ?? ropeLength + 128) - ropeLength),
    valueLength: valueLength ?? 128,
    ...(queryRank === undefined || queryRank === 0 ? {} : { queryRank }),
    ...(indexerLength === undefined ? {} : { indexerLength }),
  };
}

/** Which layers see a window only is code in llama.cpp for most families: every so many layers, the last one of them sees everything. */
const windowPeriods: Readonly<Record<string, { readonly period: number; readonly tokens?: number }>> = {
  gemma2: { period: 2, tokens: 4096 },
  gemma3: { period: 6 },
  gemma3n: { period: 5 },
  'gpt-oss': { period: 2, tokens: 128 },
  gptoss: { period: 2, tokens: 128 },
  cohere2: { period: 4, tokens: 4096 },
  llama4: { period: 4, tokens: 8192 },
  exaone4: { period: 4, tokens: 4096 },
  olmo2: { period: 4 },
  olmo3: { period: 4 },
};

function windowOf(keys: ArchitectureKeys, index: number): number | undefined {
  const family = windowPeriods[keys.architecture];
  const tokens = keys.number('attention.sliding_window', limits.context) ?? family?.tokens;
  if (tokens === undefined || tokens === 0) return undefined;
  if (keys.isList('attention.sliding_window_pattern')) {
    return keys.ofLayer('attention.sliding_window_pattern', index, 1) === 1 ? tokens : undefined;
  }
  // Phi-3 and the first Mistral state a window too, but llama.cpp gives them full attention.
  const period = keys.number('attention.sliding_window_pattern', limits.layers) ?? family?.period;
  return period !== undefined && period > 0 && index % period !== period - 1 ? tokens : undefined;
}

function feedForwardOf(keys: ArchitectureKeys, index: number): FeedForward {
  const width = keys.ofLayer('feed_forward_length', index, limits.length * 16) ?? 0;
  const count = keys.ofLayer('expert_count', index, limits.experts) ?? 0;
  const denseLayers = keys.number('leading_dense_block_count', limits.layers) ?? 0;
  if (count === 0 || index < denseLayers) return width === 0 ? { kind: 'none' } : { kind: 'dense', width, gated: true };
  const expertWidth = keys.ofLayer('expert_feed_forward_length', index, limits.length) ?? width;
  const shared = keys.number('expert_shared_count', limits.experts) ?? 0;
  return {
    kind: 'experts',
    count,
    used: keys.number('expert_used_count', limits.experts) ?? 1,
    width: expertWidth,
    gated: true,
    sharedWidth: keys.number('expert_shared_feed_forward_length', limits.length) ?? shared * expertWidth,
  };
}

/** Those whose layers the keys describe in full. */
const knownArchitectures: ReadonlySet<string> = new Set(
  (
    'llama llama4 mistral3 qwen2 qwen2moe qwen2vl qwen25vl qwen3 qwen3moe qwen3vl qwen3vlmoe qwen3next qwen35 qwen35moe gemma gemma2 gemma3 gemma4 ' +
    'phi2 phi3 phimoe command-r cohere2 deepseek deepseek2 chatglm glm4 glm4moe granite granitemoe gpt-oss gptoss olmo olmo2 olmo3 olmoe exaone exaone4 ' +
    'starcoder2 stablelm falcon internlm2 minicpm minicpm3 baichuan orion nemotron deci mamba mamba2 lfm2 lfm2moe seed_oss smollm3 minimax-m2 arcee ernie4_5 ' +
    'ernie4_5-moe hunyuan-moe hunyuan-dense dots1 bailingmoe bert nomic-bert jamba granitehybrid nemotron_h nemotron_h_moe'
  ).split(' '),
);

export function architectureName(value: unknown): string {
  if (typeof value !== 'string' || !/^[\w.-]{1,64}$/.test(value))
    throw new Unusable('does not say which architecture it has');
  return value;
}
