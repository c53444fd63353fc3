import type { Message, Ollama, Options } from 'ollama/browser';
import type { CoreHost } from '../host.ts';
import type { Settings } from '../settings/settings.ts';
import { DeltaJoiner, lawful } from './chatStream.ts';
import { responseError, streamedError, toBackendError } from './failures.ts';
import type {
  BackendStatus,
  ChatEvent,
  ChatMessage,
  ChatRequest,
  LLMClient,
  ModelInfo,
  ServerTimings,
  TokenUsage,
} from './llmClient.ts';
import { unavailable } from './serverIdentity.ts';
import { readLines } from './streams.ts';
import { jsonFetch, streamFetch, type TransportOptions, type TransportResponse } from './transport.ts';

/**
 * Ollama by its native API. Its OpenAI-style one loses errors in mid-stream, forces a temperature of 1 and cannot set load options.
 */
export function createOllamaClient(settings: Settings, host: CoreHost): LLMClient {
  const url = settings.ollamaUrl;
  const { firstByteTimeoutMs, idleTimeoutMs } = settings;
  const transport: TransportOptions = {
    backend: 'ollama',
    host,
    firstByteTimeoutMs,
    idleTimeoutMs,
    urlSetting: 'a2ia.ollamaUrl',
  };
  const client: LLMClient = {
    backend: 'ollama',
    endpoint: url,
    probe: (signal) => probe(transport, url, signal),
    listModels: (signal) => listModels(transport, url, signal),
    chat: (request, signal) => lawful(client, signal, streamChat(transport, url, request, signal)),
  };
  return client;
}

/**
 * One package object per request: its `abort()` ends all of its streams, and finished ones stay in its list. The browser build is the one without
 * file access: the other reads an image's text as a path and sends that file.
 */
async function packageClient(url: string, fetch: typeof globalThis.fetch): Promise<Ollama> {
  const { Ollama } = await import('ollama/browser');
  return new Ollama({ host: url, fetch });
}

async function probe(transport: TransportOptions, url: string, signal: AbortSignal): Promise<BackendStatus> {
  try {
    const ollama = await packageClient(url, jsonFetch(transport, signal));
    const [{ version }, { models }] = await Promise.all([ollama.version(), ollama.list()]);
    return { state: 'ready', server: 'Ollama', version, modelIds: models.map((model) => model.model) };
  } catch (error) {
    signal.throwIfAborted();
    return unavailable(toBackendError(error, 'ollama'));
  }
}

async function listModels(
  transport: TransportOptions,
  url: string,
  signal: AbortSignal,
): Promise<readonly ModelInfo[]> {
  try {
    const ollama = await packageClient(url, jsonFetch(transport, signal));
    const [{ models }, running] = await Promise.all([ollama.list(), ollama.ps().catch(() => ({ models: [] }))]);
    return models.map((model): ModelInfo => {
      const loaded = running.models.find((candidate) => candidate.model === model.model);
      // Since 0.9.7, and not in the package's types: the context the model really runs with.
      const contextWindowTokens = (loaded as { context_length?: number } | undefined)?.context_length;
      return {
        id: model.model,
        sizeBytes: model.size,
        ...(model.details?.quantization_level ? { quantization: model.details.quantization_level } : {}),
        ...(contextWindowTokens ? { contextWindowTokens } : {}),
        loaded: loaded !== undefined,
      };
    });
  } catch (error) {
    throw toBackendError(error, 'ollama');
  }
}

async function* streamChat(
  transport: TransportOptions,
  url: string,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const { fetch, taken } = streamFetch(transport, signal);
  const ollama = await packageClient(url, fetch);
  const options: Partial<Options> = {
    ...(request.maxOutputTokens === undefined ? {} : { num_predict: request.maxOutputTokens }),
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(request.topP === undefined ? {} : { top_p: request.topP }),
    ...(request.seed === undefined ? {} : { seed: request.seed }),
    ...(request.stop === undefined ? {} : { stop: [...request.stop] }),
  };
  const body = {
    model: request.model,
    messages: request.messages.map(toPackageMessage),
    stream: true as const,
    // Without it Ollama drops the oldest messages, or cuts the only one, and says nothing. Servers before 0.12.6 ignore the field.
    truncate: false,
    ...(Object.keys(options).length > 0 ? { options } : {}),
    ...(request.tools?.length
      ? { tools: request.tools.map((tool) => ({ type: 'function', function: { ...tool } })) }
      : {}),
  };
  await ollama.chat(body);
  yield* readChat(transport, url, taken());
}

interface ChatLine {
  readonly message?: {
    readonly content?: string;
    readonly thinking?: string;
    readonly tool_calls?: readonly {
      readonly id?: string;
      readonly function?: { readonly name?: string; readonly arguments?: unknown };
    }[];
  };
  readonly done?: boolean;
  readonly done_reason?: string;
  readonly error?: unknown;
  readonly prompt_eval_count?: number;
  readonly prompt_eval_duration?: number;
  readonly eval_count?: number;
  readonly eval_duration?: number;
  readonly load_duration?: number;
}

async function* readChat(
  transport: TransportOptions,
  url: string,
  response: TransportResponse,
): AsyncGenerator<ChatEvent> {
  const context = { backend: transport.backend, url: new URL(url), urlSetting: transport.urlSetting };
  let lines = 0;
  let toolCalls = 0;
  let firstText: string | undefined;
  for await (const batch of readLines(response.body)) {
    const joiner = new DeltaJoiner();
    for (const text of batch) {
      firstText ??= text;
      const line = parseLine(text);
      if (!line) continue;
      lines++;
      if (line.error !== undefined) {
        yield* joiner.take();
        throw streamedError(context, line);
      }
      if (line.message?.thinking) joiner.add('reasoning', line.message.thinking);
      if (line.message?.content) joiner.add('text', line.message.content);
      for (const call of line.message?.tool_calls ?? []) {
        toolCalls++;
        joiner.push({
          type: 'toolCall',
          id: call.id ?? `call_${toolCalls}`,
          name: call.function?.name ?? '',
          argumentsJson: JSON.stringify(call.function?.arguments ?? {}),
        });
      }
      if (line.done) {
        joiner.push(finishEvent(line, toolCalls > 0));
        yield* joiner.take();
        return;
      }
    }
    yield* joiner.take();
  }
  // Not one line of the protocol under status 200: a web page or another server.
  if (lines === 0 && firstText !== undefined) {
    throw responseError({ ...context, status: response.status, headers: response.headers, text: firstText });
  }
}

/** Lines that are no JSON object are skipped: the end is known by `done` alone. */
function parseLine(text: string): ChatLine | undefined {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === 'object' && line !== null ? line : undefined;
  } catch {
    return undefined;
  }
}

function finishEvent(line: ChatLine, calledTools: boolean): ChatEvent {
  // Counters are left out when they are 0; durations are nanoseconds.
  const usage: TokenUsage = {
    ...(line.prompt_eval_count ? { promptTokens: line.prompt_eval_count } : {}),
    ...(line.eval_count ? { outputTokens: line.eval_count } : {}),
  };
  const timings: ServerTimings = {
    ...(line.load_duration ? { loadMs: line.load_duration / 1e6 } : {}),
    ...(line.prompt_eval_duration ? { promptMs: line.prompt_eval_duration / 1e6 } : {}),
    ...(line.eval_duration ? { outputMs: line.eval_duration / 1e6 } : {}),
  };
  const reason = calledTools ? 'toolCalls' : line.done_reason === 'length' ? 'length' : 'stop';
  return { type: 'finish', reason, usage, timings };
}

function toPackageMessage(message: ChatMessage): Message {
  switch (message.role) {
    case 'system':
    case 'user':
      return { role: message.role, content: message.text };
    case 'tool':
      return { role: 'tool', content: message.text, tool_name: message.toolName };
    case 'assistant':
      return {
        role: 'assistant',
        content: message.text,
        ...(message.toolCalls?.length
          ? {
              tool_calls: message.toolCalls.map((call) => ({
                function: { name: call.name, arguments: parseArguments(call.argumentsJson) },
              })),
            }
          : {}),
      };
  }
}

/** Ollama wants an object where the model may have written anything. */
function parseArguments(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
