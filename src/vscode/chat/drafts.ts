import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Draft } from '../../core/chat/promptMessages.ts';
import { isObject, toRecord } from '../../core/chat/recordChecks.ts';
import { DraftImages } from './draftImages.ts';

const writeDelayMs = 100;
/** Of the oldest ones nobody knows any more that they are there. The same number of windows is remembered. */
const mostKept = 20;

const nothing: Draft = { text: '', attachments: [] };

/**
 * What was typed and attached in each conversation and not sent, and which conversation is shown: what a reload has to bring back. Windows on one workspace
 * share the file; each has a shown conversation of its own, and a draft in one that has no message yet. A window that is new begins as the one used last.
 */
export class Drafts {
  readonly #file: string;
  readonly #images: DraftImages;
  readonly #windowId: string;
  /** By conversation; in one that has no message yet, and so no file, by window. The latest change last. */
  readonly #drafts: Map<string, Draft>;
  /** Of these conversations something is not on the disk. */
  #changed = new Set<string>();
  #shownId: string;
  #timer: NodeJS.Timeout | undefined;
  #work = Promise.resolve();

  private constructor(file: string, images: DraftImages, windowId: string, { windows, drafts }: Saved) {
    this.#file = file;
    this.#images = images;
    this.#windowId = windowId;
    this.#drafts = drafts;
    this.#shownId = windows.get(windowId) ?? '';
  }

  /** Empty where there is nothing, or nothing that can be read: then the page itself still has the text. */
  static async load(folder: string, windowId: string): Promise<Drafts> {
    const file = path.join(folder, 'drafts.json');
    const images = new DraftImages(path.join(folder, 'draftImages'));
    const { windows, drafts } = await savedIn(file);
    for (const [id, { text, attachments }] of drafts) {
      drafts.set(id, { text, attachments: (await Promise.all(attachments.map((one) => images.restore(one)))).flat() });
    }
    const loaded = new Drafts(file, images, windowId, { windows, drafts });
    const [lastWindowId, shownId] = [...windows].at(-1) ?? [];
    if (!windows.has(windowId) && lastWindowId !== undefined && shownId !== undefined) {
      loaded.show(shownId);
      loaded.set('', drafts.get(lastWindowId) ?? nothing);
    }
    return loaded;
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

  /** `id`: empty for the conversation that has no message yet. */
  of(id: string): Draft {
    return this.#drafts.get(id || this.#windowId) ?? nothing;
  }

  set(id: string, draft: Draft): void {
    const key = id || this.#windowId;
    put(this.#drafts, key, draft);
    this.#changed.add(key);
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
    this.#timer ??= setTimeout(() => void this.flush(), writeDelayMs);
  }

  /** Another window on this workspace has drafts of its own: what was not changed here stays as the file has it. */
  async #write(): Promise<void> {
    const file = this.#file;
    const { windows, drafts } = await savedIn(file);
    const changed = this.#changed;
    this.#changed = new Set();
    try {
      await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
      for (const id of changed) {
        const { text, attachments } = this.of(id);
        put(drafts, id, { text, attachments: await Promise.all(attachments.map((one) => this.#images.keep(one))) });
      }
      putLast(windows, this.#windowId, this.#shownId);
      const temporary = `${file}.${process.pid}`;
      // On a machine of many users nobody else reads what was typed.
      await writeFile(temporary, toJson({ windows, drafts }), { mode: 0o600 });
      await rename(temporary, file);
      const attached = [...drafts.values()].flatMap(({ attachments }) => attachments.map(({ id }) => id));
      await this.#images.forgetAllBut(new Set(attached));
    } catch (error) {
      for (const id of changed) this.#changed.add(id);
      throw error;
    }
  }
}

interface Saved {
  /** What each shows; empty for a conversation that has no message yet. The one used last is the last. */
  readonly windows: Map<string, string>;
  readonly drafts: Map<string, Draft>;
}

function put(drafts: Map<string, Draft>, key: string, draft: Draft): void {
  if (draft.text !== '' || draft.attachments.length > 0) putLast(drafts, key, draft);
  else drafts.delete(key);
}

function putLast<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > mostKept && oldest !== undefined) map.delete(oldest);
}

/** A draft is a question that was not asked yet, and is kept as one. */
function toJson({ windows, drafts }: Saved): string {
  const questions = [...drafts].map(([id, { text, attachments }]) => {
    return { type: 'question', id, atMs: 0, text, attachments };
  });
  return JSON.stringify({ windows: [...windows].map(([id, shownId]) => ({ id, shownId })), drafts: questions });
}

/** Nothing where there is no file yet, or one that was cut off. */
async function savedIn(file: string): Promise<Saved> {
  const windows = new Map<string, string>();
  const drafts = new Map<string, Draft>();
  try {
    const saved: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (!isObject(saved)) return { windows, drafts };
    for (const value of listIn(saved['windows'])) {
      if (!isObject(value)) continue;
      const { id, shownId } = value;
      if (typeof id === 'string' && typeof shownId === 'string') windows.set(id, shownId);
    }
    for (const value of listIn(saved['drafts'])) {
      const record = toRecord(value);
      if (typeof record === 'object' && record.type === 'question') drafts.set(record.id, record);
    }
  } catch {
    // What was read of it counts.
  }
  return { windows, drafts };
}

function listIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}
