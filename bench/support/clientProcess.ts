import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/**
 * Runs a program of this folder as a process of its own, so that it begins with a fresh heap and nothing compiled, and hands what it sends to `look`, while it
 * still lives.
 */
export async function inClient<Figures, T>(
  program: string,
  args: readonly string[],
  look: (figures: Figures) => T | Promise<T>,
  execArgv: string[] = [],
): Promise<T> {
  const client = fork(path.join(import.meta.dirname, program), args, { execArgv });
  const ended = once(client, 'exit');
  const [figures] = await Promise.race([once(client, 'message'), ended]);
  if (typeof figures !== 'object') throw new Error(`A client of the bench ended with code ${figures}.`);
  const result = await look(figures as Figures);
  client.disconnect();
  await ended;
  return result;
}
