import * as vscode from 'vscode';
import { isBinary } from '../../../core/chat/fileContent.ts';
import { folderText, type LeftOut } from '../../../core/chat/folderText.ts';
import { nameOf, refuse, textAttachment, type Attached } from './attached.ts';
import { allFiles, listFiles } from './listFiles.ts';
import { openDocument, unreadable } from './readFile.ts';

const mostFiles = 20_000;
/** More than any tokenizer makes one token of, on average. */
const bytesPerToken = 8;

/** The tree of a folder and as many of its texts as there is room for. Never throws. */
export async function attachFolder(uri: vscode.Uri, roomTokens: number, signal: AbortSignal): Promise<Attached> {
  const name = nameOf(uri);
  try {
    const files = await listFiles(uri, allFiles, mostFiles, signal);
    if (files.length === 0) return refuse(`${name} has no files that can be attached.`);
    if (files.length >= mostFiles) return refuse(`${name} has ${mostFiles} files or more. Attach a folder in it.`);
    const inside = uri.path.endsWith('/') ? uri.path.length : uri.path.length + 1;
    const byPath = new Map(files.map((file) => [file.path.slice(inside), file]));
    const { text, summary } = await folderText(name, [...byPath.keys()], roomTokens, async (path) => {
      const file = byPath.get(path);
      return file ? readSmall(file, roomTokens * bytesPerToken) : 'unreadable';
    });
    return textAttachment({ source: 'folder', label: `${name} (${summary})`, languageId: '', text });
  } catch (error) {
    return unreadable(name, error);
  }
}

async function readSmall(uri: vscode.Uri, mostBytes: number): Promise<{ readonly text: string } | LeftOut> {
  const document = openDocument(uri);
  if (document) return { text: document.getText() };
  try {
    const { size } = await vscode.workspace.fs.stat(uri);
    if (size > mostBytes) return 'long';
    const bytes = await vscode.workspace.fs.readFile(uri);
    return isBinary(bytes) ? 'binary' : { text: await vscode.workspace.decode(bytes, { uri }) };
  } catch {
    return 'unreadable';
  }
}
