import { createHash } from 'node:crypto';
import * as vscode from 'vscode';

/**
 * Where the conversations of the open workspace are. The same for every window on it, which VS Code's own `storageUri` is not: its folder is locked by one
 * extension host, and another window on the same workspace, or a window that is reloaded while its old host still ends, gets one with `-1` at its end.
 * Windows without a workspace share one.
 */
export function storageFolder(globalStorageUri: vscode.Uri): vscode.Uri {
  const { workspaceFile, workspaceFolders = [] } = vscode.workspace;
  // A workspace that was not saved is its folders: it is what a duplicate of a window opens.
  const isSaved = workspaceFile !== undefined && workspaceFile.scheme !== 'untitled';
  const uris = isSaved ? [workspaceFile] : workspaceFolders.map(({ uri }) => uri);
  if (uris.length === 0) return globalStorageUri;
  const id = createHash('sha256').update(uris.map(String).sort().join('\n')).digest('hex').slice(0, 32);
  return vscode.Uri.joinPath(globalStorageUri, 'workspaces', id);
}
