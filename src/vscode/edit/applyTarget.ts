import { realpath } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { applyPlace, type NamedCode } from '../../core/edit/applyPlace.ts';
import type { LineRange } from '../../core/edit/editSession.ts';
import { linesOf } from '../../core/edit/lines.ts';
import { fileProblem, wholeLines } from './editPlace.ts';

/** Where code out of an answer goes. */
export type ApplyTarget =
  | { readonly type: 'place'; readonly document: vscode.TextDocument; readonly lines: LineRange }
  /** The answer names a file that is not there. */
  | { readonly type: 'newFile'; readonly uri: vscode.Uri }
  /** Why it goes nowhere, and what to do. */
  | { readonly type: 'refused'; readonly why: string };

/**
 * The file that the code names, else the one in the editor; in it the lines that the code is a new version of, else those that are selected. Nothing is
 * guessed, and nothing is read outside of the workspace.
 */
export async function applyTarget(code: NamedCode, editor: vscode.TextEditor | undefined): Promise<ApplyTarget> {
  const found = code.fileName === undefined ? editor?.document.uri : await namedFile(code.fileName);
  if (found === undefined) return refuse('No file is open, and the code names none. Open the file that it belongs to.');
  if ('why' in found) return found;
  if (code.fileName !== undefined && !(await exists(found))) return { type: 'newFile', uri: found };
  if (code.fileName !== undefined && (await leadsOutside(found))) {
    return refuse(`${code.fileName} is a link that leads out of the workspace, so nothing is written there.`);
  }
  let document: vscode.TextDocument;
  try {
    document = await vscode.workspace.openTextDocument(found);
  } catch {
    return refuse(`${vscode.workspace.asRelativePath(found)} is not a text file, or too large.`);
  }
  const problem = await fileProblem(document);
  if (problem !== undefined) return refuse(problem);
  const place = applyPlace(code.lines, linesOf(document.getText()), document.languageId);
  if (place.type === 'found') return { type: 'place', document, lines: place };
  const selection = editor?.document === document ? editor.selection : undefined;
  if (selection && !selection.isEmpty) {
    return { type: 'place', document, lines: wholeLines(selection) };
  }
  const name = vscode.workspace.asRelativePath(document.uri);
  return refuse(
    place.type === 'ambiguous'
      ? `The code could belong to several places in ${name}. Select the lines that it replaces, and apply it again.`
      : `Nothing in ${name} says where this code belongs. Select the lines that it replaces, and apply it again, or insert it at the cursor.`,
  );
}

function refuse(why: string): ApplyTarget & { readonly type: 'refused' } {
  return { type: 'refused', why };
}

/** In one of the folders of the workspace, whatever the answer says. */
async function namedFile(name: string): Promise<vscode.Uri | (ApplyTarget & { readonly type: 'refused' })> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const relative = path.posix.normalize(name);
  if (path.posix.isAbsolute(relative) || relative.startsWith('../') || /^[a-z]:/i.test(relative)) {
    return refuse(`${name} lies outside of the workspace, so nothing is written there.`);
  }
  for (const folder of folders) {
    const uri = vscode.Uri.joinPath(folder.uri, relative);
    if (await exists(uri)) return uri;
  }
  // Models shorten paths: what ends like it may be meant, if it is the only one.
  const alike = await vscode.workspace.findFiles(`**/${escaped(relative)}`, undefined, 20);
  const [only] = alike;
  if (alike.length === 1 && only) return only;
  if (alike.length > 1)
    return refuse(`Several files are called ${name}. Open the one that you mean, and apply the code again.`);
  const [first] = folders;
  return first ? vscode.Uri.joinPath(first.uri, relative) : refuse('Open the folder that the file belongs to.');
}

function escaped(glob: string): string {
  return glob.replace(/[[\]{}*?]/g, '[$&]');
}

async function exists(uri: vscode.Uri): Promise<boolean> {
  try {
    return (await vscode.workspace.fs.stat(uri)).type !== vscode.FileType.Directory;
  } catch {
    return vscode.workspace.textDocuments.some((document) => document.uri.toString() === uri.toString());
  }
}

/** Only files of this machine have links that an extension can follow. */
async function leadsOutside(uri: vscode.Uri): Promise<boolean> {
  if (uri.scheme !== 'file') return false;
  try {
    const real = await realpath(uri.fsPath);
    const folders = (vscode.workspace.workspaceFolders ?? []).filter((folder) => folder.uri.scheme === 'file');
    const roots = await Promise.all(folders.map((folder) => realpath(folder.uri.fsPath)));
    return !roots.some((root) => real.startsWith(root + path.sep));
  } catch {
    return true;
  }
}
