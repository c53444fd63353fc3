import { unfiltered, type DeltaFilter, type DeltaJoiner } from './chatStream.ts';
import type { BackendError } from './errors.ts';
import { isErrorEvent, notJson, parseEvent, responseError, streamedError } from './failures.ts';
import type { ChatEvent, FinishReason, ServerTimings, TokenUsage } from './llmClient.ts';
import type { OpenAIStyleEndpoint } from './openaiStyle.ts';
import { readServerSentEvents } from './streams.ts';
import { ToolCallAssembler, type ToolCallDelta } from './toolCalls.ts';
import { readAll, type TransportResponse } from './transport.ts';

/** Reads the streams of OpenAI-style servers. */

/** One event of a stream of `/v1/chat/completions` or `/v1/completions`, as servers really send it. */
interface CompletionChunk {
  readonly id?: string;
  readonly choices?: readonly {
    readonly delta?: {
      readonly content?: string | null;
      readonly reasoning_content?: string | null;
      readonly reasoning?: string | null;
      /** OpenAI, in the place of content. */
      readonly refusal?: string | null;
      readonly tool_calls?: readonly ToolCallDelta[] | null;
    } | null;
    /** Of `/v1/completions`. */
    readonly text?: string | null;
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: {
    readonly prompt_tokens?: number;
    readonly completion_tokens?: number;
    readonly prompt_tokens_details?: { readonly cached_tokens?: number } | null;
  } | null;
  readonly timings?: LlamaTimings;
  /** llama-server, where `return_progress` asked for it. `cache` counts tokens that it need not read, `processed` includes them. */
  readonly prompt_progress?: { readonly total: number; readonly cache: number; readonly processed: number };
}

/** llama-server's. */
export interface LlamaTimings {
  readonly prompt_ms?: number;
  readonly predicted_ms?: number;
}

/** @throws BackendError */
export async function* readCompletion(
  endpoint: OpenAIStyleEndpoint,
  response: TransportResponse,
  joiner: DeltaJoiner,
  filter: DeltaFilter = unfiltered(joiner),
): AsyncGenerator<ChatEvent> {
  const toolCalls = new ToolCallAssembler();
  let answerId: string | undefined;
  let reason: string | undefined;
  let usage: TokenUsage | undefined;
  let timings: ServerTimings | undefined;
  const take = (chunk: CompletionChunk): boolean => {
    const choice = chunk.choices?.[0];
    const delta = choice?.delta;
    // vLLM 0.12 to 0.15 and some gateways send the same reasoning under both names.
    const reasoning = delta?.reasoning_content || delta?.reasoning;
    if (typeof reasoning === 'string' && reasoning) filter.reasoning(reasoning);
    const text = delta?.content || delta?.refusal || choice?.text;
    if (text) filter.text(text);
    if (delta?.tool_calls) for (const call of delta.tool_calls) toolCalls.add(call);
    if (chunk.prompt_progress) joiner.push(toProgress(chunk.prompt_progress));
    answerId ??= chunk.id;
    reason = choice?.finish_reason ?? reason;
    usage = toUsage(chunk) ?? usage;
    timings = toTimings(chunk.timings) ?? timings;
    return false;
  };
  const isDone = yield* readChunks(endpoint, response, { joiner, take, end: () => filter.end() });
  if (!isDone && reason === undefined) return;
  // vLLM says so when its engine gave the answer up.
  if (reason === 'error' || reason === 'abort') return;
  const calls = toolCalls.take(answerId);
  yield* calls;
  yield {
    type: 'finish',
    reason: calls.length > 0 ? 'toolCalls' : finishReason(reason),
    ...(usage ? { usage } : {}),
    ...(timings ? { timings } : {}),
  };
}

interface ChunkReader {
  readonly joiner: DeltaJoiner;
  /** Puts what is in a chunk into the joiner; true: it was the last. */
  readonly take: (chunk: object) => boolean;
  /** Called once, however the stream ends. */
  readonly end: () => void;
}

/**
 * Reads to `[DONE]`, to the last chunk, or to the end of the body, and says whether it was one of the first two. What arrived before a failure is given.
 * @throws BackendError
 */
export async function* readChunks(
  endpoint: OpenAIStyleEndpoint,
  response: TransportResponse,
  { joiner, take, end }: ChunkReader,
): AsyncGenerator<ChatEvent, boolean> {
  if (!response.contentType.startsWith('text/event-stream')) throw await notAStream(endpoint, response);
  let isDone = false;
  try {
    for await (const batch of readServerSentEvents(response.body)) {
      for (const { event, data } of batch) {
        isDone = data === '[DONE]' || take(toChunk(endpoint, response, event, data));
        if (isDone) break;
      }
      if (isDone) break;
      yield* joiner.take();
    }
  } catch (error) {
    end();
    yield* joiner.take();
    throw error;
  }
  end();
  yield* joiner.take();
  return isDone;
}

/** @throws BackendError when it is an error or no JSON */
function toChunk(
  endpoint: OpenAIStyleEndpoint,
  { withoutKey }: TransportResponse,
  event: string,
  data: string,
): object {
  const chunk = parseEvent(data);
  if (!chunk) throw notJson(failureContext(endpoint));
  if (isErrorEvent(event, chunk)) throw streamedError(failureContext(endpoint), withoutKey(data));
  return chunk;
}

/** A 200 that is no event stream: an error in JSON, or not a model server at all. */
async function notAStream(endpoint: OpenAIStyleEndpoint, response: TransportResponse): Promise<BackendError> {
  const text = response.withoutKey(await readAll(response.body));
  return responseError({ ...failureContext(endpoint), status: response.status, headers: response.headers, text });
}

function failureContext({ backend, baseUrl, transport }: OpenAIStyleEndpoint) {
  return { backend, url: new URL(baseUrl), urlSetting: transport.urlSetting };
}

export function finishReason(reason: string | undefined): FinishReason {
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

export function toTimings(timings: LlamaTimings | undefined): ServerTimings | undefined {
  if (!timings) return undefined;
  return {
    ...(timings.prompt_ms === undefined ? {} : { promptMs: timings.prompt_ms }),
    ...(timings.predicted_ms === undefined ? {} : { outputMs: timings.predicted_ms }),
  };
}

function toProgress({ total, cache, processed }: NonNullable<CompletionChunk['prompt_progress']>): ChatEvent {
  const fraction = (processed - cache) / (total - cache);
  return { type: 'progress', stage: 'readingPrompt', ...(fraction >= 0 && fraction <= 1 ? { fraction } : {}) };
}
