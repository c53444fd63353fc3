import * as vscode from 'vscode';
import { discardJournal, findJournals, readJournal } from '../../core/edit/changeJournal.ts';
import { linesOf } from '../../core/edit/lines.ts';
import { errorText } from '../../core/util/errorText.ts';
import { plural } from '../../core/util/plural.ts';
import { acceptTogether, type FileProblem, type FileToMake } from './acceptTogether.ts';
import { workspaceRoots } from './applyTarget.ts';
import { makeChangeSet, openFiles, placesOf, refusalText, type ChangedFile } from './changeSet.ts';
import { ChangeTree, type ChangeItem } from './changeTree.ts';
import type { Edits } from './edits.ts';
import { rangeOf } from './editView.ts';
import { NewFileDocuments } from './newFileDocuments.ts';
import { putBack } from './putBack.ts';

export interface ChangeSetsParts {
  readonly edits: Edits;
  /** Where it is written down what is changed together. */
  readonly folder: string;
  readonly log: vscode.LogOutputChannel;
}

type Offered = Exclude<ChangedFile, { readonly type: 'refused' }>;

/** The changes of an answer to several files, in a tree; one such set at a time. */
export class ChangeSets {
  readonly #parts: ChangeSetsParts;
  #files: readonly ChangedFile[] = [];
  #wish = '';
  #isBusy = false;
  readonly #newFiles = new NewFileDocuments((uri) => this.#newTextAt(uri.path));
  readonly #tree = new ChangeTree(() => this.files);
  readonly #view: vscode.TreeView<ChangeItem>;
  readonly #subscriptions: readonly vscode.Disposable[];

  constructor(parts: ChangeSetsParts) {
    this.#parts = parts;
    this.#view = vscode.window.createTreeView('a2ia.changes', { treeDataProvider: this.#tree });
    this.#subscriptions = [
      parts.edits.onDidChange(({ request }) => request.isOfSet && this.#show()),
      vscode.workspace.onDidRenameFiles(({ files }) =>
        this.#lose(
          files.map(({ oldUri }) => oldUri),
          'has another name now',
        ),
      ),
      vscode.workspace.onDidDeleteFiles(({ files }) => this.#lose(files, 'is not there any more')),
    ];
  }

  /** What is left to decide on, and what cannot be changed. */
  get files(): readonly ChangedFile[] {
    return openFiles(this.#files, this.#parts.edits);
  }

  /** Offers what an answer changes in the files that it names. Undefined, else why nothing is offered. */
  async review(answer: string, wish: string): Promise<string | undefined> {
    if (this.#isBusy) return 'Files of an answer are being looked at or changed. Try it again when that is done.';
    if (this.#offered().length > 0 && !(await this.#mayReplace())) return undefined;
    this.rejectAll();
    this.#isBusy = true;
    try {
      const { files, unchanged } = await makeChangeSet(answer, wish, {
        edits: this.#parts.edits,
        languageOf: (uri) => this.#newFiles.languageOf(uri),
      });
      if (files.length === 0) {
        return unchanged > 0 ? 'The files have this code already.' : 'The answer names no file that it changes.';
      }
      if (files.every(({ type }) => type === 'refused')) {
        const reasons = files.map((file) => (file.type === 'refused' ? refusalText(file) : ''));
        return `Nothing was changed. ${reasons.join(' ')}`;
      }
      this.#files = files;
      this.#wish = wish;
      for (const file of files) if (file.type === 'new') this.#newFiles.refresh(file.uri);
    } finally {
      this.#isBusy = false;
    }
    this.#show();
    await vscode.commands.executeCommand('a2ia.changes.focus');
    const [first] = this.#offered();
    if (first) await this.open(first, true);
    return undefined;
  }

  /** Shows it where it is: its changes in the editor, a new file as it would be. */
  async open(item: ChangeItem | undefined, staysInTree = false): Promise<void> {
    if (!item || item.type === 'refused') return;
    if (item.type === 'new') return this.#newFiles.show(item.uri, staysInTree);
    const { file, hunk } = item.type === 'place' ? item : { file: item, hunk: placesOf(item)[0]?.hunk };
    const document = await vscode.workspace.openTextDocument(file.uri);
    file.edit.reopen(document);
    const range = hunk && rangeOf(document, hunk);
    const at = range && new vscode.Range(range.start, range.start);
    await vscode.window.showTextDocument(document, {
      preview: true,
      preserveFocus: staysInTree,
      ...(at ? { selection: at } : {}),
    });
  }

  async showAsDiff(item: ChangeItem | undefined): Promise<void> {
    const file = item?.type === 'place' ? item.file : (item ?? this.#selected());
    if (file?.type === 'edit') {
      await vscode.workspace.openTextDocument(file.uri);
      return this.#parts.edits.showAsDiff(file.uri.toString());
    }
    if (file?.type === 'new') await this.#newFiles.showAsDiff(file.uri);
  }

  /** A change, or all of a file: into its document, as one undo step, not saved. A new file is made at once. */
  async accept(item: ChangeItem | undefined = this.#selected()): Promise<void> {
    if (!item || item.type === 'refused') return;
    if (item.type === 'new') return this.#acceptTogether([item]);
    await this.open(item, true);
    const { uri } = item.type === 'place' ? item.file : item;
    await this.#parts.edits.accept(uri.toString(), item.type === 'place' ? item.hunk.id : undefined);
  }

  reject(item: ChangeItem | undefined = this.#selected()): void {
    if (!item) return;
    if (item.type === 'edit') item.edit.reject();
    else if (item.type === 'place') item.file.edit.reject(new Set([item.hunk.id]));
    else this.#remove(item);
  }

  /** All that is offered, into the files, and saved: all, or nothing. */
  async acceptAll(): Promise<void> {
    const refused = this.files.filter((file) => file.type === 'refused');
    const offered = this.#offered();
    if (offered.length === 0) return;
    if (refused.length > 0) {
      const button = `Accept the Other ${offered.length}`;
      const sentence = `${plural(refused.length, 'file')} of the answer cannot be changed. ${refused.map(refusalText).join(' ')}`;
      if ((await vscode.window.showWarningMessage(`A2IA: ${sentence}`, button)) !== button) return;
    }
    await this.#acceptTogether(offered);
  }

  rejectAll(): void {
    // What is being written is accepted already.
    if (this.#isBusy) return;
    const files = this.#files;
    this.#files = [];
    for (const file of files) this.#forget(file);
    this.#show();
  }

  /** Puts all files back to what they were before the last set was accepted. */
  async undo(): Promise<void> {
    const { done } = await findJournals(this.#parts.folder);
    if (done === undefined) return tell('There are no accepted changes to undo.');
    const reading = await readJournal(done, workspaceRoots());
    if (reading.type === 'refused') return tell(reading.why);
    const { changes } = reading.journal;
    try {
      const count = await putBack(changes, ['after']);
      await discardJournal(done);
      tell(
        count === changes.length
          ? `${plural(count, 'file')} put back to what ${count === 1 ? 'it was' : 'they were'}.`
          : `${count} of ${plural(changes.length, 'file')} put back to what they were.`,
      );
    } catch (error) {
      void vscode.window.showErrorMessage(`A2IA: Not all files could be put back. ${errorText(error)} Try it again.`);
    }
  }

  dispose(): void {
    this.rejectAll();
    vscode.Disposable.from(...this.#subscriptions, this.#view, this.#tree, this.#newFiles).dispose();
  }

  async #acceptTogether(wanted: readonly Offered[]): Promise<void> {
    if (this.#isBusy) return;
    // While a question was open some of them may have been rejected.
    const isLeft = (file: Offered) => this.#files.includes(file) && (file.type === 'new' || file.edit.hunks.length > 0);
    const files = wanted.filter(isLeft);
    if (files.length === 0) return;
    let problems: readonly FileProblem[] = [];
    this.#isBusy = true;
    try {
      const edits = files.flatMap((file) => (file.type === 'edit' ? [file.edit] : []));
      const newFiles = files.flatMap((file): FileToMake[] => (file.type === 'new' ? [file] : []));
      const proposed = edits.map(({ proposedText }) => proposedText);
      const accepted = await acceptTogether({ edits, newFiles }, this.#parts.folder);
      this.#parts.log.info(`changes: ${files.length} files: ${accepted.type}`);
      if (accepted.type === 'accepted') {
        this.#remove(...files);
        this.#sayAccepted(files.length, accepted.canUndo);
        return;
      }
      this.#offerAgain(files, proposed);
      problems = accepted.problems;
    } catch (error) {
      void vscode.window.showErrorMessage(`A2IA: The files could not be changed. ${errorText(error)}`);
    } finally {
      this.#isBusy = false;
      this.#show();
    }
    if (problems.length > 0) await this.#explain(files, problems);
  }

  /** What was put back has lost what followed its lines. */
  #offerAgain(files: readonly Offered[], proposed: readonly string[]): void {
    const { edits } = this.#parts;
    let index = 0;
    for (const file of files) {
      if (file.type !== 'edit') continue;
      const text = proposed[index++] ?? '';
      const { document, hunks } = file.edit;
      if (edits.isLive(file.edit) || hunks.length === 0) continue;
      const edit = edits.propose(document, linesOf(text), this.#wish);
      if (edit) this.#files = this.#files.map((one) => (one === file ? { ...file, edit } : one));
    }
  }

  async #explain(files: readonly Offered[], problems: readonly FileProblem[]): Promise<void> {
    const inTheWay = new Set(problems.map(({ uri }) => uri.toString()));
    const rest = this.#offered().filter(
      ({ uri }) => !inTheWay.has(uri.toString()) && files.some((file) => file.uri.toString() === uri.toString()),
    );
    const button = `Accept the Other ${rest.length}`;
    const buttons = rest.length > 0 && problems.every(({ canGoWithout }) => canGoWithout) ? [button] : [];
    const sentences = problems.map(({ sentence }) => sentence).join(' ');
    const choice = await vscode.window.showWarningMessage(`A2IA: Nothing was changed. ${sentences}`, ...buttons);
    if (choice === button) await this.#acceptTogether(rest);
  }

  #sayAccepted(count: number, canUndo: boolean): void {
    const sentence = `${plural(count, 'file')} changed and saved.`;
    if (!canUndo) return tell(`${sentence} They cannot be undone together: what they held before could not be kept.`);
    void vscode.window.showInformationMessage(`A2IA: ${sentence}`, 'Undo').then((choice) => choice && this.undo());
  }

  async #mayReplace(): Promise<boolean> {
    const count = plural(this.#offered().length, 'file');
    const button = 'Replace Them';
    const sentence = `A2IA: Changes of another answer to ${count} wait for you. They would be rejected.`;
    return (await vscode.window.showWarningMessage(sentence, button)) === button;
  }

  #offered(): readonly Offered[] {
    return this.files.filter((file) => file.type !== 'refused');
  }

  #newTextAt(path: string): string | undefined {
    const found = this.#files.find((file) => file.type === 'new' && file.uri.path === path);
    return found?.type === 'new' ? found.text : undefined;
  }

  #selected(): ChangeItem | undefined {
    return this.#view.selection[0];
  }

  #remove(...gone: readonly ChangedFile[]): void {
    this.#files = this.#files.filter((file) => !gone.includes(file));
    for (const file of gone) this.#forget(file);
    this.#show();
  }

  #forget(file: ChangedFile): void {
    if (file.type === 'edit') this.#parts.edits.drop(file.edit);
    if (file.type === 'new') void this.#newFiles.close(file.uri);
  }

  /** A file that has gone elsewhere is not looked for. */
  #lose(uris: readonly vscode.Uri[], what: string): void {
    const isGone = ({ path }: vscode.Uri) => uris.some((uri) => path === uri.path || path.startsWith(`${uri.path}/`));
    const lost = this.#files.filter((file) => file.type === 'edit' && isGone(file.uri));
    if (lost.length === 0) return;
    this.#files = this.#files.map((file) => {
      if (file.type !== 'edit' || !lost.includes(file)) return file;
      return { type: 'refused', name: vscode.workspace.asRelativePath(file.uri), why: `It ${what}.` };
    });
    for (const file of lost) this.#forget(file);
    this.#show();
  }

  /** The view is there as long as something waits. */
  #show(): void {
    const offered = this.#offered();
    if (offered.length === 0 && !this.#isBusy) this.#files = [];
    const changes = offered.reduce((sum, file) => sum + (file.type === 'edit' ? file.edit.hunks.length : 1), 0);
    this.#view.message = `${plural(changes, 'change')} in ${plural(offered.length, 'file')}. Nothing is in your files yet.`;
    this.#view.badge = { value: offered.length, tooltip: `${plural(offered.length, 'file')} to review` };
    this.#tree.refresh();
    void vscode.commands.executeCommand('setContext', 'a2ia.changes', offered.length > 0);
  }
}

function tell(sentence: string): void {
  void vscode.window.showInformationMessage(`A2IA: ${sentence}`);
}
