import { lawful, listedContextWindow } from './chatStream.ts';
import type { ClientContext } from './clientContext.ts';
import type { ChatRequest, LLMClient } from './llmClient.ts';
import { askJson, besideV1, openAIStyleEndpoint, type OpenAIStyleEndpoint } from './openaiStyle.ts';
import { promptFields } from './openaiStyleBody.ts';
import { streamChat } from './openaiStyleChat.ts';
import { streamCompletion } from './openaiStyleComplete.ts';
import { countOrEstimate, hasImages } from './openaiStyleCount.ts';
import { listModels, toModelInfo } from './openaiStyleModels.ts';
import { probeOpenAIStyle } from './serverIdentity.ts';

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
    probe: (signal) => probeOpenAIStyle(endpoint, signal),
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
    countTokens: (request, signal) => countOrEstimate(endpoint, request, () => count(endpoint, request, signal)),
    contextWindow,
  };
  return client;
}

/** An image is one token to it, whatever it becomes later. */
async function count(endpoint: OpenAIStyleEndpoint, request: ChatRequest, signal: AbortSignal) {
  if (hasImages(request)) return undefined;
  const answer = await askJson(endpoint, besideV1(endpoint, '/tokenize'), signal, promptFields(endpoint, request));
  return (answer as { readonly count?: number } | null)?.count;
}
