import type { CoreHost } from '../host.ts';
import type { Settings } from '../settings/settings.ts';
import { lawful } from './chatStream.ts';
import type { LLMClient } from './llmClient.ts';
import { listOpenAIStyleModels, openAIStyleEndpoint, streamChatCompletion, toModelInfo } from './openaiStyle.ts';
import { probeOpenAIStyle } from './serverIdentity.ts';

/** OpenAI itself. Chosen by the user only: `auto` never sends a prompt off the machine. */
export function createOpenAIClient(settings: Settings, host: CoreHost): LLMClient {
  const endpoint = openAIStyleEndpoint({
    backend: 'openai',
    url: settings.openaiUrl,
    urlSetting: 'a2ia.openaiUrl',
    settings,
    host,
    // Reasoning models refuse the old name.
    outputLimitField: 'max_completion_tokens',
  });
  const client: LLMClient = {
    backend: 'openai',
    endpoint: endpoint.baseUrl,
    probe: (signal) => probeOpenAIStyle(endpoint, host.log, signal),
    listModels: async (signal) => (await listOpenAIStyleModels(endpoint, signal)).map(toModelInfo),
    chat: (request, signal) => lawful(client, signal, streamChatCompletion(endpoint, request, signal)),
  };
  return client;
}
