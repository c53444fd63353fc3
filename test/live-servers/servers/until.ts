import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for a condition; the limit only ends what hangs. @throws when the condition does, or at the limit */
export async function until(condition: () => Promise<boolean>, what: string, limitMs: number): Promise<void> {
  const startedMs = performance.now();
  while (!(await condition())) {
    if (performance.now() - startedMs > limitMs) throw new Error(`not within ${limitMs / 1000} s: ${what}`);
    await sleep(100);
  }
}
