import type { ScriptedServer } from './scriptedServer.ts';

/** A model of Qwen 2.5 as Ollama describes it; the figures are those of its configuration. */
interface Qwen {
  readonly name: string;
  readonly sizeBytes: number;
  /** Left out: its name. */
  readonly digest?: string;
  readonly layers: number;
  readonly embedding: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly keyValueHeads: number;
}

export const qwen7b: Qwen = {
  name: 'qwen2.5-coder:7b',
  sizeBytes: 4_683_087_332,
  layers: 28,
  embedding: 3584,
  feedForward: 18_944,
  heads: 28,
  keyValueHeads: 4,
};
export const qwen14b: Qwen = {
  name: 'qwen2.5-coder:14b',
  sizeBytes: 8_988_124_069,
  layers: 48,
  embedding: 5120,
  feedForward: 13_824,
  heads: 40,
  keyValueHeads: 8,
};

const details = { format: 'gguf', family: 'qwen2', quantization_level: 'Q4_K_M' };

/** Lists and describes these models; of others it says 404. */
export function serveModels(server: ScriptedServer, models: readonly Qwen[]): void {
  server.on('/api/tags', (exchange) =>
    exchange.json({
      models: models.map(({ name, sizeBytes, digest = name }) => ({
        name,
        model: name,
        size: sizeBytes,
        digest,
        details,
      })),
    }),
  );
  server.on('/api/show', (exchange) => {
    const { model } = JSON.parse(exchange.request.body) as { model: string };
    const found = models.find(({ name }) => name === model);
    if (found) exchange.json({ details, model_info: infoOf(found), capabilities: ['completion', 'insert'] });
    else exchange.json({ error: `model '${model}' not found` }, 404);
  });
}

function infoOf(model: Qwen): object {
  return {
    'general.architecture': 'qwen2',
    'qwen2.block_count': model.layers,
    'qwen2.context_length': 32_768,
    'qwen2.embedding_length': model.embedding,
    'qwen2.feed_forward_length': model.feedForward,
    'qwen2.attention.head_count': model.heads,
    'qwen2.attention.head_count_kv': model.keyValueHeads,
    'qwen2.vocab_size': 152_064,
  };
}
