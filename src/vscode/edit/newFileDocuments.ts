import * as vscode from 'vscode';

const scheme = 'a2ia-new';

/** Files that are not there yet, as they would be: to be read, and nowhere on the disk. */
export class NewFileDocuments implements vscode.TextDocumentContentProvider {
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  readonly #textFor: (uri: vscode.Uri) => string | undefined;
  readonly #registered = vscode.workspace.registerTextDocumentContentProvider(scheme, this);

  /** @param textFor undefined when the file is not offered any longer */
  constructor(textFor: (uri: vscode.Uri) => string | undefined) {
    this.#textFor = textFor;
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return uri.fragment === 'empty' ? '' : (this.#textFor(uri) ?? '');
  }

  /** By its name. */
  async languageOf(uri: vscode.Uri): Promise<string> {
    return (await vscode.workspace.openTextDocument(uri.with({ scheme, fragment: 'empty' }))).languageId;
  }

  /** There is another text for it. */
  refresh(uri: vscode.Uri): void {
    this.#changed.fire(uri.with({ scheme }));
  }

  /** What is decided on is not shown any longer. */
  async close(uri: vscode.Uri): Promise<void> {
    const isOfFile = (shown: vscode.Uri) => shown.scheme === scheme && shown.path === uri.path;
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
    const ofFile = tabs.filter(
      ({ input }) =>
        (input instanceof vscode.TabInputText && isOfFile(input.uri)) ||
        (input instanceof vscode.TabInputTextDiff && isOfFile(input.modified)),
    );
    await vscode.window.tabGroups.close(ofFile);
  }

  async show(uri: vscode.Uri, preserveFocus: boolean): Promise<void> {
    const document = await vscode.workspace.openTextDocument(uri.with({ scheme }));
    await vscode.window.showTextDocument(document, { preview: true, preserveFocus });
  }

  async showAsDiff(uri: vscode.Uri): Promise<void> {
    const title = `${vscode.workspace.asRelativePath(uri)}: a new file`;
    const [empty, whole] = [uri.with({ scheme, fragment: 'empty' }), uri.with({ scheme })];
    await vscode.commands.executeCommand('vscode.diff', empty, whole, title);
  }

  dispose(): void {
    vscode.Disposable.from(this.#registered, this.#changed).dispose();
  }
}
