import * as vscode from 'vscode';
import type { SuggestionSubject } from '../../../core/chat/commandPrompts.ts';
import type { Attachment } from '../../../core/chat/conversation.ts';
import { parseMentionQuery, type MentionKind, type MentionQuery } from '../../../core/chat/mentionQuery.ts';
import type { MentionView } from '../../../protocol/messages.ts';
import { refuse, type Attached, type Offer, type Refusal } from './attached.ts';
import { diffOffers } from './diffSource.ts';
import { EditorSource } from './editorSource.ts';
import { FileSource } from './fileSource.ts';
import { KeptContents } from './keptContents.ts';
import { openSource } from './openSource.ts';
import { pickOffer } from './pickOffer.ts';
import { problemOffers } from './problemsSource.ts';
import { attachBytes, attachDocument, unreadable } from './readFile.ts';
import { symbolOffers } from './symbolSource.ts';
import { terminalOffers } from './terminalSource.ts';

/** More things than this at once are a mistake more often than a wish; a folder takes any number of files. */
const mostAtOnce = 50;
/** A list that is longer is searched, not read. */
const mostOffered = 30;
const mostGlanced = 8;
const mostRemembered = 1000;
/** Half of a small model's window. */
const defaultRoomTokens = 4000;

export interface AttachmentsParts {
  /** How much a folder, a list of problems or a diff may take, in tokens: what does not fit is left out of it, and named in it. */
  readonly roomTokens?: () => number;
}

/** Everything that makes an attachment of something in the editor. Nothing of it throws: what cannot be attached is refused with a sentence. */
export class Attachments {
  readonly #roomTokens: () => number;
  readonly #editors = new EditorSource();
  readonly #files: FileSource;
  #kept: KeptContents | undefined;
  /** By id, what was offered lately: a page can ask for nothing that it was not offered. */
  readonly #offered = new Map<string, Offer>();

  constructor({ roomTokens = () => defaultRoomTokens }: AttachmentsParts = {}) {
    this.#roomTokens = roomTokens;
    this.#files = new FileSource(roomTokens);
  }

  dispose(): void {
    this.#editors.dispose();
    this.#files.dispose();
    this.#kept?.dispose();
  }

  /** What can be meant by the text after `@`, the likeliest first. Empty when it was aborted. */
  async mentions(typed: string, signal: AbortSignal): Promise<readonly MentionView[]> {
    const query = parseMentionQuery(typed);
    const lists = await Promise.all(query.kinds.map((kind) => this.#offers(kind, query, signal)));
    if (signal.aborted) return [];
    const offers = lists.flat();
    this.#remember(offers);
    return offers.map(({ id, label, detail }) => ({ id, label, detail }));
  }

  /** What an offer is called, also one that is out of date. */
  labelOf(mentionId: string): string {
    return this.#offered.get(mentionId)?.label ?? mentionId;
  }

  /** Undefined when the user was asked which, and left the question. */
  async attachMention(mentionId: string, signal: AbortSignal): Promise<Attached | undefined> {
    const offer = this.#offered.get(mentionId);
    if (!offer) return refuse('That list is out of date. Type @ again.');
    try {
      return await offer.attach(signal);
    } catch (error) {
      return unreadable(offer.label, error);
    }
  }

  /** Files and folders of any file system, as the explorer and editor tabs name them when they are dropped. */
  async fromUris(uris: readonly string[], signal: AbortSignal): Promise<readonly Attached[]> {
    const all = [...new Set(uris)];
    const attached = await Promise.all(all.slice(0, mostAtOnce).map((uri) => this.#fromUri(uri, signal)));
    if (all.length <= mostAtOnce) return attached;
    return [
      ...attached,
      refuse(`Only the first ${mostAtOnce} of ${all.length} were attached. Attach their folder instead.`),
    ];
  }

  /** Pasted or dropped bytes: an image, or a text. */
  async fromData(name: string, mediaType: string, base64: string): Promise<Attached> {
    const label = name.trim() || (mediaType.startsWith('image/') ? 'Pasted image' : 'Pasted text');
    try {
      return await attachBytes(label, Buffer.from(base64, 'base64'));
    } catch (error) {
      return unreadable(label, error);
    }
  }

  /** What is selected in the text editor that was used last. */
  fromSelection(): Attached {
    return this.#editors.attachSelection();
  }

  /** What a question about the text editor that was used last needs. */
  async fromSubject(subject: SuggestionSubject): Promise<readonly Attached[]> {
    const document = this.#editors.editor?.document;
    if (!document || subject === 'selection') return [this.#editors.attachSelection()];
    const file = attachDocument(document);
    if (subject === 'file') return [file];
    const [problems] = problemOffers(document.uri, this.#roomTokens, true);
    const attached = await problems?.attach(new AbortController().signal);
    return attached ? [attached, file] : [file];
  }

  /** For the command Add to A2IA Chat: what VS Code gives it in the explorer (one, all that are selected), in an editor (its document) and elsewhere (nothing). */
  async fromCommand(clicked: unknown, selected: unknown, signal: AbortSignal): Promise<readonly Attached[]> {
    const uris = (Array.isArray(selected) ? selected : []).filter((uri) => uri instanceof vscode.Uri);
    if (uris.length > 0) return this.fromUris(uris.map(String), signal);
    const editor = this.#editors.editor;
    const isElsewhere = clicked instanceof vscode.Uri && clicked.toString() !== editor?.document.uri.toString();
    return isElsewhere ? this.fromUris([clicked.toString()], signal) : [this.#editors.attachEditor()];
  }

  /** Shows where it came from, if that is still there, else what was kept of it. */
  async open(attachment: Attachment): Promise<Refusal | undefined> {
    if (attachment.kind === 'text' && (await openSource(attachment))) return undefined;
    try {
      this.#kept ??= new KeptContents();
      await this.#kept.show(attachment);
      return undefined;
    } catch (error) {
      return unreadable(attachment.label, error);
    }
  }

  async #fromUri(text: string, signal: AbortSignal): Promise<Attached> {
    let uri: vscode.Uri;
    try {
      uri = vscode.Uri.parse(text, true);
    } catch {
      return refuse(`${text.slice(0, 100)} is not the address of a file.`);
    }
    if (/^https?$/.test(uri.scheme))
      return refuse('A2IA fetches nothing from the web. Copy the text you mean and paste it.');
    return this.#files.attach(uri, signal);
  }

  async #offers(kind: MentionKind, query: MentionQuery, signal: AbortSignal): Promise<readonly Offer[]> {
    try {
      return await this.#find(kind, query, signal);
    } catch {
      // One extension's trouble (a search, a language, Git) must not hide what the others offer.
      return [];
    }
  }

  async #find(kind: MentionKind, query: MentionQuery, signal: AbortSignal): Promise<readonly Offer[]> {
    const { text, isNamed } = query;
    const editor = this.#editors.editor;
    if (!isNamed && !isSearched(kind) && !kind.startsWith(text.toLowerCase())) return [];
    switch (kind) {
      case 'selection':
        return this.#editors.offers(isNamed);
      case 'problems':
        return problemOffers(editor?.document.uri, this.#roomTokens, isNamed);
      case 'diff':
        return diffOffers(this.#roomTokens, isNamed);
      case 'terminal':
        return terminalOffers(isNamed);
      case 'file':
      case 'folder':
      case 'symbol': {
        if (isNamed) return this.#search(kind, text, mostOffered, signal);
        const choice = kind.startsWith(text.toLowerCase()) ? [this.#choice(kind)] : [];
        return [...choice, ...(await this.#glance(kind, text, signal))];
      }
    }
  }

  /** An offer to choose one in a list of its own. */
  #choice(kind: SearchedKind): Offer {
    return {
      id: kind,
      label: `@${kind}`,
      detail: `choose a ${kind}`,
      attach: async (signal) => {
        const offer = await pickOffer(`A2IA: attach a ${kind}`, (text, searching) =>
          this.#search(kind, text, mostOffered, searching),
        );
        return offer?.attach(signal);
      },
    };
  }

  /** While no kind is named: nothing that takes long, and no language server is asked at every letter. */
  async #glance(kind: SearchedKind, text: string, signal: AbortSignal): Promise<readonly Offer[]> {
    if (text === '') return kind === 'file' ? this.#files.open('', mostGlanced) : [];
    return kind === 'symbol' ? [] : this.#search(kind, text, mostGlanced, signal);
  }

  #search(kind: SearchedKind, text: string, most: number, signal: AbortSignal): Promise<readonly Offer[]> {
    if (kind === 'symbol') return symbolOffers(text, this.#editors.editor?.document, most);
    return kind === 'file' ? this.#files.files(text, most, signal) : this.#files.folders(text, most, signal);
  }

  #remember(offers: readonly Offer[]): void {
    for (const offer of offers) {
      this.#offered.delete(offer.id);
      this.#offered.set(offer.id, offer);
    }
    for (const id of this.#offered.keys()) {
      if (this.#offered.size <= mostRemembered) return;
      this.#offered.delete(id);
    }
  }
}

type SearchedKind = 'file' | 'folder' | 'symbol';

function isSearched(kind: MentionKind): kind is SearchedKind {
  return kind === 'file' || kind === 'folder' || kind === 'symbol';
}
