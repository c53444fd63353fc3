import * as vscode from 'vscode';
import { answerFiles, type AnswerFile } from '../../core/edit/answerFiles.ts';
import type { Hunk } from '../../core/edit/editSession.ts';
import { fileOffer } from '../../core/edit/fileOffer.ts';
import { linesOf } from '../../core/edit/lines.ts';
import { errorText } from '../../core/util/errorText.ts';
import { namedFile, type FileTarget } from './applyTarget.ts';
import type { Edits } from './edits.ts';
import type { LiveEdit } from './liveEdit.ts';

/** What is offered for one file of a change set. */
export type ChangedFile =
  | { readonly type: 'edit'; readonly uri: vscode.Uri; readonly edit: LiveEdit }
  | { readonly type: 'new'; readonly uri: vscode.Uri; readonly text: string }
  /** Why nothing is offered for it. */
  | { readonly type: 'refused'; readonly name: string; readonly why: string };

/** One change of a file. */
export interface ChangedPlace {
  readonly type: 'place';
  readonly file: ChangedFile & { readonly type: 'edit' };
  readonly hunk: Hunk;
}

export interface MadeSet {
  readonly files: readonly ChangedFile[];
  /** How many files have the code of the answer already. */
  readonly unchanged: number;
}

export interface SetParts {
  readonly edits: Edits;
  /** Of a file that is not there yet. */
  readonly languageOf: (uri: vscode.Uri) => Promise<string>;
}

/**
 * What an answer makes of the files that it names. Nothing is written; each file that can be changed has its changes on offer, and each that cannot says why.
 * @param wish what the user asked for
 */
export async function makeChangeSet(answer: string, wish: string, parts: SetParts): Promise<MadeSet> {
  const files: ChangedFile[] = [];
  let unchanged = 0;
  for (const { file, target } of await withTargets(answerFiles(answer))) {
    const made = await changedFile(file, target, wish, parts).catch((error: unknown): ChangedFile => ({
      type: 'refused',
      name: file.fileName,
      why: errorText(error),
    }));
    if (made) files.push(made);
    else unchanged++;
  }
  return { files, unchanged };
}

/** A file that the answer calls by two names is one file. */
async function withTargets(
  files: readonly AnswerFile[],
): Promise<readonly { readonly file: AnswerFile; readonly target: FileTarget }[]> {
  const found = new Map<string, { file: AnswerFile; target: FileTarget }>();
  for (const file of files) {
    const target = await namedFile(file.fileName);
    const key = target.type === 'refused' ? file.fileName : uriOf(target).toString();
    const known = found.get(key);
    if (known) known.file = { ...known.file, pieces: [...known.file.pieces, ...file.pieces] };
    else found.set(key, { file, target });
  }
  return [...found.values()];
}

function uriOf(target: Exclude<FileTarget, { readonly type: 'refused' }>): vscode.Uri {
  return target.type === 'file' ? target.document.uri : target.uri;
}

/** Undefined: it has what the answer says already. */
async function changedFile(
  file: AnswerFile,
  target: FileTarget,
  wish: string,
  { edits, languageOf }: SetParts,
): Promise<ChangedFile | undefined> {
  const { pieces, wants, fileName } = file;
  const refuse = (why: string): ChangedFile => ({ type: 'refused', name: fileName, why });
  if (target.type === 'refused') return refuse(target.why);
  const uri = uriOf(target);
  if (uri.scheme !== 'file') return refuse('It is not on the disk of this machine. Apply its code by itself.');
  if (wants !== 'change') return refuse(wantsTexts[wants]);
  if (target.type === 'newFile') {
    if (target.isGuess)
      return refuse('It is new, and the answer does not say in which of the open folders it belongs.');
    const offer = fileOffer(pieces, { languageId: await languageOf(uri), wish, lines: [''] });
    if (offer.type === 'unchanged') return refuse('The answer has no code for it.');
    return offer.type === 'refused' ? refuse(offer.why) : { type: 'new', uri, text: offer.lines.join('\n') };
  }
  const { document } = target;
  const offer = fileOffer(pieces, { languageId: document.languageId, wish, lines: linesOf(document.getText()) });
  if (offer.type === 'unchanged') return undefined;
  if (offer.type === 'refused') return refuse(offer.why);
  const edit = edits.propose(document, offer.lines, wish);
  return edit ? { type: 'edit', uri, edit } : refuse('Another edit of it waits for you: accept or reject it first.');
}

const wantsTexts = {
  delete: 'The answer deletes it. Delete it yourself, if that is right.',
  rename: 'The answer gives it another name. Rename it yourself, and ask again for what is left.',
};

/** What is still to be decided on, and what cannot be: nothing of the rest is shown. */
export function openFiles(files: readonly ChangedFile[], edits: Edits): readonly ChangedFile[] {
  return files.flatMap((file): ChangedFile[] => {
    if (file.type !== 'edit' || edits.isLive(file.edit)) return [file];
    const isOvertaken = file.edit.hunks.length > 0;
    const name = vscode.workspace.asRelativePath(file.uri);
    return isOvertaken ? [{ type: 'refused', name, why: 'It was changed where the answer changes it.' }] : [];
  });
}

/** With the name of the file. */
export function refusalText({ name, why }: ChangedFile & { readonly type: 'refused' }): string {
  return why.includes(name) ? why : `${name}: ${why}`;
}

export function placesOf(file: ChangedFile & { readonly type: 'edit' }): readonly ChangedPlace[] {
  return file.edit.hunks.map((hunk) => ({ type: 'place', file, hunk }));
}
