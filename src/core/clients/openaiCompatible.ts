import { lawful, listedContextWindow } from './chatStream.ts';
import type { ClientContext } from './clientContext.ts';
import type { LLMClient } from './llmClient.ts';
import { listOpenAIStyleModels, openAIStyleEndpoint, streamChatCompletion, toModelInfo } from './openaiStyle.ts';
import { probeOpenAIStyle } from './serverIdentity.ts';
import { estimateTokens } from './tokenEstimate.ts';

/** Where such servers listen by default: llama-server (old and new default), LM Studio, SGLang, LiteLLM. */
export const usualUrls: readonly string[] = [8080, 9931, 1234, 30000, 4000].map((port) => `http://127.0.0.1:${port}`);

/** llama-server, LM Studio, SGLang, LiteLLM and everything else that speaks OpenAI's chat completions. */
export function createOpenAICompatibleClient(url: string, context: ClientContext): LLMClient {
  const { settings, host, memory } = context;
  const endpoint = openAIStyleEndpoint({
    backend: 'openai-compatible',
    url,
    urlSetting: 'a2ia.openaiCompatibleUrl',
    settings,
    host,
  });
  const client: LLMClient = {
    backend: 'openai-compatible',
    endpoint: endpoint.baseUrl,
    probe: (signal) => probeOpenAIStyle(endpoint, host.log, signal),
    listModels: async (signal) => (await listOpenAIStyleModels(endpoint, signal)).map(toModelInfo),
    chat: (request, signal) =>
      lawful({ client, host, signal, open: () => streamChatCompletion(endpoint, request, signal) }),
    countTokens: (request) => Promise.resolve(estimateTokens(request, memory.of(endpoint.baseUrl, request.model))),
    contextWindow: (model, signal) => listedContextWindow(client, model, signal),
  };
  return client;
}
