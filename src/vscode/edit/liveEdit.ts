import * as vscode from 'vscode';
import { describeProgress } from '../../core/chat/progress.ts';
import { generationSettings, runRequest, type Answer } from '../../core/chat/session.ts';
import type { ChatEvent } from '../../core/clients/llmClient.ts';
import type { Choice } from '../../core/clients/registry.ts';
import type { TextChange } from '../../core/edit/anchoredLines.ts';
import type { EditFormat } from '../../core/edit/editFormat.ts';
import { editMessages } from '../../core/edit/editPrompt.ts';
import { EditSession, type Hunk, type LineRange } from '../../core/edit/editSession.ts';
import { offerFrom, previewFrom, type EditRequest, type Offer } from '../../core/edit/offer.ts';
import type { Settings } from '../../core/settings/settings.ts';

export interface LiveEditRequest {
  readonly document: vscode.TextDocument;
  readonly lines: LineRange;
  readonly wish: string;
  readonly earlier: readonly { readonly answer: string; readonly further: string }[];
  /** Of a change set: it outlives the editor of its document, and no model is asked about it again. */
  readonly isOfSet?: true;
}

export type Phase = { readonly type: 'writing'; readonly text: string } | { readonly type: 'offered' };

/** How the answer ended, and what it comes to. */
export interface Written {
  readonly answer: Answer;
  readonly offer: Offer;
  readonly format: EditFormat;
}

/** Faster than one reads code, while each picture of a partial edit takes VS Code two frames. */
const previewIntervalMs = 250;

/** One edit of one document, from the request until the last of its changes is decided on. */
export class LiveEdit {
  readonly request: LiveEditRequest;
  readonly controller = new AbortController();
  /** Of the model, as it came. */
  answerText = '';
  #document: vscode.TextDocument;
  #phase: Phase = { type: 'writing', text: 'Looking for a model server' };
  readonly #session: EditSession;
  readonly #asked: EditRequest;
  readonly #changed: () => void;
  #isApplying = false;
  #previewTimer: NodeJS.Timeout | undefined;

  /** @param changed called when there is something else to show */
  constructor(request: LiveEditRequest, changed: () => void) {
    this.request = request;
    this.#document = request.document;
    const { document, lines, wish, earlier } = request;
    this.#session = new EditSession(document.getText(), lines);
    this.#changed = changed;
    const wishes = [wish, ...earlier.map(({ further }) => further)].join('\n');
    this.#asked = {
      languageId: document.languageId,
      wish: wishes,
      lines: this.#session.regionLines,
      ...this.#session.linesAround,
    };
  }

  get document(): vscode.TextDocument {
    return this.#document;
  }

  /** The same file, opened again: what is offered follows what became of its text meanwhile. */
  reopen(document: vscode.TextDocument): void {
    if (document === this.#document) return;
    this.#document = document;
    this.follow([]);
  }

  get phase(): Phase {
    return this.#phase;
  }

  get hunks(): readonly Hunk[] {
    return this.#session.hunks;
  }

  /** The lines that were asked about, where they are now. */
  get regionNow(): LineRange | undefined {
    return this.#session.regionNow;
  }

  regionRange(): vscode.Range | undefined {
    const region = this.#session.regionNow;
    if (!region) return undefined;
    return new vscode.Range(region.start, 0, Math.max(region.start, region.end - 1), 0);
  }

  /** The document with all that is offered, to be shown beside it. */
  get proposedText(): string {
    const changes = this.#session.changesFor(this.#all());
    return [...changes].reverse().reduce((text, { offset, length, text: inserted }) => {
      return text.slice(0, offset) + inserted + text.slice(offset + length);
    }, this.#session.text);
  }

  /** Asks, and shows what comes. Never throws: that nobody answers is an answer too. */
  async write(choice: Choice, format: EditFormat, settings: Settings): Promise<Written> {
    const { document } = this;
    const { wish, earlier } = this.request;
    this.#say(`${choice.model} reads`);
    const messages = editMessages({
      ...this.#asked,
      wish,
      fileName: vscode.workspace.asRelativePath(document.uri),
      format,
      systemPrompt: settings.systemPrompt,
      earlier,
    });
    const request = { model: choice.model, messages, ...generationSettings(settings) };
    const { signal } = this.controller;
    const show = (event: ChatEvent) => this.#show(event, choice.model);
    const answer = await runRequest(choice.client, request, signal, show, [], choice.contextTokens);
    clearTimeout(this.#previewTimer);
    this.#previewTimer = undefined;
    const { outcome } = answer;
    const isWhole = outcome.type === 'finished' && outcome.reason !== 'length';
    const offer = offerFrom(answer.text, this.#asked, isWhole);
    this.#settleOn(offer);
    return { answer, offer, format };
  }

  /** Offers code that is there already. */
  offer(answer: string): Offer {
    const offer = offerFrom(answer, this.#asked, true);
    this.#settleOn(offer);
    return offer;
  }

  /** Offers lines that were judged already. */
  propose(lines: readonly string[]): void {
    this.#settleOn({ type: 'edit', lines });
  }

  /** To be told of every change of the document. */
  follow(changes: readonly vscode.TextDocumentContentChangeEvent[]): void {
    // All of them count from the document before; from its end to its beginning none moves another.
    const fromEnd = [...changes].sort((one, other) => other.rangeOffset - one.rangeOffset);
    for (const { rangeOffset, rangeLength, text } of fromEnd) {
      this.#session.follow({ offset: rangeOffset, length: rangeLength, text });
    }
    // Line ends that change, as a whole or in what was pasted, are in no change.
    const text = this.document.getText();
    if (this.#session.text !== text) this.#session.follow({ offset: 0, length: this.#session.text.length, text });
    if (!this.#isApplying) this.#changed();
  }

  /** Puts changes into the document, together and as one undo step. Where they stand then; none: it could not be changed. */
  async accept(ids: ReadonlySet<number> = this.#all()): Promise<readonly vscode.Range[]> {
    this.#isApplying = true;
    try {
      // Between the call and the edit the user may have typed: then it is made anew, for what the document is by then.
      for (let attempt = 0; attempt < 3; attempt++) {
        const changes = this.#session.changesFor(ids);
        if (changes.length === 0) return [];
        if (!(await applyTo(this.document, changes))) continue;
        this.#session.settle(ids);
        return placesAfter(this.document, changes);
      }
      return [];
    } finally {
      this.#isApplying = false;
      this.#changed();
    }
  }

  /** All that it offers, to be put into the document together with other edits. Until `endAccepting` it follows in silence. */
  beginAccepting(): readonly TextChange[] {
    this.#isApplying = true;
    return this.#session.changesFor(this.#all());
  }

  endAccepting(isMade: boolean): void {
    if (isMade) this.#session.settle(this.#all());
    this.#isApplying = false;
    this.#changed();
  }

  reject(ids: ReadonlySet<number> = this.#all()): void {
    this.#session.settle(ids);
    this.#changed();
  }

  stop(): void {
    this.controller.abort();
    clearTimeout(this.#previewTimer);
  }

  #settleOn(offer: Offer): void {
    this.#session.propose(offer.type === 'edit' ? offer.lines : this.#asked.lines);
    this.#phase = { type: 'offered' };
    this.#changed();
  }

  #all(): ReadonlySet<number> {
    return new Set(this.hunks.map(({ id }) => id));
  }

  #show(event: ChatEvent, model: string): void {
    if (event.type === 'progress') this.#say(`${model}: ${describeProgress(event)}`);
    if (event.type === 'reasoning') this.#say(`${model} thinks`);
    if (event.type === 'warning') void vscode.window.showWarningMessage(`A2IA: ${event.message}`);
    if (event.type !== 'text') return;
    this.answerText += event.delta;
    this.#say(`${model} writes`);
    this.#previewTimer ??= setTimeout(() => {
      this.#previewTimer = undefined;
      this.#session.propose(previewFrom(this.answerText, this.#asked));
      this.#changed();
    }, previewIntervalMs);
  }

  #say(text: string): void {
    if (this.#phase.type !== 'writing' || this.#phase.text === text) return;
    this.#phase = { type: 'writing', text };
    this.#changed();
  }
}

/** Where changes, in the order of the document and all for the text before them, stand in it now. */
function placesAfter(document: vscode.TextDocument, changes: readonly TextChange[]): readonly vscode.Range[] {
  let moved = 0;
  return changes.map(({ offset, length, text }) => {
    const start = offset + moved;
    moved += text.length - length;
    return new vscode.Range(document.positionAt(start), document.positionAt(start + text.length));
  });
}

/** One edit, one undo step. A document that is not on the screen has no editor, and gets one from the workspace. */
async function applyTo(document: vscode.TextDocument, changes: readonly TextChange[]): Promise<boolean> {
  const places = changes.map(({ offset, length, text }) => ({
    range: new vscode.Range(document.positionAt(offset), document.positionAt(offset + length)),
    text,
  }));
  const editor = vscode.window.visibleTextEditors.find((candidate) => candidate.document === document);
  if (editor) {
    const write = (edit: vscode.TextEditorEdit) => {
      for (const { range, text } of places) edit.replace(range, text);
    };
    return Promise.resolve(editor.edit(write, { undoStopBefore: true, undoStopAfter: true })).catch(() => false);
  }
  const edit = new vscode.WorkspaceEdit();
  for (const { range, text } of places) edit.replace(document.uri, range, text);
  return Promise.resolve(vscode.workspace.applyEdit(edit)).catch(() => false);
}
