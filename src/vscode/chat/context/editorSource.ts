import * as vscode from 'vscode';
import { largestTextBytes } from '../../../core/chat/fileContent.ts';
import { estimateTextTokens } from '../../../core/clients/tokenEstimate.ts';
import { selectedPiece } from '../../selectedPiece.ts';
import { refuse, partAttachment, type Attached, type Offer } from './attached.ts';
import { attachDocument, tooLarge } from './readFile.ts';

/** The text editor the user was in last: the panel takes the focus, but nobody means the panel by "the selection". */
export class EditorSource {
  #last = vscode.window.activeTextEditor ?? vscode.window.visibleTextEditors[0];
  readonly #following = vscode.window.onDidChangeActiveTextEditor((editor) => {
    if (editor) this.#last = editor;
  });

  dispose(): void {
    this.#following.dispose();
  }

  /** Undefined when there is none, or it was closed. */
  get editor(): vscode.TextEditor | undefined {
    return this.#last?.document.isClosed === false ? this.#last : vscode.window.visibleTextEditors[0];
  }

  offers(isNamed: boolean): readonly Offer[] {
    const editor = this.editor;
    const piece = editor && !editor.selection.isEmpty ? selectedPiece(editor.document, editor.selection) : undefined;
    if (!piece && !isNamed) return [];
    const detail = piece ? `${piece.label} (about ${estimateTextTokens(piece.text)} tokens)` : 'nothing is selected';
    return [{ id: 'selection', label: '@selection', detail, attach: () => Promise.resolve(this.attachSelection()) }];
  }

  attachSelection(): Attached {
    const editor = this.editor;
    if (!editor) return refuse('No text editor is open. Open a file and select something in it.');
    const { document, selection } = editor;
    const attachment = partAttachment('selection', document, selection);
    const { text, label } = attachment;
    if (text.trim() === '') return refuse('Nothing is selected. Select the lines you mean in an editor.');
    const bytes = Buffer.byteLength(text);
    return bytes > largestTextBytes ? tooLarge(`The selection (${label})`, bytes) : attachment;
  }

  /** The selection, else the whole file. */
  attachEditor(): Attached {
    const editor = this.editor;
    return editor?.selection.isEmpty ? attachDocument(editor.document) : this.attachSelection();
  }
}
