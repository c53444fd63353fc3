import assert from 'node:assert/strict';
import { BackendError, type BackendErrorKind } from '../../src/core/clients/errors.ts';
import type { ChatEvent } from '../../src/core/clients/llmClient.ts';
import type { EngineProcess } from '../../src/core/embedded/engineProcess.ts';

/** What tests of the real engine ask of answers and of the engine. */

export async function all(answer: AsyncIterable<ChatEvent>): Promise<readonly ChatEvent[]> {
  const events: ChatEvent[] = [];
  for await (const event of answer) events.push(event);
  return events;
}

export function textOf(events: readonly ChatEvent[]): string {
  return events.map((event) => (event.type === 'text' ? event.delta : '')).join('');
}

export function finishOf(events: readonly ChatEvent[]) {
  const finishes = events.filter((event) => event.type === 'finish');
  assert.equal(finishes.length, 1, 'one finish');
  assert.equal(events.at(-1), finishes[0], 'and it is the last');
  return finishes[0] as ChatEvent & { type: 'finish' };
}

export async function failure(
  answer: AsyncIterable<ChatEvent>,
  kind: BackendErrorKind,
  message = /./,
): Promise<BackendError> {
  try {
    await all(answer);
  } catch (error) {
    assert.ok(error instanceof BackendError, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, message);
    assert.notEqual(error.hint, '');
    return error;
  }
  return assert.fail(`no ${kind}`);
}

/**
 * The engine's processor time stands still from some moment on, after the step that it is in. Counted in processor time and not by the clock, which on a
 * busy machine says nothing: the stories of these tests take it ten seconds and more, a step less than one.
 */
export async function assertStops(engine: EngineProcess): Promise<void> {
  const windowMs = 400;
  const startMs = await engineMs(engine);
  for (let beforeMs = startMs; ;) {
    await new Promise((resolve) => setTimeout(resolve, windowMs));
    const nowMs = await engineMs(engine);
    if (nowMs - beforeMs < windowMs / 10) return;
    assert.ok(nowMs - startMs < 4000, `it went on for ${nowMs - startMs} ms of processor time`);
    beforeMs = nowMs;
  }
}

export async function engineMs(engine: EngineProcess): Promise<number> {
  return (await engine.cpuTimeMs()) ?? 0;
}

export async function until(condition: () => Promise<boolean>, limitMs = 60_000): Promise<void> {
  const started = performance.now();
  while (!(await condition())) assert.ok(performance.now() - started < limitMs, `not within ${limitMs} ms`);
}
