import path from 'node:path';
import * as vscode from 'vscode';
import { isBlank, linesOf } from '../../core/edit/lines.ts';
import { plural } from '../../core/util/plural.ts';
import { placesOf, refusalText, type ChangedFile, type ChangedPlace } from './changeSet.ts';

export type ChangeItem = ChangedFile | ChangedPlace;

/** The files of a change set, and below each of them its changes. */
export class ChangeTree implements vscode.TreeDataProvider<ChangeItem> {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #files: () => readonly ChangedFile[];

  constructor(files: () => readonly ChangedFile[]) {
    this.#files = files;
  }

  refresh(): void {
    this.#changed.fire();
  }

  dispose(): void {
    this.#changed.dispose();
  }

  getChildren(item?: ChangeItem): ChangeItem[] {
    if (!item) return [...this.#files()];
    return item.type === 'edit' ? [...placesOf(item)] : [];
  }

  getParent(item: ChangeItem): ChangeItem | undefined {
    return item.type === 'place' ? item.file : undefined;
  }

  getTreeItem(item: ChangeItem): vscode.TreeItem {
    const made = item.type === 'place' ? placeItem(item) : item.type === 'refused' ? refusedItem(item) : fileItem(item);
    // A click and Enter on what can be looked at.
    if (item.type !== 'refused') {
      made.command = { command: 'a2ia.openChangeItem', title: 'Open', arguments: [item] };
    }
    return made;
  }
}

function fileItem(file: Exclude<ChangedFile, { readonly type: 'refused' }>): vscode.TreeItem {
  const isNew = file.type === 'new';
  const item = new vscode.TreeItem(
    file.uri,
    isNew ? vscode.TreeItemCollapsibleState.None : vscode.TreeItemCollapsibleState.Expanded,
  );
  const name = vscode.workspace.asRelativePath(file.uri);
  const folder = path.dirname(name);
  const counts = isNew
    ? { added: linesOf(file.text).length - 1, removed: 0 }
    : sumOf(file.edit.hunks.map(({ newLines, oldLines }) => [newLines.length, oldLines.length]));
  const words = isNew ? 'new' : `+${counts.added} −${counts.removed}`;
  item.id = file.uri.toString();
  item.contextValue = file.type;
  item.iconPath = vscode.ThemeIcon.File;
  item.description = folder === '.' ? words : `${folder} · ${words}`;
  item.tooltip = isNew ? `${name}: a new file of ${plural(counts.added, 'line')}` : name;
  item.accessibilityInformation = {
    label: isNew
      ? `${name}, a new file of ${plural(counts.added, 'line')}`
      : `${name}, ${plural(file.edit.hunks.length, 'change')}, ${lineCounts(counts.added, counts.removed)}`,
  };
  return item;
}

function refusedItem(file: ChangedFile & { readonly type: 'refused' }): vscode.TreeItem {
  const { name, why } = file;
  const item = new vscode.TreeItem(path.basename(name));
  item.id = `refused ${name}`;
  item.contextValue = 'refused';
  item.iconPath = new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
  item.description = why;
  item.tooltip = refusalText(file);
  item.accessibilityInformation = { label: `${name}, not changed: ${why}` };
  return item;
}

function placeItem({ file, hunk }: ChangedPlace): vscode.TreeItem {
  const { oldLines, newLines, place } = hunk;
  const told = (lines: readonly string[]) => lines.find((line) => !isBlank(line))?.trim();
  const text = told(newLines) ?? told(oldLines) ?? 'Blank lines';
  const item = new vscode.TreeItem(text.length > 80 ? `${text.slice(0, 80)}…` : text);
  const isFound = place.type === 'found';
  item.id = `${file.uri.toString()} ${hunk.id}`;
  item.contextValue = isFound ? 'place' : 'overtaken';
  item.iconPath = new vscode.ThemeIcon(isFound ? iconOf(hunk) : 'warning');
  item.description = isFound ? `+${newLines.length} −${oldLines.length}` : 'changed meanwhile';
  item.tooltip = new vscode.MarkdownString().appendCodeblock(
    [...oldLines.map((line) => `-${line}`), ...newLines.map((line) => `+${line}`)].slice(0, 40).join('\n'),
    'diff',
  );
  const state = isFound ? lineCounts(newLines.length, oldLines.length) : 'the lines were changed meanwhile';
  item.accessibilityInformation = { label: `${text}, ${state}` };
  return item;
}

function iconOf({ oldLines, newLines }: ChangedPlace['hunk']): string {
  if (oldLines.length === 0) return 'diff-added';
  return newLines.length === 0 ? 'diff-removed' : 'diff-modified';
}

function lineCounts(added: number, removed: number): string {
  return `${plural(added, 'line')} added, ${removed} removed`;
}

function sumOf(pairs: readonly (readonly [number, number])[]): { readonly added: number; readonly removed: number } {
  return pairs.reduce((sum, [added, removed]) => ({ added: sum.added + added, removed: sum.removed + removed }), {
    added: 0,
    removed: 0,
  });
}
