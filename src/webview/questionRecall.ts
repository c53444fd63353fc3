import type { MessageView } from '../protocol/panelState.ts';

/** ↑ and ↓ in the composer go through the questions of the conversation, as in a shell. */
export class QuestionRecall {
  /** From the newest; 0: nothing is recalled. */
  #back = 0;
  #recalled = '';

  /** What to show instead of `text`; undefined where the key keeps its own meaning: something was typed, or there is nothing older. */
  step(key: 'ArrowUp' | 'ArrowDown', text: string, messages: readonly MessageView[]): string | undefined {
    const isRecalled = this.#back > 0 && text === this.#recalled;
    if (!isRecalled && text !== '') return undefined;
    const questions = messages.filter(({ role }) => role === 'question');
    const back = (isRecalled ? this.#back : 0) + (key === 'ArrowUp' ? 1 : -1);
    if (back < 0 || back > questions.length) return undefined;
    this.#back = back;
    this.#recalled = back === 0 ? '' : (questions.at(-back)?.text ?? '');
    return this.#recalled;
  }
}
