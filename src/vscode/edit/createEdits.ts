import type * as vscode from 'vscode';
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
