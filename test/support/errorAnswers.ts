import assert from 'node:assert/strict';
import { BackendError, type BackendErrorKind, type Feature } from '../../src/core/clients/errors.ts';
import { collect, never, question, type Dialect } from './dialects.ts';
import { expectError } from './expectations.ts';
import { ScriptedServer, type Handler } from './scriptedServer.ts';

/** What an answer must become. Numbers that are left out must not be made up. */
export interface Expected {
  readonly kind: BackendErrorKind;
  readonly feature?: Feature;
  readonly promptTokens?: number;
  readonly contextTokens?: number;
}

const passingStatuses: readonly (number | undefined)[] = [429, 502, 503, 504, 529];

/** The error of a chat that is answered so. Nothing else may come of it. */
export async function errorOf(dialect: Dialect, answer: Handler) {
  const server = await ScriptedServer.start({ ...dialect.routes(['m']), [dialect.chatPath]: answer });
  const { events, error } = await collect(dialect.client(server.url).chat(question(), never));
  await server.close();
  const isPassing = error instanceof BackendError && error.retryable && passingStatuses.includes(error.status);
  assert.equal(server.requestsTo(dialect.chatPath).length, isPassing ? 3 : 1, 'how often it was sent');
  assert.deepEqual(
    events.filter(({ type }) => type !== 'progress'),
    [],
  );
  return error;
}

export function expectAnswer(thrown: unknown, { kind, feature, promptTokens, contextTokens }: Expected) {
  const error = expectError(thrown, kind);
  assert.equal(error.feature, feature);
  assert.equal(error.promptTokens, promptTokens);
  assert.equal(error.contextTokens, contextTokens);
  for (const number of [promptTokens, contextTokens]) {
    if (number !== undefined) assert.ok(error.message.includes(String(number)), error.message);
  }
  return error;
}

export const failing =
  (status: number, body: string | object): Handler =>
  (exchange) =>
    exchange.send(
      typeof body === 'string' ? body : JSON.stringify(body),
      typeof body === 'string' ? 'text/plain' : 'application/json',
      status,
    );
