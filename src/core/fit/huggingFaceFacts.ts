import type { Scheme } from './checkpoint.ts';
import { limits, needed, reading, Unusable, wholeNumber, type FactsReading } from './factsReading.ts';
import { madeLayers } from './layers.ts';
import type { Attention, FeedForward, Layer, Mixer } from './modelFacts.ts';

type Config = Readonly<Record<string, unknown>>;

/** A `config.json` of Hugging Face. Multimodal ones have the language model inside `text_config` or the like. */
export function factsOfConfig(config: unknown): FactsReading {
  return reading(() => {
    if (!isRecord(config)) throw new Unusable('is not an object');
    const whole = config;
    const text = textConfig(whole);
    const named: unknown = Array.isArray(whole['architectures']) ? whole['architectures'][0] : undefined;
    const architecture = named ?? whole['model_type'];
    if (typeof architecture !== 'string') throw new Unusable('does not say which architecture it has');
    const embeddingLength = needed(text['hidden_size'], 'hidden size', limits.length);
    const layers = needed(text['num_hidden_layers'], 'number of layers', limits.layers);
    const contextTokens = wholeNumber(text['max_position_embeddings'], 'context', limits.context);
    const type = textOf(text['model_type'] ?? whole['model_type'], '').replace(/_text$/, '');
    return {
      architecture,
      origin: 'config',
      ...(contextTokens === undefined ? {} : { contextTokens }),
      embeddingLength,
      vocabularySize: needed(text['vocab_size'], 'vocabulary size', limits.vocabulary),
      tiedEmbeddings: (text['tie_word_embeddings'] ?? whole['tie_word_embeddings']) === true || tiedByDefault.has(type),
      layers: madeLayers(layers, (index): Layer => ({
        mixer: mixerOf(text, type, index, embeddingLength),
        feedForward: feedForwardOf(text, index),
        ...(/^gemma[234]/.test(type) ? { norms: 4 } : {}),
      })),
      doubts: knownTypes.test(type)
        ? []
        : [
            `The model type “${type}” is not known: every layer is planned with full attention, the most it could take.`,
          ],
    };
  });
}

const tiedByDefault: ReadonlySet<string> = new Set([
  'gemma',
  'gemma2',
  'gemma3',
  'gemma3n',
  'gemma4',
  'cohere',
  'cohere2',
]);
const knownTypes =
  /^(llama|mistral\d?|mixtral|ministral|qwen[23](_\d)?(_moe|_vl|_vl_moe|_next|_5|_5_vl|_5_moe)?|gemma[234]?|phi(3|moe)?|phi3small|granite|deepseek_v[23]|kimi_\w+|glm4?(_moe)?|chatglm|gpt_oss|olmo[23]?|olmoe|cohere2?|starcoder2|internlm[23]|exaone4|minimax_m2|seed_oss|smollm3|nemotron_h|yi|stablelm)$/;

function isRecord(value: unknown): value is Config {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

function textConfig(config: Config): Config {
  const thinker = config['thinker_config'];
  const outer = isRecord(thinker) ? thinker : config;
  return ['text_config', 'llm_config', 'language_config'].map((key) => outer[key]).find(isRecord) ?? outer;
}

function mixerOf(config: Config, type: string, index: number, embedding: number): Mixer {
  const kind = layerType(config, index);
  if (kind === 'linear_attention') return linearAttentionOf(config);
  const heads = needed(config['num_attention_heads'], 'number of attention heads', limits.heads);
  const kvRank = wholeNumber(config['kv_lora_rank'], 'rank of keys and values', limits.length);
  if (kvRank !== undefined && kvRank > 0) {
    const queryRank = wholeNumber(config['q_lora_rank'], 'rank of queries', limits.length);
    return {
      kind: 'latent',
      heads,
      kvRank,
      ropeLength: needed(config['qk_rope_head_dim'], 'length of rotated keys', limits.length),
      nopeLength: needed(config['qk_nope_head_dim'], 'length of keys', limits.length),
      valueLength: needed(config['v_head_dim'], 'length of values', limits.length),
      ...(queryRank ? { queryRank } : {}),
    };
  }
  const isFull = kind !== 'sliding_attention' && kind !== 'chunked_attention';
  const own = isFull ? wholeNumber(config['global_head_dim'], 'head size', limits.length) : undefined;
  const head = own ?? wholeNumber(config['head_dim'], 'head size', limits.length) ?? Math.floor(embedding / heads);
  const globalHeads = isFull
    ? wholeNumber(config['num_global_key_value_heads'], 'number of KV heads', limits.heads)
    : undefined;
  const kvHeads =
    globalHeads ?? wholeNumber(config['num_key_value_heads'], 'number of KV heads', limits.heads) ?? heads;
  const window = wholeNumber(config['sliding_window'], 'sliding window', limits.context);
  const shared = wholeNumber(config['num_kv_shared_layers'], 'number of layers without cache', limits.layers) ?? 0;
  const layers = Number(config['num_hidden_layers']);
  return {
    kind: 'attention',
    heads,
    kvHeads,
    keyLength: head,
    valueLength: head,
    ...biasOf(config, type),
    ...(/^(qwen3|gemma[34])/.test(type) ? { qkNorm: true } : {}),
    ...(config['attn_output_gate'] === true ? { gated: true } : {}),
    ...(isFull && config['attention_k_eq_v'] === true ? { valuesAreKeys: true } : {}),
    ...(isFull || window === undefined ? {} : { windowTokens: window }),
    ...(shared > 0 && index >= layers - shared ? { sharesCache: true } : {}),
  };
}

/** Newer configurations list the kinds of their layers; in older ones the family says them. */
function layerType(config: Config, index: number): unknown {
  if (Array.isArray(config['layer_types'])) return config['layer_types'][index];
  const interval = wholeNumber(config['full_attention_interval'], 'interval of full attention', limits.layers);
  if (interval) return (index + 1) % interval === 0 ? 'full_attention' : 'linear_attention';
  const pattern = wholeNumber(config['sliding_window_pattern'], 'pattern of windows', limits.layers);
  const period = pattern ?? (/^gemma2/.test(textOf(config['model_type'], '')) ? 2 : undefined);
  if (period && typeof config['sliding_window'] === 'number')
    return (index + 1) % period === 0 ? 'full_attention' : 'sliding_attention';
  return 'full_attention';
}

function linearAttentionOf(config: Config): Mixer {
  return {
    kind: 'deltaNet',
    keyHeads: needed(config['linear_num_key_heads'], 'number of linear key heads', limits.heads),
    valueHeads: needed(config['linear_num_value_heads'], 'number of linear value heads', limits.heads),
    headLength: needed(config['linear_value_head_dim'], 'linear head size', limits.length),
    convKernel: wholeNumber(config['linear_conv_kernel_dim'], 'convolution', limits.heads) || 4,
  };
}

function biasOf(config: Config, type: string): Pick<Attention, 'bias'> {
  if (/^qwen2/.test(type)) return { bias: 'qkv' };
  if (config['attention_bias'] === true) return { bias: type === 'gpt_oss' ? 'all' : 'qkv' };
  return {};
}

function feedForwardOf(config: Config, index: number): FeedForward {
  const count = ['num_local_experts', 'n_routed_experts', 'num_experts']
    .map((key) => wholeNumber(config[key], 'number of experts', limits.experts))
    .find((experts) => experts !== undefined && experts > 0);
  const width = wholeNumber(config['intermediate_size'], 'feed-forward width', limits.length * 16) ?? 0;
  const dense = wholeNumber(config['first_k_dense_replace'], 'number of dense layers', limits.layers) ?? 0;
  if (count === undefined || index < dense)
    return width === 0 ? { kind: 'none' } : { kind: 'dense', width, gated: isGated(config) };
  const expertWidth = wholeNumber(config['moe_intermediate_size'], 'expert width', limits.length) ?? width;
  const shared = wholeNumber(config['n_shared_experts'], 'number of shared experts', limits.experts) ?? 0;
  return {
    kind: 'experts',
    count,
    used:
      wholeNumber(config['num_experts_per_tok'] ?? config['top_k_experts'], 'number of experts used', limits.experts) ??
      1,
    width: expertWidth,
    gated: true,
    sharedWidth:
      wholeNumber(config['shared_expert_intermediate_size'], 'width of the shared expert', limits.length) ??
      shared * expertWidth,
  };
}

function isGated(config: Config): boolean {
  return (
    !/^(gelu_new|gelu|gelu_fast|relu2?)$/.test(textOf(config['hidden_act'], 'silu')) &&
    !/^(phi|starcoder2)$/.test(textOf(config['model_type'], ''))
  );
}

/** How the checkpoint of this configuration is stored. Undefined: by a method that is not known here. */
export function schemeOfConfig(config: unknown): Scheme | undefined {
  if (!isRecord(config)) return undefined;
  const quantization = config['quantization_config'];
  if (!isRecord(quantization)) {
    const text = textConfig(config);
    const dtype = textOf(config['torch_dtype'] ?? config['dtype'] ?? text['torch_dtype'] ?? text['dtype'], 'bfloat16');
    return { kind: 'plain', bytes: /float32/.test(dtype) ? 4 : 2 };
  }
  const { quant_method: method, config_groups: groups } = quantization;
  switch (method) {
    case 'gptq':
      return { kind: quantization['bits'] === 8 ? 'gptq8' : 'gptq' };
    case 'awq':
    case 'fp8':
    case 'mxfp4':
      return { kind: method };
    case 'bitsandbytes':
      return { kind: 'nf4' };
    case 'modelopt':
      return { kind: 'nvfp4' };
    case 'compressed-tensors':
      return compressedScheme(groups);
    default:
      return undefined;
  }
}

function compressedScheme(groups: unknown): Scheme | undefined {
  const first: unknown = isRecord(groups) ? Object.values(groups)[0] : undefined;
  const weights = isRecord(first) ? first['weights'] : undefined;
  if (!isRecord(weights)) return undefined;
  const { num_bits: bits, type } = weights;
  if (bits === 8) return { kind: type === 'float' ? 'fp8' : 'int8' };
  if (bits === 4) return { kind: type === 'float' ? 'nvfp4' : 'w4a16' };
  return undefined;
}

/** Bytes of all tensors, from a `model.safetensors.index.json`. Undefined where it says nothing usable. */
export function checkpointBytesOfIndex(index: unknown): number | undefined {
  const metadata = isRecord(index) ? index['metadata'] : undefined;
  const size = isRecord(metadata) ? metadata['total_size'] : undefined;
  return typeof size === 'number' && Number.isSafeInteger(size) && size > 0 ? size : undefined;
}
