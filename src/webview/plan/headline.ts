import type { PlanView } from '../../protocol/planState.ts';
import { element, setText } from '../dom.ts';
import { icon, type IconName } from '../icons.ts';

const icons: Readonly<Record<PlanView['verdict'], IconName>> = {
  fits: 'check',
  tight: 'warning',
  partial: 'warning',
  fails: 'error',
  unknown: 'warning',
};

/** The verdict, and the two numbers that it comes from, in a line each. */
export class Headline {
  readonly element = element('div', { class: 'headline' });
  readonly #icon = element('span', { class: 'headline-icon' });
  readonly #verdict = element('h2', { attributes: { tabindex: '-1' } });
  readonly #summary = element('p', { class: 'headline-summary' });
  #shown: PlanView['verdict'] | undefined;

  constructor() {
    this.element.append(this.#icon, this.#verdict, this.#summary);
  }

  /** For who has just taken a proposal, further down. */
  focus(): void {
    this.#verdict.focus();
  }

  update({ verdict, headline, summary }: PlanView): void {
    setText(this.#verdict, headline);
    setText(this.#summary, summary);
    if (verdict === this.#shown) return;
    this.#shown = verdict;
    this.element.dataset['verdict'] = verdict;
    this.#icon.replaceChildren(icon(icons[verdict]));
  }
}
