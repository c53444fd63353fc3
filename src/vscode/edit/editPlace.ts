import { stat } from 'node:fs/promises';
import * as vscode from 'vscode';
import type { LineRange } from '../../core/edit/editSession.ts';
import { enclosingBlock } from '../../core/edit/enclosingBlock.ts';

/** Beyond this an editor is slow with each change already, and no model of one's own reads it. */
const mostFileChars = 2_000_000;

/** The lines that an edit is about: those of the selection, else of the symbol around the cursor; else why there are none. */
export async function editPlace(editor: vscode.TextEditor): Promise<LineRange | { readonly refused: string }> {
  const { document, selection } = editor;
  const problem = await fileProblem(document);
  if (problem !== undefined) return { refused: problem };
  if (!selection.isEmpty) return wholeLines(selection);
  return (await symbolAround(document, selection.active)) ?? blockAround(document, selection.active);
}

/** Why nothing in it can be edited; undefined when it can. */
export async function fileProblem(document: vscode.TextDocument): Promise<string | undefined> {
  const name = vscode.workspace.asRelativePath(document.uri);
  if (document.getText().length > mostFileChars) {
    return `${name} is too large to be edited here. Copy the part you mean into a file of its own.`;
  }
  return (await isReadOnly(document)) ? `${name} is read-only, so nothing was done.` : undefined;
}

/** Asked before a model is: nobody wants to wait for an edit that cannot be made. Documents without a file system are an extension's, and only to be read. */
async function isReadOnly({ uri, isUntitled }: vscode.TextDocument): Promise<boolean> {
  // The editor's own, such as the cells of a notebook, have none either.
  if (isUntitled || uri.scheme.startsWith('vscode-')) return false;
  if (vscode.workspace.fs.isWritableFileSystem(uri.scheme) !== true) return true;
  try {
    const { permissions = 0 } = await vscode.workspace.fs.stat(uri);
    if ((permissions & vscode.FilePermission.Readonly) !== 0) return true;
    // Of files of this machine VS Code tells it only when it saves. Root may write everything, and means it as little as others do.
    return uri.scheme === 'file' && ((await stat(uri.fsPath)).mode & 0o222) === 0;
  } catch {
    // Not saved yet, or deleted meanwhile.
    return false;
  }
}

/** A selection that ends at the beginning of a line does not mean that line. */
export function wholeLines({ start, end }: vscode.Selection): LineRange {
  const last = end.character === 0 && end.line > start.line ? end.line - 1 : end.line;
  return { start: start.line, end: last + 1 };
}

function blockAround(document: vscode.TextDocument, { line }: vscode.Position): LineRange {
  const lines = Array.from({ length: document.lineCount }, (_, index) => document.lineAt(index).text);
  return enclosingBlock(lines, line);
}

/** Those that one thinks of as one piece; a variable or a property is too little. */
const pieces: readonly vscode.SymbolKind[] = [
  vscode.SymbolKind.Function,
  vscode.SymbolKind.Method,
  vscode.SymbolKind.Constructor,
  vscode.SymbolKind.Class,
  vscode.SymbolKind.Interface,
  vscode.SymbolKind.Enum,
  vscode.SymbolKind.Struct,
];

/** A language service that has not read the project yet may take minutes; the block is as good then. */
const symbolsLimitMs = 1500;

async function symbolAround(document: vscode.TextDocument, at: vscode.Position): Promise<LineRange | undefined> {
  if (document.lineAt(at).isEmptyOrWhitespace) return undefined;
  const asked = vscode.commands.executeCommand<
    readonly (vscode.DocumentSymbol | vscode.SymbolInformation)[] | undefined
  >('vscode.executeDocumentSymbolProvider', document.uri);
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), symbolsLimitMs);
  });
  const symbols = await Promise.race([Promise.resolve(asked).catch(() => undefined), limit]);
  clearTimeout(timer);
  const range = symbols && innermost(symbols, at);
  return range && { start: range.start.line, end: range.end.line + 1 };
}

function innermost(
  symbols: readonly (vscode.DocumentSymbol | vscode.SymbolInformation)[],
  at: vscode.Position,
): vscode.Range | undefined {
  for (const symbol of symbols) {
    const range = 'location' in symbol ? symbol.location.range : symbol.range;
    if (!range.contains(at)) continue;
    const within = 'children' in symbol ? innermost(symbol.children, at) : undefined;
    if (within) return within;
    if (pieces.includes(symbol.kind)) return range;
  }
  return undefined;
}
