import * as vscode from 'vscode';
import { commitMessageOf, commitPrompt } from '../../core/chat/commitMessage.ts';
import { generationSettings, runRequest } from '../../core/chat/session.ts';
import { describeForLog } from '../../core/clients/errors.ts';
import { toBackendError } from '../../core/clients/failures.ts';
import type { BackendRegistry, Choice } from '../../core/clients/registry.ts';
import type { EditorSettings } from '../editorSettings.ts';
import { showProblem, type ProblemActions } from '../problems.ts';
import { gitRepositories, type GitRepository } from './context/gitRepositories.ts';

export interface CommitMessageParts {
  readonly registry: BackendRegistry;
  readonly settings: EditorSettings;
  readonly log: vscode.LogOutputChannel;
  readonly actions: Omit<ProblemActions, 'retry'>;
}

/** What else there is of a repository; older versions of the Git extension have less. */
interface Repository extends GitRepository {
  readonly onDidCommit?: vscode.Event<void>;
  log?(options: { readonly maxEntries: number }): Promise<readonly { readonly message: string }[]>;
}

interface Written {
  readonly repository: Repository;
  /** What the user had typed. */
  readonly before: string;
  /** What was put there last: if it is another, the user has gone on with it. */
  after: string;
}

/** So much of an unknown window the changes may take: half of a small one. */
const unknownRoomTokens = 2000;
const answerTokens = 512;
const shownSubjects = 5;

/** Writes a commit message into the box of the source control view, below what is there, as it comes. One more click takes it back. */
export class CommitMessageCommand {
  readonly #parts: CommitMessageParts;
  #controller: AbortController | undefined;
  #written: Written | undefined;
  #following: vscode.Disposable | undefined;

  constructor(parts: CommitMessageParts) {
    this.#parts = parts;
  }

  /** `source`: the source control whose button was pressed. */
  async write(source: unknown): Promise<void> {
    if (this.#controller) return;
    const controller = new AbortController();
    this.#controller = controller;
    try {
      const repository = await this.#repository(source);
      if (repository) await this.#writeFor(repository, source, controller.signal);
    } finally {
      this.#controller = undefined;
      // Stopped or failed before a word came, there is nothing to take back.
      if (this.#written?.after === this.#written?.before) this.#forget();
      else this.#show('written');
    }
  }

  stop(): void {
    this.#controller?.abort();
  }

  undo(): void {
    const { repository, before, after } = this.#written ?? {};
    this.#forget();
    if (!repository || before === undefined) return;
    if (repository.inputBox.value === after) repository.inputBox.value = before;
    else tell('The message was changed since, so it was left as it is.');
  }

  dispose(): void {
    this.stop();
    this.#following?.dispose();
  }

  async #repository(source: unknown): Promise<Repository | undefined> {
    const repositories = await gitRepositories();
    if ('refused' in repositories) return void tell(repositories.refused);
    const root = rootOf(source);
    if (root) return repositories.find(({ rootUri }) => rootUri.toString() === root.toString());
    if (repositories.length === 1) return repositories[0];
    const items = repositories.map((repository) => ({ label: repository.rootUri.path, repository }));
    const picked = await vscode.window.showQuickPick(items, { title: 'A2IA: a commit message for which repository?' });
    return picked?.repository;
  }

  async #writeFor(repository: Repository, source: unknown, signal: AbortSignal): Promise<void> {
    const { registry, settings, actions, log } = this.#parts;
    this.#forget();
    this.#show('writing');
    let choice: Choice | undefined;
    try {
      const diff = await changes(repository);
      if (diff.trim() === '') return tell('Nothing is changed here. (Git shows new files only when they are staged.)');
      const current = settings.current();
      choice = await registry.choose(current, signal);
      const { client, model } = choice;
      log.info(`commit message: ${client.backend} at ${client.endpoint}, model ${model}.`);
      const window = await client.contextWindow(model, signal);
      const mostTokens = window === undefined ? unknownRoomTokens : Math.max(256, window - answerTokens);
      const { messages, shortened } = commitPrompt({ diff, mostTokens, subjects: await subjects(repository) });
      const written: Written = { repository, before: repository.inputBox.value, after: repository.inputBox.value };
      this.#written = written;
      let text = '';
      const request = { model, messages, maxOutputTokens: answerTokens, ...generationSettings(current) };
      const { outcome } = await runRequest(client, request, signal, (event) => {
        if (event.type !== 'text') return;
        text += event.delta;
        if (!put(written, commitMessageOf(text))) this.stop();
      });
      if (outcome.type === 'failed') throw outcome.error;
      if (shortened.length > 0) tell(`The changes were too long, so the model saw only a part of ${names(shortened)}.`);
      this.#following = repository.onDidCommit?.(() => this.#forget());
    } catch (thrown) {
      if (signal.aborted) return;
      const error = toBackendError(thrown, choice?.client.backend);
      registry.contradict(error);
      log.warn(describeForLog(error));
      showProblem(error, { ...actions, retry: () => void this.write(source) });
    }
  }

  #forget(): void {
    this.#written = undefined;
    this.#following?.dispose();
    this.#following = undefined;
    this.#show(undefined);
  }

  /** For the buttons of the source control view. */
  #show(state: 'writing' | 'written' | undefined): void {
    void vscode.commands.executeCommand('setContext', 'a2ia.commitMessage', state);
  }
}

/** False when the user has typed meanwhile: it is his again. */
function put(written: Written, message: string): boolean {
  const { repository, before } = written;
  if (repository.inputBox.value !== written.after) return false;
  written.after = before.trim() === '' ? message : `${before.trimEnd()}\n\n${message}`;
  repository.inputBox.value = written.after;
  return true;
}

/** What would be committed: what is staged, else what is changed. */
async function changes(repository: Repository): Promise<string> {
  const staged = await repository.diff(true);
  return staged.trim() === '' ? repository.diff(false) : staged;
}

async function subjects(repository: Repository): Promise<readonly string[]> {
  // A repository without a commit has no log.
  const commits = (await repository.log?.({ maxEntries: shownSubjects }).catch(() => [])) ?? [];
  return commits.map(({ message }) => message.split('\n', 1)[0] ?? '').filter((subject) => subject !== '');
}

function rootOf(source: unknown): vscode.Uri | undefined {
  const root = typeof source === 'object' && source !== null && 'rootUri' in source ? source.rootUri : undefined;
  return root instanceof vscode.Uri ? root : undefined;
}

function names(paths: readonly string[]): string {
  return paths.length > 3 ? `${paths.slice(0, 3).join(', ')} and ${paths.length - 3} more` : paths.join(', ');
}

function tell(sentence: string): void {
  void vscode.window.showInformationMessage(`A2IA: ${sentence}`);
}
