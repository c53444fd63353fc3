import type { PlanView } from '../../protocol/planState.ts';
import { element, setText } from '../dom.ts';

/** Why, in a sentence; and where it fails, the inequality and what the server will say. */
export class Explanation {
  readonly element = element('section', { class: 'explanation', attributes: { 'aria-label': 'Why' } });
  readonly #sentence = element('p');
  readonly #failure = element('div', { class: 'failure' });
  readonly #inequality = element('p', { class: 'failure-inequality' });
  readonly #error = element('pre');

  constructor() {
    const says = element('p', { class: 'dim', text: 'The server would end with:' });
    this.#failure.append(this.#inequality, says, this.#error);
    this.element.append(this.#sentence, this.#failure);
  }

  update({ explanation, failure }: PlanView): void {
    setText(this.#sentence, explanation);
    this.#failure.hidden = failure === null;
    setText(this.#inequality, failure?.inequality ?? '');
    setText(this.#error, failure?.serverError ?? '');
  }
}
