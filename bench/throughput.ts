import http from 'node:http';
import { Ollama } from 'ollama';
import { OpenAI } from 'openai';
import { never, type Dialect } from '../test/support/dialects.ts';
import { askFor, dialectOf, readAll } from './support/clients.ts';
import { figure, median, printRequirement, printTable, progress } from './support/figures.ts';
import { startServer } from './support/serverProcess.ts';

const deltas = 400_000;
const chars = 10;
const rounds = 7;
const leastShareOfBare = 0.8;

/** Reads a whole answer and gives the number of its characters. */
type Reader = (url: string) => Promise<number>;

const model = `${deltas}x${chars}`;
const messages = [{ role: 'user' as const, content: 'Hello' }];

/** The least that a program can do: split the body at its line ends and parse each line. */
function bare(dialect: Dialect, charsOf: (event: never) => number): Reader {
  const prefix = dialect.contentType.startsWith('text/event-stream') ? 'data: ' : '';
  return (url) =>
    new Promise((resolve, reject) => {
      const request = http.request(`${url}${dialect.chatPath}`, { method: 'POST' }, (response) => {
        let count = 0;
        let rest = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          const lines = (rest + chunk).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) {
            if (line === '' || !line.startsWith(prefix) || line === 'data: [DONE]') continue;
            count += charsOf(JSON.parse(line.slice(prefix.length)) as never);
          }
        });
        response.on('end', () => resolve(count));
      });
      request.on('error', reject).end(JSON.stringify({ model }));
    });
}

function ours(dialect: Dialect): Reader {
  return (url) => readAll(dialect.client(url), askFor(deltas, chars), never);
}

const openaiPackage: Reader = async (url) => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused' });
  let count = 0;
  for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
    count += chunk.choices[0]?.delta.content?.length ?? 0;
  }
  return count;
};

const ollamaPackage: Reader = async (url) => {
  let count = 0;
  for await (const line of await new Ollama({ host: url }).chat({ model, messages, stream: true })) {
    count += line.message.content.length;
  }
  return count;
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

const openai = dialectOf('openai-compatible');
const ollama = dialectOf('ollama');
const anthropic = dialectOf('anthropic');
const formats: Readonly<Record<string, Readonly<Record<string, Reader>>>> = {
  'OpenAI style, SSE': {
    bare: bare(openai, (event: OpenAIEvent) => event.choices[0]?.delta.content?.length ?? 0),
    A2IA: ours(openai),
    'package `openai`': openaiPackage,
  },
  'Ollama, NDJSON': {
    bare: bare(ollama, (event: OllamaEvent) => event.message.content.length),
    A2IA: ours(ollama),
    'package `ollama`': ollamaPackage,
  },
  'Anthropic, SSE': {
    bare: bare(anthropic, (event: AnthropicEvent) => event.delta?.text?.length ?? 0),
    A2IA: ours(anthropic),
  },
};

const server = await startServer();
const readers = Object.entries(formats).flatMap(([format, byName]) =>
  Object.entries(byName).map(([name, read]) => ({ format, name, read, rates: [] as number[] })),
);
// Round 0 compiles, and is not counted.
for (let round = 0; round <= rounds; round++) {
  progress(`round ${round} of ${rounds}`);
  for (const { format, name, read, rates } of readers) {
    globalThis.gc?.();
    const startedAt = performance.now();
    const count = await read(server.url);
    if (count !== deltas * chars) throw new Error(`${format}, ${name}: ${count} characters arrived.`);
    if (round > 0) rates.push(deltas / (performance.now() - startedAt));
  }
}
server.stop();

/** Of each round, so that what disturbs the machine for a while disturbs both. */
const shareOfBare = ({ format, rates }: (typeof readers)[number]) => {
  const base = readers.find((reader) => reader.format === format && reader.name === 'bare')?.rates ?? [];
  return median(rates.map((rate, round) => rate / (base[round] ?? NaN)));
};

console.log(
  `A server process streams ${deltas.toLocaleString('en-US')} deltas of ${chars} characters as fast as they are read; medians of ${rounds} rounds, in each of which every reader reads once. ` +
    '“Bare” is `node:http`, a split at line ends and `JSON.parse`; “of bare” is the median of the ratios within a round.',
);
printTable(
  ['Format', 'Reader', 'events/ms', 'of bare'],
  readers.map((reader) => [reader.format, reader.name, median(reader.rates), shareOfBare(reader)]),
);
for (const reader of readers.filter(({ name }) => name === 'A2IA')) {
  const share = shareOfBare(reader);
  printRequirement(`${reader.format}: at least ${leastShareOfBare} × bare`, share >= leastShareOfBare, figure(share));
}
