import { lawful, listedContextWindow } from './chatStream.ts';
import type { ClientContext } from './clientContext.ts';
import type { LLMClient } from './llmClient.ts';
import { listOpenAIStyleModels, openAIStyleEndpoint, streamChatCompletion, toModelInfo } from './openaiStyle.ts';
import { probeOpenAIStyle } from './serverIdentity.ts';
import { estimateTokens } from './tokenEstimate.ts';

/** OpenAI itself. Chosen by the user only: `auto` never sends a prompt off the machine. */
export function createOpenAIClient({ settings, host, memory }: ClientContext): LLMClient {
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
    chat: (request, signal) =>
      lawful({ client, host, signal, open: () => streamChatCompletion(endpoint, request, signal) }),
    countTokens: (request) => Promise.resolve(estimateTokens(request, memory.of(endpoint.baseUrl, request.model))),
    contextWindow: (model, signal) => listedContextWindow(client, model, signal),
  };
  return client;
}
