import { access, constants, realpath } from 'node:fs/promises';
import * as vscode from 'vscode';
import { applyChange, type TextChange } from '../../core/edit/anchoredLines.ts';
import {
  discardJournal,
  fileChange,
  finishJournal,
  recoveryOf,
  restoreFile,
  writeJournal,
  type ChangeJournal,
  type FileChange,
} from '../../core/edit/changeJournal.ts';
import { linesOf } from '../../core/edit/lines.ts';
import { ifThere } from '../../core/util/ifThere.ts';
import { leadsOutside } from './applyTarget.ts';
import { fileProblem } from './editPlace.ts';
import type { LiveEdit } from './liveEdit.ts';

export interface FileToMake {
  readonly uri: vscode.Uri;
  readonly text: string;
}

export interface Together {
  readonly edits: readonly LiveEdit[];
  readonly newFiles: readonly FileToMake[];
}

export type Acceptance =
  /** All of it is in the files, and saved. */
  | { readonly type: 'accepted'; readonly canUndo: boolean }
  /** Nothing was changed; why, for each file that stood in the way. */
  | { readonly type: 'refused'; readonly problems: readonly FileProblem[] };

export interface FileProblem {
  readonly uri: vscode.Uri;
  readonly sentence: string;
  /** The rest of the file, or the other files, could be changed without it. */
  readonly canGoWithout: boolean;
}

/**
 * Puts several edits into their files, and makes new ones: all, or none. What the files hold is written down before the first of them is changed, so that a
 * crash in between can be undone.
 * @param folder where it is written down
 */
export async function acceptTogether({ edits, newFiles }: Together, folder: string): Promise<Acceptance> {
  const problems = (await Promise.all([...edits.map(problemOfEdit), ...newFiles.map(problemOfNewFile)])).flat();
  if (problems.length > 0) return { type: 'refused', problems };
  // Between the look and the edit the user may type: then it is made anew, for what the documents are by then.
  for (let attempt = 0; attempt < 3; attempt++) {
    const made = await attemptTogether({ edits, newFiles }, folder);
    if (made) return made;
  }
  return {
    type: 'refused',
    problems: [...edits.map(({ document }) => document), ...newFiles].map(({ uri }) =>
      refusal(uri, 'could not be changed'),
    ),
  };
}

interface Planned {
  readonly edit: LiveEdit;
  readonly document: vscode.TextDocument;
  readonly version: number;
  readonly changes: readonly TextChange[];
  /** What the document shall be. */
  readonly text: string;
}

/** Undefined: the documents have become others meanwhile, and nothing was done. */
async function attemptTogether({ edits, newFiles }: Together, folder: string): Promise<Acceptance | undefined> {
  const planned = edits.map((edit): Planned => {
    const { document } = edit;
    const changes = edit.beginAccepting();
    return {
      edit,
      document,
      version: document.version,
      changes,
      text: changes.reduceRight(applyChange, document.getText()),
    };
  });
  let isMade = false;
  let journal: ChangeJournal | undefined;
  try {
    journal = await writeJournal(folder, await fileChanges(planned, newFiles));
    if (planned.some(({ document, version }) => document.version !== version)) return undefined;
    // What cannot be put back now can be when the journal is found.
    const written = journal;
    journal = undefined;
    const edit = workspaceEdit(planned, written.changes.slice(planned.length));
    const isApplied = await Promise.resolve(vscode.workspace.applyEdit(edit)).catch(() => false);
    const saved = isApplied ? await saveAll(planned, written.changes) : { changes: written.changes, failed: undefined };
    const { failed } = saved;
    if (isApplied && !failed) {
      isMade = true;
      const canUndo = await finish(written);
      return { type: 'accepted', canUndo };
    }
    const left = await rollBack({ ...written, changes: saved.changes }, planned);
    await discardJournal(written.file);
    if (!failed && left.length === 0) return undefined;
    const problems = left.map((uri) => refusal(uri, 'was changed by somebody else at the same time, and was left so'));
    return { type: 'refused', problems: [...(failed ? [refusal(failed, 'could not be saved')] : []), ...problems] };
  } finally {
    if (journal) await discardJournal(journal.file);
    for (const { edit } of planned) edit.endAccepting(isMade);
  }
}

function fileChanges(planned: readonly Planned[], newFiles: readonly FileToMake[]): Promise<readonly FileChange[]> {
  return Promise.all([
    ...planned.map(async ({ document: { uri, encoding }, text }) =>
      fileChange(await realpath(uri.fsPath), Buffer.from(await vscode.workspace.encode(text, { encoding }))),
    ),
    ...newFiles.map(async ({ uri, text }) =>
      fileChange(uri.fsPath, Buffer.from(await vscode.workspace.encode(text, { uri }))),
    ),
  ]);
}

function workspaceEdit(planned: readonly Planned[], newFiles: readonly FileChange[]): vscode.WorkspaceEdit {
  const edit = new vscode.WorkspaceEdit();
  for (const { document, changes } of planned) {
    for (const { offset, length, text } of changes) {
      const range = new vscode.Range(document.positionAt(offset), document.positionAt(offset + length));
      edit.replace(document.uri, range, text);
    }
  }
  for (const { path, after } of newFiles) {
    edit.createFile(vscode.Uri.file(path), { contents: after, overwrite: false, ignoreIfExists: false });
  }
  return edit;
}

function refusal(uri: vscode.Uri, what: string, canGoWithout = false): FileProblem {
  return { uri, sentence: `${vscode.workspace.asRelativePath(uri)} ${what}.`, canGoWithout };
}

/** Why an edit cannot be put into its file; a document with changes of the user's is saved first, so that the undo keeps them. */
async function problemOfEdit(edit: LiveEdit): Promise<readonly FileProblem[]> {
  const { uri } = edit.document;
  const refuse = (what: string, canGoWithout = false) => [refusal(uri, what, canGoWithout)];
  if (!(await ifThere(access(uri.fsPath).then(() => true)))) return refuse('is not there any more', true);
  if (await leadsOutside(uri)) return refuse('leads out of the workspace now', true);
  let document: vscode.TextDocument;
  try {
    document = await vscode.workspace.openTextDocument(uri);
    await access(uri.fsPath, constants.W_OK);
  } catch {
    return refuse('cannot be written', true);
  }
  edit.reopen(document);
  const problem = await fileProblem(document);
  if (problem !== undefined) return [{ uri, sentence: problem, canGoWithout: true }];
  if (document.isDirty && !(await document.save())) return refuse('has changes that could not be saved', true);
  const onDisk = await vscode.workspace.decode(await vscode.workspace.fs.readFile(uri), {
    encoding: document.encoding,
  });
  if (!isSameText(onDisk, document.getText())) {
    return refuse('was changed on the disk, and the editor has not read it yet. Try again in a moment');
  }
  const overtaken = edit.hunks.filter(({ place }) => place.type === 'overtaken').length;
  if (overtaken === 0 && edit.hunks.length > 0) return [];
  return refuse('was changed where the answer changes it', true);
}

async function problemOfNewFile({ uri }: FileToMake): Promise<readonly FileProblem[]> {
  if (await leadsOutside(uri)) return [refusal(uri, 'leads out of the workspace now', true)];
  const isThere = await Promise.resolve(vscode.workspace.fs.stat(uri)).then(
    () => true,
    () => false,
  );
  return isThere ? [refusal(uri, 'is there meanwhile, so it is not made', true)] : [];
}

/** Line ends are the editor's own. */
function isSameText(one: string, other: string): boolean {
  const plain = (text: string) => linesOf(text.replace(/^\ufeff/, '')).join('\n');
  return plain(one) === plain(other);
}

/** Up to the first that could not be saved, with what a formatter made of those before it: that is to be put back, too. */
async function saveAll(
  planned: readonly Planned[],
  changes: readonly FileChange[],
): Promise<{ readonly changes: readonly FileChange[]; readonly failed: vscode.Uri | undefined }> {
  const became = [...changes];
  for (const [index, { document }] of planned.entries()) {
    if (!(await isSaved(document)) && !(await isSaved(document))) return { changes: became, failed: document.uri };
    const change = became[index];
    const after = Buffer.from(await vscode.workspace.encode(document.getText(), { encoding: document.encoding }));
    if (change) became[index] = { ...change, after };
  }
  return { changes: became, failed: undefined };
}

/** On a busy machine VS Code has been seen to say no to the first call, for no reason that it tells, and yes to the next. */
async function isSaved(document: vscode.TextDocument): Promise<boolean> {
  try {
    return (await document.save()) || !document.isDirty;
  } catch {
    return false;
  }
}

/** Whether it can be undone: the files are changed in any case. */
async function finish(journal: ChangeJournal): Promise<boolean> {
  try {
    await finishJournal(journal, await asTheyBecame(journal));
    return true;
  } catch {
    await discardJournal(journal.file).catch(() => undefined);
    return false;
  }
}

/** What a formatter made of it counts. */
async function asTheyBecame({ changes }: ChangeJournal): Promise<readonly FileChange[]> {
  const became = await Promise.all(changes.map(({ path }) => vscode.workspace.fs.readFile(vscode.Uri.file(path))));
  return changes.map((change, index) => ({ ...change, after: Buffer.from(became[index] ?? change.after) }));
}

/** Files, and documents that hold the changes and are not saved. What somebody else has changed meanwhile is left, and given. */
async function rollBack(journal: ChangeJournal, planned: readonly Planned[]): Promise<readonly vscode.Uri[]> {
  const recovery = await recoveryOf(journal);
  const others = recovery.type === 'between' ? recovery.others : [];
  const written = recovery.type === 'after' ? journal.changes : recovery.type === 'between' ? recovery.written : [];
  for (const change of written) await restoreFile(change);
  for (const { document, text } of planned) if (document.getText() === text) await revert(document);
  return others.map(({ path }) => vscode.Uri.file(path));
}

/** To what is on the disk, whatever it has. VS Code has a command for it, for the editor in front. */
export async function revert(document: vscode.TextDocument): Promise<void> {
  await vscode.window.showTextDocument(document, { preview: false });
  await vscode.commands.executeCommand('workbench.action.files.revert');
}
