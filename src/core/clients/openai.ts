import { lawful, listedContextWindow } from './chatStream.ts';
import type { ClientContext } from './clientContext.ts';
import type { ChatMessage, ChatRequest, LLMClient } from './llmClient.ts';
import { askJson, knownBaseUrl, openAIStyleEndpoint, type OpenAIStyleEndpoint } from './openaiStyle.ts';
import { imageUrl, validArguments } from './openaiStyleBody.ts';
import { streamChat } from './openaiStyleChat.ts';
import { countOrEstimate } from './openaiStyleCount.ts';
import { listModels, toModelInfo } from './openaiStyleModels.ts';
import { probeOpenAIStyle } from './serverIdentity.ts';

/** OpenAI itself. Chosen by the user only: `auto` never sends a prompt off the machine. It has no models that continue raw text. */
export function createOpenAIClient(context: ClientContext): LLMClient {
  const { settings, host } = context;
  const { firstByteTimeoutMs: loadingLimitMs } = settings;
  const address = { backend: 'openai', url: settings.openaiUrl, urlSetting: 'a2ia.openaiUrl' } as const;
  const endpoint = openAIStyleEndpoint(address, context);
  const contextWindow = async (model: string, signal: AbortSignal) =>
    contextWindowOf(model) ?? (await listedContextWindow(client, model, signal));
  const client: LLMClient = {
    backend: 'openai',
    endpoint: endpoint.baseUrl,
    probe: (signal) => probeOpenAIStyle(endpoint, signal),
    listModels: async (signal) => {
      const models = await listModels(endpoint, signal);
      return models.map((model) => {
        const contextWindowTokens = contextWindowOf(model.id);
        return { ...(contextWindowTokens ? { contextWindowTokens } : {}), ...toModelInfo(model, models) };
      });
    },
    chat: (request, signal) =>
      lawful({
        client,
        host,
        signal,
        loadingLimitMs,
        open: () => streamChat({ endpoint, request, signal, contextWindow }),
      }),
    countTokens: (request, signal) => countOrEstimate(endpoint, request, () => count(endpoint, request, signal)),
    contextWindow,
  };
  return client;
}

/**
 * By the start of the model's id; the first that fits counts. The API does not tell: these are the numbers of the model pages at
 * https://developers.openai.com/api/docs/models as of November 2026.
 */
const contextWindows: readonly (readonly [RegExp, tokens: number])[] = [
  [/^gpt-5(\.\d)?-chat|^gpt-5\.3-codex-spark/, 128_000],
  [/^gpt-5\.4-(mini|nano)/, 400_000],
  [/^gpt-(6|5\.[456])/, 1_050_000],
  [/^gpt-5/, 400_000],
  [/^gpt-4\.1/, 1_047_576],
  [/^(chat)?gpt-4o|^gpt-4-turbo|^o1-(mini|preview)/, 128_000],
  [/^o[134](-|$)/, 200_000],
  [/^gpt-4(-\d{4}|$)/, 8192],
  [/^gpt-3\.5-turbo/, 16_385],
];

/** Undefined for what is not known, fine-tuned models (`ft:…`) among it. */
function contextWindowOf(model: string): number | undefined {
  return contextWindows.find(([family]) => family.test(model))?.[1];
}

/** By the Responses API, the only one that counts; it reads the same conversation in its own shape. */
async function count(endpoint: OpenAIStyleEndpoint, request: ChatRequest, signal: AbortSignal) {
  const { model, messages, tools } = request;
  const answer = await askJson(endpoint, `${knownBaseUrl(endpoint)}/responses/input_tokens`, signal, {
    model,
    input: messages.flatMap(toInputItems),
    ...(tools?.length ? { tools: tools.map((tool) => ({ type: 'function', ...tool })) } : {}),
  });
  return (answer as { readonly input_tokens?: number } | null)?.input_tokens;
}

function toInputItems(message: ChatMessage): object[] {
  switch (message.role) {
    case 'system':
      return [{ role: message.role, content: message.text }];
    case 'user':
      return [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: message.text },
            ...(message.images ?? []).map((image) => ({ type: 'input_image', image_url: imageUrl(image) })),
          ],
        },
      ];
    case 'tool':
      return [{ type: 'function_call_output', call_id: message.toolCallId, output: message.text }];
    case 'assistant':
      return [
        ...(message.text ? [{ role: 'assistant', content: message.text }] : []),
        ...(message.toolCalls ?? []).map(({ id, name, argumentsJson }) => ({
          type: 'function_call',
          call_id: id,
          name,
          arguments: validArguments(argumentsJson),
        })),
      ];
  }
}
