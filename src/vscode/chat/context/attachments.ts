import * as vscode from 'vscode';
import { imageMediaType, largestImageBytes } from '../../../core/chat/fileContent.ts';
import type { Attachment } from '../../../core/chat/conversation.ts';
import { parseMentionQuery } from '../../../core/chat/mentionQuery.ts';
import type { MentionView } from '../../../protocol/messages.ts';
import { imageAttachment, refuse, textAttachment, type Attached, type Offer, type Refusal } from './attached.ts';
import { EditorSource } from './editorSource.ts';
import { languageOf } from './languages.ts';
import { attachFile, refuseBytes, tooLarge } from './readFile.ts';

/** More things than this at once are a mistake more often than a wish; a folder takes any number of files. */
const mostAtOnce = 50;

/** Everything that makes an attachment of something in the editor. Nothing of it throws: what cannot be attached is refused with a sentence. */
export class Attachments {
  readonly #editors = new EditorSource();
  /** By id, what was offered lately: a page can ask for nothing that it was not offered. */
  readonly #offers = new Map<string, Offer>();

  dispose(): void {
    this.#editors.dispose();
  }

  /** What can be meant by the text after `@`. */
  async mentions(query: string, signal: AbortSignal): Promise<readonly MentionView[]> {
    const { kinds, text } = parseMentionQuery(query);
    void text;
    void signal;
    const offers = kinds.includes('selection') ? this.#editors.offers() : [];
    for (const offer of offers) this.#offers.set(offer.id, offer);
    return Promise.resolve(offers.map(({ id, label, detail }) => ({ id, label, detail })));
  }

  /** Undefined when the user was asked which, and left the question. */
  async attachMention(mentionId: string, signal: AbortSignal): Promise<Attached | undefined> {
    const offer = this.#offers.get(mentionId);
    return offer ? offer.attach(signal) : refuse('That list is out of date. Type @ again.');
  }

  /** Files and folders of any file system, as the explorer and editor tabs name them when they are dropped. */
  async fromUris(uris: readonly string[]): Promise<readonly Attached[]> {
    const taken = [...new Set(uris)].slice(0, mostAtOnce);
    const attached = await Promise.all(taken.map((uri) => attachFile(vscode.Uri.parse(uri))));
    return attached;
  }

  /** Pasted or dropped bytes: an image, or a text in UTF-8. */
  fromData(name: string, mediaType: string, base64: string): Attached {
    const label = name.trim() || (mediaType.startsWith('image/') ? 'Pasted image' : 'Pasted text');
    const bytes = Buffer.from(base64, 'base64');
    if (bytes.length === 0) return refuse(`${label} is empty.`);
    const imageType = imageMediaType(bytes);
    if (imageType) {
      return bytes.length > largestImageBytes
        ? tooLarge(label, bytes.length)
        : imageAttachment(label, imageType, bytes);
    }
    const refusal = refuseBytes(label, bytes);
    if (refusal) return refusal;
    return textAttachment({ source: 'paste', label, languageId: languageOf(name), text: bytes.toString('utf8') });
  }

  /** What is selected in the text editor that was used last. */
  fromSelection(): Attached {
    return this.#editors.attachSelection();
  }

  /** That, else the whole file. */
  fromEditor(): Attached {
    return this.#editors.attachEditor();
  }

  /** Shows where it came from, if that is still there, else what was kept of it. */
  async open(attachment: Attachment): Promise<Refusal | undefined> {
    if (attachment.kind === 'text' && attachment.uri)
      await vscode.window.showTextDocument(vscode.Uri.parse(attachment.uri));
    return undefined;
  }
}
