import type { PlanView } from '../../protocol/planState.ts';
import { button, element, setText } from '../dom.ts';

/** Why, in a sentence; what of it was measured here; and where it fails, the inequality and what the server will say. */
export class Explanation {
  readonly element = element('section', { class: 'explanation', attributes: { 'aria-label': 'Why' } });
  readonly #sentence = element('p');
  readonly #measured = element('p', { class: 'measured dim' });
  readonly #measuredText = element('span');
  readonly #failure = element('div', { class: 'failure' });
  readonly #inequality = element('p', { class: 'failure-inequality' });
  readonly #says = element('p', { class: 'dim' });
  readonly #error = element('pre');

  constructor(forget: () => void) {
    const forgets = button({ class: 'link-button', text: 'Forget it' }, forget);
    forgets.setAttribute('aria-label', 'Forget what was measured');
    this.#measured.append(this.#measuredText, ' ', forgets);
    this.#failure.append(this.#inequality, this.#says, this.#error);
    this.element.append(this.#sentence, this.#measured, this.#failure);
  }

  update({ verdict, explanation, measured, failure }: PlanView): void {
    setText(this.#sentence, explanation);
    setText(this.#measuredText, measured);
    this.#measured.hidden = measured === '';
    this.#failure.hidden = failure === null;
    this.#failure.dataset['verdict'] = verdict;
    // Where layers go to the CPU nothing ends.
    setText(this.#says, verdict === 'partial' ? 'The server’s log would say:' : 'The server would end with:');
    setText(this.#inequality, failure?.inequality ?? '');
    setText(this.#error, failure?.serverError ?? '');
  }
}
