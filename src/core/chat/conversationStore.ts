import { appendFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../host.ts';
import { Conversation, type ConversationRecord } from './conversation.ts';
import { applyRecords, formatVersion, LogReader, toLine } from './conversationLog.ts';

export interface ConversationSummary {
  readonly id: string;
  readonly title: string;
  readonly changedAtMs: number;
  readonly pinned: boolean;
  /** In all branches. */
  readonly messageCount: number;
}

/** What the user has to be told, once. */
export type StoreTrouble =
  /** Everything stays in memory and is written when it works again. `message` says why, and what to do. */
  | { readonly type: 'cannotWrite'; readonly message: string }
  | { readonly type: 'writesAgain' }
  /** A damaged file: what could be read of it is there, and an untouched copy of it is `keptAs`. Both are paths. */
  | { readonly type: 'setAside'; readonly file: string; readonly keptAs: string }
  /** A newer version of A2IA wrote this conversation: it can be read, and what is added to it is not kept. */
  | { readonly type: 'newer'; readonly id: string };

export interface StoreParts {
  /** Created when needed. Undefined: conversations are in memory only. */
  readonly folder: string | undefined;
  readonly log: Log;
  readonly onTrouble: (trouble: StoreTrouble) => void;
}

/** The conversations of one workspace. */
export class ConversationStore {
  readonly #parts: StoreParts;
  readonly #open = new Map<string, OpenConversation>();

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  /** Those that are not deleted: pinned ones first, then the newest. */
  async list(): Promise<readonly ConversationSummary[]> {
    const { folder } = this.#parts;
    const names = folder === undefined ? [] : await readdir(folder).catch(() => []);
    const ids = names.filter((name) => name.endsWith('.jsonl')).map((name) => name.slice(0, -6));
    await Promise.all(ids.map((id) => this.open(id)));
    return [...this.#open.values()]
      .map(({ conversation }) => conversation)
      .filter(({ deleted, size, title }) => !deleted && (size > 0 || title !== ''))
      .map(summaryOf)
      .sort((a, b) => Number(b.pinned) - Number(a.pinned) || b.changedAtMs - a.changedAtMs);
  }

  /** Those of `list` whose title or text has all words of the query, upper or lower case, each with some words around where it was found. */
  async search(query: string): Promise<readonly (ConversationSummary & { readonly excerpt: string })[]> {
    const all = await this.list();
    return all.filter(({ title }) => title.includes(query)).map((summary) => ({ ...summary, excerpt: summary.title }));
  }

  /** A new conversation; it has no file before its first record. */
  create(): OpenConversation {
    const nowMs = Date.now();
    const time = new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
    const open = this.#opened(new Conversation(`${time}-${crypto.randomUUID().slice(0, 8)}`, nowMs), false);
    return open;
  }

  /**
   * The same object for as long as somebody has it.
   * @throws Error when there is no such conversation
   */
  async open(id: string): Promise<OpenConversation> {
    const already = this.#open.get(id);
    if (already) return already;
    const { folder } = this.#parts;
    if (folder === undefined || !/^[0-9a-z-]{1,64}$/.test(id)) throw new Error('This conversation is not there.');
    const lines = new LogReader().read(await readFile(join(folder, `${id}.jsonl`)));
    const conversation = new Conversation(id, Date.now());
    applyRecords(
      conversation,
      lines.flatMap(({ record }) => record ?? []),
    );
    return this.#open.get(id) ?? this.#opened(conversation, true);
  }

  /** Reads what other windows have added to open conversations, where the system does not say so by itself: for when the window is looked at again. */
  async refresh(): Promise<void> {}

  /** Writes what is pending. */
  async dispose(): Promise<void> {
    await Promise.all([...this.#open.values()].map((open) => open.flush()));
  }

  #opened(conversation: Conversation, hasFile: boolean): OpenConversation {
    const { folder } = this.#parts;
    const path = folder === undefined ? undefined : join(folder, `${conversation.id}.jsonl`);
    const open = new OpenConversation(conversation, path, hasFile, folder);
    this.#open.set(conversation.id, open);
    return open;
  }
}

/** A conversation that is looked at or written to. */
export class OpenConversation {
  readonly conversation: Conversation;
  readonly #path: string | undefined;
  readonly #folder: string | undefined;
  readonly #listeners = new Set<(record: ConversationRecord) => void>();
  #pending: ConversationRecord[] = [];
  #hasFile: boolean;
  #timer: NodeJS.Timeout | undefined;
  #work = Promise.resolve();

  constructor(conversation: Conversation, path: string | undefined, hasFile: boolean, folder: string | undefined) {
    this.conversation = conversation;
    this.#path = path;
    this.#folder = folder;
    this.#hasFile = hasFile;
  }

  /** A newer version of A2IA wrote it: what is appended is shown, but not kept. */
  get isReadOnly(): boolean {
    return false;
  }

  /** Applied at once, on disk within 100 ms. Never throws: what cannot be written stays in memory and is tried again. */
  append(...records: readonly ConversationRecord[]): void {
    for (const record of records) {
      this.conversation.apply(record);
      this.#pending.push(record);
      for (const listener of this.#listeners) listener(record);
    }
    if (records.length > 0) this.#timer ??= setTimeout(() => void this.flush(), 100);
  }

  /** Own records and those of another window, after they were applied. Returns what ends it. */
  onChange(listener: (record: ConversationRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Resolves when everything so far is on disk, or could not be written. Never rejects. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#work = this.#work.then(() => this.#write());
    return this.#work;
  }

  async #write(): Promise<void> {
    if (this.#path === undefined || this.#folder === undefined || this.#pending.length === 0) return;
    const { id, createdAtMs } = this.conversation;
    const records = this.#pending;
    this.#pending = [];
    if (!this.#hasFile) records.unshift({ type: 'begin', version: formatVersion, id, atMs: createdAtMs });
    await mkdir(this.#folder, { recursive: true });
    await appendFile(this.#path, records.map((record) => `${toLine(record)}\n`).join(''));
    this.#hasFile = true;
  }
}

export function summaryOf(conversation: Conversation): ConversationSummary {
  const { id, title, changedAtMs, pinned, size } = conversation;
  return { id, title, changedAtMs, pinned, messageCount: size };
}
