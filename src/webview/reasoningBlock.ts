import type { AnswerView } from '../protocol/panelState.ts';
import { element, setText } from './dom.ts';
import { reasoningSummary } from './wording.ts';

/** What the model thought before it answered: closed until somebody wants it, and only written while it is open. */
export class ReasoningBlock {
  readonly element = element('details', { class: 'fold reasoning' });
  readonly #summary = element('summary');
  readonly #text = document.createTextNode('');
  #reasoning = '';

  constructor() {
    const text = element('div', { class: 'fold-content', attributes: { tabindex: '0' } }, this.#text);
    text.setAttribute('aria-label', 'Reasoning');
    text.setAttribute('role', 'group');
    this.element.append(this.#summary, text);
    this.element.addEventListener('toggle', () => this.#write());
  }

  update(answer: AnswerView): void {
    this.element.hidden = answer.reasoning === '';
    if (this.element.hidden) return;
    this.#reasoning = answer.reasoning;
    setText(this.#summary, reasoningSummary(answer));
    this.#write();
  }

  /** Only what is new is added, so that a selection in it stays. */
  #write(): void {
    if (!this.element.open) return;
    const shown = this.#text.data;
    if (this.#reasoning.startsWith(shown)) this.#text.appendData(this.#reasoning.slice(shown.length));
    else this.#text.data = this.#reasoning;
  }
}
