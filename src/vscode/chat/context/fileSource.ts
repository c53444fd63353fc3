import * as vscode from 'vscode';
import { fuzzyMatch } from '../../../core/chat/fuzzyMatch.ts';
import { abortable } from '../../../core/util/abortable.ts';
import { nameOf, type Attached, type Offer } from './attached.ts';
import { attachFolder } from './folder.ts';
import { allFiles, listFiles } from './listFiles.ts';
import { attachFile } from './readFile.ts';

/** More files than this a workspace is searched for by name instead. */
const mostListed = 20_000;
/** While one types a name, the list that is at hand is new enough. */
const listedForMs = 5000;

/** Of thousands the name is made once, not at every letter. */
interface Named {
  readonly uri: vscode.Uri;
  readonly name: string;
}

interface Listing {
  readonly files: readonly Named[];
  readonly folders: readonly Named[];
  readonly isWhole: boolean;
}

/** The files and folders of the workspace, and what is open in editors. */
export class FileSource {
  readonly #roomTokens: () => number;
  #listing: Promise<Listing> | undefined;
  #listedAtMs = 0;
  readonly #disposing = new AbortController();

  constructor(roomTokens: () => number) {
    this.#roomTokens = roomTokens;
  }

  dispose(): void {
    this.#disposing.abort();
  }

  /** What is open in editors, in the order of their tabs where nothing is searched. */
  open(text: string, most: number): readonly Offer[] {
    return best(text, openUris().map(named), most).map((uri) => fileOffer(uri, 'open in an editor'));
  }

  /** The open ones first, then the best. */
  async files(text: string, most: number, signal: AbortSignal): Promise<readonly Offer[]> {
    const open = this.open(text, most);
    const listing = await this.#list(signal);
    const more = listing.isWhole || text === '' ? [] : await searchByName(text, signal);
    const others = best(text, [...listing.files, ...more.map(named)], most).map((uri) => fileOffer(uri, ''));
    const isOpen = new Set(open.map(({ id }) => id));
    return [...open, ...others.filter(({ id }) => !isOpen.has(id))].slice(0, most);
  }

  async folders(text: string, most: number, signal: AbortSignal): Promise<readonly Offer[]> {
    const { folders } = await this.#list(signal);
    return best(text, folders, most).map((uri) => ({
      id: `folder ${uri.toString()}`,
      label: `@folder ${nameOf(uri)}`,
      detail: '',
      attach: (signal) => attachFolder(uri, this.#roomTokens(), signal),
    }));
  }

  /** A file or a folder of any file system. */
  async attach(uri: vscode.Uri, signal: AbortSignal): Promise<Attached> {
    return (await isFolder(uri)) ? attachFolder(uri, this.#roomTokens(), signal) : attachFile(uri);
  }

  /** Whoever asks may give up; the next one, a letter later, wants the same list. */
  #list(signal: AbortSignal): Promise<Listing> {
    if (!this.#listing || performance.now() - this.#listedAtMs > listedForMs) {
      const listing = listWorkspace(this.#disposing.signal);
      this.#listing = listing;
      this.#listedAtMs = performance.now();
      listing.catch(() => {
        if (this.#listing === listing) this.#listing = undefined;
      });
    }
    return abortable(this.#listing, signal);
  }
}

function fileOffer(uri: vscode.Uri, detail: string): Offer {
  return {
    id: `file ${uri.toString()}`,
    label: `@file ${nameOf(uri)}`,
    detail,
    attach: () => attachFile(uri),
  };
}

async function listWorkspace(signal: AbortSignal): Promise<Listing> {
  const roots = vscode.workspace.workspaceFolders ?? [];
  const lists = await Promise.all(roots.map(({ uri }) => listFiles(uri, allFiles, mostListed, signal)));
  const files = lists.flat();
  const folders = roots.flatMap(({ uri }, at) => [uri, ...foldersBetween(uri, lists[at] ?? [])]);
  return {
    files: files.map(named),
    folders: folders.map(named),
    isWhole: lists.every(({ length }) => length < mostListed),
  };
}

function foldersBetween(root: vscode.Uri, files: readonly vscode.Uri[]): readonly vscode.Uri[] {
  const paths = new Set<string>();
  for (const { path } of files) {
    for (let at = path.lastIndexOf('/'); at > root.path.length; at = path.lastIndexOf('/', at - 1)) {
      if (paths.has(path.slice(0, at))) break;
      paths.add(path.slice(0, at));
    }
  }
  return [...paths].map((path) => root.with({ path }));
}

async function searchByName(text: string, signal: AbortSignal): Promise<readonly vscode.Uri[]> {
  const letters = [...text.slice(text.lastIndexOf('/') + 1)].filter((letter) => /[\p{L}\p{N}._-]/u.test(letter));
  const glob = `**/*${letters.map((letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`).join('*')}*`;
  const roots = vscode.workspace.workspaceFolders ?? [];
  return (await Promise.all(roots.map(({ uri }) => listFiles(uri, glob, 500, signal)))).flat();
}

function named(uri: vscode.Uri): Named {
  return { uri, name: nameOf(uri) };
}

/** Each once. */
function best(text: string, candidates: readonly Named[], most: number): readonly vscode.Uri[] {
  const scored = candidates.flatMap(({ uri, name }) => {
    const score = fuzzyMatch(text, name);
    return score === undefined ? [] : [{ uri, score }];
  });
  const sorted = scored.sort((a, b) => b.score - a.score).map(({ uri }) => uri);
  // Only what is shown is compared: turning thousands of addresses to text would be felt.
  const found = new Map<string, vscode.Uri>();
  for (const uri of sorted) {
    if (found.size === most) break;
    found.set(uri.toString(), uri);
  }
  return [...found.values()];
}

function openUris(): readonly vscode.Uri[] {
  const { all, activeTabGroup } = vscode.window.tabGroups;
  const groups = [activeTabGroup, ...all.filter((group) => group !== activeTabGroup)];
  return groups
    .flatMap(({ tabs }) => [...tabs].sort((a, b) => Number(b.isActive) - Number(a.isActive)))
    .flatMap(({ input }) => {
      if (input instanceof vscode.TabInputTextDiff) return [input.modified];
      const has = [vscode.TabInputText, vscode.TabInputCustom, vscode.TabInputNotebook];
      return has.some((type) => input instanceof type) ? [(input as vscode.TabInputText).uri] : [];
    })
    .filter(({ scheme }) => !scheme.startsWith('a2ia-'));
}

async function isFolder(uri: vscode.Uri): Promise<boolean> {
  try {
    return ((await vscode.workspace.fs.stat(uri)).type & vscode.FileType.Directory) !== 0;
  } catch {
    return false;
  }
}
