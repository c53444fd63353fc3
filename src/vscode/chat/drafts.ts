import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Draft } from '../../core/chat/promptMessages.ts';
import { isObject, toRecord } from '../../core/chat/recordChecks.ts';
import { DraftImages } from './draftImages.ts';

const writeDelayMs = 100;
/** Of the oldest ones nobody knows any more that they are there. */
const mostDrafts = 20;

const nothing: Draft = { text: '', attachments: [] };

/** What was typed and attached in each conversation and not sent, and which conversation is shown: what a reload has to bring back. */
export class Drafts {
  readonly #file: string;
  readonly #images: DraftImages;
  /** By conversation; of one that has no message yet, and so no file, under an empty id. The latest change last. */
  readonly #drafts: Map<string, Draft>;
  /** Of these conversations something is not on the disk. */
  #changed = new Set<string>();
  #shownId: string;
  #timer: NodeJS.Timeout | undefined;
  #work = Promise.resolve();

  private constructor(file: string, images: DraftImages, { shownId, drafts }: Saved) {
    this.#file = file;
    this.#images = images;
    this.#shownId = shownId;
    this.#drafts = drafts;
  }

  /** Empty where there is nothing, or nothing that can be read: then the page itself still has the text. */
  static async load(folder: string): Promise<Drafts> {
    const file = path.join(folder, 'drafts.json');
    const images = new DraftImages(path.join(folder, 'draftImages'));
    const { shownId, drafts } = await savedIn(file);
    for (const [id, { text, attachments }] of drafts) {
      drafts.set(id, { text, attachments: (await Promise.all(attachments.map((one) => images.restore(one)))).flat() });
    }
    return new Drafts(file, images, { shownId, drafts });
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
    this.#timer ??= setTimeout(() => void this.flush(), writeDelayMs);
  }

  /** Another window on this workspace has drafts of its own: what was not changed here stays as the file has it. */
  async #write(): Promise<void> {
    const file = this.#file;
    const { drafts } = await savedIn(file);
    const changed = this.#changed;
    this.#changed = new Set();
    try {
      await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
      for (const id of changed) {
        const { text, attachments } = this.of(id);
        put(drafts, id, { text, attachments: await Promise.all(attachments.map((one) => this.#images.keep(one))) });
      }
      const temporary = `${file}.${process.pid}`;
      // On a machine of many users nobody else reads what was typed.
      await writeFile(temporary, toJson({ shownId: this.#shownId, drafts }), { mode: 0o600 });
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
  readonly shownId: string;
  readonly drafts: Map<string, Draft>;
}

function put(drafts: Map<string, Draft>, id: string, draft: Draft): void {
  drafts.delete(id);
  if (draft.text !== '' || draft.attachments.length > 0) drafts.set(id, draft);
  for (const oldest of drafts.keys()) {
    if (drafts.size <= mostDrafts) break;
    drafts.delete(oldest);
  }
}

/** A draft is a question that was not asked yet, and is kept as one. */
function toJson({ shownId, drafts }: Saved): string {
  const questions = [...drafts].map(([id, { text, attachments }]) => {
    return { type: 'question', id, atMs: 0, text, attachments };
  });
  return JSON.stringify({ shownId, drafts: questions });
}

/** Nothing where there is no file yet, or one that was cut off. */
async function savedIn(file: string): Promise<Saved> {
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
