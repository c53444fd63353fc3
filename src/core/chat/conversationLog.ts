import { isUtf8 } from 'node:buffer';
import { Conversation, type ConversationRecord } from './conversation.ts';
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

/** What is damaged in the lines before it, and which messages are missing, is known: they were kept aside under this name. */
export function knownDamageLine(keptAs: string, missing: readonly string[]): string {
  return JSON.stringify({ type: 'knownDamage', keptAs, missing });
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
const nothing = Buffer.alloc(0);

/** `record` is undefined when a line says nothing about the conversation. */
export type TakeLine = (line: string, record: ConversationRecord | undefined) => void;

/** Reads a file from its first byte on, in pieces cut anywhere, so that it can be read on when it has grown. */
export class LogReader {
  #rest: Buffer = nothing;
  #isTooLong = false;
  /** A line without meaning, as long as it may be the beginning of the next. */
  #fragment: string | undefined;
  #damagedLines = 0;
  #knownMissing: readonly string[] = [];
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

  /** Ids of messages that were missing when damage was last told. */
  get knownMissing(): readonly string[] {
    return this.#knownMissing;
  }

  read(bytes: Buffer, take: TakeLine): void {
    const end = bytes.lastIndexOf(lineEnd) + 1;
    let start = 0;
    if (end > 0 && this.isInLine) {
      start = bytes.indexOf(lineEnd) + 1;
      this.#endLine(bytes.subarray(0, start), take);
    }
    const whole = bytes.subarray(start, end);
    // One string cut into lines is twice as fast as a string for each.
    if (isUtf8(whole)) for (const line of linesOf(whole.toString())) this.#line(line, take);
    else for (const line of byteLinesOf(whole)) this.#endLine(line, take);
    if (end < bytes.length) this.#keepRest(bytes.subarray(end));
  }

  #keepRest(bytes: Buffer): void {
    if (this.#isTooLong) return;
    this.#isTooLong = this.#rest.length + bytes.length > lengthLimitBytes;
    this.#rest = this.#isTooLong ? nothing : Buffer.concat([this.#rest, bytes]);
  }

  #endLine(bytes: Buffer, take: TakeLine): void {
    this.#keepRest(bytes);
    const line = this.#rest;
    const isTooLong = this.#isTooLong;
    this.#rest = nothing;
    this.#isTooLong = false;
    if (isTooLong || !isUtf8(line)) this.#damagedLines++;
    if (!isTooLong) this.#line(line.toString(), take);
  }

  #line(untrimmed: string, take: TakeLine): void {
    if (this.#skipsDeltas && untrimmed.startsWith('[')) return;
    const line = untrimmed.trimEnd();
    if (line === '') return;
    // A write that the disk cut short leaves the beginning of a line, and is said again in the next: nothing is lost.
    if (this.#fragment !== undefined && !line.startsWith(this.#fragment)) this.#damagedLines++;
    this.#fragment = undefined;
    take(line, this.#understand(line));
  }

  #understand(line: string): ConversationRecord | undefined {
    const value = parseJson(line);
    if (isObject(value) && value.type === 'begin') this.#version = Number(value.version ?? 0);
    if (isObject(value) && value.type === 'knownDamage') {
      this.#damagedLines = 0;
      this.#knownMissing = Array.isArray(value['missing']) ? value['missing'].map(String) : [];
      return undefined;
    }
    const record = toRecord(migrate(value, this.#version));
    if (record === 'damaged' && !this.isNewer) this.#fragment = line;
    return typeof record === 'string' ? undefined : record;
  }
}

function* linesOf(text: string): Iterable<string> {
  let start = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
    yield text.slice(start, end);
    start = end + 1;
  }
}

function* byteLinesOf(bytes: Buffer): Iterable<Buffer> {
  let start = 0;
  for (let end = bytes.indexOf(lineEnd); end >= 0; end = bytes.indexOf(lineEnd, start)) {
    yield bytes.subarray(start, end);
    start = end + 1;
  }
}

/** Adds a record, to the one before it when both are deltas of one answer. */
export function addRecord(records: ConversationRecord[], record: ConversationRecord): void {
  const last = records.at(-1);
  if (record.type === 'delta' && last?.type === 'delta' && last.id === record.id) {
    const text = (last.text ?? '') + (record.text ?? '');
    const reasoning = (last.reasoning ?? '') + (record.reasoning ?? '');
    records[records.length - 1] = { type: 'delta', id: record.id, text, reasoning };
  } else {
    records.push(record);
  }
}

/**
 * The conversation of all records of a file. `createdAtMs` is for one whose first line is lost. `waiting`: by the ids of messages that are missing, what
 * needs them; others stand in for them, so that what followed is shown.
 */
export function conversationOf(id: string, records: readonly ConversationRecord[], createdAtMs: number) {
  const begin = records.find(({ type }) => type === 'begin');
  const empty = () => new Conversation(id, begin?.type === 'begin' ? begin.atMs : createdAtMs);
  const conversation = empty();
  const { waiting } = applyRecords(conversation, records);
  if (waiting.size === 0) return { conversation, waiting };
  const repaired = empty();
  applyRecords(repaired, withStandIns(records));
  return { conversation: repaired, waiting };
}

/** What a missing message was can be seen from what needs it: answers belong to questions, everything else to answers. */
function withStandIns(records: readonly ConversationRecord[]): readonly ConversationRecord[] {
  const isMessage = ({ type }: ConversationRecord) => type === 'question' || type === 'answer';
  const there = new Set(records.flatMap((record) => (isMessage(record) && 'id' in record ? record.id : [])));
  const repaired: ConversationRecord[] = [];
  let questionId: string | undefined;
  for (const record of records) {
    const id = neededMessage(record);
    const atMs = 'atMs' in record ? record.atMs : 0;
    if (id !== undefined && !there.has(id) && record.type === 'answer') {
      there.add(id);
      repaired.push({ type: 'question', id, atMs, text: 'This question could not be read.', attachments: [] });
    } else if (id !== undefined && !there.has(id) && record.type !== 'show' && questionId !== undefined) {
      there.add(id);
      // Most likely: it was the question before it in the file.
      repaired.push({ type: 'answer', id, parentId: questionId, atMs });
    }
    if (record.type === 'question') questionId = record.id;
    repaired.push(record);
  }
  return repaired;
}

/** Applies records in whatever order they came. Those that name a message which is not there have to wait for it. */
export function applyRecords(
  conversation: Conversation,
  records: readonly ConversationRecord[],
): {
  readonly applied: readonly ConversationRecord[];
  readonly waiting: ReadonlyMap<string, readonly ConversationRecord[]>;
} {
  const applied: ConversationRecord[] = [];
  const waiting = new Map<string, ConversationRecord[]>();
  for (const record of records) {
    const ready = [record];
    for (const next of ready) {
      const needed = neededMessage(next);
      if (needed !== undefined && !conversation.message(needed)) {
        waiting.set(needed, [...(waiting.get(needed) ?? []), next]);
        continue;
      }
      conversation.apply(next);
      applied.push(next);
      if (next.type !== 'question' && next.type !== 'answer') continue;
      ready.push(...(waiting.get(next.id) ?? []));
      waiting.delete(next.id);
    }
  }
  return { applied, waiting };
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
