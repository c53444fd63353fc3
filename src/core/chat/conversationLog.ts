import type { Conversation, ConversationRecord } from './conversation.ts';

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

/** Longer than any attachment that a model takes. */
const lengthLimitBytes = 64 * 1024 * 1024;
const lineEnd = 0x0a;
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
    const text = bytes.toString('utf8').trimEnd();
    if (text === '') return undefined;
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
    const migrated = migrations.slice(this.#version).reduce((line, migrate) => migrate(line), value);
    const record = toRecord(migrated);
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

interface Fields {
  readonly [name: string]: unknown;
  readonly type?: unknown;
  readonly version?: unknown;
  readonly id?: unknown;
  readonly text?: unknown;
  readonly reasoning?: unknown;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Check = (value: unknown) => boolean;

const string: Check = (value) => typeof value === 'string';
const number: Check = (value) => typeof value === 'number';
const boolean: Check = (value) => typeof value === 'boolean';
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const object =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isObject(value) && Object.entries(fields).every(([name, check]) => check(value[name]));
const oneOf =
  (tag: string, kinds: Readonly<Record<string, Check>>): Check =>
  (value) => {
    const kind = isObject(value) ? value[tag] : undefined;
    return typeof kind === 'string' && Object.hasOwn(kinds, kind) && kinds[kind]?.(value) === true;
  };

const attachment = oneOf('kind', {
  text: object({
    id: string,
    source: string,
    label: string,
    languageId: string,
    text: string,
    uri: optional(string),
    firstLine: optional(number),
  }),
  image: object({ id: string, label: string, mediaType: string, base64: string }),
});

const ending = object({
  outcome: oneOf('type', {
    finished: object({ reason: string }),
    stopped: object({}),
    failed: object({
      problem: object({ kind: string, message: string, hint: string, serverMessage: optional(string) }),
    }),
  }),
  usage: optional(
    object({ promptTokens: optional(number), outputTokens: optional(number), cachedPromptTokens: optional(number) }),
  ),
  speed: object({ totalMs: number, firstTokenMs: optional(number), tokensPerSecond: optional(number) }),
  reasoningMs: optional(number),
});

/** What a conversation needs in order not to stumble over a record, and what is shown of it. */
const checks: { readonly [Type in Exclude<ConversationRecord['type'], 'delta'>]: Check } = {
  begin: object({ version: number, id: string, atMs: number }),
  question: object({
    id: string,
    parentId: optional(string),
    atMs: number,
    text: string,
    attachments: listOf(attachment),
  }),
  answer: object({ id: string, parentId: string, atMs: number }),
  run: object({ id: string, atMs: number, backend: optional(string), model: optional(string) }),
  toolCall: object({ id: string, call: object({ id: string, name: string, argumentsJson: string }) }),
  warning: object({ id: string, message: string }),
  end: object({ id: string, atMs: number, ending }),
  show: object({ id: string }),
  leaveOut: object({ ids: listOf(string) }),
  title: object({ title: string }),
  pin: object({ pinned: boolean }),
  delete: object({ deleted: boolean }),
};

function toRecord(value: unknown): ConversationRecord | 'damaged' | 'unknown' {
  if (Array.isArray(value)) {
    const [id, text, reasoning = ''] = value as readonly unknown[];
    if (typeof id !== 'string' || typeof text !== 'string' || typeof reasoning !== 'string') return 'damaged';
    return { type: 'delta', id, text, reasoning };
  }
  if (!isObject(value) || typeof value.type !== 'string') return 'damaged';
  if (!Object.hasOwn(checks, value.type)) return 'unknown';
  return checks[value.type as keyof typeof checks](value) ? (value as unknown as ConversationRecord) : 'damaged';
}
