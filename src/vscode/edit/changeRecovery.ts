import * as vscode from 'vscode';
import { discardJournal, findJournals, finishJournal, readJournal, recoveryOf } from '../../core/edit/changeJournal.ts';
import { errorText } from '../../core/util/errorText.ts';
import { plural } from '../../core/util/plural.ts';
import { storageFolder } from '../storageFolder.ts';
import { workspaceRoots } from './applyTarget.ts';
import { putBack } from './putBack.ts';

/** Where it is written down what is changed in the files of this workspace. */
export function changesFolder(globalStorageUri: vscode.Uri): string {
  return vscode.Uri.joinPath(storageFolder(globalStorageUri), 'changes').fsPath;
}

/** Looks for changes that a window did not finish, and offers to put the files back. One look into a folder when there are none. */
export async function offerToPutBack(folder: string, log: vscode.LogOutputChannel): Promise<void> {
  const warn = (error: unknown) => log.warn(`changes: ${errorText(error)}`);
  try {
    const { unfinished } = await findJournals(folder);
    for (const file of unfinished) await offerOne(file).catch(warn);
  } catch (error) {
    warn(error);
  }
}

async function offerOne(file: string): Promise<void> {
  const reading = await readJournal(file, workspaceRoots());
  if (reading.type === 'refused') {
    await discardJournal(file);
    void vscode.window.showWarningMessage(`A2IA: ${reading.why}`);
    return;
  }
  const { journal } = reading;
  const recovery = await recoveryOf(journal);
  if (recovery.type === 'before') return discardJournal(file);
  if (recovery.type === 'after') return void (await finishJournal(journal));
  const files = plural(journal.changes.length, 'file');
  const choice = await vscode.window.showWarningMessage(
    `A2IA: VS Code ended while ${files} were changed together, so only some of them are. They can all be put back to what they were before.`,
    'Put Them Back',
    'Leave Them',
  );
  // Without a choice it is offered again by the next window.
  if (choice === 'Put Them Back') await putBack(journal.changes, ['after', 'torn']);
  if (choice) await discardJournal(file);
}
