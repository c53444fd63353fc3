import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Conversation, ConversationRecord } from './conversation.ts';
import { addRecord, conversationOf, LogReader } from './conversationLog.ts';
import type { ConversationSummary } from './conversationStore.ts';

/** What is known of a file without opening it as a conversation. */
export interface IndexEntry {
  readonly summary: ConversationSummary;
  readonly deleted: boolean;
  /** Something is in the file, and nothing of it can be understood. */
  readonly isUnreadable: boolean;
  readonly writtenAtMs: number;
}

const fileName = /^([0-9a-z-]{1,64})\.jsonl$/;
/** Enough to keep the disk busy; each is read whole. */
const filesAtOnce = 8;
/** Texts for the search stay in memory for as long as somebody is likely to type the next letter. */
const textsKeptMs = 60_000;

/** An id is also a file's name on every system, and comes from outside too. */
export function isConversationId(id: string): boolean {
  return fileName.test(`${id}.jsonl`);
}

export function conversationPath(folder: string, id: string): string {
  return join(folder, `${id}.jsonl`);
}

export function conversationIdOf(name: string): string | undefined {
  return fileName.exec(name)?.[1];
}

export function summaryOf(conversation: Conversation): ConversationSummary {
  const { id, title, changedAtMs, pinned, size } = conversation;
  return { id, title, changedAtMs, pinned, messageCount: size };
}

/** The title and every text of the messages, in which the search looks. */
export function textsOf(conversation: Conversation): readonly string[] {
  return [conversation.title, ...Array.from(conversation.messages(), ({ text }) => text)];
}

interface Kept<T> {
  readonly stamp: string;
  readonly value: T;
}

/** The conversations in a folder. A file is read again only when its time or size has changed. */
export class ConversationIndex {
  readonly #folder: string;
  readonly #entries = new Map<string, Kept<IndexEntry>>();
  readonly #texts = new Map<string, Kept<readonly string[]>>();
  #forgetTexts: NodeJS.Timeout | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** By id. Empty when the folder is not there or cannot be read. */
  async entries(): Promise<ReadonlyMap<string, IndexEntry>> {
    const ids = (await readdir(this.#folder).catch(() => [])).flatMap((name) => conversationIdOf(name) ?? []);
    for (const id of this.#entries.keys()) if (!ids.includes(id)) this.#entries.delete(id);
    const found = new Map<string, IndexEntry>();
    await forEach(ids, async (id) => {
      const entry = await this.#fresh(id, this.#entries, (bytes, atMs) => readEntry(id, bytes, atMs));
      if (entry) found.set(id, entry);
    });
    return found;
  }

  /** By id, of those that have one. */
  async texts(ids: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    clearTimeout(this.#forgetTexts);
    const found = new Map<string, readonly string[]>();
    await forEach(ids, async (id) => {
      const texts = await this.#fresh(id, this.#texts, (bytes, atMs) => readTexts(id, bytes, atMs));
      if (texts) found.set(id, texts);
    });
    this.#forgetTexts = setTimeout(() => this.#texts.clear(), textsKeptMs).unref();
    return found;
  }

  dispose(): void {
    clearTimeout(this.#forgetTexts);
  }

  async #fresh<T>(
    id: string,
    kept: Map<string, Kept<T>>,
    read: (bytes: Buffer, writtenAtMs: number) => T,
  ): Promise<T | undefined> {
    const path = conversationPath(this.#folder, id);
    try {
      const { mtimeMs, size } = await stat(path);
      const stamp = `${mtimeMs} ${size}`;
      const before = kept.get(id);
      if (before?.stamp === stamp) return before.value;
      const value = read(await readFile(path), mtimeMs);
      kept.set(id, { stamp, value });
      return value;
    } catch {
      // Gone meanwhile, or not to be read: whoever opens it is told why.
      return undefined;
    }
  }
}

function readEntry(id: string, bytes: Buffer, writtenAtMs: number): IndexEntry {
  const reader = new LogReader({ skipsDeltas: true });
  const records: ConversationRecord[] = [];
  reader.read(bytes, (_line, record) => void (record && records.push(record)));
  const { conversation } = conversationOf(id, records, writtenAtMs);
  return {
    summary: summaryOf(conversation),
    deleted: conversation.deleted,
    isUnreadable: bytes.length > 0 && records.length === 0 && !reader.isNewer,
    writtenAtMs,
  };
}

function readTexts(id: string, bytes: Buffer, writtenAtMs: number): readonly string[] {
  const records: ConversationRecord[] = [];
  new LogReader().read(bytes, (_line, record) => void (record && addRecord(records, record)));
  return textsOf(conversationOf(id, records, writtenAtMs).conversation);
}

async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items[Symbol.iterator]();
  const worker = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: filesAtOnce }, worker));
}
