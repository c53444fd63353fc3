import * as vscode from 'vscode';

const scheme = 'a2ia-proposed';

/** Documents as they would be, for VS Code's own diff editor beside what is there. */
export class ProposedDocuments implements vscode.TextDocumentContentProvider {
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  readonly #textFor: (uri: string) => string | undefined;
  readonly #registered = vscode.workspace.registerTextDocumentContentProvider(scheme, this);

  /** @param textFor undefined when nothing is proposed any longer: then it is what the document is */
  constructor(textFor: (uri: string) => string | undefined) {
    this.#textFor = textFor;
  }

  provideTextDocumentContent({ query }: vscode.Uri): string {
    const open = vscode.workspace.textDocuments.find(({ uri }) => uri.toString() === query);
    return this.#textFor(query) ?? open?.getText() ?? '';
  }

  async open(document: vscode.TextDocument): Promise<void> {
    const name = vscode.workspace.asRelativePath(document.uri);
    const title = `${name}: as it is, and with the edit`;
    await vscode.commands.executeCommand('vscode.diff', document.uri, uriFor(document), title);
  }

  refresh(document: vscode.TextDocument): void {
    this.#changed.fire(uriFor(document));
  }

  dispose(): void {
    vscode.Disposable.from(this.#registered, this.#changed).dispose();
  }
}

/** With the same name, so that VS Code takes the same language. */
function uriFor({ uri }: vscode.TextDocument): vscode.Uri {
  return vscode.Uri.from({ scheme, path: uri.path, query: uri.toString() });
}
