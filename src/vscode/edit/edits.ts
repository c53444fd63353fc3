import * as vscode from 'vscode';
import { describeForLog } from '../../core/clients/errors.ts';
import { fenceFor } from '../../core/chat/prompts.ts';
import { toBackendError } from '../../core/clients/failures.ts';
import type { BackendRegistry, Choice } from '../../core/clients/registry.ts';
import { namedCode, type CodeToApply } from '../../core/edit/applyPlace.ts';
import { chooseFormat, type EditFormat } from '../../core/edit/editFormat.ts';
import type { LineRange } from '../../core/edit/editSession.ts';
import { refusalText } from '../../core/edit/offer.ts';
import type { EditorSettings } from '../editorSettings.ts';
import { showProblem, type ProblemActions } from '../problems.ts';
import type { StatusBar } from '../statusBar.ts';
import { applyTarget } from './applyTarget.ts';
import type { EditInput } from './editInput.ts';
import { EditLenses } from './editLenses.ts';
import { editPlace } from './editPlace.ts';
import { EditView } from './editView.ts';
import type { FormatRecords } from './formatRecords.ts';
import { LiveEdit, type LiveEditRequest, type Written } from './liveEdit.ts';
import { ProposedDocuments } from './proposedDocuments.ts';
import { SyntaxWatch } from './syntaxWatch.ts';

export interface EditsParts {
  readonly registry: BackendRegistry;
  readonly settings: EditorSettings;
  readonly statusBar: StatusBar;
  readonly log: vscode.LogOutputChannel;
  readonly input: EditInput;
  readonly records: FormatRecords;
  readonly actions: Omit<ProblemActions, 'retry'>;
}

/** What the command `a2ia.edit` resolves to when the answer has ended, for key bindings, tasks and tests. */
export interface EditResult {
  readonly outcome: 'offered' | 'unchanged' | 'refused' | 'stopped' | 'failed';
  /** How many changes are offered. */
  readonly changes: number;
  readonly problem?: string;
}

/** The command A2IA: Edit, and all that can be done with what it offers. One edit for each document at a time. */
export class Edits {
  readonly #parts: EditsParts;
  readonly #view = new EditView();
  readonly #lenses = new EditLenses((document) => this.#live.get(document.uri.toString()));
  readonly #proposed = new ProposedDocuments((uri) => this.#live.get(uri)?.proposedText);
  readonly #syntax = new SyntaxWatch();
  readonly #live = new Map<string, LiveEdit>();
  readonly #changed = new vscode.EventEmitter<LiveEdit>();
  /** There is something else to show of an edit, or nothing any more. */
  readonly onDidChange = this.#changed.event;
  readonly #subscriptions: readonly vscode.Disposable[];

  constructor(parts: EditsParts) {
    this.#parts = parts;
    this.#subscriptions = [
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length > 0) this.#live.get(document.uri.toString())?.follow(contentChanges);
      }),
      vscode.workspace.onDidCloseTextDocument((document) => {
        // The event also comes when the document's language is changed.
        const edit = this.#live.get(document.uri.toString());
        if (document.isClosed && !edit?.request.isOfSet) this.#end(edit);
      }),
      vscode.workspace.onDidOpenTextDocument((document) => {
        const edit = this.#live.get(document.uri.toString());
        if (edit?.request.isOfSet) edit.reopen(document);
      }),
      vscode.window.onDidChangeActiveTextEditor(() => this.#tellKeys()),
    ];
  }

  /** Without a wish the user is asked for one. */
  async run(argument: unknown): Promise<EditResult | undefined> {
    const editor = vscode.window.activeTextEditor;
    if (!editor) return tell('Open a file and put the cursor into the code to edit.');
    const { document } = editor;
    if (this.#live.has(document.uri.toString())) return this.#askAboutPending(document, argument);
    const lines = await editPlace(editor);
    if ('refused' in lines) return tell(lines.refused);
    const wish = typeof argument === 'string' ? argument.trim() : await this.#askForWish(document, lines);
    if (!wish) return undefined;
    // What is selected could not be seen to be removed.
    editor.selection = new vscode.Selection(editor.selection.active, editor.selection.active);
    return this.#edit({ document, lines, wish, earlier: [] });
  }

  /**
   * Offers code out of a conversation where it belongs, as a diff. A file that is not there yet becomes an untitled one of that name, to be saved or not.
   * Undefined, else why not.
   * @param wish what the user asked for in that conversation
   */
  async apply(code: CodeToApply, editor: vscode.TextEditor | undefined, wish = ''): Promise<string | undefined> {
    const named = namedCode(code);
    const target = await applyTarget(named, editor);
    if (target.type === 'refused') return target.why;
    const text = named.lines.join('\n');
    if (target.type === 'newFile') return showNewFile(target.uri, text);
    const { document, lines } = target;
    const name = vscode.workspace.asRelativePath(document.uri);
    const uri = document.uri.toString();
    if (this.#live.has(uri)) return `An edit of ${name} waits for you: accept or reject it first.`;
    const fence = fenceFor(text);
    const answer = `${fence}\n${text}\n${fence}`;
    await vscode.window.showTextDocument(document, { preview: false });
    const edit = new LiveEdit({ document, lines, wish, earlier: [] }, () => this.#show(edit));
    this.#live.set(uri, edit);
    const offer = edit.offer(answer);
    if (offer.type === 'edit') {
      this.goTo('next');
      return undefined;
    }
    this.#end(edit);
    return offer.type === 'unchanged'
      ? `${name} has this code already.`
      : `${refusalText(offer.why)} Nothing was changed.`;
  }

  /** Offers lines that a document shall have, until they are decided on. Undefined: another edit of it waits. */
  propose(document: vscode.TextDocument, lines: readonly string[], wish: string): LiveEdit | undefined {
    const uri = document.uri.toString();
    if (this.#live.has(uri)) return undefined;
    const all = { start: 0, end: document.lineCount };
    const edit = new LiveEdit({ document, lines: all, wish, earlier: [], isOfSet: true }, () => this.#show(edit));
    this.#live.set(uri, edit);
    edit.propose(lines);
    return edit;
  }

  /** Whether there is still something to decide on. */
  isLive(edit: LiveEdit): boolean {
    return this.#live.get(edit.document.uri.toString()) === edit;
  }

  /** Gives it up without a word. */
  drop(edit: LiveEdit): void {
    this.#end(edit);
  }

  async retry(uri: unknown): Promise<EditResult | undefined> {
    const edit = this.#editOf(uri);
    if (!edit) return undefined;
    const further = await this.#parts.input.show('A2IA: Ask again', 'What should be otherwise?');
    return further ? this.retryWith(edit, further) : undefined;
  }

  async retryWith(edit: LiveEdit, further: string): Promise<EditResult | undefined> {
    const lines = edit.regionNow;
    const { request, answerText, document } = edit;
    this.#end(edit);
    if (!lines) return tell('You have changed the code since. Select what to edit, and ask again.');
    return this.#edit({ ...request, document, lines, earlier: [...request.earlier, { answer: answerText, further }] });
  }

  async accept(uri: unknown, id?: unknown): Promise<void> {
    const edit = this.#editOf(uri);
    if (!edit || isWriting(edit)) return;
    const ids = typeof id === 'number' ? new Set([id]) : undefined;
    const watch = this.#syntax.before(edit.document);
    const accepted = await edit.accept(ids);
    if (accepted.length > 0) watch(accepted);
    else {
      tell(`${vscode.workspace.asRelativePath(edit.document.uri)} could not be changed: it may be read-only.`);
    }
  }

  reject(uri: unknown, id?: unknown): void {
    const edit = this.#editOf(uri);
    if (!edit) return;
    if (edit.phase.type === 'writing') edit.stop();
    edit.reject(typeof id === 'number' ? new Set([id]) : undefined);
  }

  /** From a CodeLens with the change, from its box, or from a key: then the one at the cursor, else the next. */
  async acceptChange(from: unknown, id: unknown): Promise<void> {
    const change = this.#changeFor(from, id);
    if (change) await this.accept(change.uri, change.id);
  }

  rejectChange(from: unknown, id: unknown): void {
    const change = this.#changeFor(from, id);
    if (change) this.reject(change.uri, change.id);
  }

  /** The next change of this document after the cursor, or before it; round at the end. */
  goTo(direction: 'next' | 'previous'): void {
    const editor = vscode.window.activeTextEditor;
    const edit = editor && this.#live.get(editor.document.uri.toString());
    if (!edit) return;
    const cursor = editor.document.offsetAt(editor.selection.active);
    const places = edit.hunks.flatMap(({ place }) => (place.type === 'found' ? [place.offset] : []));
    const offset =
      direction === 'next'
        ? (places.find((place) => place > cursor) ?? places[0])
        : (places.findLast((place) => place < cursor) ?? places.at(-1));
    if (offset === undefined) return;
    const at = editor.document.positionAt(offset);
    editor.selection = new vscode.Selection(at, at);
    editor.revealRange(new vscode.Range(at, at), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  }

  async showAsDiff(uri: unknown): Promise<void> {
    const edit = this.#editOf(uri);
    if (edit) await this.#proposed.open(edit.document);
  }

  /** Stops the answer in the document the user is in; false when there is none. What is complete of it is offered. */
  stopHere(): boolean {
    const edit = this.#editOf(undefined);
    if (edit?.phase.type !== 'writing') return false;
    edit.stop();
    return true;
  }

  stopAll(): void {
    for (const edit of this.#live.values()) if (edit.phase.type === 'writing') edit.stop();
  }

  dispose(): void {
    for (const edit of this.#live.values()) edit.stop();
    const shown = [this.#view, this.#lenses, this.#proposed, this.#syntax];
    vscode.Disposable.from(...this.#subscriptions, this.#changed, ...shown).dispose();
  }

  async #askForWish(document: vscode.TextDocument, { start, end }: LineRange): Promise<string | undefined> {
    const name = vscode.workspace.asRelativePath(document.uri);
    const where = end - start === 1 ? `line ${start + 1}` : `lines ${start + 1} to ${end}`;
    this.#view.show({ document, hunks: [], writingAt: new vscode.Range(start, 0, end - 1, 0) });
    try {
      return await this.#parts.input.show(`A2IA: Edit ${name}, ${where}`, 'What should change here?');
    } finally {
      this.#view.hide(document);
    }
  }

  async #askAboutPending(document: vscode.TextDocument, argument: unknown): Promise<EditResult | undefined> {
    const choice = await vscode.window.showInformationMessage(
      `A2IA: An edit of ${vscode.workspace.asRelativePath(document.uri)} waits for you.`,
      'Accept It',
      'Reject It',
    );
    if (choice === 'Accept It') await this.accept(document.uri.toString());
    if (choice === 'Reject It') this.reject(document.uri.toString());
    return choice ? this.run(argument) : undefined;
  }

  async #edit(request: LiveEditRequest): Promise<EditResult> {
    const uri = request.document.uri.toString();
    const edit = new LiveEdit(request, () => this.#show(edit));
    this.#live.set(uri, edit);
    this.#show(edit);
    let choice: Choice | undefined;
    try {
      const { registry, settings, statusBar } = this.#parts;
      const current = settings.current();
      choice = await registry.choose(current, edit.controller.signal);
      statusBar.show(choice);
      const format = await this.#formatFor(choice, request.lines, edit.controller.signal);
      const written = await edit.write(choice, format, current);
      return await this.#judge(edit, choice, written);
    } catch (thrown) {
      this.#end(edit);
      if (edit.controller.signal.aborted) return { outcome: 'stopped', changes: 0 };
      return this.#explain(thrown, choice, request);
    }
  }

  async #judge(edit: LiveEdit, choice: Choice, { answer, offer, format }: Written): Promise<EditResult> {
    const { outcome } = answer;
    const { log, records } = this.#parts;
    const changes = edit.hunks.length;
    log.info(`edit: ${choice.model}, ${format}: ${offer.type === 'refused' ? offer.why.type : offer.type}`);
    if (outcome.type === 'finished') {
      await records.add(choice.model, format, offer.type !== 'refused').catch(() => undefined);
    }
    if (offer.type === 'edit') {
      if (outcome.type === 'failed') this.#explain(outcome.error, choice, edit.request);
      if (outcome.type === 'finished' && outcome.reason === 'length') {
        tell('The answer ended at the length limit. Only what is complete of it is offered.');
      }
      return { outcome: outcome.type === 'failed' ? 'failed' : 'offered', changes };
    }
    this.#end(edit);
    if (outcome.type === 'failed') return this.#explain(outcome.error, choice, edit.request);
    if (outcome.type === 'stopped') return { outcome: 'stopped', changes: 0 };
    const problem = offer.type === 'refused' ? refusalText(offer.why) : 'The model would change nothing.';
    this.#offerAnswer(edit, offer.type === 'refused' ? `${problem} Nothing was changed.` : problem, answer.text);
    return { outcome: offer.type === 'refused' ? 'refused' : 'unchanged', changes: 0, problem };
  }

  /** What is not offered as an edit can still be read. */
  #offerAnswer(edit: LiveEdit, sentence: string, answer: string): void {
    const buttons = answer.trim() === '' ? ['Ask Again'] : ['Ask Again', 'Show Answer'];
    void vscode.window.showWarningMessage(`A2IA: ${sentence}`, ...buttons).then(async (button) => {
      if (button === 'Ask Again') {
        const further = await this.#parts.input.show('A2IA: Ask again', 'What should be otherwise?');
        if (further) await this.retryWith(edit, further);
      }
      if (button === 'Show Answer') {
        const document = await vscode.workspace.openTextDocument({ language: 'markdown', content: answer });
        await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preview: false });
      }
    });
  }

  #explain(thrown: unknown, choice: Choice | undefined, request: LiveEditRequest): EditResult {
    const { registry, log, actions } = this.#parts;
    const error = toBackendError(thrown, choice?.client.backend);
    registry.contradict(error);
    log.warn(describeForLog(error));
    showProblem(error, { ...actions, retry: () => void this.#edit(request) });
    return { outcome: 'failed', changes: 0, problem: `${error.message} ${error.hint}` };
  }

  async #formatFor({ client, model }: Choice, { start, end }: LineRange, signal: AbortSignal): Promise<EditFormat> {
    const record = this.#parts.records.of(model);
    const isHosted = client.backend === 'openai' || client.backend === 'anthropic';
    const few = chooseFormat({ lines: end - start, isHosted, record, sizeBytes: Number.MAX_SAFE_INTEGER });
    // The server is asked for the size only where it matters.
    if (few === 'whole' || isHosted) return few;
    const models = await client.listModels(signal).catch(() => []);
    const sizeBytes = models.find(({ id }) => id === model)?.sizeBytes;
    return chooseFormat({ lines: end - start, isHosted, record, ...(sizeBytes === undefined ? {} : { sizeBytes }) });
  }

  #editOf(uri: unknown): LiveEdit | undefined {
    const wanted = typeof uri === 'string' ? uri : vscode.window.activeTextEditor?.document.uri.toString();
    return wanted === undefined ? undefined : this.#live.get(wanted);
  }

  #changeFor(from: unknown, id: unknown): { readonly uri: string; readonly id: number } | undefined {
    if (typeof from === 'string' && typeof id === 'number') return { uri: from, id };
    const inBox = this.#view.hunkIn(from);
    if (inBox) return inBox;
    const editor = vscode.window.activeTextEditor;
    const edit = editor && this.#live.get(editor.document.uri.toString());
    if (!edit) return undefined;
    const cursor = editor.document.offsetAt(editor.selection.active);
    const found = edit.hunks.filter(({ place }) => place.type === 'found' && place.offset + place.length >= cursor);
    const hunk = found[0] ?? edit.hunks.find(({ place }) => place.type === 'found');
    return hunk && { uri: editor.document.uri.toString(), id: hunk.id };
  }

  #show(edit: LiveEdit): void {
    if (this.#live.get(edit.document.uri.toString()) !== edit) return;
    const { document, hunks, phase } = edit;
    if (phase.type === 'offered' && !hunks.some(({ place }) => place.type === 'found')) {
      // In a change set the tree says so.
      if (hunks.length > 0 && !edit.request.isOfSet)
        tell('You have changed the code that the edit was for, so the edit was dropped.');
      return this.#end(edit);
    }
    const writingAt = phase.type === 'writing' ? edit.regionRange() : undefined;
    this.#view.show({ document, hunks, ...(writingAt ? { writingAt } : {}) });
    this.#proposed.refresh(document);
    this.#lenses.refresh();
    this.#tellKeys();
    this.#changed.fire(edit);
  }

  #end(edit: LiveEdit | undefined): void {
    if (!edit || this.#live.get(edit.document.uri.toString()) !== edit) return;
    edit.stop();
    this.#live.delete(edit.document.uri.toString());
    this.#view.hide(edit.document);
    this.#lenses.refresh();
    this.#tellKeys();
    this.#changed.fire(edit);
  }

  /** Which keys mean something here. */
  #tellKeys(): void {
    const here = this.#editOf(undefined);
    const writing = [...this.#live.values()].filter(({ phase }) => phase.type === 'writing').length;
    this.#parts.statusBar.setAnswering('edit', writing);
    void vscode.commands.executeCommand('setContext', 'a2ia.edit', here?.phase.type);
  }
}

async function showNewFile(uri: vscode.Uri, text: string): Promise<undefined> {
  const document = await vscode.workspace.openTextDocument(uri.with({ scheme: 'untitled' }));
  const editor = await vscode.window.showTextDocument(document, { preview: false });
  // What is there already, from an earlier click, stays.
  if (document.getText() === '') await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), `${text}\n`));
  return undefined;
}

function isWriting({ phase }: LiveEdit): boolean {
  if (phase.type !== 'writing') return false;
  tell('The answer is still coming. Stop it to keep what is complete.');
  return true;
}

function tell(sentence: string): undefined {
  void vscode.window.showInformationMessage(`A2IA: ${sentence}`);
  return undefined;
}
