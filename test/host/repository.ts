import { execFileSync } from 'node:child_process';
import * as vscode from 'vscode';

interface GitApi {
  readonly state: 'uninitialized' | 'initialized';
  readonly onDidChangeState: vscode.Event<unknown>;
  readonly repositories: readonly { readonly rootUri: vscode.Uri; readonly inputBox: { value: string } }[];
}

/** A Git repository in the folder that is open. Its files stay until the window is closed: VS Code's Git extension still looks at them. */
export class Repository {
  readonly folder: vscode.Uri;

  constructor(name: string) {
    const [workspace] = vscode.workspace.workspaceFolders ?? [];
    if (!workspace) throw new Error('no folder is open');
    this.folder = vscode.Uri.joinPath(workspace.uri, name);
  }

  static isPossible(): boolean {
    try {
      execFileSync('git', ['--version'], { stdio: 'ignore' });
      return true;
    } catch {
      console.log('Git is not installed here, so nothing is tried with a repository.');
      return false;
    }
  }

  async create(files: Readonly<Record<string, string>>): Promise<void> {
    // Else it may find by itself what a test opens, or finds missing.
    await gitApi();
    for (const [name, content] of Object.entries(files)) await this.write(name, content);
    this.git('init', '--quiet');
    this.git('add', '.');
    this.git('commit', '--quiet', '-m', 'First');
  }

  git(...args: readonly string[]): void {
    const who = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com'];
    execFileSync('git', [...who, ...args], { cwd: this.folder.fsPath, stdio: 'pipe' });
  }

  async write(name: string, content: string): Promise<vscode.Uri> {
    const uri = vscode.Uri.joinPath(this.folder, name);
    await vscode.workspace.fs.writeFile(uri, Buffer.from(content));
    return uri;
  }

  async open(): Promise<void> {
    await vscode.commands.executeCommand('git.openRepository', this.folder.fsPath);
  }

  async close(): Promise<void> {
    await vscode.commands.executeCommand('git.close', this.folder.fsPath);
  }

  /** The box for the commit message in the source control view. */
  async inputBox(): Promise<{ value: string }> {
    const found = (await gitApi()).repositories.find(({ rootUri }) => rootUri.toString() === this.folder.toString());
    if (!found) throw new Error('the Git extension does not know the repository');
    return found.inputBox;
  }
}

/** It looks for repositories when it begins. */
async function gitApi(): Promise<GitApi> {
  const extension = vscode.extensions.getExtension<{ getAPI(version: 1): GitApi }>('vscode.git');
  const api = (await extension?.activate())?.getAPI(1);
  if (!api) throw new Error('VS Code has no Git extension');
  if (api.state === 'initialized') return api;
  return new Promise((resolve) => {
    const listening = api.onDidChangeState(() => {
      listening.dispose();
      resolve(api);
    });
  });
}
