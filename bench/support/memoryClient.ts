import { getEventListeners } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { never, type Dialect } from '../../test/support/dialects.ts';
import { askFor, dialectOf, readAll } from './clients.ts';

/**
 * What `memory.ts` measures, as a process of its own, so that every client begins with a fresh heap. Arguments: what to do, the backend, the server's
 * address, how much of it. Needs `--expose-gc`. Its figures go to its parent as one message; it ends when the parent hangs up.
 */

export interface StreamMemory {
  readonly baseBytes: number;
  readonly peakBytes: number;
}

export interface RequestMemory {
  readonly listeners: number;
  readonly heapGrowthBytes: number;
}

const chars = 10;

async function streamMemory(dialect: Dialect, url: string, wireBytes: number): Promise<StreamMemory> {
  const client = dialect.client(url);
  await readAll(client, askFor(100, chars), never);
  await collectGarbage();
  const baseBytes = process.memoryUsage.rss();
  let peakBytes = baseBytes;
  const deltas = Math.ceil(wireBytes / dialect.text('x'.repeat(chars)).length);
  for await (const event of client.chat(askFor(deltas, chars), never)) {
    if (event.type === 'text') peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  }
  return { baseBytes, peakBytes };
}

/** As many requests before counting as counted: by then everything is compiled and cached. */
async function requestMemory(dialect: Dialect, url: string, requests: number): Promise<RequestMemory> {
  const client = dialect.client(url);
  const { signal } = new AbortController();
  const heapAfterRequests = async () => {
    for (let count = 0; count < requests; count++) await readAll(client, askFor(10, chars), signal);
    await collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = await heapAfterRequests();
  const after = await heapAfterRequests();
  return { listeners: getEventListeners(signal, 'abort').length, heapGrowthBytes: after - before };
}

/** What a finished request still holds it lets go of in the next turns of the event loop, and finalizers of one collection free for the next. */
async function collectGarbage(): Promise<void> {
  if (!globalThis.gc) throw new Error('Run this with --expose-gc.');
  for (let count = 0; count < 4; count++) {
    await nextTurn();
    globalThis.gc();
  }
}

const [work, backend, url = '', amount] = process.argv.slice(2);
const dialect = dialectOf(backend as Dialect['backend']);
process.on('disconnect', () => process.exit());
const measure = work === 'stream' ? streamMemory : requestMemory;
process.send?.(await measure(dialect, url, Number(amount)));
