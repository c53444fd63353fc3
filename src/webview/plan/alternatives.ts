import type { AlternativeView } from '../../protocol/planState.ts';
import { button, element, setText } from '../dom.ts';
import { KeyedList, type View } from '../keyedList.ts';

/** What would do better, the best first; a click takes it. */
export class Alternatives {
  readonly element = element('section', { class: 'alternatives' });
  readonly #items = element('ul');
  readonly #list: KeyedList<AlternativeView>;

  constructor(take: (id: string) => void) {
    this.#list = new KeyedList(
      this.#items,
      ({ label }) => label,
      () => alternative(take),
    );
    const title = element('h3', { text: 'What would do better' });
    title.id = 'alternatives';
    this.#items.setAttribute('aria-labelledby', title.id);
    this.element.append(title, this.#items);
  }

  update(alternatives: readonly AlternativeView[]): void {
    this.#list.update(alternatives);
    this.element.hidden = alternatives.length === 0;
  }
}

function alternative(take: (id: string) => void): View<AlternativeView> {
  let id = '';
  const dot = element('span', { class: 'verdict-dot' });
  const label = element('span', { class: 'alternative-label' });
  const detail = element('span', { class: 'dim' });
  const words = element('span', { class: 'alternative-words' }, label, detail);
  const choose = button({ class: 'alternative' }, () => take(id), dot, words);
  return {
    element: element('li', {}, choose),
    update: (item) => {
      id = item.id;
      dot.dataset['verdict'] = item.verdict;
      setText(label, item.label);
      setText(detail, item.detail);
    },
  };
}
