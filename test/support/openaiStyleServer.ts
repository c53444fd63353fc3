import assert from 'node:assert/strict';
import type { ChatEvent, ChatRequest, LLMClient } from '../../src/core/clients/llmClient.ts';
import { collect, event, never, question } from './dialects.ts';
import { ScriptedServer, type Handler } from './scriptedServer.ts';

/** What tests of OpenAI-style servers let a server answer, and ask it. */

export const json =
  (body: unknown, status = 200): Handler =>
  (exchange) =>
    exchange.json(body, status);

export const list = (owned_by: string, fields: object = {}) =>
  json({ object: 'list', data: [{ id: 'm', object: 'model', owned_by, ...fields }] });

export const finish = (reason: string, promptTokens = 7) =>
  event({ choices: [{ index: 0, delta: {}, finish_reason: reason }] }) +
  event({ choices: [], usage: { prompt_tokens: promptTokens, completion_tokens: 3 } }) +
  'data: [DONE]\n\n';

export const completed = (text: string) =>
  event({ choices: [{ index: 0, text, finish_reason: null }] }) +
  event({ choices: [{ index: 0, text: '', finish_reason: 'stop' }] }) +
  'data: [DONE]\n\n';

export const lastOf = (events: readonly ChatEvent[]) => {
  const last = events.at(-1);
  assert.equal(last?.type, 'finish');
  return last;
};

export const chat = (client: LLMClient, fields: Partial<ChatRequest> = {}) =>
  collect(client.chat({ ...question(), ...fields }, never));

/** A server with these routes for the time of `test`. */
export async function withServer(routes: Record<string, Handler>, test: (server: ScriptedServer) => Promise<void>) {
  const server = await ScriptedServer.start(routes);
  try {
    await test(server);
  } finally {
    await server.close();
  }
}

export const bodies = (server: ScriptedServer, path: string) =>
  server.requestsTo(path).map(({ body }) => JSON.parse(body) as Readonly<Record<string, unknown>>);
