import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Completer, type Clock, type CompletionPlace } from '../src/core/completion/completer.ts';
import { fimTemplateOf } from '../src/core/completion/fimTemplates.ts';
import { fimDialects, type FimDialect } from '../test/support/fimDialects.ts';
import { figure, median, percentile, printRequirement, printTable, progress, whole } from './support/figures.ts';
import { startServer, type ServerProcess } from './support/serverProcess.ts';

const rounds = 200;
const warmUps = 50;
const mostRequestMs = 5;
const mostCachedMs = 2;
const mostCloseMs = 50;
const mostShare = 0.2;
const typists = 20;
const keysPerSecond = 5;

const model = 'qwen2.5-coder:1.5b';
const template = fimTemplateOf([model]);
const never = new AbortController().signal;
/** A person’s code, to be typed and to be completed in: 2,000 lines. */
const source = readFileSync(path.join(import.meta.dirname, '../src/core/clients/transport.ts'), 'utf8');
const longCode = source.repeat(6).split('\n').slice(0, 2000).join('\n');

/** Nobody waits: what is measured is what A2IA takes. */
const impatient: Clock = { nowMs: () => performance.now(), wait: () => Promise.resolve() };

function placeAt(offset: number): CompletionPlace {
  return {
    document: 'file:///transport.ts',
    path: 'src/transport.ts',
    prefix: longCode.slice(0, offset),
    suffix: longCode.slice(offset),
    neighbours: ['a', 'b', 'c'].map((name) => ({ path: `src/${name}.ts`, text: source.slice(0, 1500) })),
    isProse: false,
  };
}

/** Ends of lines, each once: none is in the cache. */
function* lineEnds(): Generator<number> {
  for (let at = longCode.indexOf('\n', longCode.length / 2); at >= 0; at = longCode.indexOf('\n', at + 1)) yield at;
}

interface Measured {
  readonly requestMs: readonly number[];
  readonly closeMs: readonly number[];
}

async function measure(fim: FimDialect, server: ServerProcess): Promise<Measured> {
  const client = fim.dialect.client(server.url);
  const ask = client.complete?.bind(client);
  if (!ask || !template) throw new Error('There is no way to complete.');
  const completer = new Completer({ model, template, budgetTokens: 2048, ask }, impatient);
  const requestMs: number[] = [];
  const closeMs: number[] = [];
  const ends = lineEnds();
  for (let round = 0; round < warmUps + rounds; round++) {
    const asked = server.next('asked');
    const closed = server.next('closed');
    const place = placeAt(ends.next().value ?? 0);
    const pressedNs = process.hrtime.bigint();
    const done = completer.complete(place, { isInvoked: false }, never);
    const { atNs } = await asked;
    const cancelledNs = process.hrtime.bigint();
    completer.cancel();
    const { atNs: closedNs } = await closed;
    await done;
    if (round < warmUps) continue;
    requestMs.push(Number(atNs - pressedNs) / 1e6);
    closeMs.push(Number(closedNs - cancelledNs) / 1e6);
  }
  return { requestMs, closeMs };
}

/** What was suggested, typed character by character. */
async function measureCached(): Promise<readonly number[]> {
  const suggestion = 'const value = compute(first, second, third);'.repeat(8);
  const completer = new Completer(
    {
      model,
      budgetTokens: 2048,
      ask: async function* () {
        yield { type: 'text', delta: suggestion };
        yield { type: 'finish', reason: 'stop' };
      },
    },
    impatient,
  );
  const at = longCode.indexOf('\n', longCode.length / 2);
  const place = placeAt(at);
  const begin = { ...place, prefix: `${place.prefix}\nx` };
  await completer.complete(begin, { isInvoked: true }, never);
  const ms: number[] = [];
  for (let typed = 1; typed < suggestion.length; typed++) {
    const next = { ...begin, prefix: begin.prefix + suggestion.slice(0, typed) };
    const started = performance.now();
    const rest = await completer.complete(next, { isInvoked: false }, never);
    ms.push(performance.now() - started);
    if (rest !== suggestion.slice(typed)) throw new Error('The cache has something else.');
  }
  return ms;
}

/** Time that passes when it is told to. */
class TypedTime implements Clock {
  #nowMs = 0;
  #waiting: { readonly untilMs: number; readonly resolve: () => void } | undefined;
  nowMs = () => this.#nowMs;
  wait = (durationMs: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      this.#waiting = { untilMs: this.#nowMs + durationMs, resolve };
      signal.addEventListener('abort', () => resolve(), { once: true });
    });

  async pass(durationMs: number): Promise<void> {
    this.#nowMs += durationMs;
    if (this.#waiting && this.#waiting.untilMs <= this.#nowMs) this.#waiting.resolve();
    await new Promise(setImmediate);
  }
}

/** The gaps between the keys of people are spread like this: most are short, some are long. */
function gapMs(): number {
  const sigma = 0.5;
  const normal = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  return (1000 / keysPerSecond) * Math.exp(sigma * normal - sigma ** 2 / 2);
}

/** Of the keys of somebody who types code, with a model whose suggestions are never what is typed: no key is answered from the cache. */
async function shareOfKeys(): Promise<number> {
  const time = new TypedTime();
  let requests = 0;
  const completer = new Completer(
    {
      model,
      budgetTokens: 2048,
      ask: async function* () {
        requests++;
        yield { type: 'text', delta: '§' };
        yield { type: 'finish', reason: 'stop' };
      },
    },
    time,
  );
  const typed = source.slice(0, 600);
  for (let count = 1; count <= typed.length; count++) {
    const place = { ...placeAt(0), prefix: typed.slice(0, count), suffix: '' };
    void completer.complete(place, { isInvoked: false }, never);
    await time.pass(gapMs());
  }
  return requests / typed.length;
}

const results: (Measured & { readonly name: string })[] = [];
for (const fim of fimDialects) {
  const isLlamaServer = fim.path === '/infill';
  const name = isLlamaServer ? 'llama-server' : fim.dialect.backend;
  progress(name);
  const server = await startServer(isLlamaServer ? 'llama-server' : 'any');
  results.push({ name, ...(await measure(fim, server)) });
  server.stop();
}
progress('cache');
const cachedMs = await measureCached();
progress('typing');
const shares: number[] = [];
while (shares.length < typists) shares.push(await shareOfKeys());

console.log(
  `In a file of 2,000 lines with three neighbours, 2,048 tokens of prompt: from a key to the whole request at a server process, without the pause that is waited for, and from the next key to the close of the socket there; ${whole(rounds)} each. “Cached”: what was suggested is typed, from the key to the rest of it.`,
);
printTable(
  ['what', 'median ms', '95 % ms', '99 % ms', 'worst ms'],
  [
    ...results.flatMap(({ name, requestMs, closeMs }) => [
      row(`${name}: key → request`, requestMs),
      row(`${name}: next key → closed socket`, closeMs),
    ]),
    row('cached', cachedMs),
  ],
);
for (const { name, requestMs, closeMs } of results) {
  requireWithin(`${name}: key → request`, requestMs, 95, mostRequestMs);
  requireWithin(`${name}: next key → closed socket`, closeMs, 99, mostCloseMs);
}
requireWithin('cached', cachedMs, 95, mostCachedMs);

console.log(
  `\n${typists} people type 600 characters of code at ${keysPerSecond} keys a second, with gaps as people have them (log-normal, σ 0.5), and a model whose suggestions are never what they type: the share of keys that cause a request. Time is simulated.`,
);
printTable(
  ['share of keys', 'of 100'],
  [
    ['median', median(shares) * 100],
    ['most', Math.max(...shares) * 100],
  ],
);
printRequirement(
  `at ${keysPerSecond} keys a second at most ${mostShare * 100} % of the keys cause a request`,
  Math.max(...shares) <= mostShare,
  `${figure(Math.max(...shares) * 100)} %`,
);

function row(what: string, ms: readonly number[]): readonly (string | number)[] {
  return [what, median(ms), percentile(ms, 95), percentile(ms, 99), Math.max(...ms)];
}

function requireWithin(what: string, ms: readonly number[], percent: number, mostMs: number): void {
  const measured = percentile(ms, percent);
  printRequirement(`${what}: ${percent} % within ${mostMs} ms`, measured <= mostMs, `${figure(measured)} ms`);
}
