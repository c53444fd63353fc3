import type { PanelMessage } from '../protocol/messages.ts';
import type { BranchView } from '../protocol/panelState.ts';
import { element, setText } from './dom.ts';
import { iconButton } from './icons.ts';

export type Post = (message: PanelMessage) => void;

/** ‹ 2 of 3 ›: the ways on from here that were taken. Hidden where there is only one. */
export class BranchStepper {
  readonly element = element('span', { class: 'branch', attributes: { role: 'group' } });
  readonly #text = element('span', { class: 'branch-text' });
  readonly #previous: HTMLButtonElement;
  readonly #next: HTMLButtonElement;
  #branch: BranchView | undefined;

  /** `what`: question, answer. */
  constructor(post: Post, what: string) {
    const show = (id: string | undefined): void => {
      if (id !== undefined) post({ type: 'show', messageId: id });
    };
    this.#previous = iconButton('chevronLeft', `Previous ${what}`, () => show(this.#branch?.previousId));
    this.#next = iconButton('chevronRight', `Next ${what}`, () => show(this.#branch?.nextId));
    this.element.append(this.#previous, this.#text, this.#next);
    this.element.setAttribute('aria-label', `Versions of this ${what}`);
  }

  update(branch: BranchView): void {
    this.#branch = branch;
    this.element.hidden = branch.count < 2;
    setText(this.#text, `${branch.number} of ${branch.count}`);
    this.#previous.disabled = branch.previousId === undefined;
    this.#next.disabled = branch.nextId === undefined;
  }
}
