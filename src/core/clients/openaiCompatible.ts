import type { CoreHost } from '../host.ts';
import type { Settings } from '../settings/settings.ts';
import { lawful } from './chatStream.ts';
import type { LLMClient } from './llmClient.ts';
import { listOpenAIStyleModels, openAIStyleEndpoint, streamChatCompletion, toModelInfo } from './openaiStyle.ts';
import { probeOpenAIStyle } from './serverIdentity.ts';

/** Where such servers listen by default: llama-server (old and new default), LM Studio, SGLang, LiteLLM. */
export const usualUrls: readonly string[] = [8080, 9931, 1234, 30000, 4000].map((port) => `http://127.0.0.1:${port}`);

/** llama-server, LM Studio, SGLang, LiteLLM and everything else that speaks OpenAI's chat completions. */
export function createOpenAICompatibleClient(url: string, settings: Settings, host: CoreHost): LLMClient {
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
    chat: (request, signal) => lawful(client, signal, streamChatCompletion(endpoint, request, signal)),
  };
  return client;
}
