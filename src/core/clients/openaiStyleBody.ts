import type { BackendError } from './errors.ts';
import type { ChatMessage, ChatRequest, ImageAttachment } from './llmClient.ts';
import type { ChatBody, ChatBodyMessage, OpenAIStyleEndpoint } from './openaiStyle.ts';
import type { DroppableField } from './refusals.ts';
import type { ServerName } from './serverIdentity.ts';

/** From a request to the body of a chat completion: what was asked for and was not refused, and nothing else. */
export function chatBody(endpoint: OpenAIStyleEndpoint, request: ChatRequest): ChatBody {
  const mayUse = fieldsNotRefused(endpoint, request.model);
  const limit = (endpoint.backend === 'openai') === mayUse('maxTokens') ? 'max_completion_tokens' : 'max_tokens';
  return {
    ...promptFields(endpoint, request),
    ...generationFields(endpoint, request),
    ...(request.maxOutputTokens === undefined ? {} : { [limit]: request.maxOutputTokens }),
    // Only adds events while it reads the prompt.
    ...(serverName(endpoint) === 'llama-server' ? { return_progress: true } : {}),
  };
}

/** What makes the prompt, as the servers' own counters of tokens take it too. */
export function promptFields(
  endpoint: OpenAIStyleEndpoint,
  { model, messages, tools, reasoning }: ChatRequest,
): Pick<ChatBody, 'model' | 'messages' | 'tools'> {
  const mayUse = fieldsNotRefused(endpoint, model);
  return {
    model,
    messages: messages.map(toBodyMessage),
    ...(tools?.length && mayUse('tools')
      ? { tools: tools.map((tool) => ({ type: 'function' as const, function: { ...tool } })) }
      : {}),
    ...(reasoning && mayUse('reasoning') ? reasoningFields(reasoning, serverName(endpoint)) : {}),
  };
}

type GenerationSettings = Pick<ChatRequest, 'model' | 'temperature' | 'topP' | 'seed' | 'stop'>;

/** What chat and completion have in common. */
export function generationFields(endpoint: OpenAIStyleEndpoint, request: GenerationSettings) {
  const mayUse = fieldsNotRefused(endpoint, request.model);
  const { temperature, topP, seed, stop } = request;
  return {
    stream: true as const,
    // Only adds the token counts at the end.
    ...(mayUse('usage') ? { stream_options: { include_usage: true } } : {}),
    ...(temperature === undefined || !mayUse('temperature') ? {} : { temperature }),
    ...(topP === undefined || !mayUse('topP') ? {} : { top_p: topP }),
    ...(seed === undefined || !mayUse('seed') ? {} : { seed }),
    ...(stop === undefined ? {} : { stop: [...stop] }),
  };
}

function fieldsNotRefused(endpoint: OpenAIStyleEndpoint, model: string) {
  const { refusedFields } = endpoint.memory.of(endpoint.baseUrl, model);
  return (field: DroppableField) => !refusedFields.has(field);
}

/** As far as it has been looked at: no request waits for it. */
function serverName({ backend, memory, baseUrl }: OpenAIStyleEndpoint): ServerName | undefined {
  return backend === 'vllm' ? 'vLLM' : memory.server(baseUrl).identity?.server;
}

/**
 * Local servers leave it to the model's chat template, which most often calls it `enable_thinking`, and know efforts for few models. vLLM 0.32 derives the one
 * from the other, older ones do not.
 */
function reasoningFields(reasoning: NonNullable<ChatRequest['reasoning']>, server: ServerName | undefined) {
  const usesTemplate = server === 'vLLM' || server === 'llama-server' || server === 'SGLang';
  if (!usesTemplate) return { reasoning_effort: reasoning === 'off' ? ('none' as const) : reasoning };
  return {
    chat_template_kwargs: { enable_thinking: reasoning !== 'off' },
    ...(reasoning === 'off' ? {} : { reasoning_effort: reasoning }),
  };
}

const refusal =
  /not supported|unsupported|n.t support|not support|only the default|not permitted|not allowed|unrecognized|unknown|unexpected|deprecated/i;

/** How servers name what they refuse. */
const fieldNames: readonly (readonly [DroppableField, RegExp])[] = [
  ['usage', /stream_options|include_usage/],
  ['maxTokens', /max_(?:completion_)?tokens/],
  ['temperature', /temperature/i],
  ['topP', /top_p/],
  ['seed', /\bseed\b/],
  ['reasoning', /reasoning|thinking|chat_template_kwargs/i],
  ['tools', /\btools?\b|function.call/i],
];

/** A field that the server refuses as such, whatever its value; one whose value is wrong is the user's to correct. */
export function refusedField(error: BackendError, request: GenerationSettings & Partial<ChatRequest>) {
  if (error.kind !== 'badRequest' && error.kind !== 'unsupported' && error.kind !== 'serverError') return undefined;
  const words = error.serverMessage ?? '';
  if (error.kind !== 'unsupported' && !refusal.test(words)) return undefined;
  return fieldNames.find(([field, name]) => isSent(field, request) && name.test(words))?.[0];
}

function isSent(field: DroppableField, request: GenerationSettings & Partial<ChatRequest>): boolean {
  switch (field) {
    case 'usage':
      return true;
    case 'maxTokens':
      return request.maxOutputTokens !== undefined;
    case 'tools':
      return (request.tools?.length ?? 0) > 0;
    case 'temperature':
    case 'topP':
    case 'seed':
    case 'reasoning':
      return request[field] !== undefined;
    case 'suffix':
      return false;
  }
}

function toBodyMessage(message: ChatMessage): ChatBodyMessage {
  switch (message.role) {
    case 'system':
      return { role: 'system', content: message.text };
    case 'user':
      return { role: 'user', content: message.images?.length ? contentParts(message) : message.text };
    case 'tool':
      return { role: 'tool', tool_call_id: message.toolCallId, content: message.text };
    case 'assistant':
      return {
        role: 'assistant',
        content: message.text,
        ...(message.toolCalls?.length
          ? {
              tool_calls: message.toolCalls.map((call) => ({
                id: call.id,
                type: 'function' as const,
                function: { name: call.name, arguments: validArguments(call.argumentsJson) },
              })),
            }
          : {}),
      };
  }
}

function contentParts({ text, images = [] }: ChatMessage & { readonly role: 'user' }) {
  return [
    ...(text ? [{ type: 'text' as const, text }] : []),
    ...images.map((image) => ({
      type: 'image_url' as const,
      image_url: { url: imageUrl(image) },
    })),
  ];
}

/** Always the image itself: what is in it is never taken for a path or an address. */
export function imageUrl({ mediaType, base64 }: ImageAttachment): string {
  return `data:${mediaType};base64,${base64}`;
}

/** Servers parse the arguments of earlier calls to put them into the prompt, and refuse the conversation when they cannot. */
export function validArguments(json: string): string {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? json : '{}';
  } catch {
    return '{}';
  }
}
