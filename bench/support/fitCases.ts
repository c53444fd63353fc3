import { knownModel, modelShapedLike } from '../../src/core/fit/catalogue.ts';
import type { Layer, Mixer, ModelFacts } from '../../src/core/fit/modelFacts.ts';

/** One logged run of a server, without what it reported. */
export interface FitCase {
  readonly id: string;
  readonly backend: 'ollama' | 'llama.cpp' | 'vllm';
  readonly backend_version: string | null;
  readonly gpu: string | null;
  readonly gpu_total_mib: number | readonly number[] | null;
  readonly gpu_free_mib: number | readonly number[] | null;
  readonly n_gpus: number | null;
  readonly model: string | null;
  readonly quant_or_dtype: string | null;
  readonly arch: Readonly<Record<string, unknown>> | null;
  readonly context: number | null;
  readonly num_parallel: number | null;
  readonly ubatch: number | null;
  readonly batch: number | null;
  readonly max_num_seqs: number | null;
  readonly max_num_batched_tokens: number | null;
  readonly kv_cache_type: string | null;
  readonly flash_attention: boolean | string | null;
  readonly gpu_memory_utilization: number | null;
  readonly tensor_parallel: number | null;
  readonly enforce_eager: boolean | null;
  readonly other_flags: string | null;
}

const textFields = ['backend_version', 'gpu', 'model', 'quant_or_dtype', 'kv_cache_type', 'other_flags'] as const;
const numberFields = [
  'n_gpus',
  'context',
  'num_parallel',
  'ubatch',
  'batch',
  'max_num_seqs',
  'max_num_batched_tokens',
  'gpu_memory_utilization',
  'tensor_parallel',
] as const;
const sizeFields = ['gpu_total_mib', 'gpu_free_mib'] as const;

/** People collected these by hand: what has another form than it should counts as not stated. */
export function readFitCase(record: unknown): FitCase {
  const run = { ...(record as Record<string, unknown>) };
  for (const field of textFields) run[field] = textOf(run[field]);
  for (const field of numberFields) run[field] = numberOf(run[field]);
  for (const field of sizeFields) run[field] = sizesOf(run[field]);
  for (const field of ['enforce_eager', 'arch'] as const) run[field] ??= null;
  run['flash_attention'] ??= null;
  if (typeof run['arch'] !== 'object' || Array.isArray(run['arch'])) run['arch'] = null;
  if (typeof run['enforce_eager'] !== 'boolean') run['enforce_eager'] = null;
  return run as unknown as FitCase;
}

function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return value === null || value === undefined ? null : JSON.stringify(value);
}

function numberOf(value: unknown): number | null {
  if (value === null || value === '' || Array.isArray(value) || typeof value === 'boolean') return null;
  const number = Number(value);
  return Number.isFinite(number) && number >= 0 ? number : null;
}

/** One for all GPUs, or one each. */
function sizesOf(value: unknown): number | readonly number[] | null {
  if (!Array.isArray(value)) return numberOf(value) || null;
  const sizes = value.map(numberOf);
  return sizes.length > 0 && sizes.every((size) => size !== null && size > 0) ? (sizes as number[]) : null;
}

/** The catalogue knows the model, or the record states its shape. */
export function factsOf(run: FitCase): ModelFacts | undefined {
  const name = (run.model ?? '').replace(/(\d\.\d)\/(\d\.\d)/, '$2');
  const known = knownModel(onceNamed(run) ?? name) ?? shapedLike(run);
  return shapeOf(run, known) ?? known;
}

/** Names of Ollama's library that were given to another model later: what they meant before the version of that time. */
const renamed: readonly (readonly [
  name: RegExp,
  beforeMinor: number,
  beforePatch: number,
  then: string,
  now: string,
])[] = [
  [/^deepseek-r1:8b$/i, 9, 0, 'llama-3.1-8b', 'qwen3-8b'],
  [/^deepseek-r1(:latest)?$/i, 9, 0, 'qwen2.5-7b', 'qwen3-8b'],
  [/^mistral-small(:latest)?$/i, 5, 8, 'mistral-small-22b', 'mistral-small-24b'],
  [/^command-r(:latest|:35b)?$/i, 3, 9, 'command-r-35b', 'command-r-08-2024'],
];

/** Undefined: the name has always meant the same, or the version does not say when it was. */
function onceNamed({ backend, backend_version: version, model }: FitCase): string | undefined {
  const found = renamed.find(([name]) => name.test(model ?? ''));
  const [, minor, patch = '0'] = /(?<![\d.])0\.(\d+)(?:\.(\d+))?/.exec(version ?? '') ?? [];
  if (backend !== 'ollama' || !found || minor === undefined) return undefined;
  const [, beforeMinor, beforePatch, then, now] = found;
  const isBefore = Number(minor) < beforeMinor || (Number(minor) === beforeMinor && Number(patch) < beforePatch);
  return isBefore ? then : now;
}

/** By the architecture, the number of layers and the size in the name, for example `9B`. */
function shapedLike({ arch, model }: FitCase): ModelFacts | undefined {
  const billions = /(\d+(?:\.\d+)?)B\b/i.exec(model ?? '')?.[1];
  if (billions === undefined || typeof arch?.['n_layer'] !== 'number' || typeof arch['arch'] !== 'string')
    return undefined;
  return modelShapedLike(arch['arch'], arch['n_layer'], Number(billions) * 1e9);
}

/** From the hyper-parameters that llama.cpp prints. Where they say less than the catalogue, the catalogue's. */
function shapeOf(run: FitCase, known: ModelFacts | undefined): ModelFacts | undefined {
  const { arch } = run;
  const number = (key: string) => (typeof arch?.[key] === 'number' ? arch[key] : undefined);
  const [layers, embedding, vocabulary] = [number('n_layer'), number('n_embd'), number('n_vocab')];
  if (known && (layers === undefined || known.layers.length === layers)) return known;
  if (!arch || layers === undefined) return known;
  if (embedding === undefined || vocabulary === undefined) {
    const keys =
      number('n_embd_k_gqa') ?? (number('n_head_kv') ?? 0) * (number('n_embd_head_k') ?? number('head_dim') ?? 0);
    if (!known && keys > 0 && arch['hybrid'] !== true)
      return cacheOnly(run, layers, keys, number('n_embd_v_gqa') ?? keys);
    // A stated number of layers that is not the model's: the name meant another one.
    return known && layers !== undefined
      ? { ...known, layers: known.layers.slice(0, 0), doubts: ['another model'] }
      : undefined;
  }
  const at = (key: string, index: number): number => {
    const value = arch[key];
    return Number(Array.isArray(value) ? value[index] : (value ?? 0));
  };
  const architecture = typeof arch['arch'] === 'string' ? arch['arch'] : 'unknown';
  return {
    architecture,
    name: run.model ?? architecture,
    origin: 'header',
    doubts: [],
    embeddingLength: embedding,
    vocabularySize: vocabulary,
    contextTokens: number('n_ctx_train') ?? 4096,
    tiedEmbeddings: /^(gemma|cohere|command)/.test(architecture),
    layers: Array.from({ length: layers }, (_, index): Layer => {
      const kvHeads = at('n_head_kv', index);
      const head = at('n_embd_head_k', index) || embedding / Math.max(1, at('n_head', index));
      const width = at('n_ff', index);
      const expertCount = at('n_expert', index);
      return {
        mixer: mixerOf({
          heads: at('n_head', index),
          kvHeads,
          keyLength: head,
          valueLength: at('n_embd_head_v', index) || head,
          kvRank: at('n_lora_kv', index),
          queryRank: at('n_lora_q', index),
          windowTokens: isWindowed(architecture, index) ? at('sliding_window', index) : 0,
        }),
        feedForward:
          expertCount > 0
            ? {
                kind: 'experts',
                count: expertCount,
                used: at('n_expert_used', index),
                width: at('n_ff_exp', index) || width,
                gated: true,
                sharedWidth: 0,
              }
            : width > 0
              ? { kind: 'dense', width, gated: true }
              : { kind: 'none' },
      };
    }),
  };
}

interface PrintedAttention {
  readonly heads: number;
  readonly kvHeads: number;
  readonly keyLength: number;
  readonly valueLength: number;
  readonly kvRank: number;
  readonly queryRank: number;
  readonly windowTokens: number;
}

/** Of latent attention llama.cpp prints the heads as they are after the up-projection: 64 of the key's elements are rotated. */
function mixerOf({ kvRank, queryRank, windowTokens, ...heads }: PrintedAttention): Mixer {
  if (heads.kvHeads === 0) return { kind: 'none' };
  if (kvRank === 0) return { kind: 'attention', ...heads, ...(windowTokens > 0 ? { windowTokens } : {}) };
  return {
    kind: 'latent',
    heads: heads.heads,
    kvRank,
    ...(queryRank > 0 ? { queryRank } : {}),
    ropeLength: 64,
    nopeLength: heads.keyLength - 64,
    valueLength: heads.valueLength,
  };
}

/** Which layers have the window is in llama.cpp's code, not in the file: every so many-th has none. Others' windows (Phi-3, Mistral) are not heeded. */
const windowPeriods: readonly (readonly [architecture: RegExp, period: number])[] = [
  [/^(gemma2|gpt-?oss)$/, 2],
  [/^gemma3$/, 6],
  [/^gemma3n$/, 5],
  [/^(cohere2|llama4|exaone4|exaone-moe|olmo2|afmoe|laguna)$/, 4],
];

function isWindowed(architecture: string, index: number): boolean {
  const period = windowPeriods.find(([pattern]) => pattern.test(architecture))?.[1];
  return period !== undefined && (index + 1) % period !== 0;
}

/** Enough for keys and values, for nothing else. */
function cacheOnly(run: FitCase, layers: number, keys: number, values: number): ModelFacts {
  const mixer = { kind: 'attention', heads: 1, kvHeads: 1, keyLength: keys, valueLength: values } as const;
  return {
    architecture: 'unknown',
    name: run.model ?? '',
    origin: 'header',
    doubts: ['only the cache is known'],
    embeddingLength: 0,
    vocabularySize: 0,
    tiedEmbeddings: false,
    layers: Array.from({ length: layers }, () => ({ mixer, feedForward: { kind: 'none' } })),
  };
}
