import * as vscode from 'vscode';
import type { CompletionPlace } from '../../core/completion/completer.ts';
import type { NeighbourFile } from '../../core/completion/codePlace.ts';

/** Lines of a document that are looked at, before the cursor and after it: more than fit into any prompt. */
const linesBefore = 400;
const linesAfter = 200;
/** Where the part that is looked at begins and ends, so that it stays the same for many keys. */
const lineStep = 100;
/** Minified code: a model makes nothing of it, and each key would copy it. */
const longestLineChars = 2_000;

const proseLanguages: readonly string[] = [
  'plaintext',
  'markdown',
  'latex',
  'restructuredtext',
  'asciidoc',
  'git-commit',
];

/** Files of the user, wherever they are. Not what the editor shows: output, comparisons, the boxes of source control. */
const schemes: readonly string[] = [
  'file',
  'untitled',
  'vscode-remote',
  'vscode-vfs',
  'vscode-userdata',
  'vscode-notebook-cell',
];

/** Whether code of this document goes to a model. */
export function isForCompletion({ uri, languageId }: vscode.TextDocument, excluded: readonly string[]): boolean {
  return schemes.includes(uri.scheme) && !excluded.includes(languageId);
}

/**
 * The place, with what the editor’s own suggestion would put there where one is selected; undefined where none is to be completed.
 */
export function codeAround(
  document: vscode.TextDocument,
  position: vscode.Position,
  selected: vscode.SelectedCompletionInfo | undefined,
  neighbours: readonly NeighbourFile[],
): CompletionPlace | undefined {
  if (document.lineAt(position.line).text.length > longestLineChars) return undefined;
  const firstLine = Math.max(0, Math.floor((position.line - linesBefore) / lineStep) * lineStep);
  const lastLine = Math.ceil((position.line + linesAfter) / lineStep) * lineStep;
  const end = selected ? selected.range.start : position;
  const before = document.getText(new vscode.Range(new vscode.Position(firstLine, 0), end));
  const after = document.getText(new vscode.Range(position, new vscode.Position(lastLine, 0)));
  return {
    document: document.uri.toString(),
    path: pathOf(document.uri),
    prefix: withLineFeeds(before) + (selected?.text ?? ''),
    suffix: withLineFeeds(after),
    neighbours,
    isProse: proseLanguages.includes(document.languageId),
  };
}

/** Relative to the workspace; of a file outside of it the name alone, since its folders are nobody’s business. */
export function pathOf(uri: vscode.Uri): string {
  const isInside = vscode.workspace.getWorkspaceFolder(uri) !== undefined;
  return isInside ? vscode.workspace.asRelativePath(uri, false) : uri.path.slice(uri.path.lastIndexOf('/') + 1);
}

export function withLineFeeds(text: string): string {
  return text.replaceAll('\r\n', '\n');
}
