import assert from 'node:assert/strict';
import * as vscode from 'vscode';

/** Waits until `found` gives something, looking again at every change that VS Code reports. The test's own time-out is the only limit. */
export function until<T>(found: () => T | undefined | false): Promise<T> {
  return new Promise((resolve) => {
    const subscriptions: vscode.Disposable[] = [];
    const look = () => {
      const value = found();
      if (value === undefined || value === false) return;
      for (const subscription of subscriptions) subscription.dispose();
      resolve(value);
    };
    subscriptions.push(
      vscode.workspace.onDidOpenTextDocument(look),
      vscode.workspace.onDidChangeTextDocument(look),
      vscode.workspace.onDidCloseTextDocument(look),
      vscode.window.onDidChangeVisibleTextEditors(look),
      vscode.window.onDidChangeActiveTextEditor(look),
      vscode.window.onDidChangeTextEditorVisibleRanges(look),
      vscode.window.onDidChangeTextEditorViewColumn(look),
    );
    look();
  });
}

/** Of the open folder. */
export const inFolder = (name: string) => {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  assert.ok(folder);
  return vscode.Uri.joinPath(folder.uri, name);
};

/** These lines, from 0, the last one left out. */
export async function select(name: string, ...[from, to]: readonly [number, number]): Promise<vscode.TextEditor> {
  const editor = await vscode.window.showTextDocument(inFolder(name));
  editor.selection = new vscode.Selection(from, 0, to, 0);
  await until(() => vscode.window.activeTextEditor?.document === editor.document);
  return editor;
}

/** The document that the answer to this question streams into. */
export function answerTo(question: string): Promise<vscode.TextDocument> {
  return until(() =>
    vscode.workspace.textDocuments.find(
      (document) =>
        document.isUntitled && document.languageId === 'markdown' && document.getText().startsWith(`> ${question}`),
    ),
  );
}

export async function textOf(document: vscode.TextDocument, matching: (text: string) => boolean): Promise<string> {
  return until(() => matching(document.getText()) && document.getText());
}

/** Leaves nothing behind for the next test: an untitled document is reverted before it is closed, or VS Code would ask. */
export async function closeEverything(): Promise<void> {
  for (const group of vscode.window.tabGroups.all) {
    for (const tab of group.tabs) {
      await closeWithoutSaving(tab);
    }
  }
}

export async function closeTabOf(document: vscode.TextDocument): Promise<void> {
  const tab = vscode.window.tabGroups.all
    .flatMap((group) => group.tabs)
    .find(({ input }) => input instanceof vscode.TabInputText && input.uri.toString() === document.uri.toString());
  assert.ok(tab, `${document.uri.toString()} has a tab`);
  await closeWithoutSaving(tab);
}

export async function closeWithoutSaving(tab: vscode.Tab): Promise<void> {
  if (tab.input instanceof vscode.TabInputText) {
    await vscode.window.showTextDocument(tab.input.uri, { viewColumn: tab.group.viewColumn });
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  } else {
    await vscode.window.tabGroups.close(tab);
  }
}

/** Sets settings for the workspace and puts them back afterwards. */
export async function withSettings(
  values: Readonly<Record<string, unknown>>,
  work: () => Promise<void>,
): Promise<void> {
  const configuration = vscode.workspace.getConfiguration();
  const write = async (value: (key: string) => unknown) => {
    for (const key of Object.keys(values))
      await configuration.update(key, value(key), vscode.ConfigurationTarget.Workspace);
  };
  await write((key) => values[key]);
  try {
    await work();
  } finally {
    await write(() => undefined);
  }
}
