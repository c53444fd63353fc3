import type { ProposalView } from '../protocol/panelState.ts';
import type { Post } from './branchStepper.ts';
import { button, element, setText } from './dom.ts';
import { KeyedList, type View } from './keyedList.ts';

/** What could be left out, when the next request is more than the model takes. Nothing is left out that nobody chose. */
export class Proposals {
  readonly element = element('div', { class: 'proposals' });
  readonly #occasion = element('p');
  readonly #list: KeyedList<ProposalView>;

  constructor(post: Post) {
    const list = element('ul', { class: 'buttons' });
    this.element.append(this.#occasion, list);
    this.#list = new KeyedList(
      list,
      ({ id }) => id,
      ({ id }) => proposal(id, post),
    );
  }

  update(proposals: readonly ProposalView[], occasion = 'This is more than the model reads at once. You can:'): void {
    setText(this.#occasion, occasion);
    this.element.hidden = proposals.length === 0;
    this.#list.update(proposals);
  }
}

function proposal(id: string, post: Post): View<ProposalView> {
  const made = button({ class: 'text-button' }, () => post({ type: 'applyProposal', proposalId: id }));
  return { element: element('li', {}, made), update: ({ label }) => setText(made, label) };
}
