import * as vscode from 'vscode';
import { refuse, type Refusal } from './attached.ts';

interface GitChange {
  readonly uri: vscode.Uri;
  readonly status: number;
}

/** What A2IA uses of a repository, as the built-in Git extension gives it (its API, version 1). */
export interface GitRepository {
  readonly rootUri: vscode.Uri;
  readonly inputBox: { value: string };
  readonly state: {
    readonly indexChanges: readonly GitChange[];
    readonly workingTreeChanges: readonly GitChange[];
    readonly mergeChanges: readonly GitChange[];
    /** Only where `git.untrackedChanges` is `separate`; else new files are among those of the working tree. */
    readonly untrackedChanges?: readonly GitChange[];
  };
  /** Reads the state anew. */
  status(): Promise<void>;
  diff(cached?: boolean): Promise<string>;
  /** Which of these paths Git ignores. Missing in older versions. */
  checkIgnore?(paths: string[]): Promise<ReadonlySet<string>>;
}

interface GitApi {
  readonly state: 'uninitialized' | 'initialized';
  readonly repositories: readonly GitRepository[];
}

interface GitExports {
  readonly enabled: boolean;
  getAPI(version: 1): GitApi;
}

/** `Status.UNTRACKED` of the Git extension's API. */
const untracked = 7;

/** At least one; else why there is none. */
export async function gitRepositories(): Promise<readonly GitRepository[] | Refusal> {
  const extension = vscode.extensions.getExtension<GitExports>('vscode.git');
  if (!extension) {
    return vscode.workspace.isTrusted
      ? refuse('VS Code’s Git extension is disabled. Enable it to attach changes.')
      : refuse('Git is off in Restricted Mode. Trust this folder to attach its changes.');
  }
  try {
    const git = await extension.activate();
    if (!git.enabled) return refuse('Git is turned off in the settings (git.enabled).');
    const api = git.getAPI(1);
    if (api.state === 'uninitialized') return refuse('Git is still looking for repositories. Try again in a moment.');
    return api.repositories.length > 0 ? api.repositories : refuse('There is no Git repository in this workspace.');
  } catch {
    // Its API throws where the program is missing.
    return refuse('VS Code did not find Git on this machine. Install it, or set git.path.');
  }
}

/** Without those that Git ignores; all of them where it cannot be asked. */
export async function withoutIgnored(files: readonly vscode.Uri[]): Promise<readonly vscode.Uri[]> {
  const repositories = await gitRepositories();
  if ('refused' in repositories) return files;
  const ignored = await Promise.all(
    repositories.map(async (repository) => {
      const root = `${repository.rootUri.toString()}/`;
      const paths = files.filter((uri) => uri.toString().startsWith(root)).map(({ fsPath }) => fsPath);
      if (paths.length === 0) return [];
      // One path that Git does not like (beyond a link, say) fails them all.
      return (await repository.checkIgnore?.(paths).catch(() => undefined)) ?? [];
    }),
  );
  const all = new Set(ignored.flatMap((paths) => [...paths]));
  return files.filter(({ fsPath }) => !all.has(fsPath));
}

/** Those that Git does not know yet. */
export function newFiles({ state }: GitRepository): readonly vscode.Uri[] {
  const changes = [...state.workingTreeChanges, ...(state.untrackedChanges ?? [])];
  return changes.filter(({ status }) => status === untracked).map(({ uri }) => uri);
}

export function changeCount({ state }: GitRepository): number {
  const { indexChanges, workingTreeChanges, mergeChanges, untrackedChanges = [] } = state;
  const all = [...indexChanges, ...workingTreeChanges, ...mergeChanges, ...untrackedChanges];
  return new Set(all.map(({ uri }) => uri.toString())).size;
}
