import { randomUUID } from 'node:crypto';
import type { Memento } from 'vscode';

const key = 'a2ia.windowId';

/**
 * Of this window, whenever it is opened again. VS Code keeps `workspaceState` with what the window has opened: a duplicate of a window, and the window of
 * somebody else on the same folder, have their own. Two tabs of one browser on one folder have the same.
 */
export function windowId(workspaceState: Memento): string {
  const known = workspaceState.get<string>(key);
  if (known !== undefined) return known;
  const id = randomUUID();
  void workspaceState.update(key, id);
  return id;
}
