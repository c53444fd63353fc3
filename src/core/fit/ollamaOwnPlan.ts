import { layerCacheBytes, type CacheType } from './kvCache.ts';
import { gpuWeightBytes, layerBytes, type LlamaCppSettings } from './llamaCpp.ts';
import type { Attention, LatentAttention, ModelFacts, WeightBytes } from './modelFacts.ts';

/**
 * What Ollama asks for before it puts a whole model on the GPUs, in the versions that plan by formulas (`llm/memory.go`): up to 0.12.10, and up to 0.10 for
 * every model. The decision follows from this number, not from what the buffers then take. Its reserve of 457 MiB a GPU is the caller's.
 */
export function ollamaOwnDemand(
  facts: ModelFacts,
  weights: WeightBytes,
  given: LlamaCppSettings,
  gpus: number,
): number {
  // It knows no compressed cache.
  const settings: LlamaCppSettings = { ...given, gpus, latentAsHeads: true };
  const largestLayer = Math.max(
    0,
    ...facts.layers.map((layer, index) => layerBytes(layer, index, facts, weights, settings)),
  );
  const cache = ollamaOwnCache(facts, settings);
  const encoder = settings.withEncoder
    ? weights.encoder || (facts.encoder?.parameters ?? 0) * 2 + (facts.encoder?.ollamaGraphBytes ?? 0)
    : 0;
  const graph = graphBytes(facts, weights, settings, cache);
  // A GPU is only taken while one more layer would fit beside the graph.
  return gpuWeightBytes(facts, weights) + cache + encoder + gpus * (graph + largestLayer);
}

/** Its KV cache: without the scales of the quantized types. With the weights it is what `/api/ps` calls the size of a model on the CPU, until 0.30. */
export function ollamaOwnCache(facts: ModelFacts, settings: LlamaCppSettings): number {
  const share: Readonly<Partial<Record<CacheType, number>>> = { q8_0: 1 / 2, q4_0: 1 / 4 };
  const in16Bits = { ...settings, keyType: 'f16', valueType: 'f16', latentAsHeads: true } as const;
  const bytes = facts.layers.reduce((sum, layer) => sum + layerCacheBytes(layer, in16Bits), 0);
  return bytes * (share[settings.keyType] ?? 1);
}

interface GraphSizes {
  readonly batch: number;
  readonly context: number;
  readonly embedding: number;
  readonly vocabulary: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly head: number;
  readonly keys: number;
}

/** The larger of Ollama's two guesses of the compute buffer, for all and for a part of the layers (`fs/ggml/ggml.go`, GraphSize). Flash attention is in none. */
function graphBytes(facts: ModelFacts, weights: WeightBytes, settings: LlamaCppSettings, cacheBytes: number): number {
  const attention = facts.layers.map(({ mixer }) => mixer).find(isAttention);
  if (!attention) return 0;
  const kvHeads = attention.kind === 'latent' ? attention.heads : attention.kvHeads;
  const keys = attention.kind === 'latent' ? attention.nopeLength + attention.ropeLength : attention.keyLength;
  const sizes: GraphSizes = {
    batch: Math.min(settings.batchTokens, settings.contextTokens),
    context: settings.contextTokens,
    embedding: facts.embeddingLength,
    vocabulary: facts.vocabularySize,
    heads: attention.heads,
    kvHeads,
    head: facts.embeddingLength / attention.heads,
    keys,
  };
  const known = guessFor(facts, weights, sizes);
  return known ?? ((attention.heads / Math.max(1, kvHeads)) * cacheBytes) / 6;
}

function isAttention(mixer: { readonly kind: string }): mixer is Attention | LatentAttention {
  return mixer.kind === 'attention' || mixer.kind === 'latent';
}

/** Undefined: an architecture without a formula of its own. */
function guessFor(facts: ModelFacts, weights: WeightBytes, sizes: GraphSizes): number | undefined {
  const { batch, context, embedding, vocabulary, heads, kvHeads, head, keys } = sizes;
  const logits = 4 * batch * (embedding + vocabulary);
  const logitsElsewhere = logits + (embedding * vocabulary * 105) / 128;
  const scores = context * (1 + heads);
  switch (facts.architecture) {
    case 'mixtral': {
      const experts = Math.max(0, ...weights.layers.map((layer) => layer.experts));
      const width = facts.layers[0]?.feedForward.kind === 'experts' ? facts.layers[0].feedForward.width : 0;
      return Math.max(
        4 * batch * (1 + 4 * embedding + scores),
        experts + 4 * batch * (2 * width + kvHeads + embedding + context + head * kvHeads),
      );
    }
    case 'llama':
    case 'llama4':
    case 'mistral':
      // With an encoder it is Ollama's `mistral3`, which has none.
      if (facts.encoder) return undefined;
      return Math.max(
        4 * batch * (1 + 4 * embedding + scores),
        4 * batch * embedding +
          Math.max(
            4 * batch * (1 + embedding + Math.max(context, embedding)) +
              (embedding * embedding * 9) / 16 +
              4 * context * (batch * heads + head * kvHeads),
            logitsElsewhere,
          ),
      );
    case 'gemma':
    case 'gemma2':
    case 'gemma3':
      return Math.max(
        logitsElsewhere,
        4 * batch * (2 + scores + 2 * embedding + 2 * keys * heads) +
          32 * keys * context +
          (embedding * keys * heads * 9) / 16,
      );
    case 'qwen2':
      return Math.max(logitsElsewhere, 4 * (batch * (1 + 2 * embedding + scores) + embedding * (1 + context)));
    case 'commandr':
      return Math.max(
        logitsElsewhere,
        4 * batch * (2 + 4 * embedding + scores) + 4 * embedding * context + (embedding * embedding * 9) / 16,
      );
    case 'phi2':
    case 'chatglm':
      return Math.max(logitsElsewhere, 4 * batch * (2 + 4 * embedding + scores + keys * heads));
    case 'stablelm':
      return Math.max(4 * batch * (vocabulary + 2 * embedding), 4 * batch * (scores + 3 * embedding + 2));
    case 'deepseek2':
      return Math.max(
        logitsElsewhere + 8 * batch * embedding,
        4 * batch * (2 * embedding + 1 + 2 * keys * kvHeads + context + context * kvHeads) +
          4 * keys * context * kvHeads +
          (embedding * keys * kvHeads * 9) / 16,
      );
    // 0.11.0 to 0.11.2, without flash attention: the whole context in every layer, eight times over.
    case 'gpt-oss':
      return (8 * (heads / kvHeads) * facts.layers.length * 4 * keys * kvHeads * context) / 6;
    default:
      return undefined;
  }
}
