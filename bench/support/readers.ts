import http from 'node:http';
import { Ollama } from 'ollama';
import { OpenAI } from 'openai';
import { never, type Dialect } from '../../test/support/dialects.ts';
import { askFor, readAll } from './clients.ts';

/** Ways to read one and the same stream. */

export const deltas = 300_000;
export const chars = 10;

/** Reads a whole answer and gives the number of its characters. */
export type Reader = (url: string) => Promise<number>;

const model = `${deltas}x${chars}`;
const messages = [{ role: 'user' as const, content: 'Hello' }];

export function ours(dialect: Dialect): Reader {
  return (url) => readAll(dialect.client(url), askFor(deltas, chars), never);
}

/** The least that a program can do: split the body at its line ends and parse each line. */
export function bare(dialect: Dialect): Reader {
  switch (dialect.backend) {
    case 'ollama':
      return parseLines(dialect, '', (event: OllamaEvent) => event.message.content.length);
    case 'anthropic':
      return parseLines(dialect, 'data: ', (event: AnthropicEvent) => event.delta?.text?.length ?? 0);
    default:
      return parseLines(dialect, 'data: ', (event: OpenAIEvent) => event.choices[0]?.delta.content?.length ?? 0);
  }
}

interface OpenAIEvent {
  readonly choices: readonly { readonly delta: { readonly content?: string } }[];
}
interface OllamaEvent {
  readonly message: { readonly content: string };
}
interface AnthropicEvent {
  readonly delta?: { readonly text?: string };
}

function parseLines(dialect: Dialect, prefix: string, charsOf: (event: never) => number): Reader {
  return (url) =>
    new Promise((resolve, reject) => {
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
}

export type PackageName = 'openai' | 'ollama';

/** Each by its own iterator. */
export const packages: Readonly<Record<PackageName, Reader>> = {
  openai: async (url) => {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused' });
    let received = 0;
    for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
      received += chunk.choices[0]?.delta.content?.length ?? 0;
    }
    return received;
  },
  ollama: async (url) => {
    let received = 0;
    for await (const line of await new Ollama({ host: url }).chat({ model, messages, stream: true })) {
      received += line.message.content.length;
    }
    return received;
  },
};
