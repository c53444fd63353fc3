import { isUtf8 } from 'node:buffer';
import type { Conversation, ConversationRecord } from './conversation.ts';
import { isObject, toRecord } from './recordChecks.ts';

/**
 * How a conversation is kept: a file of lines, each of them JSON. A record is an object as it is; a delta, of which there are thousands, is an array:
 * its answer's id, text, reasoning.
 *
 * `begin` says the version of the lines after it. A file is never rewritten: lines of an older version are translated each time they are read, and whoever
 * adds to such a file writes `begin` again first. Unknown fields and types of the same version are passed over, so that most of what is new needs no new
 * version; whoever meets a newer one reads what it can and does not write.
 */
export const formatVersion = 1;

export function toLine(record: ConversationRecord): string {
  if (record.type !== 'delta') return JSON.stringify(record);
  const { id, text = '', reasoning } = record;
  return JSON.stringify(reasoning ? [id, text, reasoning] : [id, text]);
}

/** The damage in the lines before it is known: they were kept aside under this name. */
export function knownDamageLine(keptAs: string): string {
  return JSON.stringify({ type: 'knownDamage', keptAs });
}

/** What a line of the version that is its index becomes in the next. */
const migrations: readonly ((line: unknown) => unknown)[] = [
  // The first builds wrote a delta as an object too, and no version.
  (line) => {
    if (!isObject(line)) return line;
    if (line.type === 'begin') return { ...line, version: 1 };
    return line.type === 'delta' ? [line.id, line.text ?? '', line.reasoning ?? ''] : line;
  },
];

function migrate(line: unknown, version: number): unknown {
  return version < formatVersion ? migrations.slice(version).reduce((older, step) => step(older), line) : line;
}

/** Longer than any attachment that a model takes. */
const lengthLimitBytes = 64 * 1024 * 1024;
const lineEnd = 0x0a;
const arrayStart = 0x5b;
const nothing = Buffer.alloc(0);

export interface Line {
  readonly text: string;
  /** Undefined: nothing that concerns a conversation. */
  readonly record: ConversationRecord | undefined;
}

/** Reads a file from its first byte on, in pieces cut anywhere, so that it can be read on when it has grown. */
export class LogReader {
  #rest: Buffer = nothing;
  #isTooLong = false;
  /** A line without meaning, as long as it may be the beginning of the next. */
  #fragment: string | undefined;
  #damagedLines = 0;
  #version = 0;
  readonly #skipsDeltas: boolean;

  /** Without the deltas reading is many times faster: for a summary. */
  constructor({ skipsDeltas = false }: { readonly skipsDeltas?: boolean } = {}) {
    this.#skipsDeltas = skipsDeltas;
  }

  /** Of the lines to come. 0 before a `begin`. */
  get version(): number {
    return this.#version;
  }

  /** A newer version of the program wrote it: it must not be written to. */
  get isNewer(): boolean {
    return this.#version > formatVersion;
  }

  /** Bytes came that are not a whole line yet. */
  get isInLine(): boolean {
    return this.#rest.length > 0 || this.#isTooLong;
  }

  /** Lines that cannot be understood, other than those known before. */
  get damagedLines(): number {
    return this.#damagedLines + (this.#fragment === undefined ? 0 : 1);
  }

  read(bytes: Buffer): Line[] {
    const lines: Line[] = [];
    let start = 0;
    for (let end = bytes.indexOf(lineEnd); end >= 0; end = bytes.indexOf(lineEnd, start)) {
      const line = this.#line(bytes.subarray(start, end));
      if (line) lines.push(line);
      start = end + 1;
    }
    if (start < bytes.length) this.#keepRest(bytes.subarray(start));
    return lines;
  }

  #keepRest(bytes: Buffer): void {
    if (this.#isTooLong) return;
    this.#isTooLong = this.#rest.length + bytes.length > lengthLimitBytes;
    this.#rest = this.#isTooLong ? nothing : Buffer.concat([this.#rest, bytes]);
  }

  #line(end: Buffer): Line | undefined {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, end]) : end;
    const isTooLong = this.#isTooLong || bytes.length > lengthLimitBytes;
    this.#rest = nothing;
    this.#isTooLong = false;
    if (isTooLong) {
      this.#damagedLines++;
      return undefined;
    }
    if (this.#skipsDeltas && bytes[0] === arrayStart) return undefined;
    const text = bytes.toString('utf8').trimEnd();
    if (text === '') return undefined;
    if (text.includes('\ufffd') && !isUtf8(bytes)) this.#damagedLines++;
    // A write that the disk cut short leaves the beginning of a line, and is said again in the next: nothing is lost.
    if (this.#fragment !== undefined && !text.startsWith(this.#fragment)) this.#damagedLines++;
    this.#fragment = undefined;
    return { text, record: this.#understand(text) };
  }

  #understand(text: string): ConversationRecord | undefined {
    const value = parseJson(text);
    if (isObject(value) && value.type === 'knownDamage') {
      this.#damagedLines = 0;
      return undefined;
    }
    if (isObject(value) && value.type === 'begin')
      this.#version = typeof value.version === 'number' ? value.version : 0;
    const record = toRecord(migrate(value, this.#version));
    if (record === 'damaged' && !this.isNewer) this.#fragment = text;
    return typeof record === 'string' ? undefined : record;
  }
}

/** Applies records in whatever order they came. Returns those that name a message which is not there, and have to wait for it. */
export function applyRecords(
  conversation: Conversation,
  records: readonly ConversationRecord[],
): { readonly applied: readonly ConversationRecord[]; readonly waiting: readonly ConversationRecord[] } {
  const applied: ConversationRecord[] = [];
  let waiting = records;
  let left: ConversationRecord[];
  do {
    left = [];
    for (const record of waiting) {
      const needed = neededMessage(record);
      if (needed !== undefined && !conversation.message(needed)) {
        left.push(record);
        continue;
      }
      conversation.apply(record);
      applied.push(record);
    }
    if (left.length === waiting.length) break;
    waiting = left;
  } while (left.length > 0);
  return { applied, waiting: left };
}

function neededMessage(record: ConversationRecord): string | undefined {
  if (record.type === 'question' || record.type === 'answer') return record.parentId;
  return 'id' in record && record.type !== 'begin' ? record.id : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
