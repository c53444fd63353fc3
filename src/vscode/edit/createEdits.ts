import type * as vscode from 'vscode';
import { changesFolder } from './changeRecovery.ts';
import { ChangeSets, type ChangeSetsParts } from './changeSets.ts';
import { EditInput } from './editInput.ts';
import { Edits, type EditsParts } from './edits.ts';
import { FormatRecords } from './formatRecords.ts';

export interface CreateEditsParts extends Omit<EditsParts, 'input' | 'records'> {
  readonly context: vscode.ExtensionContext;
}

export function createEdits({ context, ...parts }: CreateEditsParts): Edits {
  return new Edits({
    ...parts,
    input: new EditInput(context.workspaceState),
    records: new FormatRecords(context.globalState),
  });
}

export interface CreateChangeSetsParts extends Omit<ChangeSetsParts, 'folder'> {
  readonly context: vscode.ExtensionContext;
}

export function createChangeSets({ context, ...parts }: CreateChangeSetsParts): ChangeSets {
  return new ChangeSets({ ...parts, folder: changesFolder(context.globalStorageUri) });
}
