import { Conversation, type ConversationRecord } from './conversation.ts';
import type { ConversationFile } from './conversationFile.ts';
import { addRecord, applyRecords, formatVersion } from './conversationLog.ts';

/** Of what was shown, this much can be lost when the program is killed; and an answer has ten lines a second at most. */
const writeDelayMs = 100;
const firstRetryMs = 1000;
const longestRetryMs = 30_000;

/** Whoever has to know how the writing goes. */
export interface WriteWatcher {
  /** Something is in memory only; the conversation must not be forgotten until `onWritten`. */
  onUnwritten(open: OpenConversation): void;
  onWritten(open: OpenConversation): void;
  /** It is tried again. */
  onFailed(open: OpenConversation, error: unknown): void;
  onReadOnly(open: OpenConversation): void;
}

/** Of a conversation that nobody keeps yet. */
const nobody: WriteWatcher = {
  onUnwritten: () => undefined,
  onWritten: () => undefined,
  onFailed: () => undefined,
  onReadOnly: () => undefined,
};

/** A conversation that is looked at or written to. */
export class OpenConversation {
  readonly conversation: Conversation;
  /** Undefined: in memory only. */
  #file: ConversationFile | undefined;
  #watcher: WriteWatcher;
  readonly #listeners = new Set<(record: ConversationRecord) => void>();
  /** Records that name a message which another window has not written yet. */
  #waiting: readonly ConversationRecord[] = [];
  #unwritten: ConversationRecord[] = [];
  #timer: NodeJS.Timeout | undefined;
  #retryMs = 0;
  #work = Promise.resolve();

  /** A new one, in memory until a store keeps it. */
  static begin(): OpenConversation {
    const nowMs = Date.now();
    // In lower case and without colons: also a file's name, on every system.
    const time = new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
    const id = `${time}-${crypto.randomUUID().slice(0, 8)}`;
    return new OpenConversation(new Conversation(id, nowMs), undefined, nobody);
  }

  constructor(conversation: Conversation, file: ConversationFile | undefined, watcher: WriteWatcher) {
    this.conversation = conversation;
    this.#file = file;
    this.#watcher = watcher;
  }

  /** A newer version of A2IA wrote it: what is appended is shown, but not kept. */
  get isReadOnly(): boolean {
    return this.#file?.reader.isNewer ?? false;
  }

  /** From now on in a file, with everything that it has so far. */
  keepIn(file: ConversationFile | undefined, watcher: WriteWatcher): void {
    this.#file = file;
    this.#watcher = watcher;
    this.#writeSoon();
  }

  /** Applied at once, on disk within about 100 ms. Never throws: what cannot be written stays in memory and is tried again. */
  append(...records: readonly ConversationRecord[]): void {
    for (const record of records) {
      this.conversation.apply(record);
      if (!this.isReadOnly) addRecord(this.#unwritten, record);
      this.#tell(record);
    }
    this.#writeSoon();
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

  /** Reads what other windows have added. Never rejects: a file that is not there is written again with the next record. */
  readOn(): Promise<void> {
    this.#work = this.#work.then(() => this.#read().catch(() => undefined));
    return this.#work;
  }

  /** Tries no more. */
  dispose(): void {
    clearTimeout(this.#timer);
  }

  #writeSoon(): void {
    if (this.#unwritten.length === 0) return;
    this.#watcher.onUnwritten(this);
    if (this.#file) this.#timer ??= setTimeout(() => void this.flush(), writeDelayMs);
  }

  async #write(): Promise<void> {
    const file = this.#file;
    if (!file) return;
    try {
      // A disk that becomes full takes some of the records; the next attempt says whether it takes more.
      while (this.#unwritten.length > 0) await this.#writeOnce(file);
    } catch (error) {
      this.#watcher.onFailed(this, error);
      this.#retryMs = Math.min(Math.max(this.#retryMs * 2, firstRetryMs), longestRetryMs);
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.flush(), this.#retryMs).unref();
      return;
    }
    this.#retryMs = 0;
    this.#watcher.onWritten(this);
    if (file.isBehind) await this.#read().catch(() => undefined);
  }

  async #writeOnce(file: ConversationFile): Promise<void> {
    const records = this.#unwritten;
    this.#unwritten = [];
    if (file.reader.isNewer) return;
    const { id, createdAtMs } = this.conversation;
    if (file.reader.version < formatVersion && records[0]?.type !== 'begin') {
      records.unshift({ type: 'begin', version: formatVersion, id, atMs: createdAtMs });
    }
    let written = 0;
    try {
      written = await file.append(records, () => this.conversation.records());
    } finally {
      if (written < records.length) this.#unwritten = [...records.slice(written), ...this.#unwritten];
    }
  }

  async #read(): Promise<void> {
    const wasReadOnly = this.isReadOnly;
    const records = (await this.#file?.readOn()) ?? [];
    const { applied, waiting } = applyRecords(this.conversation, [...this.#waiting, ...records]);
    this.#waiting = [...waiting.values()].flat();
    for (const record of applied) this.#tell(record);
    if (this.isReadOnly && !wasReadOnly) this.#watcher.onReadOnly(this);
  }

  #tell(record: ConversationRecord): void {
    for (const listener of this.#listeners) listener(record);
  }
}
