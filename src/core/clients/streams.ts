import { StringDecoder } from 'node:string_decoder';
import { BackendError } from './errors.ts';

/**
 * Readers of streamed bodies. Both give what one read of the socket completed in batches, so that a fast stream costs a few turns of the event loop
 * per read and not one per token. A chunk may be cut anywhere, inside a character and inside a line end too.
 */

/** The longest line or event that is kept in memory. A real one is below 1 MiB even with an image in it. */
const lengthLimitChars = 16 * 1024 * 1024;

/** All that is made of a batch lives at once, and V8 makes room for it: whole reads (64 KiB) took twice the memory of halves, for the same time. */
const batchBytes = 32 * 1024;

export interface ServerSentEvent {
  /** `message` unless the server named it. */
  readonly event: string;
  readonly data: string;
}

/**
 * Server-sent events. Comments (keep-alive pings) are dropped, events without data too; a last event without its blank line counts.
 * Very old llama-servers send errors as a field `error`: given as an event of that name.
 * @throws BackendError of kind `protocol` when a line or an event has no end
 */
export async function* readServerSentEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent[]> {
  let event = 'message';
  let data: string | undefined;
  for await (const lines of readLines(body)) {
    const batch: ServerSentEvent[] = [];
    for (const line of lines) {
      if (line === '') {
        if (data !== undefined && data !== '') batch.push({ event, data });
        event = 'message';
        data = undefined;
      } else if (line.startsWith('data:')) {
        const value = fieldValue(line, 5);
        data = data === undefined ? value : `${data}\n${value}`;
        if (data.length > lengthLimitChars) throw tooLong('event');
      } else if (line.startsWith('event:')) {
        event = fieldValue(line, 6);
      } else if (line.startsWith('error:')) {
        event = 'error';
        data = fieldValue(line, 6);
      }
    }
    if (batch.length > 0) yield batch;
  }
  if (data !== undefined && data !== '') yield [{ event, data }];
}

/** One space after the colon belongs to the colon. */
function fieldValue(line: string, start: number): string {
  return line.slice(line.charCodeAt(start) === 0x20 ? start + 1 : start);
}

/**
 * Lines, without their ends (`\n` or `\r\n`), the last one also when its end is missing. Malformed UTF-8 becomes U+FFFD.
 * @throws BackendError of kind `protocol` when a line has no end
 */
export async function* readLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string[]> {
  const decoder = new StringDecoder('utf8');
  // The pieces of the line that is not complete yet: joined once, so that a line in many pieces costs linear time.
  let pieces: string[] = [];
  let pieceChars = 0;
  let atStart = true;
  for await (const chunk of body) {
    for (let start = 0; start < chunk.length; start += batchBytes) {
      let text = decoder.write(chunk.subarray(start, start + batchBytes));
      if (text === '') continue;
      if (atStart && text.charCodeAt(0) === 0xfeff) text = text.slice(1);
      atStart = false;
      const lines = text.split('\n');
      const open = lines.pop() ?? '';
      if (lines.length > 0) {
        if (pieces.length > 0) {
          lines[0] = pieces.join('') + lines[0];
          pieces = [];
          pieceChars = 0;
        }
        // One search of the whole text is cheaper than a look at every line. The first line may have its `\r` from an earlier chunk.
        yield text.includes('\r') || lines[0]?.endsWith('\r') ? lines.map(withoutCarriageReturn) : lines;
      }
      if (open !== '') pieces.push(open);
      pieceChars += open.length;
      if (pieceChars > lengthLimitChars) throw tooLong('line');
    }
  }
  const rest = pieces.join('') + decoder.end();
  if (rest !== '') yield [withoutCarriageReturn(rest)];
}

function withoutCarriageReturn(line: string): string {
  return line.charCodeAt(line.length - 1) === 0x0d ? line.slice(0, -1) : line;
}

function tooLong(what: 'line' | 'event'): BackendError {
  return new BackendError({
    kind: 'protocol',
    message: `The server sent ${what === 'line' ? 'a line' : 'an event'} of more than ${lengthLimitChars / 1024 / 1024} million characters.`,
    hint: 'That is no model’s answer: check which server listens at this address.',
  });
}
