import * as vscode from 'vscode';
import { withToken } from './cancellation.ts';

const never: readonly string[] = ['.git', 'node_modules'];

/**
 * The files in a folder, without those that `files.exclude` and `search.exclude` hide. Only some file systems can be searched; where nothing is found, the
 * folder is walked through instead.
 */
export async function listFiles(
  folder: vscode.Uri,
  include: string,
  most: number,
  signal: AbortSignal,
): Promise<readonly vscode.Uri[]> {
  const pattern = new vscode.RelativePattern(folder, include);
  const found = await withToken(signal, (token) =>
    vscode.workspace.findFiles(pattern, searchExclude(folder), most, token),
  );
  return found.length > 0 || include !== allFiles ? found : walk(folder, most, signal);
}

export const allFiles = '**/*';

/** `findFiles` heeds `files.exclude` by itself. */
function searchExclude(folder: vscode.Uri): string | undefined {
  const globs = vscode.workspace
    .getConfiguration('search', folder)
    .get<Readonly<Record<string, unknown>>>('exclude', {});
  const active = Object.keys(globs).filter((glob) => globs[glob] === true);
  return active.length > 1 ? `{${active.join(',')}}` : active[0];
}

async function walk(root: vscode.Uri, most: number, signal: AbortSignal): Promise<readonly vscode.Uri[]> {
  const files: vscode.Uri[] = [];
  const folders = [root];
  for (const folder of folders) {
    if (files.length >= most || signal.aborted) break;
    // A folder that cannot be read hides only what is in it.
    const entries = await Promise.resolve(vscode.workspace.fs.readDirectory(folder)).catch(() => []);
    for (const [name, type] of entries) {
      const uri = vscode.Uri.joinPath(folder, name);
      if (type === vscode.FileType.Directory && !never.includes(name)) folders.push(uri);
      else if (type & vscode.FileType.File) files.push(uri);
    }
  }
  return files.slice(0, most);
}
