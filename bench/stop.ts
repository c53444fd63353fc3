import { setTimeout as sleep } from 'node:timers/promises';
import { dialects, type Dialect } from '../test/support/dialects.ts';
import { askForSlow, readAll } from './support/clients.ts';
import { figure, median, percentile, printRequirement, printTable, progress, whole } from './support/figures.ts';
import { startServer, type ServerProcess } from './support/serverProcess.ts';

const stops = 200;
const warmUps = 10;
const loadStreams = 8;
/** No user stops in step with the tokens. */
const longestWaitMs = 10;
const mostMedianMs = 50;
const mostWorstMs = 100;

/** From `abort()` here to the close of the socket there: only then does a model server stop generating. */
async function measureStop(dialect: Dialect, server: ServerProcess): Promise<number> {
  const controller = new AbortController();
  const closed = server.next('closed');
  const events = dialect.client(server.url).chat(askForSlow, controller.signal)[Symbol.asyncIterator]();
  await events.next();
  const rest = (async () => {
    while (!(await events.next()).done);
  })();
  await sleep(Math.random() * longestWaitMs);
  const abortedAtNs = process.hrtime.bigint();
  controller.abort();
  await rest;
  return Number((await closed).atNs - abortedAtNs) / 1e6;
}

async function measureStops(dialect: Dialect, server: ServerProcess): Promise<readonly number[]> {
  for (let count = 0; count < warmUps; count++) await measureStop(dialect, server);
  const delaysMs: number[] = [];
  while (delaysMs.length < stops) delaysMs.push(await measureStop(dialect, server));
  return delaysMs;
}

/** While other answers stream into this process. */
async function underLoad<T>(dialect: Dialect, server: ServerProcess, work: () => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const { signal } = controller;
  const streams = Array.from({ length: loadStreams }, () => readAll(dialect.client(server.url), askForSlow, signal));
  try {
    return await work();
  } finally {
    controller.abort();
    await Promise.all(streams);
  }
}

const results: { readonly dialect: Dialect; readonly load: string; readonly delaysMs: readonly number[] }[] = [];
for (const dialect of dialects) {
  progress(dialect.backend);
  const server = await startServer();
  results.push({ dialect, load: 'idle', delaysMs: await measureStops(dialect, server) });
  const delaysMs = await underLoad(dialect, server, () => measureStops(dialect, server));
  results.push({ dialect, load: `${loadStreams} streams`, delaysMs });
  server.stop();
}

console.log(
  `From \`abort()\` in a process that reads an answer of 500 deltas a second to the moment when the server’s process sees the socket close; ${whole(stops)} stops each, at random moments. ` +
    `“${loadStreams} streams”: while the same process reads ${loadStreams} more such answers.`,
);
printTable(
  ['client', 'load', 'median ms', '99 % ms', 'worst ms'],
  results.map(({ dialect, load, delaysMs }) => [
    dialect.backend,
    load,
    median(delaysMs),
    percentile(delaysMs, 99),
    Math.max(...delaysMs),
  ]),
);
for (const { dialect, load, delaysMs } of results) {
  const worst = Math.max(...delaysMs);
  printRequirement(
    `${dialect.backend}, ${load}: median at most ${mostMedianMs} ms, worst at most ${mostWorstMs} ms`,
    median(delaysMs) <= mostMedianMs && worst <= mostWorstMs,
    `${figure(median(delaysMs))} ms, ${figure(worst)} ms`,
  );
}
