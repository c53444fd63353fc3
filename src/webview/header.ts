import type { ModelView, PanelState } from '../protocol/panelState.ts';
import type { Post } from './branchStepper.ts';
import { usedShare } from './budgetBar.ts';
import { button, element, setLabel, setText } from './dom.ts';
import { icon, iconButton } from './icons.ts';

const states: Readonly<Record<ModelView['state'], string>> = {
  looking: 'looking…',
  notAsked: 'not asked yet',
  notRunning: 'not running',
  loading: 'loading…',
  ready: 'ready',
};

/** Who answers, how it is, how full its context window is; and the ways to other conversations. */
export class Header {
  readonly element = element('header', { class: 'panel-header' });
  readonly #title = element('h1', { class: 'visually-hidden' });
  readonly #dot = element('span', { class: 'dot' });
  readonly #name = element('span', { class: 'model-name' });
  readonly #state = element('span', { class: 'dim model-state' });
  /** What the colour of the dot says, and what the button does. */
  readonly #hint = element('span', { class: 'visually-hidden' });
  readonly #model: HTMLButtonElement;
  readonly #meter: HTMLButtonElement;
  readonly #fill = element('span', { class: 'bar-part' });
  readonly #percent = element('span');
  readonly #list: HTMLButtonElement;

  constructor(post: Post, showBudget: () => void) {
    this.#model = button({ class: 'model' }, () => post({ type: 'pickModel' }));
    this.#model.append(this.#dot, this.#name, ' ', this.#state, this.#hint, icon('chevronDown'));
    this.#meter = button({ class: 'meter' }, showBudget, element('span', { class: 'bar' }, this.#fill), this.#percent);
    this.#list = iconButton('history', 'Conversations', () => post({ type: 'openList' }));
    const add = iconButton('add', 'New chat', () => post({ type: 'newConversation' }));
    this.element.append(this.#title, this.#model, this.#meter, this.#list, add);
  }

  update({ model, conversation, composer }: PanelState): void {
    setText(this.#title, conversation.title || 'New chat');
    this.#dot.className = `dot dot-${model.state}`;
    setText(this.#name, model.model || model.backend);
    const state = states[model.state];
    setText(this.#state, model.state === 'ready' ? model.backend : state);
    this.#model.title = model.detail;
    setText(this.#hint, `${model.state === 'ready' ? `, ${state}` : ''}. Switch model`);
    const share = usedShare(composer.budget);
    this.#meter.hidden = share === undefined;
    const percent = Math.round(100 * (share ?? 0));
    this.#fill.style.width = `${Math.min(100, percent)}%`;
    this.#meter.classList.toggle('over', percent > 100);
    setText(this.#percent, `${percent} %`);
    setLabel(this.#meter, `${percent} % of the context window is used. Show what by`);
  }

  focusList(): void {
    this.#list.focus();
  }
}
