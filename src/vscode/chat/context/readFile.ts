import * as vscode from 'vscode';
import { imageMediaType, isBinary, largestImageBytes, largestTextBytes } from '../../../core/chat/fileContent.ts';
import { fileSize } from '../../../core/util/fileSize.ts';
import { errorText } from '../../../core/util/errorText.ts';
import { imageAttachment, nameOf, refuse, textAttachment, type Attached, type Refusal } from './attached.ts';
import { languageOf } from './languages.ts';

/** A file of any file system, as the editor has it where it is open: what was typed, saved or not, counts. Never throws. */
export async function attachFile(uri: vscode.Uri): Promise<Attached> {
  const name = nameOf(uri);
  const document = openDocument(uri);
  if (document) return attachDocument(document);
  if (uri.scheme === 'untitled') return refuse(`${name} is not open any more.`);
  try {
    const { type, size } = await vscode.workspace.fs.stat(uri);
    if (type & vscode.FileType.Directory) return refuse(`${name} is a folder.`);
    if (!(type & vscode.FileType.File)) return refuse(`${name} is not a file that can be read.`);
    if (size > largestImageBytes) return tooLarge(name, size);
    return await attachBytes(name, await vscode.workspace.fs.readFile(uri), uri);
  } catch (error) {
    return unreadable(name, error);
  }
}

/** The text of an editor, saved or not. */
export function attachDocument(document: vscode.TextDocument): Attached {
  const name = nameOf(document.uri);
  const text = document.getText();
  const bytes = Buffer.byteLength(text);
  if (bytes > largestTextBytes) return tooLarge(name, bytes);
  if (text.trim() === '') return refuse(`${name} is empty.`);
  const uri = document.uri.toString();
  return textAttachment({ source: 'file', label: name, languageId: document.languageId, text, uri });
}

/** What was read of a file, or pasted: an image, or a text. */
export async function attachBytes(name: string, bytes: Uint8Array, uri?: vscode.Uri): Promise<Attached> {
  const mediaType = imageMediaType(bytes);
  if (bytes.length > (mediaType ? largestImageBytes : largestTextBytes)) return tooLarge(name, bytes.length);
  if (mediaType) return imageAttachment(name, mediaType, bytes);
  if (isBinary(bytes))
    return refuse(`${name} is a binary file. Text and images (PNG, JPEG, GIF, WebP) can be attached.`);
  const text = await (uri ? vscode.workspace.decode(bytes, { uri }) : vscode.workspace.decode(bytes));
  if (text.trim() === '') return refuse(`${name} is empty.`);
  const origin = uri ? { source: 'file' as const, uri: uri.toString() } : { source: 'paste' as const };
  return textAttachment({ ...origin, label: name, languageId: languageOf(uri?.path ?? name), text });
}

export function tooLarge(name: string, bytes: number): Refusal {
  const limits = `At most ${fileSize(largestTextBytes)} of text, or ${fileSize(largestImageBytes)} of an image`;
  return refuse(
    `${name} has ${fileSize(bytes)}. ${limits}, can be attached; of a text you can select the part you mean.`,
  );
}

/** Also for what is not there any more. */
export function unreadable(name: string, error: unknown): Refusal {
  const code = error instanceof vscode.FileSystemError ? error.code : undefined;
  if (code === 'FileNotFound') return refuse(`${name} is not there any more.`);
  if (code === 'NoPermissions') return refuse(`${name} cannot be read: its permissions do not let you.`);
  const [reason = ''] = errorText(error).split('\n', 1);
  return refuse(`${name} cannot be read: ${reason}`);
}

export function openDocument(uri: vscode.Uri): vscode.TextDocument | undefined {
  const wanted = uri.toString();
  return vscode.workspace.textDocuments.find((document) => document.uri.toString() === wanted);
}
