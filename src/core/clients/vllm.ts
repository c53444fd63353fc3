import { lawful, listedContextWindow } from './chatStream.ts';
import type { ClientContext } from './clientContext.ts';
import type { BackendStatus, LLMClient, LoadedModel } from './llmClient.ts';
import { openAIStyleEndpoint, type OpenAIStyleEndpoint } from './openaiStyle.ts';
import { streamChat } from './openaiStyleChat.ts';
import { streamCompletion } from './openaiStyleComplete.ts';
import { countByVllm, countOrEstimate } from './openaiStyleCount.ts';
import { listModels, toModelInfo } from './openaiStyleModels.ts';
import { probeOpenAIStyle } from './serverIdentity.ts';
import { describeLoad, readVllmLoad } from './vllmMetrics.ts';

/** vLLM, local or remote. Its `max_model_len` is the real context window of prompt plus answer. */
export function createVllmClient(context: ClientContext): LLMClient {
  const { settings, host } = context;
  const { firstByteTimeoutMs: loadingLimitMs } = settings;
  const address = { backend: 'vllm', url: settings.vllmUrl, urlSetting: 'a2ia.vllmUrl' } as const;
  const endpoint = openAIStyleEndpoint(address, context);
  const contextWindow = (model: string, signal: AbortSignal) => listedContextWindow(client, model, signal);
  const client: LLMClient = {
    backend: 'vllm',
    endpoint: endpoint.baseUrl,
    probe: (signal) => probe(endpoint, signal),
    // What vLLM lists is in memory: it serves nothing else.
    listModels: async (signal) => {
      const models = await listModels(endpoint, signal);
      return models.map((model) => ({ ...toModelInfo(model, models), loaded: true }));
    },
    chat: (request, signal) =>
      lawful({
        client,
        host,
        signal,
        loadingLimitMs,
        open: () => streamChat({ endpoint, request, signal, contextWindow }),
      }),
    complete: (request, signal) =>
      lawful({ client, host, signal, loadingLimitMs, open: () => streamCompletion(endpoint, request, signal) }),
    countTokens: (request, signal) => countOrEstimate(endpoint, request, () => countByVllm(endpoint, request, signal)),
    contextWindow,
    // It tells neither its weights nor its share of the GPU.
    loadedModels: async (signal) => {
      const [models, load] = await Promise.all([listModels(endpoint, signal), readVllmLoad(endpoint, signal)]);
      return models.map((model): LoadedModel => {
        const { id, contextWindowTokens } = toModelInfo(model, models);
        return {
          id,
          isFixed: true,
          ...(contextWindowTokens ? { contextWindowTokens } : {}),
          ...(load?.kvCacheUsage === undefined ? {} : { kvCacheUsage: load.kvCacheUsage }),
        };
      });
    },
  };
  return client;
}

/** A shared server that is busy answers late: who chooses it is told. */
async function probe(endpoint: OpenAIStyleEndpoint, signal: AbortSignal): Promise<BackendStatus> {
  const status = await probeOpenAIStyle(endpoint, signal);
  if (status.state !== 'ready' || status.server !== 'vLLM') return status;
  const load = await readVllmLoad(endpoint, signal);
  const detail = load && describeLoad(load);
  return detail ? { ...status, detail } : status;
}
