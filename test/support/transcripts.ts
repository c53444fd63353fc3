import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Dialect } from './dialects.ts';
import { dialectOf } from './dialects.ts';
import type { Handler } from './scriptedServer.ts';

/** What real servers answered: test/fixtures/transcripts. */
export interface Transcript {
  readonly server: 'ollama' | 'vllm' | 'llama-server' | 'litellm';
  readonly version: string;
  readonly case: string;
  readonly path: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** `cut`: the client closed the connection, so the recording ends in the middle. */
  readonly ended: 'eof' | 'cut';
  /** What one read of the socket returned, and when, counted from sending. */
  readonly chunks: readonly (readonly [milliseconds: number, text: string])[];
}

const folder = path.join(import.meta.dirname, '..', 'fixtures', 'transcripts');

export const transcripts: readonly Transcript[] = ['ollama', 'vllm', 'llama-server', 'litellm'].flatMap((server) =>
  readFileSync(path.join(folder, `${server}.jsonl`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Transcript),
);

export const bodyOf = ({ chunks }: Transcript) => chunks.map(([, text]) => text).join('');

/** The client that speaks to such a server at such an address. */
export function clientOf({ server, path: address }: Transcript): Dialect {
  if (address.endsWith('/messages')) return dialectOf('anthropic');
  if (server === 'ollama') return dialectOf(address.startsWith('/v1') ? 'openai-compatible' : 'ollama');
  return dialectOf(server === 'vllm' ? 'vllm' : 'openai-compatible');
}

/** Answers at once, whatever is asked. */
export function answerOf(transcript: Transcript): Handler {
  return ({ response }) => response.writeHead(transcript.status, transcript.headers).end(bodyOf(transcript));
}
