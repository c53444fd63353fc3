import type { ChatRequest, LLMClient } from '../../src/core/clients/llmClient.ts';
import { dialects, question, type Dialect } from '../../test/support/dialects.ts';

export function dialectOf(backend: Dialect['backend']): Dialect {
  const dialect = dialects.find((candidate) => candidate.backend === backend);
  if (!dialect) throw new Error(`There is no dialect of ${backend}.`);
  return dialect;
}

/** For `server.ts`: an answer of so many deltas of so many characters. */
export function askFor(deltas: number, chars: number): ChatRequest {
  return question(`${deltas}x${chars}`);
}

/** For `server.ts`: an answer without end. */
export const askForSlow = question('slow');

/** Reads an answer to its end and gives the number of its characters. */
export async function readAll(client: LLMClient, request: ChatRequest, signal: AbortSignal): Promise<number> {
  let chars = 0;
  for await (const event of client.chat(request, signal)) if (event.type === 'text') chars += event.delta.length;
  return chars;
}
