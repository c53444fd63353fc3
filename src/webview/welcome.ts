import type { FoundView, WelcomeView } from '../protocol/panelState.ts';
import type { Post } from './branchStepper.ts';
import { button, element, sameData } from './dom.ts';

/** What an empty conversation shows: who could answer here, and something to ask. */
export class Welcome {
  readonly element = element('div', { class: 'welcome' });
  readonly #post: Post;
  #shown: WelcomeView | undefined;

  constructor(post: Post) {
    this.#post = post;
  }

  update(welcome: WelcomeView): void {
    if (sameData(welcome, this.#shown)) return;
    this.#shown = welcome;
    const { found, suggestions } = welcome;
    this.element.replaceChildren(
      element('h2', { text: 'Ask your own model' }),
      element('p', { class: 'dim', text: 'What you ask goes to the server you chose, and nowhere else.' }),
      element('h3', { text: 'What was found' }),
      ...foundList(found, this.#post),
    );
    if (suggestions.length === 0) return;
    const made = suggestions.map(({ label, text }) =>
      button({ class: 'suggestion', text: label }, () => this.#post({ type: 'useSuggestion', text })),
    );
    this.element.append(element('h3', { text: 'Try' }), element('div', { class: 'suggestions' }, ...made));
  }
}

function foundList(found: readonly FoundView[] | undefined, post: Post): HTMLElement[] {
  if (!found) return [element('p', { class: 'dim', text: 'Looking for servers and models…' })];
  if (found.length === 0) return [element('p', { class: 'dim', text: 'No server was found.' })];
  return [element('ul', { class: 'found' }, ...found.map((item) => foundItem(item, post)))];
}

function foundItem({ label, detail, isReady, button: next }: FoundView, post: Post): HTMLElement {
  const words = element('span', { class: 'found-words' });
  words.append(element('span', { text: label }), element('span', { class: 'dim', text: detail }));
  const item = element('li', {}, element('span', { class: `dot dot-${isReady ? 'ready' : 'looking'}` }), words);
  if (next) {
    const click = () => post({ type: 'foundButton', buttonId: next.id });
    item.append(button({ class: 'text-button', text: next.label }, click));
  }
  return item;
}
