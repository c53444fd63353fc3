import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Draft } from '../../core/chat/promptMessages.ts';
import { isObject, toRecord } from '../../core/chat/recordChecks.ts';

const writeDelayMs = 100;
/** Of the oldest ones nobody knows any more that they are there. */
const mostDrafts = 20;

const nothing: Draft = { text: '', attachments: [] };

/** What was typed and attached in each conversation and not sent, and which conversation is shown: what a reload has to bring back. */
export class Drafts {
  /** Undefined: in memory only. */
  readonly #file: string | undefined;
  /** By conversation; of one that has no message yet, and so no file, under an empty id. The latest change last. */
  readonly #drafts = new Map<string, Draft>();
  /** Those that are not in the file as they are here. */
  readonly #changed = new Set<string>();
  #shownId = '';
  #timer: NodeJS.Timeout | undefined;
  #work = Promise.resolve();

  private constructor(file: string | undefined) {
    this.#file = file;
  }

  /** Empty where there is nothing, or nothing that can be read: then the page itself still has the text. */
  static async load(folder: string | undefined): Promise<Drafts> {
    const drafts = new Drafts(folder && path.join(folder, 'drafts.json'));
    await drafts.#read();
    return drafts;
  }

  /** Of the conversation that was shown last; empty when it has no message yet. */
  get shownId(): string {
    return this.#shownId;
  }

  show(id: string): void {
    if (id === this.#shownId) return;
    this.#shownId = id;
    this.#writeSoon();
  }

  of(id: string): Draft {
    return this.#drafts.get(id) ?? nothing;
  }

  set(id: string, draft: Draft): void {
    put(this.#drafts, id, draft);
    this.#changed.add(id);
    this.#writeSoon();
  }

  /** Resolves when everything so far is on the disk, or could not be written. Never rejects. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#timer) this.#work = this.#work.then(() => this.#write().catch(() => undefined));
    this.#timer = undefined;
    return this.#work;
  }

  #writeSoon(): void {
    if (this.#file) this.#timer ??= setTimeout(() => void this.flush(), writeDelayMs);
  }

  async #read(): Promise<void> {
    if (this.#file === undefined) return;
    const { shownId, drafts } = await readDrafts(this.#file);
    this.#shownId = shownId;
    for (const [id, draft] of drafts) this.#drafts.set(id, draft);
  }

  /** Another window on the workspace may have drafts of its own in the file: of those only what was changed here is changed. */
  async #write(): Promise<void> {
    if (this.#file === undefined) return;
    const changed = [...this.#changed];
    this.#changed.clear();
    try {
      const { drafts } = await readDrafts(this.#file);
      for (const id of changed) put(drafts, id, this.of(id));
      await mkdir(path.dirname(this.#file), { recursive: true });
      const temporary = `${this.#file}.${process.pid}`;
      await writeFile(temporary, toJson(this.#shownId, drafts));
      await rename(temporary, this.#file);
    } catch (error) {
      for (const id of changed) this.#changed.add(id);
      throw error;
    }
  }
}

interface Saved {
  readonly shownId: string;
  readonly drafts: Map<string, Draft>;
}

/** Nothing where there is no file yet, or it was cut off. */
async function readDrafts(file: string): Promise<Saved> {
  const drafts = new Map<string, Draft>();
  try {
    const saved: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (!isObject(saved) || !Array.isArray(saved['drafts'])) return { shownId: '', drafts };
    for (const value of saved['drafts'] as readonly unknown[]) {
      const record = toRecord(value);
      if (typeof record === 'object' && record.type === 'question') drafts.set(record.id, record);
    }
    return { shownId: typeof saved['shownId'] === 'string' ? saved['shownId'] : '', drafts };
  } catch {
    return { shownId: '', drafts };
  }
}

/** A draft is a question that was not asked yet, and is kept as one. */
function toJson(shownId: string, drafts: ReadonlyMap<string, Draft>): string {
  const kept = [...drafts].map(([id, { text, attachments }]) => ({ type: 'question', id, atMs: 0, text, attachments }));
  return JSON.stringify({ shownId, drafts: kept });
}

function put(drafts: Map<string, Draft>, id: string, draft: Draft): void {
  drafts.delete(id);
  if (draft.text !== '' || draft.attachments.length > 0) drafts.set(id, draft);
  for (const oldest of drafts.keys()) {
    if (drafts.size <= mostDrafts) return;
    drafts.delete(oldest);
  }
}
