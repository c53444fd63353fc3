import type { OpenConversation } from '../../core/chat/conversationStore.ts';
import type { Draft } from '../../core/chat/promptMessages.ts';
import type { Turn, Turns } from '../../core/chat/turns.ts';
import type { BackendId } from '../../core/clients/llmClient.ts';
import type { ButtonView } from '../../protocol/panelState.ts';
import type { EditorSettings } from '../editorSettings.ts';
import { problemButtons, type Button, type ProblemActions } from '../problems.ts';
import type { RunningAnswers } from './runningAnswers.ts';

export interface TurnActionsParts {
  readonly turns: Turns;
  readonly settings: EditorSettings;
  readonly running: RunningAnswers;
  readonly actions: Omit<ProblemActions, 'retry'>;
  /** What is known of an answer is another now. */
  readonly onAnswer: (id: string) => void;
  /** So many answers are being written, of whatever conversation. */
  readonly onCount: (count: number) => void;
  readonly onEnd: () => void;
}

/** Asks, asks again, goes on and stops. What runs goes on when the panel is hidden or shows something else. */
export class TurnActions {
  readonly #parts: TurnActionsParts;
  readonly #running = new Map<string, { readonly turn: Turn; readonly open: OpenConversation }>();
  readonly #buttons = new Map<string, readonly Button[]>();

  constructor(parts: TurnActionsParts) {
    this.#parts = parts;
  }

  /** Whether this program writes something into the conversation. */
  isRunningIn(open: OpenConversation): boolean {
    return [...this.#running.values()].some((one) => one.open === open);
  }

  isRunning(answerId: string): boolean {
    return this.#running.has(answerId);
  }

  buttons(answerId: string): readonly ButtonView[] {
    return (this.#buttons.get(answerId) ?? []).map(({ label }, index) => ({ id: String(index), label }));
  }

  pressButton(answerId: string, buttonId: string): void {
    this.#buttons.get(answerId)?.[Number(buttonId)]?.run();
  }

  ask(open: OpenConversation, draft: Draft): Turn {
    return this.#follow(open, () => this.#parts.turns.ask(open, draft, this.#parts.settings.current()));
  }

  retry(
    open: OpenConversation,
    answerId: string,
    other?: { readonly backend: BackendId; readonly model: string },
  ): Turn {
    this.stop(open);
    return this.#follow(open, () => this.#parts.turns.retry(open, answerId, this.#parts.settings.current(), other));
  }

  continueAnswer(open: OpenConversation, answerId: string): Turn {
    // Another answer of it gives way, as when one is asked for anew; one that runs already is what is asked for.
    if (!this.isRunning(answerId)) this.stop(open);
    return this.#follow(open, () => this.#parts.turns.continueAnswer(open, answerId, this.#parts.settings.current()));
  }

  edit(open: OpenConversation, questionId: string, text: string): Turn {
    this.stop(open);
    return this.#follow(open, () => this.#parts.turns.edit(open, questionId, text, this.#parts.settings.current()));
  }

  /** In this conversation, else everywhere. */
  stop(open?: OpenConversation): void {
    for (const one of this.#running.values()) if (!open || one.open === open) one.turn.stop();
  }

  /** Resolves when everything has its end. */
  async finish(): Promise<void> {
    this.stop();
    await Promise.all([...this.#running.values()].map(({ turn }) => turn.done));
  }

  #follow(open: OpenConversation, begin: () => Turn): Turn {
    const { running, onAnswer, onCount, onEnd } = this.#parts;
    // Before it begins, which it does with a record; and the conversation may not be the one that is shown.
    const stopListening = open.onChange((record) => {
      running.note(record);
      // Nobody waits for it any more, and the machine has better things to do. If the deletion is undone, it has what came.
      if (record.type === 'delete' && record.deleted) this.stop(open);
    });
    const turn = begin();
    const { answerId } = turn;
    if (this.#running.has(answerId)) {
      stopListening();
      return turn;
    }
    this.#buttons.delete(answerId);
    this.#running.set(answerId, { turn, open });
    onCount(this.#running.size);
    turn.onProgress((what) => {
      if (running.waitFor(answerId, what)) onAnswer(answerId);
    });
    void turn.done.then(() => {
      stopListening();
      this.#running.delete(answerId);
      if (turn.error) {
        const retry = () => this.#askAgain(open, answerId);
        this.#buttons.set(answerId, problemButtons(turn.error, { ...this.#parts.actions, retry }));
        onAnswer(answerId);
      }
      onCount(this.#running.size);
      onEnd();
    });
    return turn;
  }

  /** An answer of which nothing came is tried once more in its place; beside one of which something came begins another. */
  #askAgain(open: OpenConversation, answerId: string): void {
    if (open.conversation.message(answerId)?.text === '') this.continueAnswer(open, answerId);
    else this.retry(open, answerId);
  }
}
