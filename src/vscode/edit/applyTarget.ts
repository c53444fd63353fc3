import path from 'node:path';
import * as vscode from 'vscode';
import { applyPlace, type NamedCode } from '../../core/edit/applyPlace.ts';
import type { LineRange } from '../../core/edit/editSession.ts';
import { linesOf } from '../../core/edit/lines.ts';
import { isWithin } from '../../core/util/isWithin.ts';
import { fileProblem, wholeLines } from './editPlace.ts';

/** Where code out of an answer goes. */
export type ApplyTarget =
  { readonly type: 'place'; readonly document: vscode.TextDocument; readonly lines: LineRange } | NewFile | Refused;

/** Which file it goes into. */
export type FileTarget = { readonly type: 'file'; readonly document: vscode.TextDocument } | NewFile | Refused;

/** The answer names a file that is not there. */
interface NewFile {
  readonly type: 'newFile';
  readonly uri: vscode.Uri;
  /** Several folders are open, and nothing says in which of them. */
  readonly isGuess: boolean;
}

/** Why it goes nowhere, and what to do. */
interface Refused {
  readonly type: 'refused';
  readonly why: string;
}

/**
 * The file that the code names, else the one in the editor; in it the lines that the code is a new version of, else those that are selected. Nothing is
 * guessed, and nothing is read outside of the workspace.
 */
export async function applyTarget(code: NamedCode, editor: vscode.TextEditor | undefined): Promise<ApplyTarget> {
  const found = await (code.fileName === undefined ? openFile(editor) : namedFile(code.fileName));
  if (found.type !== 'file') return found;
  const { document } = found;
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

async function openFile(editor: vscode.TextEditor | undefined): Promise<FileTarget> {
  if (!editor) return refuse('No file is open, and the code names none. Open the file that it belongs to.');
  return fileTarget(editor.document.uri);
}

/** The file that an answer calls so, in one of the folders of the workspace, whatever the answer says. */
export async function namedFile(name: string): Promise<FileTarget> {
  const place = await placeOf(name);
  if ('why' in place) return place;
  const { uri, isGuess } = place;
  if (await leadsOutside(uri)) {
    return refuse(`${name} is a link that leads out of the workspace, so nothing is written there.`);
  }
  return (await exists(uri)) ? fileTarget(uri) : { type: 'newFile', uri, isGuess };
}

async function fileTarget(uri: vscode.Uri): Promise<FileTarget> {
  let document: vscode.TextDocument;
  try {
    document = await vscode.workspace.openTextDocument(uri);
  } catch {
    return refuse(`${vscode.workspace.asRelativePath(uri)} is not a text file, or too large.`);
  }
  const problem = await fileProblem(document);
  return problem === undefined ? { type: 'file', document } : refuse(problem);
}

function refuse(why: string): Refused {
  return { type: 'refused', why };
}

interface Place {
  readonly uri: vscode.Uri;
  readonly isGuess: boolean;
}

async function placeOf(name: string): Promise<Place | Refused> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const relative = path.posix.normalize(name);
  if (path.posix.isAbsolute(relative) || relative.startsWith('../') || /^[a-z]:/i.test(relative)) {
    return refuse(`${name} lies outside of the workspace, so nothing is written there.`);
  }
  // Programs run what is in there, and on Windows a colon leads into another stream of the file.
  if (/(?:^|\/)\.git(?:\/|$)/i.test(relative) || relative.includes(':')) {
    return refuse(`${name} is not written from an answer. Change it yourself, if it is right.`);
  }
  // Of several folders, VS Code puts the name of one before the path, and so do models.
  const named = folders.flatMap((folder) => {
    const isNamed = folders.length > 1 && relative.startsWith(`${folder.name}/`);
    return isNamed ? [vscode.Uri.joinPath(folder.uri, relative.slice(folder.name.length + 1))] : [];
  });
  const there: vscode.Uri[] = [];
  for (const uri of [...folders.map((folder) => vscode.Uri.joinPath(folder.uri, relative)), ...named]) {
    if (await exists(uri)) there.push(uri);
  }
  // Models shorten paths: what ends like it may be meant, if it is the only one.
  if (there.length === 0) there.push(...(await vscode.workspace.findFiles(`**/${escaped(relative)}`, undefined, 20)));
  const [only] = there;
  if (there.length === 1 && only) return { uri: only, isGuess: false };
  if (there.length > 1) {
    return refuse(`Several files are called ${name}. Open the one that you mean, and apply the code again.`);
  }
  const [first] = folders;
  const [place = first && vscode.Uri.joinPath(first.uri, relative)] = named;
  if (!place) return refuse('Open the folder that the file belongs to.');
  return { uri: place, isGuess: folders.length > 1 && named.length !== 1 };
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
export async function leadsOutside(uri: vscode.Uri): Promise<boolean> {
  if (uri.scheme !== 'file') return false;
  return !(await isWithin(uri.fsPath, workspaceRoots()).catch(() => false));
}

/** On this machine. */
export function workspaceRoots(): readonly string[] {
  const folders = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file');
  return folders.map(({ uri }) => uri.fsPath);
}
