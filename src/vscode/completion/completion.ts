import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import * as vscode from 'vscode';
import { toBackendError } from '../../core/clients/failures.ts';
import type { BackendRegistry } from '../../core/clients/registry.ts';
import { Completer } from '../../core/completion/completer.ts';
import { chooseCompletion } from '../../core/completion/completionChoice.ts';
import { findFimModels } from '../../core/completion/fimModels.ts';
import { isSavingPower, powerLookIntervalMs } from '../../core/completion/powerSaving.ts';
import type { CoreHost } from '../../core/host.ts';
import type { CompletionSettings } from '../../core/settings/settings.ts';
import type { EditorSettings } from '../editorSettings.ts';
import { codeAround, isForCompletion } from './codeAround.ts';
import { CompletionItem } from './completionItem.ts';
import type { CompletionState, Pause } from './completionState.ts';
import { RecentEdits } from './recentEdits.ts';

export interface CompletionParts {
  readonly host: CoreHost;
  readonly registry: BackendRegistry;
  readonly settings: EditorSettings;
}

/** A server that failed is left alone for this time, doubled with every further failure. */
const firstRestMs = 15_000;
const longestRestMs = 300_000;
const powerLookMs = powerLookIntervalMs(process.platform);

/**
 * Ghost text: what the model puts into the gap at the cursor. Keys are no request that somebody means: none of them opens a question or an error, what is
 * wrong stands in the status bar. Nothing is logged.
 */
export class Completion implements vscode.InlineCompletionItemProvider {
  readonly #parts: CompletionParts;
  readonly #item = new CompletionItem();
  readonly #edits = new RecentEdits();
  readonly #registration: vscode.Disposable;
  #state: CompletionState = { is: 'idle' };
  #completer: Completer | undefined;
  /** Ends what is on its way when the settings change. */
  #life = new AbortController();
  #choosing: Promise<void> | undefined;
  #isAsking = false;
  /** Of commands and keys that depend on it. */
  #shownKey: 'on' | 'paused' | undefined;
  #isPaused = false;
  #isSavingPower = false;
  /** The user resumed in spite of it. */
  #ignoresPower = false;
  #powerLookedAtMs = -Infinity;
  #restMs = firstRestMs;
  #restUntilMs = 0;

  constructor(parts: CompletionParts) {
    this.#parts = parts;
    this.#registration = vscode.languages.registerInlineCompletionItemProvider({ pattern: '**' }, this);
    this.#show();
  }

  get state(): CompletionState {
    return this.#state;
  }

  get pause(): Pause {
    if (this.#isPaused) return 'wish';
    return this.#isSavingPower && !this.#ignoresPower ? 'powerSaving' : 'none';
  }

  pauseNow(): void {
    this.#isPaused = true;
    this.#completer?.cancel();
    this.#show();
  }

  resume(): void {
    this.#ignoresPower = this.#isSavingPower;
    this.#isPaused = false;
    this.#show();
  }

  /** The settings are others, or what was wrong may be right now. */
  begin(): void {
    this.#life.abort();
    this.#life = new AbortController();
    this.#completer = undefined;
    this.#choosing = undefined;
    this.#restMs = firstRestMs;
    this.#restUntilMs = 0;
    this.#set({ is: 'idle' });
  }

  /** Now, and not with the first key. */
  async look(): Promise<void> {
    this.begin();
    await this.#ready();
  }

  async provideInlineCompletionItems(
    document: vscode.TextDocument,
    position: vscode.Position,
    { triggerKind, selectedCompletionInfo: selected }: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
  ): Promise<vscode.InlineCompletionItem[]> {
    const isInvoked = triggerKind === vscode.InlineCompletionTriggerKind.Invoke;
    const { completion } = this.#parts.settings.current();
    if (!isForCompletion(document, completion.excludedLanguages) || !this.#isWanted(completion, isInvoked)) return [];
    const place = codeAround(document, position, selected, this.#edits.beside(document, completion.excludedLanguages));
    if (!place) return [];
    const controller = new AbortController();
    const cancelling = token.onCancellationRequested(() => controller.abort());
    const signal = AbortSignal.any([controller.signal, this.#life.signal]);
    try {
      const completer = await this.#ready();
      if (!completer || signal.aborted) return [];
      const onAsking = (isAsking: boolean) => {
        this.#isAsking = isAsking;
        this.#show();
      };
      const text = await completer.complete(place, { isInvoked, onAsking }, signal);
      this.#restMs = firstRestMs;
      if (text === '' || signal.aborted) return [];
      const range = selected?.range ?? new vscode.Range(position, position);
      return [new vscode.InlineCompletionItem((selected?.text ?? '') + text, range)];
    } catch (thrown) {
      if (!signal.aborted) this.#fail(thrown);
      return [];
    } finally {
      cancelling.dispose();
    }
  }

  dispose(): void {
    this.#life.abort();
    void vscode.commands.executeCommand('setContext', 'a2ia.completion', 'off');
    this.#registration.dispose();
    this.#edits.dispose();
    this.#item.dispose();
  }

  /** A pause holds for keys; who asks with a key of its own means it. */
  #isWanted({ mode }: CompletionSettings, isInvoked: boolean): boolean {
    if (mode === 'off') return false;
    if (isInvoked) return true;
    this.#lookForPower();
    return mode === 'automatic' && this.pause === 'none';
  }

  /** Undefined: not now. */
  async #ready(): Promise<Completer | undefined> {
    if (this.#completer) return this.#completer;
    if (this.#state.is === 'failed' && performance.now() < this.#restUntilMs) return undefined;
    if (this.#state.is !== 'idle' && this.#state.is !== 'looking' && this.#state.is !== 'failed') return undefined;
    this.#choosing ??= this.#choose(this.#life.signal);
    await this.#choosing;
    return this.#completer;
  }

  async #choose(signal: AbortSignal): Promise<void> {
    const { registry, settings, host } = this.#parts;
    this.#set({ is: 'looking' });
    try {
      const choice = await chooseCompletion(registry, settings.current(), signal);
      if (signal.aborted) return;
      this.#set(choice);
      if (choice.is !== 'ready') return;
      this.#completer = new Completer(choice.model, {
        nowMs: () => performance.now(),
        wait: (durationMs, waited) => host.wait(durationMs, waited),
      });
    } catch (thrown) {
      if (!signal.aborted) this.#fail(thrown);
    } finally {
      if (!signal.aborted) this.#choosing = undefined;
    }
  }

  #fail(thrown: unknown): void {
    const error = toBackendError(thrown, this.#state.is === 'ready' ? this.#state.named.backend : undefined);
    this.#parts.registry.contradict(error);
    this.#completer = undefined;
    if (error.feature === 'fillInTheMiddle') return void this.#offerOthers(error.message);
    this.#restUntilMs = performance.now() + this.#restMs;
    this.#restMs = Math.min(longestRestMs, this.#restMs * 2);
    this.#set({ is: 'failed', error });
  }

  /** The model is not asked again. */
  async #offerOthers(reason: string): Promise<void> {
    const { registry, settings } = this.#parts;
    const { signal } = this.#life;
    this.#set({ is: 'cannotFill', reason, alternatives: [] });
    const alternatives = await findFimModels(registry, settings.current(), signal).catch(() => []);
    if (!signal.aborted) this.#set({ is: 'cannotFill', reason, alternatives });
  }

  /** Of the machine where the user sits: a remote one has no battery that he cares for. */
  #lookForPower(): void {
    const nowMs = performance.now();
    if (vscode.env.remoteName !== undefined || nowMs - this.#powerLookedAtMs < powerLookMs) return;
    this.#powerLookedAtMs = nowMs;
    void isSavingPower(powerHost).then((isSaving) => {
      this.#isSavingPower = isSaving;
      if (!isSaving) this.#ignoresPower = false;
      this.#show();
    });
  }

  #set(state: CompletionState): void {
    this.#state = state;
    this.#show();
  }

  #show(): void {
    const { pause } = this;
    const key = pause === 'none' ? 'on' : 'paused';
    if (key !== this.#shownKey) void vscode.commands.executeCommand('setContext', 'a2ia.completion', key);
    this.#shownKey = key;
    this.#item.show(this.#state, pause, this.#isAsking);
  }
}

const powerHost = {
  platform: process.platform,
  readFile: (path: string) => readFile(path, 'utf8'),
  run: async (program: string, args: readonly string[]) =>
    (await promisify(execFile)(program, [...args], { timeout: 5_000, windowsHide: true })).stdout,
};
