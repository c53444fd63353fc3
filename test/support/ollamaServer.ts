import assert from 'node:assert/strict';
import type { ChatRequest, CompletionRequest, LLMClient } from '../../src/core/clients/llmClient.ts';
import { createOllamaClient } from '../../src/core/clients/ollama.ts';
import { ServerMemory } from '../../src/core/clients/serverMemory.ts';
import { answering, collect, dialectOf, never, question, settingsWith } from './dialects.ts';
import { ScriptedServer, type Handler } from './scriptedServer.ts';
import { createTestHost } from './testHost.ts';

/** What tests let Ollama answer, and ask it. The bodies are those of Ollama 0.17.4, for other versions those of its sources. */

export const dialect = dialectOf('ollama');
export const line = (value: object) => `${JSON.stringify(value)}\n`;

export const lines = (...values: readonly object[]): Handler => {
  const body = values.map(line).join('');
  return (exchange) => exchange.send(body, dialect.contentType);
};

export const refusing =
  (status: number, words: string): Handler =>
  (exchange) =>
    exchange.json({ error: words }, status);

/** The first answer, then the second for ever. */
export const inTurn = (first: Handler, then: Handler): Handler => {
  let asked = 0;
  return (exchange) => (asked++ === 0 ? first(exchange) : then(exchange));
};

export const modelName = 'smollm2:latest';

export const loadedAnswer = { model: modelName, response: '', done: true, done_reason: 'load' };

export const running = (fields: object) => ({
  name: modelName,
  model: modelName,
  size: 190948608,
  size_vram: 0,
  digest: '10e49fe95dfd',
  expires_at: '2026-11-23T21:53:36.254098128Z',
  ...fields,
});

export const shown = (fields: object) => ({
  model_info: { 'general.architecture': 'llama', 'llama.context_length': 8192 },
  capabilities: ['completion'],
  ...fields,
});

export const completion = (text: string) => line({ model: modelName, response: text, done: false });

export const completionEnd = line({
  model: modelName,
  response: '',
  done: true,
  done_reason: 'stop',
  prompt_eval_count: 7,
});

/** An Ollama with one model for each test of a suite. */
export function ollamaServer() {
  let server: ScriptedServer;
  let memory: ServerMemory;
  beforeEach(async () => {
    server = await ScriptedServer.start({ ...dialect.routes([modelName]), '/api/show': (e) => e.json(shown({})) });
    memory = new ServerMemory();
  });
  afterEach(() => server.close());

  /** A new client, as every request has one; what was learnt is kept in `memory`. */
  const client = (settings: Record<string, unknown> = {}, host = createTestHost()): LLMClient =>
    createOllamaClient({ settings: settingsWith({ 'a2ia.ollamaUrl': server.url, ...settings }), host, memory });
  const chat = (request: Partial<ChatRequest> = {}, settings = {}) =>
    collect(client(settings).chat({ ...question(modelName), ...request }, never));
  const gap: CompletionRequest = { model: modelName, prefix: 'a = ', suffix: '\nprint(a)' };
  const complete = (request: Partial<CompletionRequest> = {}) =>
    collect(client().complete?.({ ...gap, ...request }, never) ?? assert.fail('no completion'));
  const sent = (route: string) =>
    server.requestsTo(route).map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  const answers = (...frames: readonly string[]) => server.on('/api/chat', answering(dialect, ...frames));
  const warningsOf = ({ events }: { events: readonly { type: string; message?: string }[] }) =>
    events.flatMap(({ type, message }) => (type === 'warning' ? [message ?? ''] : []));

  return {
    get server() {
      return server;
    },
    get memory() {
      return memory;
    },
    client,
    chat,
    gap,
    complete,
    sent,
    answers,
    warningsOf,
  };
}
