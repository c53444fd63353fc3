/** ↑ and ↓ in the composer go through the questions of the conversation, as in a shell. */
export class QuestionRecall {
  #questions: readonly string[] = [];
  /** From the newest; 0: nothing is recalled. */
  #back = 0;
  #recalled = '';

  update(questions: readonly string[]): void {
    this.#questions = questions;
  }

  /** What to show instead of `text`; undefined where the key keeps its own meaning: something was typed, or there is nothing older. */
  step(key: 'ArrowUp' | 'ArrowDown', text: string): string | undefined {
    const isRecalled = this.#back > 0 && text === this.#recalled;
    if (!isRecalled) {
      if (text !== '') return undefined;
      this.#back = 0;
    }
    const back = this.#back + (key === 'ArrowUp' ? 1 : -1);
    if (back < 0 || back > this.#questions.length) return undefined;
    this.#back = back;
    this.#recalled = back === 0 ? '' : (this.#questions.at(-back) ?? '');
    return this.#recalled;
  }
}
