import { messageBody, promptBody, takesThinking, type ModelRules } from './anthropicMessages.ts';
import {
  anthropicConnection,
  isAnthropic,
  listAnthropicModels,
  toModelInfo,
  versionHeader,
  type AnthropicModel,
  type Connection,
} from './anthropicApi.ts';
import { MessageReader, type MessageEvent } from './anthropicStream.ts';
import { lawful, listedContextWindow } from './chatStream.ts';
import type { ClientContext } from './clientContext.ts';
import { BackendError } from './errors.ts';
import { isErrorEvent, notJson, parseEvent, responseError, streamedError, toBackendError } from './failures.ts';
import type { BackendStatus, ChatEvent, ChatRequest, LLMClient, TokenCount } from './llmClient.ts';
import { withoutRefusedFields, type DroppableField } from './refusals.ts';
import type { ModelNotes } from './serverMemory.ts';
import { lookAt, statusOf } from './serverIdentity.ts';
import { readServerSentEvents } from './streams.ts';
import { estimateTokens, learnTokenSize } from './tokenEstimate.ts';
import { readAll, send, sendJson, type TransportResponse } from './transport.ts';

/**
 * Anthropic's Messages API, over our own transport: its package is 438 KB, takes 30 ms to load, reads keys from the environment and brings OpenTelemetry.
 * Its OpenAI-compatible address is meant for trials, says its vendor, and leaves out reasoning. vLLM, llama-server, Ollama and LiteLLM answer it too.
 */
export function createAnthropicClient(context: ClientContext): LLMClient {
  const connection = anthropicConnection(context);
  const client: LLMClient = {
    backend: 'anthropic',
    endpoint: connection.baseUrl,
    probe: (signal) => probe(connection, signal),
    listModels: async (signal) => (await listAnthropicModels(connection, signal)).map(toModelInfo),
    chat: (request, signal) =>
      lawful({ client, host: context.host, signal, open: () => chat(connection, request, signal) }),
    countTokens: (request, signal) => countTokens(connection, request, signal),
    contextWindow: (model, signal) => listedContextWindow(client, model, signal),
  };
  return client;
}

async function probe(connection: Connection, signal: AbortSignal): Promise<BackendStatus> {
  try {
    const models = await listAnthropicModels(connection, signal);
    const { server, version } = await identityOf(connection, models, signal);
    return { state: 'ready', server, ...(version ? { version } : {}), modelIds: models.map((model) => model.id) };
  } catch (error) {
    signal.throwIfAborted();
    return statusOf(toBackendError(error, 'anthropic'));
  }
}

/** The servers that speak OpenAI's API too are known by the same signs; Anthropic's own has nothing beside its API that tells. */
async function identityOf(
  { baseUrl, transport, memory }: Connection,
  models: readonly AnthropicModel[],
  signal: AbortSignal,
): Promise<{ readonly server: string; readonly version?: string }> {
  if (isAnthropic(new URL(baseUrl))) return { server: 'Anthropic' };
  const endpoint = {
    backend: 'anthropic',
    baseUrl: `${baseUrl}/v1`,
    otherBaseUrl: undefined,
    transport,
    memory,
  } as const;
  const { server = 'a server with Anthropic’s API', ...more } = await lookAt(endpoint, models, signal);
  return { server, ...more };
}

interface CountAnswer {
  readonly input_tokens?: unknown;
  /** Of LiteLLM, which counts by a tokenizer of its own what the engine behind it cannot count. */
  readonly litellm_count_source?: unknown;
}

async function countTokens(connection: Connection, request: ChatRequest, signal: AbortSignal): Promise<TokenCount> {
  const { baseUrl, transport, memory } = connection;
  const notes = memory.of(baseUrl, request.model);
  const body = JSON.stringify(promptBody(request, notes));
  try {
    const url = `${baseUrl}/v1/messages/count_tokens`;
    const answer = await sendJson(transport, { url, method: 'POST', headers: versionHeader, body, signal });
    const { input_tokens: tokens, litellm_count_source: source } = (answer ?? {}) as CountAnswer;
    if (typeof tokens === 'number') return { tokens, isExact: source !== 'local_estimate' };
  } catch (error) {
    signal.throwIfAborted();
    // Ollama and older gateways have no such path. Whatever else is wrong, the request itself will be told.
    if (!(error instanceof BackendError) || error.kind !== 'notAModelServer') throw error;
  }
  return estimateTokens(request, notes);
}

// ---- Chat -------------------------------------------------------------------------------------------------------------------------------------------

async function* chat(connection: Connection, request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  const notes = connection.memory.of(connection.baseUrl, request.model);
  if (!notes.anthropicRules) await askForRules(connection, signal);
  const rules = (notes.anthropicRules ??= {});
  yield* withoutRefusedFields({
    backend: 'anthropic',
    model: request.model,
    notes,
    refusedField: (error) => refusedField(error, request),
    open: () => streamMessage(connection, request, { rules, notes }, signal),
  });
}

/** The list is asked for once, if nobody has before, and waited for at most this long: without it the request is made of defaults. */
const listTimeoutMs = 5000;

async function askForRules(connection: Connection, signal: AbortSignal): Promise<void> {
  try {
    await listAnthropicModels(connection, AbortSignal.any([signal, AbortSignal.timeout(listTimeoutMs)]));
  } catch {
    signal.throwIfAborted();
  }
}

async function* streamMessage(
  connection: Connection,
  request: ChatRequest,
  { rules, notes }: { readonly rules: ModelRules; readonly notes: ModelNotes },
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  if (request.reasoning && !notes.refusedFields.has('reasoning') && !takesThinking(request.reasoning, rules)) {
    throw cannotSetThinking(request.model);
  }
  const url = `${connection.baseUrl}/v1/messages`;
  const body = JSON.stringify(messageBody(request, rules, notes));
  const response = await send(connection.transport, { url, method: 'POST', headers: versionHeader, body, signal });
  const reader = new MessageReader();
  for await (const event of readMessage(connection, response, reader)) {
    if (event.type === 'finish') {
      learnTokenSize(request, notes, event.usage?.promptTokens);
      rememberThinking(notes, reader);
    }
    yield event;
  }
}

async function* readMessage(
  connection: Connection,
  response: TransportResponse,
  reader: MessageReader,
): AsyncGenerator<ChatEvent> {
  const { urlSetting } = connection.transport;
  const context = { backend: 'anthropic' as const, url: new URL(connection.baseUrl), urlSetting };
  if (!response.contentType.startsWith('text/event-stream')) {
    const text = response.withoutKey(await readAll(response.body));
    throw responseError({ ...context, status: response.status, headers: response.headers, text });
  }
  try {
    for await (const batch of readServerSentEvents(response.body)) {
      for (const { event: name, data } of batch) {
        const event: MessageEvent | undefined = parseEvent(data);
        if (!event) throw notJson(context);
        if (isErrorEvent(name, event)) throw streamedError(context, response.withoutKey(data));
        reader.add(event);
        if (reader.isFinished) break;
      }
      yield* reader.take();
      if (reader.isFinished) return;
    }
  } catch (error) {
    // What arrived before a failure is given.
    yield* reader.take();
    throw error;
  }
}

/** A tool loop needs those of its own turn only; the bound keeps a long day's from adding up. */
const rememberedCalls = 200;

function rememberThinking(notes: ModelNotes, { thinking, callIds }: MessageReader): void {
  const [firstCallId] = callIds;
  if (thinking.length === 0 || firstCallId === undefined) return;
  const remembered = (notes.thinkingBeforeCalls ??= new Map());
  // Of one answer's calls the first stands for all: what came before them is sent once.
  remembered.set(firstCallId, thinking);
  const [oldest] = remembered.keys();
  if (remembered.size > rememberedCalls && oldest !== undefined) remembered.delete(oldest);
}

// ---- What a model refuses ---------------------------------------------------------------------------------------------------------------------------

function cannotSetThinking(model: string): BackendError {
  return new BackendError({
    kind: 'unsupported',
    feature: 'reasoning',
    backend: 'anthropic',
    message: `${model} cannot be told how much to think.`,
    hint: 'Ask without that.',
  });
}

/** By the names of the fields in the server's words: the API has no code for it. */
function refusedField(error: BackendError, request: ChatRequest): DroppableField | undefined {
  if (error.kind !== 'badRequest' && error.kind !== 'unsupported') return undefined;
  const words = error.serverMessage ?? '';
  const names = (pattern: RegExp) => pattern.test(words);
  if (request.tools?.length && (error.feature === 'tools' || names(/support tools|tool choice|requires --jinja/i))) {
    return 'tools';
  }
  // Before temperature: where both are named, one of them may stay.
  if (request.topP !== undefined && names(/\btop_p\b/)) return 'topP';
  if (request.temperature !== undefined && names(/\btemperature\b/)) return 'temperature';
  const isAboutThinking = error.feature === 'reasoning' || names(/thinking|budget_tokens|output_config|\beffort\b/);
  return request.reasoning !== undefined && isAboutThinking ? 'reasoning' : undefined;
}
