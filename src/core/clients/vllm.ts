import { lawful, listedContextWindow } from './chatStream.ts';
import type { ClientContext } from './clientContext.ts';
import type { LLMClient } from './llmClient.ts';
import { listOpenAIStyleModels, openAIStyleEndpoint, streamChatCompletion, toModelInfo } from './openaiStyle.ts';
import { probeOpenAIStyle } from './serverIdentity.ts';
import { estimateTokens } from './tokenEstimate.ts';

/** vLLM, local or remote. Its `max_model_len` is the real context window of prompt plus answer. */
export function createVllmClient({ settings, host, memory }: ClientContext): LLMClient {
  const endpoint = openAIStyleEndpoint({
    backend: 'vllm',
    url: settings.vllmUrl,
    urlSetting: 'a2ia.vllmUrl',
    settings,
    host,
  });
  const client: LLMClient = {
    backend: 'vllm',
    endpoint: endpoint.baseUrl,
    probe: (signal) => probeOpenAIStyle(endpoint, host.log, signal),
    // What vLLM lists is in memory: it serves nothing else.
    listModels: async (signal) =>
      (await listOpenAIStyleModels(endpoint, signal)).map((model) => ({ ...toModelInfo(model), loaded: true })),
    chat: (request, signal) =>
      lawful({ client, host, signal, open: () => streamChatCompletion(endpoint, request, signal) }),
    countTokens: (request) => Promise.resolve(estimateTokens(request, memory.of(endpoint.baseUrl, request.model))),
    contextWindow: (model, signal) => listedContextWindow(client, model, signal),
  };
  return client;
}
