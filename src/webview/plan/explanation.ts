import type { PlanView } from '../../protocol/planState.ts';
import { element, setText } from '../dom.ts';

/** Why, in a sentence; and where it fails, the inequality and what the server will say. */
export class Explanation {
  readonly element = element('section', { class: 'explanation', attributes: { 'aria-label': 'Why' } });
  readonly #sentence = element('p');
  readonly #failure = element('div', { class: 'failure' });
  readonly #inequality = element('p', { class: 'failure-inequality' });
  readonly #says = element('p', { class: 'dim' });
  readonly #error = element('pre');

  constructor() {
    this.#failure.append(this.#inequality, this.#says, this.#error);
    this.element.append(this.#sentence, this.#failure);
  }

  update({ verdict, explanation, failure }: PlanView): void {
    setText(this.#sentence, explanation);
    this.#failure.hidden = failure === null;
    this.#failure.dataset['verdict'] = verdict;
    // Where layers go to the CPU nothing ends.
    setText(this.#says, verdict === 'partial' ? 'The server’s log would say:' : 'The server would end with:');
    setText(this.#inequality, failure?.inequality ?? '');
    setText(this.#error, failure?.serverError ?? '');
  }
}
