import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { dialects, type Dialect } from '../test/support/dialects.ts';
import { figure, printRequirement, printTable, progress, whole } from './support/figures.ts';
import type { RequestMemory, StreamMemory } from './support/memoryClient.ts';
import { startServer } from './support/serverProcess.ts';

const streamBytes = 200e6;
const mostOverBaseBytes = 40e6;
const requests = 1000;
/** The heap of two collections in a row differs by less; a single object kept by each request would be more. */
const mostHeapGrowthBytes = 50_000;

const server = await startServer();

async function measure<T>(work: 'stream' | 'requests', dialect: Dialect, amount: number): Promise<T> {
  progress(`${dialect.backend}: ${work}`);
  const client = fork(path.join(import.meta.dirname, 'support', 'memoryClient.ts'), [work, dialect.backend, server.url, String(amount)], {
    execArgv: ['--expose-gc'],
  });
  const failed = once(client, 'exit').then(([code]) => {
    throw new Error(`The client of the bench ended with ${code}.`);
  });
  const [figures] = await Promise.race([once(client, 'message'), failed]);
  return figures as T;
}
