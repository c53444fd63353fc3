import * as vscode from 'vscode';
import type { NeighbourFile } from '../../core/completion/codePlace.ts';
import { isForCompletion, pathOf, withLineFeeds } from './codeAround.ts';

const mostFiles = 3;
/** Around the last edit, both ways. */
const lines = 20;

/** Where the user edited last in other files: what he works on reaches over more than one. */
export class RecentEdits {
  /** By document, with the line of its last edit; the newest is the last. */
  readonly #edits = new Map<vscode.TextDocument, number>();
  readonly #subscriptions: readonly vscode.Disposable[];

  constructor() {
    this.#subscriptions = [
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        const line = contentChanges.at(-1)?.range.start.line;
        if (line === undefined) return;
        this.#edits.delete(document);
        this.#edits.set(document, line);
      }),
      vscode.workspace.onDidCloseTextDocument((document) => this.#edits.delete(document)),
    ];
  }

  /** The one that was edited last is last. */
  beside(document: vscode.TextDocument, excludedLanguages: readonly string[]): readonly NeighbourFile[] {
    return [...this.#edits]
      .filter(([other]) => other !== document && isOfTheWork(other) && isForCompletion(other, excludedLanguages))
      .slice(-mostFiles)
      .map(([other, line]) => {
        const range = new vscode.Range(Math.max(0, line - lines), 0, line + lines, 0);
        return { path: pathOf(other.uri), text: withLineFeeds(other.getText(range)) };
      });
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

/** A file from outside of the workspace, say one with keys in it, is not to be found in the prompts of others. */
function isOfTheWork({ uri, isUntitled }: vscode.TextDocument): boolean {
  return isUntitled || vscode.workspace.getWorkspaceFolder(uri) !== undefined;
}
