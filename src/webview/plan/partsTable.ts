import type { MarkView, PlanRowView, PlanView } from '../../protocol/planState.ts';
import { element, setText } from '../dom.ts';
import { KeyedList, type View } from '../keyedList.ts';

interface Row {
  readonly key: string;
  readonly label: string;
  readonly mark: MarkView;
  readonly because: string;
}

/** Every figure with where it comes from and how far it may be off: the legend of the picture, and all of it for those who do not see that. */
export class PartsTable {
  readonly element = element('section', { class: 'parts' });
  readonly #parts = element('tbody');
  readonly #sums = element('tfoot');
  readonly #doubts = element('ul');
  readonly #doubtSection = element('div', { class: 'doubts' });
  readonly #partList = new KeyedList<Row>(this.#parts, ({ key }) => key, tableRow);
  readonly #sumList = new KeyedList<Row>(this.#sums, ({ key }) => key, tableRow);
  readonly #doubtList = new KeyedList<string>(
    this.#doubts,
    (doubt) => doubt,
    () => {
      const item = element('li');
      return { element: item, update: (doubt) => setText(item, doubt) };
    },
  );

  constructor() {
    const title = element('h3', { text: 'Every figure' });
    title.id = 'figures';
    const heads = ['Part', 'Memory', 'Between', 'Known from'].map((text) =>
      element('th', { text, attributes: { scope: 'col' } }),
    );
    const table = element('table', { attributes: { 'aria-labelledby': title.id } });
    table.append(element('thead', {}, element('tr', {}, ...heads)), this.#parts, this.#sums);
    this.#doubtSection.append(element('h3', { text: 'What was not known' }), this.#doubts);
    this.element.append(title, table, this.#doubtSection);
  }

  update({ rows, need, limit, free, total, doubts }: PlanView): void {
    this.#partList.update(rows.map(partRow));
    const sums: readonly (readonly [key: string, label: string, mark: MarkView | null])[] = [
      ['need', 'Needed on the GPU', need],
      ['limit', 'Usable', limit],
      ['free', 'Free', free],
      ['total', 'In all', total],
    ];
    this.#sumList.update(
      sums.flatMap(([key, label, mark]) => (mark ? [{ key, label, mark, because: mark.because }] : [])),
    );
    this.#doubtList.update([...new Set(doubts)]);
    this.#doubtSection.hidden = doubts.length === 0;
  }
}

function partRow(row: PlanRowView): Row {
  return { key: row.part, label: row.label, mark: row, because: row.because };
}

function tableRow(): View<Row> {
  const label = element('span');
  const swatch = element('span', { class: 'swatch', attributes: { 'aria-hidden': 'true' } });
  const size = element('td', { class: 'number' });
  const range = element('td', { class: 'number' });
  const origin = element('span', { class: 'origin' });
  const because = element('span', { class: 'dim' });
  const made = element('tr');
  made.append(element('th', { attributes: { scope: 'row' } }, swatch, label), size, range);
  made.append(element('td', {}, origin, because));
  return {
    element: made,
    update: (row) => {
      made.dataset['part'] = row.key;
      setText(label, row.label);
      setText(size, row.mark.text);
      setText(range, row.mark.range);
      setText(origin, row.mark.origin);
      setText(because, row.because);
    },
  };
}
