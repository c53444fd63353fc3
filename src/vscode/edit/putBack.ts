import { realpath } from 'node:fs/promises';
import * as vscode from 'vscode';
import { restoreFile, stateOf, type FileChange, type FileState } from '../../core/edit/changeJournal.ts';
import { revert } from './acceptTogether.ts';

/** For VS Code to see that a file was written. */
const mostReadingMs = 3_000;

/**
 * Puts files back to what they were before they were changed together. A file that is neither as it was nor as it became is somebody's work, and the user is
 * asked about it.
 * @param ours what a file may be to be put back without a question
 * @returns how many are now as they were
 */
export async function putBack(changes: readonly FileChange[], ours: readonly FileState[]): Promise<number> {
  let count = 0;
  for (const change of changes) {
    const document = await documentAt(change.path);
    const state = await stateOf(change);
    if (state === 'before' && !document?.isDirty) {
      count++;
      continue;
    }
    const isOurs = ours.includes(state) && (!document?.isDirty || (await isUndone(document, change)));
    if (!isOurs && !(await askAbout(change, document))) continue;
    await restoreFile(change, moveToTrash);
    if (change.before === undefined) await closeTabs(change.path);
    else if (document && (document.isDirty || !(await isReadAnew(document, change)))) await revert(document);
    count++;
  }
  return count;
}

/** In its editor, and not saved: it is what the file shall be again. */
async function isUndone(document: vscode.TextDocument, { before }: FileChange): Promise<boolean> {
  const bytes = await vscode.workspace.encode(document.getText(), { encoding: document.encoding });
  return before?.bytes.equals(bytes) ?? false;
}

/**
 * VS Code hears of a file that was written, and reads it, a moment later; who looks at the document before that takes the old text for what the file has.
 * False where nothing comes, as on drives that nobody watches.
 */
async function isReadAnew(document: vscode.TextDocument, change: FileChange): Promise<boolean> {
  const deadline = Date.now() + mostReadingMs;
  while (!document.isClosed && !(await isUndone(document, change))) {
    const leftMs = deadline - Date.now();
    if (leftMs <= 0) return false;
    await nextEvent(Math.min(leftMs, 200));
  }
  return true;
}

/** Something happened to some document, or the time is over: what happened while it was compared is no event any more. */
function nextEvent(mostMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      vscode.Disposable.from(...listeners).dispose();
      resolve();
    };
    const timer = setTimeout(done, mostMs);
    const { onDidChangeTextDocument, onDidCloseTextDocument } = vscode.workspace;
    const listeners = [onDidChangeTextDocument(done), onDidCloseTextDocument(done)];
  });
}

async function askAbout({ path, before }: FileChange, document: vscode.TextDocument | undefined): Promise<boolean> {
  const name = vscode.workspace.asRelativePath(path);
  const what = document?.isDirty ? 'has changes that are not saved' : 'was changed since';
  const button = before ? 'Put It Back Anyway' : 'Remove It Anyway';
  const detail = before ? 'What was changed in it since would be lost.' : 'It was not there before.';
  const choice = await vscode.window.showWarningMessage(`A2IA: ${name} ${what}.`, { modal: true, detail }, button);
  return choice === button;
}

async function documentAt(path: string): Promise<vscode.TextDocument | undefined> {
  for (const document of vscode.workspace.textDocuments) {
    if (document.uri.scheme !== 'file') continue;
    const real = await realpath(document.uri.fsPath).catch(() => document.uri.fsPath);
    // A new file is known by the name that it was made by, which may have links in it.
    if (real === path || document.uri.fsPath === path) return document;
  }
  return undefined;
}

/** Where there is one. */
async function moveToTrash(path: string): Promise<void> {
  const uri = vscode.Uri.file(path);
  await Promise.resolve(vscode.workspace.fs.delete(uri, { useTrash: true })).catch(() =>
    vscode.workspace.fs.delete(uri, { useTrash: false }),
  );
}

async function closeTabs(path: string): Promise<void> {
  const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
  const ofFile = tabs.filter(({ input }) => input instanceof vscode.TabInputText && input.uri.fsPath === path);
  await vscode.window.tabGroups.close(ofFile);
}
