import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions';
import type { CoreHost } from '../host.ts';
import type { Settings } from '../settings/settings.ts';
import { DeltaJoiner } from './chatStream.ts';
import { BackendError } from './errors.ts';
import { notJson, parseEvent, responseError, streamedError, toBackendError } from './failures.ts';
import type {
  BackendId,
  ChatEvent,
  ChatMessage,
  ChatRequest,
  FinishReason,
  ModelInfo,
  ServerTimings,
  TokenUsage,
} from './llmClient.ts';
import { readServerSentEvents } from './streams.ts';
import { ToolCallAssembler, type ToolCallDelta } from './toolCalls.ts';
import { jsonFetch, readAll, streamFetch, type TransportOptions, type TransportResponse } from './transport.ts';

/** What every server that speaks OpenAI's chat completions has in common. The `openai` package makes the requests, our readers read the streams. */

export interface OpenAIStyleEndpoint {
  readonly backend: BackendId;
  /** With its `/v1`. */
  readonly baseUrl: string;
  readonly transport: TransportOptions;
  readonly outputLimitField: OutputLimitField;
}

export interface OpenAIStyleOptions {
  readonly backend: BackendId;
  /** As the user wrote it: with or without `/v1`, with or without a path before it. */
  readonly url: string;
  readonly urlSetting: string;
  readonly settings: Settings;
  readonly host: CoreHost;
  readonly outputLimitField?: OutputLimitField;
}

type OutputLimitField = 'max_tokens' | 'max_completion_tokens';

export function openAIStyleEndpoint(options: OpenAIStyleOptions): OpenAIStyleEndpoint {
  const { backend, urlSetting, settings, host } = options;
  const { firstByteTimeoutMs, idleTimeoutMs } = settings;
  const url = options.url.replace(/\/+$/, '');
  return {
    backend,
    baseUrl: /\/v\d+$/.test(url) ? url : `${url}/v1`,
    transport: { backend, host, firstByteTimeoutMs, idleTimeoutMs, urlSetting },
    outputLimitField: options.outputLimitField ?? 'max_tokens',
  };
}

/** The address of something beside `/v1`, such as `/health`. */
export function besideV1(endpoint: OpenAIStyleEndpoint, path: string): string {
  return endpoint.baseUrl.replace(/\/v\d+$/, '') + path;
}

/** @throws BackendError */
export async function listOpenAIStyleModels(
  endpoint: OpenAIStyleEndpoint,
  signal: AbortSignal,
): Promise<readonly OpenAIStyleModel[]> {
  const client = await packageClient(endpoint, jsonFetch(endpoint.transport, signal));
  const page: unknown = await client.models.list().catch((error: unknown) => {
    throw toBackendError(error, endpoint.backend);
  });
  const data = (page as { data?: unknown }).data;
  // `{"data": null}` is how some gateways say "none"; a server that answers any path with 200 has no list at all.
  if (data === null) return [];
  if (!Array.isArray(data)) throw noModelList(endpoint);
  return data.filter((entry): entry is OpenAIStyleModel => typeof (entry as { id?: unknown } | null)?.id === 'string');
}

/** An entry of `/v1/models`. Everything but the id depends on the server. */
export interface OpenAIStyleModel {
  readonly id: string;
  readonly owned_by?: string;
  /** vLLM and SGLang. Absent for vLLM's LoRA adapters. */
  readonly max_model_len?: number;
  /** llama-server; null while it loads. */
  readonly meta?: {
    readonly n_ctx?: number;
    readonly n_ctx_train?: number;
    readonly size?: number;
    readonly ftype?: string;
  } | null;
}

export function toModelInfo(model: OpenAIStyleModel): ModelInfo {
  const contextWindowTokens = model.max_model_len ?? model.meta?.n_ctx;
  return {
    id: model.id,
    ...(contextWindowTokens ? { contextWindowTokens } : {}),
    ...(model.meta?.n_ctx_train ? { trainedContextTokens: model.meta.n_ctx_train } : {}),
    ...(model.meta?.size ? { sizeBytes: model.meta.size } : {}),
    ...(model.meta?.ftype ? { quantization: model.meta.ftype } : {}),
  };
}

/**
 * One streamed chat completion. `lawful` holds it to the laws.
 * @throws BackendError, or an error of the package that carries one as its cause
 */
export async function* streamChatCompletion(
  endpoint: OpenAIStyleEndpoint,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const { fetch, taken } = streamFetch(endpoint.transport, signal);
  const client = await packageClient(endpoint, fetch);
  await client.chat.completions
    .create({
      model: request.model,
      messages: request.messages.map(toPackageMessage),
      stream: true,
      // Only adds the token counts at the end.
      stream_options: { include_usage: true },
      ...(request.maxOutputTokens === undefined ? {} : { [endpoint.outputLimitField]: request.maxOutputTokens }),
      ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
      ...(request.topP === undefined ? {} : { top_p: request.topP }),
      ...(request.seed === undefined ? {} : { seed: request.seed }),
      ...(request.stop === undefined ? {} : { stop: [...request.stop] }),
      ...(request.tools?.length
        ? { tools: request.tools.map((tool) => ({ type: 'function' as const, function: { ...tool } })) }
        : {}),
    })
    .asResponse();
  yield* readChatCompletion(endpoint, taken());
}

interface CompletionChunk {
  readonly choices?: readonly {
    readonly delta?: {
      readonly content?: string | null;
      readonly reasoning_content?: string | null;
      readonly reasoning?: string | null;
      readonly tool_calls?: readonly ToolCallDelta[] | null;
    } | null;
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: {
    readonly prompt_tokens?: number;
    readonly completion_tokens?: number;
    readonly prompt_tokens_details?: { readonly cached_tokens?: number } | null;
  } | null;
  /** llama-server. */
  readonly timings?: { readonly prompt_ms?: number; readonly predicted_ms?: number };
  readonly error?: unknown;
  readonly object?: string;
}

async function* readChatCompletion(
  endpoint: OpenAIStyleEndpoint,
  response: TransportResponse,
): AsyncGenerator<ChatEvent> {
  if (!response.contentType.startsWith('text/event-stream')) throw await notAStream(endpoint, response);
  const toolCalls = new ToolCallAssembler();
  let reason: string | undefined;
  let usage: TokenUsage | undefined;
  let timings: ServerTimings | undefined;
  let done = false;
  for await (const batch of readServerSentEvents(response.body)) {
    const joiner = new DeltaJoiner();
    for (const { event, data } of batch) {
      if (data === '[DONE]') {
        done = true;
        break;
      }
      const chunk: CompletionChunk | undefined = parseEvent(data);
      if (!chunk) {
        yield* joiner.take();
        throw notJson(failureContext(endpoint));
      }
      if (event === 'error' || (chunk.error !== undefined && chunk.error !== null) || chunk.object === 'error') {
        yield* joiner.take();
        throw streamedError(failureContext(endpoint), chunk);
      }
      const choice = chunk.choices?.[0];
      const delta = choice?.delta;
      // vLLM 0.12 to 0.15 and some gateways send the same reasoning under both names.
      const reasoning = delta?.reasoning_content || delta?.reasoning;
      if (typeof reasoning === 'string' && reasoning) joiner.add('reasoning', reasoning);
      if (delta?.content) joiner.add('text', delta.content);
      if (delta?.tool_calls) for (const call of delta.tool_calls) toolCalls.add(call);
      reason = choice?.finish_reason ?? reason;
      usage = toUsage(chunk) ?? usage;
      timings = toTimings(chunk) ?? timings;
    }
    yield* joiner.take();
    if (done) break;
  }
  if (!done && reason === undefined) return;
  const calls = toolCalls.take();
  yield* calls;
  yield {
    type: 'finish',
    reason: calls.length > 0 ? 'toolCalls' : finishReason(reason),
    ...(usage ? { usage } : {}),
    ...(timings ? { timings } : {}),
  };
}

/** A 200 that is no event stream: an error in JSON, or not a model server at all. */
async function notAStream(endpoint: OpenAIStyleEndpoint, response: TransportResponse): Promise<BackendError> {
  const text = await readAll(response.body);
  return responseError({ ...failureContext(endpoint), status: response.status, headers: response.headers, text });
}

function failureContext(endpoint: OpenAIStyleEndpoint) {
  return { backend: endpoint.backend, url: new URL(endpoint.baseUrl), urlSetting: endpoint.transport.urlSetting };
}

function noModelList(endpoint: OpenAIStyleEndpoint): BackendError {
  return new BackendError({
    kind: 'notAModelServer',
    backend: endpoint.backend,
    message: `${endpoint.baseUrl} gives no list of models.`,
    hint: `Check ${endpoint.transport.urlSetting}: another kind of server may be listening there.`,
    nextStep: { do: 'openSetting', key: endpoint.transport.urlSetting },
  });
}

/**
 * The package reads keys, addresses and headers from the environment for whatever it is not given, so everything is given; our transport sets the key
 * and drops what the package adds.
 */
async function packageClient(endpoint: OpenAIStyleEndpoint, fetch: typeof globalThis.fetch) {
  const { OpenAI } = await import('openai');
  return new OpenAI({
    baseURL: endpoint.baseUrl,
    apiKey: 'unused',
    organization: null,
    project: null,
    webhookSecret: null,
    // Ours are the only time-outs and the only retries: a retried load would start a multi-minute load again.
    timeout: 2 ** 31 - 1,
    maxRetries: 0,
    logLevel: 'off',
    fetch,
  });
}

function toPackageMessage(message: ChatMessage): ChatCompletionMessageParam {
  switch (message.role) {
    case 'system':
    case 'user':
      return { role: message.role, content: message.text };
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
                function: { name: call.name, arguments: call.argumentsJson },
              })),
            }
          : {}),
      };
  }
}

function finishReason(reason: string | undefined): FinishReason {
  switch (reason) {
    case 'length':
      return 'length';
    case 'content_filter':
      return 'contentFilter';
    case 'tool_calls':
      return 'toolCalls';
    default:
      return 'stop';
  }
}

/** Some servers put an all-zero usage on every chunk: only counts that say something count. */
function toUsage({ usage }: CompletionChunk): TokenUsage | undefined {
  if (!usage?.prompt_tokens && !usage?.completion_tokens) return undefined;
  const cached = usage.prompt_tokens_details?.cached_tokens;
  return {
    ...(usage.prompt_tokens ? { promptTokens: usage.prompt_tokens } : {}),
    ...(usage.completion_tokens ? { outputTokens: usage.completion_tokens } : {}),
    ...(cached ? { cachedPromptTokens: cached } : {}),
  };
}

function toTimings({ timings }: CompletionChunk): ServerTimings | undefined {
  if (!timings) return undefined;
  return {
    ...(timings.prompt_ms === undefined ? {} : { promptMs: timings.prompt_ms }),
    ...(timings.predicted_ms === undefined ? {} : { outputMs: timings.predicted_ms }),
  };
}
