import * as vscode from 'vscode';
import { abortable } from '../../../core/util/abortable.ts';
import { withToken } from './cancellation.ts';
import { withoutIgnored } from './gitRepositories.ts';

export const allFiles = '**/*';

/** VS Code waits for ever for somebody who searches a file system that nobody searches. */
const searchLimitMs = 2000;
const notSearchable = new Set<string>();
/** What is walked through is not filtered by settings. */
const neverWalked: readonly string[] = ['.git', 'node_modules'];

/**
 * The files in a folder, without those that `files.exclude`, `search.exclude` and Git hide, unless that hides them all: then the folder itself was meant. What
 * cannot be searched is walked through.
 * @throws the signal's reason
 */
export async function listFiles(
  folder: vscode.Uri,
  include: string,
  most: number,
  signal: AbortSignal,
): Promise<readonly vscode.Uri[]> {
  const searched = notSearchable.has(folder.scheme) ? [] : await search(folder, include, most, signal);
  const found = searched.length > 0 || include !== allFiles ? searched : await walk(folder, most, signal);
  const kept = await withoutIgnored(found);
  signal.throwIfAborted();
  return kept.length > 0 ? kept : found;
}

async function search(
  folder: vscode.Uri,
  include: string,
  most: number,
  signal: AbortSignal,
): Promise<readonly vscode.Uri[]> {
  const pattern = new vscode.RelativePattern(folder, include);
  const limited = folder.scheme === 'file' ? signal : AbortSignal.any([signal, AbortSignal.timeout(searchLimitMs)]);
  try {
    return await withToken(limited, (token) =>
      abortable(Promise.resolve(vscode.workspace.findFiles(pattern, searchExclude(folder), most, token)), limited),
    );
  } catch (error) {
    signal.throwIfAborted();
    if (!limited.aborted) throw error;
    notSearchable.add(folder.scheme);
    return [];
  }
}

/** `findFiles` heeds `files.exclude` by itself. */
function searchExclude(folder: vscode.Uri): string | undefined {
  const search = vscode.workspace.getConfiguration('search', folder);
  const globs = search.get<Readonly<Record<string, unknown>>>('exclude', {});
  const active = Object.keys(globs).filter((glob) => globs[glob] === true);
  return active.length > 1 ? `{${active.join(',')}}` : active[0];
}

async function walk(root: vscode.Uri, most: number, signal: AbortSignal): Promise<readonly vscode.Uri[]> {
  const files: vscode.Uri[] = [];
  const folders = [root];
  for (const folder of folders) {
    signal.throwIfAborted();
    if (files.length >= most) break;
    // A folder that cannot be read hides only what is in it.
    const entries = await Promise.resolve(vscode.workspace.fs.readDirectory(folder)).catch(() => []);
    for (const [name, type] of entries) {
      const uri = vscode.Uri.joinPath(folder, name);
      // A link to a folder can lead back here.
      if (type === vscode.FileType.Directory && !neverWalked.includes(name)) folders.push(uri);
      else if (type & vscode.FileType.File) files.push(uri);
    }
  }
  return files.slice(0, most);
}
