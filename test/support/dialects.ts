import { createAnthropicClient } from '../../src/core/clients/anthropic.ts';
import { createOllamaClient } from '../../src/core/clients/ollama.ts';
import { createOpenAIClient } from '../../src/core/clients/openai.ts';
import { createOpenAICompatibleClient } from '../../src/core/clients/openaiCompatible.ts';
import { createVllmClient } from '../../src/core/clients/vllm.ts';
import type { ClientContext } from '../../src/core/clients/clientContext.ts';
import { ServerMemory } from '../../src/core/clients/serverMemory.ts';
import type { ChatEvent, ChatRequest, LLMClient } from '../../src/core/clients/llmClient.ts';
import type { CoreHost } from '../../src/core/host.ts';
import { parseSettings, type Settings } from '../../src/core/settings/settings.ts';
import type { Exchange, Handler } from './scriptedServer.ts';
import { watch } from './markerKeys.ts';
import { createTestHost } from './testHost.ts';

/** How the server of each backend speaks, so that one suite can be run over all of them. */
export interface Dialect {
  readonly backend: 'ollama' | 'vllm' | 'openai-compatible' | 'openai' | 'anthropic';
  readonly urlSetting: string;
  readonly chatPath: string;
  readonly modelsPath: string;
  readonly contentType: string;
  /** The routes of a healthy server with these models, without chat. */
  routes(modelIds: readonly string[]): Record<string, Handler>;
  text(delta: string): string;
  reasoning(delta: string): string;
  toolCall(call: { id: string; name: string; arguments: object }): string;
  /** The beginning of one, and more of its arguments, where they come in pieces. */
  readonly callPieces?: {
    start(call: { id: string; name: string }): string;
    more(json: string): string;
  };
  /** The end of a complete answer, with usage 7 + 3. */
  finish(reason?: 'stop' | 'length'): string;
  /** An error in the middle of a stream. */
  streamError(message: string): string;
  /** How it refuses an unknown model: status and body. */
  unknownModel(model: string): readonly [status: number, body: object];
  client(url: string, options?: { host?: CoreHost; settings?: Record<string, unknown> }): LLMClient;
}

export function settingsWith(values: Record<string, unknown>): Settings {
  const { settings, problems } = parseSettings((key) => values[key]);
  if (problems.length > 0) throw new Error(`wrong settings in a test: ${JSON.stringify(problems)}`);
  return settings;
}

const contextOf = (values: Record<string, unknown>, host: CoreHost): ClientContext => ({
  settings: settingsWith(values),
  host,
  memory: new ServerMemory(),
});

const ollamaLine = (fields: object) =>
  `${JSON.stringify({ model: 'm', created_at: '2026-11-23T10:00:00Z', done: false, ...fields })}\n`;

const ollama: Dialect = {
  backend: 'ollama',
  urlSetting: 'a2ia.ollamaUrl',
  chatPath: '/api/chat',
  modelsPath: '/api/tags',
  contentType: 'application/x-ndjson',
  routes: (modelIds) => ({
    '/api/version': (exchange) => exchange.json({ version: '0.17.4' }),
    '/api/tags': (exchange) => exchange.json({ models: modelIds.map((id) => ({ name: id, model: id, size: 1000 })) }),
    '/api/ps': (exchange) => exchange.json({ models: [] }),
  }),
  text: (delta) => ollamaLine({ message: { role: 'assistant', content: delta } }),
  reasoning: (delta) => ollamaLine({ message: { role: 'assistant', content: '', thinking: delta } }),
  toolCall: ({ id, name, arguments: args }) =>
    ollamaLine({
      message: { role: 'assistant', content: '', tool_calls: [{ id, function: { index: 0, name, arguments: args } }] },
    }),
  finish: (reason = 'stop') =>
    ollamaLine({
      message: { role: 'assistant', content: '' },
      done: true,
      done_reason: reason,
      prompt_eval_count: 7,
      eval_count: 3,
      prompt_eval_duration: 2_000_000,
      eval_duration: 30_000_000,
    }),
  streamError: (message) => `${JSON.stringify({ error: message })}\n`,
  unknownModel: (model) => [404, { error: `model '${model}' not found` }],
  client: (url, { host = createTestHost(), settings = {} } = {}) =>
    createOllamaClient(contextOf({ 'a2ia.ollamaUrl': url, ...settings }, host)),
};

/** Of a stream of OpenAI’s style. */
export const event = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
const chunk = (delta: object, finish_reason: string | null = null) =>
  event({ id: 'chatcmpl-1', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] });

const callChunk = (call: object) => chunk({ tool_calls: [{ index: 0, ...call }] });
// A name and an id first, then the arguments in pieces.
const openAIStylePieces = {
  start: ({ id, name }: { id: string; name: string }) =>
    callChunk({ id, type: 'function', function: { name, arguments: '' } }),
  more: (json: string) => callChunk({ function: { arguments: json } }),
};

const openAIStyle = {
  chatPath: '/v1/chat/completions',
  modelsPath: '/v1/models',
  contentType: 'text/event-stream; charset=utf-8',
  text: (delta: string) => chunk({ content: delta }),
  toolCall: ({ id, name, arguments: args }: { id: string; name: string; arguments: object }) =>
    [
      openAIStylePieces.start({ id, name }),
      ...[...JSON.stringify(args)].map((letter) => openAIStylePieces.more(letter)),
    ].join(''),
  callPieces: openAIStylePieces,
  finish: (reason: 'stop' | 'length' = 'stop') =>
    `${chunk({}, reason)}${event({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 3 } })}data: [DONE]\n\n`,
  streamError: (message: string) => event({ error: { message, type: 'InternalServerError', param: null, code: 500 } }),
  unknownModel: (model: string) =>
    [
      404,
      {
        error: { message: `The model \`${model}\` does not exist.`, type: 'NotFoundError', param: 'model', code: 404 },
      },
    ] as const,
};

const vllm: Dialect = {
  ...openAIStyle,
  backend: 'vllm',
  urlSetting: 'a2ia.vllmUrl',
  routes: (modelIds) => ({
    '/v1/models': (exchange) =>
      exchange.json({
        object: 'list',
        data: modelIds.map((id) => ({ id, object: 'model', owned_by: 'vllm', max_model_len: 2048 })),
      }),
    '/version': (exchange) => exchange.json({ version: '0.32.0' }),
    '/health': (exchange) => exchange.send('', 'text/plain'),
  }),
  reasoning: (delta) => chunk({ reasoning: delta }),
  client: (url, { host = createTestHost(), settings = {} } = {}) =>
    createVllmClient(contextOf({ 'a2ia.vllmUrl': url, ...settings }, host)),
};

/** What tells a llama-server from others, by path. */
export function llamaServerFacts(modelIds: readonly string[]): Readonly<Record<string, object>> {
  const data = modelIds.map((id) => ({ id, object: 'model', owned_by: 'llamacpp', meta: { n_ctx_train: 2048 } }));
  return {
    '/v1/models': { object: 'list', data },
    '/props': { build_info: 'b11434-abc', default_generation_settings: { n_ctx: 2048 } },
  };
}

const openaiCompatible: Dialect = {
  ...openAIStyle,
  backend: 'openai-compatible',
  urlSetting: 'a2ia.openaiCompatibleUrl',
  routes: (modelIds) =>
    Object.fromEntries(
      Object.entries(llamaServerFacts(modelIds)).map(([path, body]) => [path, (exchange) => exchange.json(body)]),
    ),
  reasoning: (delta) => chunk({ reasoning_content: delta }),
  client: (url, { host = createTestHost(), settings = {} } = {}) =>
    createOpenAICompatibleClient(
      settingsWith({ 'a2ia.openaiCompatibleUrl': url }).openaiCompatibleUrl,
      contextOf({ 'a2ia.openaiCompatibleUrl': url, ...settings }, host),
    ),
};

const openai: Dialect = {
  ...openaiCompatible,
  backend: 'openai',
  urlSetting: 'a2ia.openaiUrl',
  routes: (modelIds) => ({
    '/v1/models': (exchange) =>
      exchange.json({ object: 'list', data: modelIds.map((id) => ({ id, object: 'model', owned_by: 'system' })) }),
  }),
  client: (url, { host = createTestHost(), settings = {} } = {}) =>
    createOpenAIClient(contextOf({ 'a2ia.openaiUrl': url, ...settings }, host)),
};

const typed = (value: { readonly type: string }) => `event: ${value.type}\n${event(value)}`;
const blockDelta = (delta: object, index = 0) =>
  typed({ type: 'content_block_delta', index, delta } as { type: string });

const anthropicPieces = {
  start: ({ id, name }: { id: string; name: string }) =>
    typed({ type: 'content_block_start', index: 1, content_block: { type: 'tool_use', id, name, input: {} } } as {
      type: string;
    }),
  more: (json: string) => blockDelta({ type: 'input_json_delta', partial_json: json }, 1),
};

const anthropic: Dialect = {
  backend: 'anthropic',
  urlSetting: 'a2ia.anthropicUrl',
  chatPath: '/v1/messages',
  modelsPath: '/v1/models?limit=1000',
  contentType: 'text/event-stream; charset=utf-8',
  routes: (modelIds) => ({
    '/v1/models?limit=1000': (exchange) =>
      exchange.json({ data: modelIds.map((id) => ({ type: 'model', id, display_name: id })), has_more: false }),
  }),
  text: (delta) => blockDelta({ type: 'text_delta', text: delta }),
  reasoning: (delta) => blockDelta({ type: 'thinking_delta', thinking: delta }),
  toolCall: ({ id, name, arguments: args }) =>
    [
      anthropicPieces.start({ id, name }),
      ...[...JSON.stringify(args)].map((letter) => anthropicPieces.more(letter)),
      typed({ type: 'content_block_stop', index: 1 } as { type: string }),
    ].join(''),
  callPieces: anthropicPieces,
  finish: (reason = 'stop') =>
    typed({
      type: 'message_delta',
      delta: { stop_reason: reason === 'stop' ? 'end_turn' : 'max_tokens' },
      usage: { input_tokens: 7, output_tokens: 3 },
    } as { type: string }) + typed({ type: 'message_stop' }),
  streamError: (message) => typed({ type: 'error', error: { type: 'api_error', message } } as { type: string }),
  unknownModel: (model) => [404, { type: 'error', error: { type: 'not_found_error', message: `model: ${model}` } }],
  client: (url, { host = createTestHost(), settings = {} } = {}) =>
    createAnthropicClient(contextOf({ 'a2ia.anthropicUrl': url, ...settings }, host)),
};

export const dialects: readonly Dialect[] = [ollama, vllm, openaiCompatible, openai, anthropic];

export function dialectOf(backend: Dialect['backend']): Dialect {
  const dialect = dialects.find((candidate) => candidate.backend === backend);
  if (!dialect) throw new Error(`no dialect of ${backend}`);
  return dialect;
}

/** A handler that answers a chat with these frames and ends. */
export function answering(dialect: Dialect, ...frames: readonly string[]): Handler {
  return (exchange: Exchange) => exchange.send(frames.join(''), dialect.contentType);
}

export const question = (model = 'm'): ChatRequest => ({ model, messages: [{ role: 'user', text: 'Hello' }] });

export const never = new AbortController().signal;

/** Everything a stream gave, with the error that ended it, if one did. */
export interface Collected {
  readonly events: readonly ChatEvent[];
  readonly text: string;
  readonly reasoning: string;
  readonly error: unknown;
}

export async function collect(stream: AsyncIterable<ChatEvent>): Promise<Collected> {
  const events: ChatEvent[] = [];
  let error: unknown;
  try {
    for await (const item of stream) events.push(item);
  } catch (thrown) {
    error = thrown;
    watch('error', thrown);
  }
  return { events, text: joined(events, 'text'), reasoning: joined(events, 'reasoning'), error };
}

export function joined(events: readonly ChatEvent[], type: 'text' | 'reasoning'): string {
  return events.map((item) => (item.type === type ? item.delta : '')).join('');
}
