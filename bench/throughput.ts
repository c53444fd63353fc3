import http from 'node:http';
import { Ollama } from 'ollama';
import { OpenAI } from 'openai';
import { never, type Dialect } from '../test/support/dialects.ts';
import { askFor, dialectOf, readAll } from './support/clients.ts';
import { figure, median, printRequirement, printTable, progress, whole } from './support/figures.ts';
import { startServer } from './support/serverProcess.ts';

const deltas = 300_000;
const chars = 10;
const rounds = 10;
const leastShareOfBare = 0.8;

/** Who reads the stream, and how fast: events per millisecond of processor time, of every round. */
interface Reader {
  readonly name: string;
  /** Reads a whole answer and gives the number of its characters. */
  readonly read: (url: string) => Promise<number>;
  readonly rates: number[];
}

/** Readers of one and the same stream. */
interface Format {
  readonly title: string;
  readonly bare: Reader;
  readonly clients: readonly Reader[];
  /** The package for that protocol, read by its own iterator. */
  readonly package?: Reader;
  readonly leastTimesPackage?: number;
}

const model = `${deltas}x${chars}`;
const messages = [{ role: 'user' as const, content: 'Hello' }];

/** The least that a program can do: split the body at its line ends and parse each line. */
function bare(dialect: Dialect, charsOf: (event: never) => number): Reader {
  const prefix = dialect.contentType.startsWith('text/event-stream') ? 'data: ' : '';
  const read = (url: string) =>
    new Promise<number>((resolve, reject) => {
      const request = http.request(`${url}${dialect.chatPath}`, { method: 'POST' }, (response) => {
        let received = 0;
        let rest = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          const lines = (rest + chunk).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) {
            if (line === '' || !line.startsWith(prefix) || line === 'data: [DONE]') continue;
            received += charsOf(JSON.parse(line.slice(prefix.length)) as never);
          }
        });
        response.on('end', () => resolve(received));
      });
      request.on('error', reject).end(JSON.stringify({ model }));
    });
  return { name: 'bare', read, rates: [] };
}

function ours(dialect: Dialect): Reader {
  const read = (url: string) => readAll(dialect.client(url), askFor(deltas, chars), never);
  return { name: `A2IA, ${dialect.backend}`, read, rates: [] };
}

const openaiPackage: Reader = {
  name: 'package openai',
  rates: [],
  read: async (url) => {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused' });
    let received = 0;
    for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
      received += chunk.choices[0]?.delta.content?.length ?? 0;
    }
    return received;
  },
};

const ollamaPackage: Reader = {
  name: 'package ollama',
  rates: [],
  read: async (url) => {
    let received = 0;
    for await (const line of await new Ollama({ host: url }).chat({ model, messages, stream: true })) {
      received += line.message.content.length;
    }
    return received;
  },
};

interface OpenAIEvent {
  readonly choices: readonly { readonly delta: { readonly content?: string } }[];
}
interface OllamaEvent {
  readonly message: { readonly content: string };
}
interface AnthropicEvent {
  readonly delta?: { readonly text?: string };
}

const formats: readonly Format[] = [
  {
    title: 'OpenAI style, SSE',
    bare: bare(dialectOf('openai'), (event: OpenAIEvent) => event.choices[0]?.delta.content?.length ?? 0),
    clients: [ours(dialectOf('vllm')), ours(dialectOf('openai-compatible')), ours(dialectOf('openai'))],
    package: openaiPackage,
    leastTimesPackage: 3,
  },
  {
    title: 'Ollama, NDJSON',
    bare: bare(dialectOf('ollama'), (event: OllamaEvent) => event.message.content.length),
    clients: [ours(dialectOf('ollama'))],
    package: ollamaPackage,
    leastTimesPackage: 1.2,
  },
  {
    title: 'Anthropic, SSE',
    bare: bare(dialectOf('anthropic'), (event: AnthropicEvent) => event.delta?.text?.length ?? 0),
    clients: [ours(dialectOf('anthropic'))],
  },
];
const readersOf = (format: Format) => [format.bare, ...format.clients, ...(format.package ? [format.package] : [])];

const server = await startServer();

/** Every reader reads one whole answer in each round; in every second one in the opposite order. */
async function measure(title: string, readers: readonly Reader[]): Promise<void> {
  // Round 0 compiles, and is not counted.
  for (let round = 0; round <= rounds; round++) {
    progress(`${title}: round ${round} of ${rounds}`);
    for (const { name, read, rates } of round % 2 === 0 ? readers : readers.toReversed()) {
      const before = process.cpuUsage();
      const received = await read(server.url);
      const { user, system } = process.cpuUsage(before);
      if (received !== deltas * chars) throw new Error(`${name}: ${received} characters arrived.`);
      if (round > 0) rates.push((deltas / (user + system)) * 1000);
    }
  }
}

for (const format of formats) {
  await measure(format.title, [format.bare, ...format.clients]);
  // By itself: whoever comes after it pays for its garbage.
  if (format.package) await measure(format.package.name, [format.package]);
}
server.stop();

/** The median of the ratios within a round, so that what disturbs the machine for a while disturbs both. */
function shareOfBare(reader: Reader, { bare }: Format): number {
  return median(reader.rates.map((rate, round) => rate / (bare.rates[round] ?? NaN)));
}

function timesPackage(reader: Reader, format: Format): number {
  return format.package ? median(reader.rates) / median(format.package.rates) : NaN;
}

console.log(
  `A server process streams ${whole(deltas)} deltas of ${chars} characters as fast as they are read; medians of ${rounds} rounds, in each of which every reader reads one answer. ` +
    'Milliseconds are the processor time of the reading process, which other programs disturb least. “Bare” is `node:http`, a split at line ends and `JSON.parse`. ' +
    'A share of it is the median of the shares within a round; the packages have rounds of their own.',
);
printTable(
  ['format', 'reader', 'events/CPU ms', '× bare', '× package'],
  formats.flatMap((format) =>
    readersOf(format).map((reader) => [
      format.title,
      reader.name,
      median(reader.rates),
      shareOfBare(reader, format),
      timesPackage(reader, format),
    ]),
  ),
);
for (const format of formats) {
  for (const client of format.clients) {
    const share = shareOfBare(client, format);
    printRequirement(`${client.name}: at least ${leastShareOfBare} × bare`, share >= leastShareOfBare, figure(share));
    if (!format.package || format.leastTimesPackage === undefined) continue;
    const times = timesPackage(client, format);
    const title = `${client.name}: at least ${format.leastTimesPackage} × ${format.package.name}’s own iterator`;
    printRequirement(title, times >= format.leastTimesPackage, figure(times));
  }
}
