import * as vscode from 'vscode';
import type { TextAttachment } from './attached.ts';

/** Shows where the text came from, with that text selected; false when that is not there any more. */
export async function openSource({ uri, text, firstLine }: TextAttachment): Promise<boolean> {
  if (uri === undefined) return false;
  try {
    const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(uri, true));
    const selection = firstLine === undefined ? {} : { selection: whereIs(document, text, firstLine - 1) };
    await vscode.window.showTextDocument(document, selection);
    return true;
  } catch {
    return false;
  }
}

/** Lines above it may have come or gone since. */
function whereIs(document: vscode.TextDocument, text: string, line: number): vscode.Range {
  const all = document.getText();
  const expected = document.offsetAt(new vscode.Position(line, 0));
  const after = all.indexOf(text, expected);
  const at = after < 0 ? all.indexOf(text) : after;
  if (at < 0) return document.validateRange(new vscode.Range(line, 0, line, 0));
  return new vscode.Range(document.positionAt(at), document.positionAt(at + text.length));
}
