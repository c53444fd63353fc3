import type { BudgetView, ModelView, PanelState } from '../protocol/panelState.ts';
import type { Post } from './branchStepper.ts';
import { button, element, setClass, setLabel, setText } from './dom.ts';
import { icon, iconButton } from './icons.ts';

const states: Readonly<Record<ModelView['state'], string>> = {
  looking: 'looking…',
  notAsked: 'not asked yet',
  notRunning: 'not running',
  loading: 'loading…',
  ready: 'ready',
};

/** Who answers, how it is, how full the conversation makes its context window; and the ways to other conversations. */
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
    const words = element('span', { class: 'model-words' }, this.#name, ' ', this.#state, this.#hint);
    this.#model.append(this.#dot, words, icon('chevronDown'));
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
    setClass(this.#model, 'ready', model.state === 'ready');
    this.#model.title = model.detail;
    setText(this.#hint, `${model.state === 'ready' ? `, ${state}` : ''}. Switch model`);
    this.#updateMeter(model.state === 'notRunning' ? undefined : composer.budget);
  }

  focusList(): void {
    this.#list.focus();
  }

  /** It is over when no room is left for an answer, whatever is asked. */
  #updateMeter(budget: BudgetView | undefined): void {
    this.#meter.hidden = !budget?.contextTokens;
    if (!budget?.contextTokens) return;
    const { contextTokens, historyTokens, answerTokens } = budget;
    const percent = Math.round((100 * historyTokens) / contextTokens);
    this.#fill.style.width = `${Math.min(100, percent)}%`;
    setClass(this.#meter, 'over', historyTokens + answerTokens > contextTokens);
    setText(this.#percent, `${percent} %`);
    setLabel(this.#meter, `The conversation takes ${percent} % of the context window. Show details`);
  }
}
