import * as vscode from 'vscode';

interface LanguageContribution {
  readonly id?: unknown;
  readonly extensions?: unknown;
  readonly filenames?: unknown;
}

let byName: ReadonlyMap<string, string> | undefined;

/** The language id of a file that is not open, by its name; empty when nobody knows it. Opening it to ask would set language servers to work. */
export function languageOf(path: string): string {
  byName ??= readLanguages();
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  for (let dot = 0; dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const id = byName.get(name.slice(dot));
    if (id !== undefined) return id;
  }
  return '';
}

function readLanguages(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { packageJSON } of vscode.extensions.all) {
    const { contributes } = packageJSON as { readonly contributes?: { readonly languages?: unknown } };
    for (const { id, extensions, filenames } of list<LanguageContribution>(contributes?.languages)) {
      if (typeof id !== 'string') continue;
      for (const name of [...list(extensions), ...list(filenames)]) {
        if (typeof name === 'string' && !found.has(name.toLowerCase())) found.set(name.toLowerCase(), id);
      }
    }
  }
  return found;
}

function list<T = unknown>(value: unknown): readonly T[] {
  return Array.isArray(value) ? (value as T[]) : [];
}
