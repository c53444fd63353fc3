import assert from 'node:assert/strict';
import type { BackendErrorKind } from '../../src/core/clients/errors.ts';
import type { ChatEvent, ChatRequest } from '../../src/core/clients/llmClient.ts';
import { textOf } from '../support/answers.ts';
import { expectError } from '../support/expectations.ts';

export const never = new AbortController().signal;

export function ask(model: string, text: string, options: Partial<ChatRequest> = {}): ChatRequest {
  return { model, messages: [{ role: 'user', text }], temperature: 0, ...options };
}

/** Without randomness the small model repeats itself here until it is stopped: more than 1,500 tokens on every server. */
export const endless = 'Write a very long story about a ship.';

/** About six tokens a repetition. */
export function promptOf(tokens: number): string {
  return `Say only: yes. ${'The ship sails on. '.repeat(Math.round(tokens / 5))}`;
}

/** Reads an answer that has to fail, to the failure. */
export async function failing(answer: AsyncIterable<ChatEvent>, kind: BackendErrorKind) {
  const events: ChatEvent[] = [];
  try {
    for await (const event of answer) events.push(event);
  } catch (thrown) {
    return { events, error: expectError(thrown, kind) };
  }
  return assert.fail(`no ${kind}, but: ${textOf(events).slice(0, 200)}`);
}
