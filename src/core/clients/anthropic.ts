import type { CoreHost } from '../host.ts';
import type { Settings } from '../settings/settings.ts';
import { DeltaJoiner, lawful } from './chatStream.ts';
import { notJson, parseEvent, responseError, streamedError, toBackendError } from './failures.ts';
import type {
  BackendStatus,
  ChatEvent,
  ChatMessage,
  ChatRequest,
  FinishReason,
  LLMClient,
  ModelInfo,
} from './llmClient.ts';
import { unavailable } from './serverIdentity.ts';
import { readServerSentEvents } from './streams.ts';
import { readAll, send, sendJson, type TransportOptions, type TransportResponse } from './transport.ts';

/**
 * Anthropic's Messages API, over our own transport: its package is 438 KB, takes 30 ms to load, reads keys from the environment and brings OpenTelemetry.
 * Its OpenAI-compatible address is meant for trials, says its vendor, and leaves out reasoning.
 */
export function createAnthropicClient(settings: Settings, host: CoreHost): LLMClient {
  const { firstByteTimeoutMs, idleTimeoutMs } = settings;
  const connection: Connection = {
    baseUrl: settings.anthropicUrl.replace(/\/v1$/, ''),
    transport: {
      backend: 'anthropic',
      host,
      firstByteTimeoutMs,
      idleTimeoutMs,
      urlSetting: 'a2ia.anthropicUrl',
      keyHeader: 'x-api-key',
    },
  };
  const client: LLMClient = {
    backend: 'anthropic',
    endpoint: connection.baseUrl,
    probe: (signal) => probe(connection, signal),
    listModels: (signal) => listModels(connection, signal),
    chat: (request, signal) => lawful(client, signal, streamMessage(connection, request, signal)),
  };
  return client;
}

interface Connection {
  readonly baseUrl: string;
  readonly transport: TransportOptions;
}

/** The version whose shapes are read below; later ones are opt-in. */
const headers = { 'anthropic-version': '2023-06-01' } as const;

/** The API demands a limit; this one every model accepts. */
const defaultOutputTokens = 4096;

async function probe(connection: Connection, signal: AbortSignal): Promise<BackendStatus> {
  try {
    const models = await listModels(connection, signal);
    return { state: 'ready', server: 'Anthropic', modelIds: models.map((model) => model.id) };
  } catch (error) {
    signal.throwIfAborted();
    return unavailable(toBackendError(error, 'anthropic'));
  }
}

async function listModels({ baseUrl, transport }: Connection, signal: AbortSignal): Promise<readonly ModelInfo[]> {
  const page = await sendJson(transport, { url: `${baseUrl}/v1/models?limit=1000`, method: 'GET', headers, signal });
  const data = (page as { data?: unknown }).data;
  if (!Array.isArray(data)) return [];
  return (data as readonly { id?: unknown; display_name?: unknown; max_input_tokens?: unknown }[])
    .filter((entry) => typeof entry.id === 'string')
    .map((entry) => ({
      id: String(entry.id),
      ...(typeof entry.display_name === 'string' ? { displayName: entry.display_name } : {}),
      ...(typeof entry.max_input_tokens === 'number' ? { contextWindowTokens: entry.max_input_tokens } : {}),
    }));
}

async function* streamMessage(
  connection: Connection,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const { baseUrl, transport } = connection;
  const system = request.messages.filter((message) => message.role === 'system').map((message) => message.text);
  const body = {
    model: request.model,
    messages: request.messages.filter((message) => message.role !== 'system').map(toWireMessage),
    stream: true,
    max_tokens: request.maxOutputTokens ?? defaultOutputTokens,
    ...(system.length > 0 ? { system: system.join('\n\n') } : {}),
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(request.topP === undefined ? {} : { top_p: request.topP }),
    ...(request.stop === undefined ? {} : { stop_sequences: request.stop }),
    ...(request.tools?.length
      ? {
          tools: request.tools.map(({ name, description, parameters }) => ({
            name,
            description,
            input_schema: parameters,
          })),
        }
      : {}),
  };
  const url = `${baseUrl}/v1/messages`;
  const response = await send(transport, { url, method: 'POST', headers, body: JSON.stringify(body), signal });
  yield* readMessage(connection, response);
}

/** The fields that are read, of all kinds of events together. */
interface MessageEvent {
  readonly type?: string;
  readonly index?: number;
  readonly message?: { readonly usage?: Usage };
  readonly content_block?: { readonly type?: string; readonly id?: string; readonly name?: string };
  readonly delta?: {
    readonly text?: string;
    readonly thinking?: string;
    readonly partial_json?: string;
    readonly stop_reason?: string | null;
  };
  readonly usage?: Usage;
}

interface Usage {
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  readonly cache_read_input_tokens?: number | null;
}

async function* readMessage(connection: Connection, response: TransportResponse): AsyncGenerator<ChatEvent> {
  const context = {
    backend: 'anthropic' as const,
    url: new URL(connection.baseUrl),
    urlSetting: connection.transport.urlSetting,
  };
  if (!response.contentType.startsWith('text/event-stream')) {
    const text = await readAll(response.body);
    throw responseError({ ...context, status: response.status, headers: response.headers, text });
  }
  const toolCalls = new Map<number, { id: string; name: string; argumentsJson: string }>();
  let usage: Usage = {};
  let stopReason: string | undefined;
  let calledTools = false;
  for await (const batch of readServerSentEvents(response.body)) {
    const joiner = new DeltaJoiner();
    for (const { data } of batch) {
      const event: MessageEvent | undefined = parseEvent(data);
      if (!event) {
        yield* joiner.take();
        throw notJson(context);
      }
      const counted = event.usage ?? event.message?.usage;
      if (counted) usage = { ...usage, ...counted };
      stopReason = event.delta?.stop_reason ?? stopReason;
      if (event.type === 'error') {
        yield* joiner.take();
        throw streamedError(context, event);
      }
      if (event.type === 'content_block_start' && event.content_block?.type === 'tool_use') {
        const { id = '', name = '' } = event.content_block;
        toolCalls.set(event.index ?? 0, { id, name, argumentsJson: '' });
      }
      if (event.delta?.thinking) joiner.add('reasoning', event.delta.thinking);
      if (event.delta?.text) joiner.add('text', event.delta.text);
      const call = toolCalls.get(event.index ?? 0);
      if (call && event.delta?.partial_json) call.argumentsJson += event.delta.partial_json;
      if (event.type === 'content_block_stop' && call) {
        joiner.push({ type: 'toolCall', ...call, argumentsJson: call.argumentsJson || '{}' });
        toolCalls.delete(event.index ?? 0);
        calledTools = true;
      }
      if (event.type === 'message_stop') {
        joiner.push(finishEvent(calledTools ? 'tool_use' : stopReason, usage));
        yield* joiner.take();
        return;
      }
    }
    yield* joiner.take();
  }
}

function finishEvent(stopReason: string | undefined, usage: Usage): ChatEvent {
  return {
    type: 'finish',
    reason: finishReason(stopReason),
    usage: {
      ...(usage.input_tokens ? { promptTokens: usage.input_tokens } : {}),
      ...(usage.output_tokens ? { outputTokens: usage.output_tokens } : {}),
      ...(usage.cache_read_input_tokens ? { cachedPromptTokens: usage.cache_read_input_tokens } : {}),
    },
  };
}

function finishReason(stopReason: string | undefined): FinishReason {
  switch (stopReason) {
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'length';
    case 'tool_use':
      return 'toolCalls';
    case 'refusal':
      return 'contentFilter';
    default:
      return 'stop';
  }
}

function toWireMessage(message: ChatMessage): object {
  switch (message.role) {
    case 'tool':
      return {
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: message.toolCallId, content: message.text }],
      };
    case 'assistant':
      return {
        role: 'assistant',
        content: [
          ...(message.text ? [{ type: 'text', text: message.text }] : []),
          ...(message.toolCalls ?? []).map(({ id, name, argumentsJson }) => ({
            type: 'tool_use',
            id,
            name,
            input: parseInput(argumentsJson),
          })),
        ],
      };
    default:
      return { role: message.role, content: message.text };
  }
}

/** The API wants an object where the model may have written anything. */
function parseInput(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return {};
  }
}
