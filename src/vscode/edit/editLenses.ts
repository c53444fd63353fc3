import * as vscode from 'vscode';
import { labelOf, rangeOf } from './editView.ts';
import type { LiveEdit } from './liveEdit.ts';

/** What can be done with an edit, above each of its changes. */
export class EditLenses implements vscode.CodeLensProvider {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.#changed.event;
  readonly #editOf: (document: vscode.TextDocument) => LiveEdit | undefined;
  readonly #registered = vscode.languages.registerCodeLensProvider({ pattern: '**' }, this);

  constructor(editOf: (document: vscode.TextDocument) => LiveEdit | undefined) {
    this.#editOf = editOf;
  }

  refresh(): void {
    this.#changed.fire();
  }

  dispose(): void {
    vscode.Disposable.from(this.#registered, this.#changed).dispose();
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const edit = this.#editOf(document);
    if (!edit) return [];
    const uri = document.uri.toString();
    if (edit.phase.type === 'writing') {
      const at = edit.regionRange() ?? new vscode.Range(0, 0, 0, 0);
      const title = `$(loading~spin) ${edit.phase.text}`;
      return [lens(at, title, 'a2ia.showLog', [], 'Show the log'), lens(at, 'Stop', 'a2ia.stop')];
    }
    const { hunks } = edit;
    const found = hunks.filter(({ place }) => place.type === 'found');
    const lost = hunks.length - found.length;
    return found.flatMap((hunk, index) => {
      const at = rangeOf(document, hunk) ?? new vscode.Range(0, 0, 0, 0);
      const label = labelOf(hunk, hunks);
      const own = [
        lens(at, '$(check) Accept', 'a2ia.acceptChange', [uri, hunk.id], `Accept: ${label}`),
        lens(at, '$(close) Reject', 'a2ia.rejectChange', [uri, hunk.id], `Reject: ${label}`),
      ];
      const ofAll = [
        ...(found.length > 1
          ? [
              lens(at, `Accept All ${found.length}`, 'a2ia.acceptEdit', [uri]),
              lens(at, 'Reject All', 'a2ia.rejectEdit', [uri]),
            ]
          : []),
        ...(edit.request.isOfSet
          ? []
          : [lens(at, 'Retry…', 'a2ia.retryEdit', [uri], 'Ask again, with a further wish')]),
        lens(at, 'Show as Diff', 'a2ia.showEditAsDiff', [uri]),
        ...(lost > 0 ? [lens(at, `${lost} dropped: you changed the lines`, '', [])] : []),
      ];
      return [...own, ...(index === 0 ? ofAll : [lens(at, label, '', [])])];
    });
  }
}

function lens(
  range: vscode.Range,
  title: string,
  command: string,
  args: readonly unknown[] = [],
  tooltip = title,
): vscode.CodeLens {
  return new vscode.CodeLens(range, { title, command, arguments: [...args], tooltip });
}
