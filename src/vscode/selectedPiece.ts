import * as vscode from 'vscode';
import { lineLabel } from '../core/chat/lineLabel.ts';
import type { ContextPiece } from '../core/chat/prompts.ts';

/** A part of a document, labelled `src/app.ts, lines 3 to 9`. */
export function selectedPiece(document: vscode.TextDocument, range: vscode.Range): ContextPiece {
  const name = vscode.workspace.asRelativePath(document.uri);
  return { label: `${name}, ${lineLabel(range)}`, languageId: document.languageId, text: document.getText(range) };
}
