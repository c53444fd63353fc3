import { constants, watch, type FSWatcher } from 'node:fs';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Log } from '../host.ts';
import { ConversationFile } from './conversationFile.ts';
import {
  conversationIdOf,
  ConversationIndex,
  conversationPath,
  isConversationId,
  summaryOf,
  textsOf,
  type IndexEntry,
} from './conversationIndex.ts';
import { conversationOf, knownDamageLine } from './conversationLog.ts';
import { OpenConversation, type WriteWatcher } from './openConversation.ts';
import { excerptOf, searchWords } from './textSearch.ts';

export type { OpenConversation };

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

/** How long a deletion can be undone. */
const deletedKeptMs = 30 * 24 * 60 * 60 * 1000;

/** The conversations of one workspace, of which several windows may have one. */
export class ConversationStore {
  readonly #parts: StoreParts;
  readonly #index: ConversationIndex | undefined;
  /** Weak: a conversation that nobody looks at any more costs no memory, and is read again. */
  readonly #open = new Map<string, WeakRef<OpenConversation>>();
  readonly #opening = new Map<string, Promise<OpenConversation>>();
  readonly #unwritten = new Set<OpenConversation>();
  readonly #failing = new Set<OpenConversation>();
  readonly #watcher: WriteWatcher = {
    onUnwritten: (open) => void this.#unwritten.add(open),
    onWritten: (open) => this.#onWritten(open),
    onFailed: (open, error) => this.#onFailed(open, error),
    onReadOnly: (open) => this.#onReadOnly(open),
  };
  #folderWatch: FSWatcher | undefined;
  #isDisposed = false;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#index = parts.folder === undefined ? undefined : new ConversationIndex(parts.folder);
  }

  /** Those that are not deleted: pinned ones first, then the newest. */
  async list(): Promise<readonly ConversationSummary[]> {
    await this.refresh();
    const summaries = new Map<string, ConversationSummary>();
    for (const [id, entry] of (await this.#index?.entries()) ?? []) {
      if (await this.#isWorthListing(id, entry)) summaries.set(id, entry.summary);
    }
    for (const { conversation } of this.#opened()) {
      if (conversation.deleted) summaries.delete(conversation.id);
      else summaries.set(conversation.id, summaryOf(conversation));
    }
    return [...summaries.values()]
      .filter(({ messageCount, title }) => messageCount > 0 || title !== '')
      .sort((a, b) => Number(b.pinned) - Number(a.pinned) || b.changedAtMs - a.changedAtMs);
  }

  /** Those of `list` whose title or messages have all words of the query, in upper or lower case; each with some words around the place. */
  async search(query: string): Promise<readonly (ConversationSummary & { readonly excerpt: string })[]> {
    const all = await this.list();
    const words = searchWords(query);
    const texts = new Map(await this.#index?.texts(all.map(({ id }) => id)));
    for (const { conversation } of this.#opened()) texts.set(conversation.id, textsOf(conversation));
    return all.flatMap((summary) => {
      const excerpt = excerptOf(texts.get(summary.id) ?? [summary.title], words);
      return excerpt === undefined ? [] : [{ ...summary, excerpt }];
    });
  }

  /** A new conversation; it has no file before its first record. */
  create(): OpenConversation {
    const open = OpenConversation.begin();
    this.keep(open);
    return open;
  }

  /** One that was begun elsewhere; nothing happens to one that is kept here already. */
  keep(open: OpenConversation): void {
    const { id } = open.conversation;
    if (this.#open.get(id)?.deref() === open) return;
    const { folder } = this.#parts;
    open.keepIn(folder === undefined ? undefined : new ConversationFile(conversationPath(folder, id)), this.#watcher);
    this.#hold(open);
  }

  /**
   * The same object for as long as somebody has it.
   * @throws Error when there is no such conversation, or its file cannot be read
   */
  async open(id: string): Promise<OpenConversation> {
    const open = this.#open.get(id)?.deref() ?? this.#opening.get(id);
    if (open) return open;
    const opening = this.#read(id).finally(() => this.#opening.delete(id));
    this.#opening.set(id, opening);
    return opening;
  }

  /**
   * Reads what other windows have added to open conversations. The system says so by itself on local disks; on network drives it often does not, so call
   * this whenever the window or the panel is looked at again, and nobody has to poll.
   */
  async refresh(): Promise<void> {
    await Promise.all(this.#opened().map((open) => open.readOn()));
  }

  /** Writes what is pending. */
  async dispose(): Promise<void> {
    this.#isDisposed = true;
    this.#folderWatch?.close();
    this.#index?.dispose();
    const open = this.#opened();
    await Promise.all(open.map((one) => one.flush()));
    for (const one of open) one.dispose();
  }

  #onWritten(open: OpenConversation): void {
    this.#unwritten.delete(open);
    this.#watchFolder();
    if (!this.#failing.delete(open) || this.#failing.size > 0) return;
    this.#parts.log.info('conversations are written again');
    this.#parts.onTrouble({ type: 'writesAgain' });
  }

  #onFailed(open: OpenConversation, error: unknown): void {
    const isFirst = this.#failing.size === 0;
    this.#failing.add(open);
    if (!isFirst) return;
    const code = errorCode(error);
    this.#parts.log.warn(`conversations cannot be written: ${code}`);
    this.#parts.onTrouble({ type: 'cannotWrite', message: whyNotWritten(code, this.#parts.folder ?? '') });
  }

  #onReadOnly({ conversation: { id } }: OpenConversation): void {
    this.#parts.onTrouble({ type: 'newer', id });
  }

  #opened(): readonly OpenConversation[] {
    const opened: OpenConversation[] = [];
    for (const [id, reference] of this.#open) {
      const open = reference.deref();
      if (open) opened.push(open);
      else this.#open.delete(id);
    }
    return opened;
  }

  #hold(open: OpenConversation): OpenConversation {
    this.#open.set(open.conversation.id, new WeakRef(open));
    return open;
  }

  async #read(id: string): Promise<OpenConversation> {
    const { folder } = this.#parts;
    if (folder === undefined || !isConversationId(id)) throw new Error('This conversation is not there any more.');
    this.#watchFolder();
    const file = new ConversationFile(conversationPath(folder, id));
    const records = await file.readOn().catch((error: unknown) => {
      throw new Error(`This conversation cannot be read (${errorCode(error)}): ${file.path}`, { cause: error });
    });
    if (records.length === 0)
      throw new Error(`This conversation is not there any more, or nothing of it can be read: ${file.path}`);
    const { conversation, waiting } = conversationOf(id, records, 0);
    const open = this.#hold(new OpenConversation(conversation, file, this.#watcher));
    if (open.isReadOnly) this.#onReadOnly(open);
    else await this.#keepDamaged(file, [...waiting.keys()]);
    return open;
  }

  async #keepDamaged(file: ConversationFile, missing: readonly string[]): Promise<void> {
    const { reader } = file;
    const isKnown = missing.every((id) => reader.knownMissing.includes(id));
    if (isKnown && reader.damagedLines === 0 && !reader.isInLine) return;
    const keptAs = await this.#setAside(file.path, (from, to) => copyFile(from, to, constants.COPYFILE_EXCL));
    if (keptAs !== file.path) await file.note(knownDamageLine(basename(keptAs), missing)).catch(() => undefined);
  }

  /** Returns where it is then; the file itself, when there is no room for another. */
  async #setAside(path: string, move: (from: string, to: string) => Promise<void>): Promise<string> {
    const { folder = '', log, onTrouble } = this.#parts;
    const name = basename(path, '.jsonl');
    let keptAs = join(folder, 'damaged', `${name}-${Date.now()}.jsonl`);
    try {
      await mkdir(join(folder, 'damaged'), { recursive: true, mode: 0o700 });
      await move(path, keptAs);
    } catch {
      keptAs = path;
    }
    log.warn(`conversation ${name} is damaged; kept as ${keptAs}`);
    onTrouble({ type: 'setAside', file: path, keptAs });
    return keptAs;
  }

  async #isWorthListing(id: string, { deleted, isUnreadable, writtenAtMs }: IndexEntry): Promise<boolean> {
    const path = conversationPath(this.#parts.folder ?? '', id);
    if (isUnreadable) await this.#setAside(path, rename);
    else if (deleted && Date.now() - writtenAtMs > deletedKeptMs && !this.#open.get(id)?.deref()) {
      await rm(path, { force: true }).catch(() => undefined);
    }
    return !deleted && !isUnreadable;
  }

  /** From the first conversation on that could change. */
  #watchFolder(): void {
    const { folder, log } = this.#parts;
    if (this.#folderWatch || this.#isDisposed || folder === undefined) return;
    const stop = () => {
      this.#folderWatch?.close();
      this.#folderWatch = undefined;
    };
    try {
      this.#folderWatch = watch(folder, { persistent: false }, (_event, name) => {
        // Its own name: the folder was deleted or moved, and the next one has to be watched anew.
        if (name === basename(folder)) stop();
        else
          void this.#open
            .get(conversationIdOf(name ?? '') ?? '')
            ?.deref()
            ?.readOn();
      });
      this.#folderWatch.on('error', stop);
    } catch (error) {
      log.debug(`${folder} cannot be watched: ${errorCode(error)}`);
    }
  }
}

function errorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}

function whyNotWritten(code: string, folder: string): string {
  const meanwhile = 'They stay in memory and are written as soon as it works again.';
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `Conversations are not saved: the disk is full. ${meanwhile} Make some room.`;
    case 'EFBIG':
      return `Conversations are not saved: the file has become as large as the system allows. ${meanwhile} Begin a new conversation.`;
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `Conversations are not saved: A2IA may not write to ${folder}. ${meanwhile} Change the permissions of this folder.`;
    default:
      return `Conversations are not saved: ${folder} cannot be written to (${code}). ${meanwhile} Look whether this folder is there.`;
  }
}
