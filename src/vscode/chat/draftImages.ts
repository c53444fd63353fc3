import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Attachment } from '../../core/chat/conversation.ts';

/** As attachments are named here; what is in a file may have been written by anybody. */
const imageId = /^[0-9a-zA-Z-]{1,64}$/;

/** The images of drafts, each in a file of its own: they are written once, not with every letter that is typed. */
export class DraftImages {
  readonly #folder: string;
  readonly #kept = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The attachment as it is among the drafts: an image without its bytes, which are in a file then. */
  async keep(attachment: Attachment): Promise<Attachment> {
    if (attachment.kind !== 'image' || attachment.base64 === '') return attachment;
    const { id, base64 } = attachment;
    if (!this.#kept.has(id)) {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await writeFile(this.#fileOf(id), Buffer.from(base64, 'base64'), { mode: 0o600 });
      this.#kept.add(id);
    }
    return { ...attachment, base64: '' };
  }

  /** With its bytes again; nothing when they are gone. */
  async restore(attachment: Attachment): Promise<readonly Attachment[]> {
    if (attachment.kind !== 'image' || attachment.base64 !== '') return [attachment];
    if (!imageId.test(attachment.id)) return [];
    try {
      const bytes = await readFile(this.#fileOf(attachment.id));
      this.#kept.add(attachment.id);
      return [{ ...attachment, base64: bytes.toString('base64') }];
    } catch {
      return [];
    }
  }

  /** Those that are in no draft any more: of a window beside this one only what was there before this one. */
  async forgetAllBut(ids: ReadonlySet<string>): Promise<void> {
    for (const id of this.#kept) {
      if (ids.has(id)) continue;
      this.#kept.delete(id);
      await rm(this.#fileOf(id), { force: true });
    }
  }

  #fileOf(id: string): string {
    return path.join(this.#folder, id);
  }
}
