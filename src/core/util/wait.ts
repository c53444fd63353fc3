import { setTimeout } from 'node:timers/promises';

/** Resolves after the time, or as soon as the signal is aborted; never rejects. */
export async function wait(durationMs: number, signal: AbortSignal): Promise<void> {
  await setTimeout(durationMs, undefined, { signal }).catch(() => undefined);
}
