import type { MarkView, PlanRowView, PlanView } from '../../protocol/planState.ts';
import { element, setClass, setText } from '../dom.ts';
import { KeyedList, type View } from '../keyedList.ts';

/**
 * What is needed, part by part, laid over the card: what of it is free, and what others use. What reaches beyond what is free is crossed out. For those who
 * look; the table says the same.
 */
export class MemoryBar {
  readonly element = element('div', { class: 'memory', attributes: { 'aria-hidden': 'true' } });
  readonly #flag = element('span', { class: 'memory-flag' });
  readonly #card = element('div', { class: 'memory-card' });
  readonly #kept = element('div', { class: 'memory-kept' });
  readonly #used = element('div', { class: 'memory-used' });
  readonly #parts = element('div', { class: 'memory-parts' });
  readonly #over = element('div', { class: 'memory-over' });
  readonly #line = element('div', { class: 'memory-line' });
  readonly #range = element('div', { class: 'memory-range' });
  readonly #free = element('span', { class: 'memory-free' });
  readonly #list = new KeyedList<Placed>(this.#parts, ({ row }) => row.part, segment);

  constructor() {
    const stack = element('div', { class: 'memory-stack' });
    stack.append(this.#card, this.#kept, this.#used, this.#parts, this.#over, this.#line);
    const above = element('div', { class: 'memory-above' }, this.#flag);
    this.element.append(above, stack, element('div', { class: 'memory-below' }, this.#range, this.#free));
  }

  update({ rows, need, limit, free, total }: PlanView): void {
    const scale = Math.max(total?.bytes ?? 0, free?.bytes ?? 0, need.highBytes, 1);
    const percent = (bytes: number): number => (100 * bytes) / scale;
    const place = (target: HTMLElement, from: number, to: number): void => {
      target.style.left = `${percent(from)}%`;
      target.style.width = `${percent(Math.max(0, to - from))}%`;
    };
    for (const mark of [this.#card, this.#kept, this.#used, this.#over, this.#line, this.#flag]) {
      mark.hidden = !limit || !free || !total;
    }
    setText(this.#free, free && total ? `${free.text} of ${total.text} are free` : '');
    if (limit && free && total) {
      place(this.#card, 0, total.bytes);
      place(this.#kept, limit.bytes, free.bytes);
      place(this.#used, free.bytes, total.bytes);
      place(this.#over, limit.bytes, need.bytes);
      this.#line.style.left = this.#flag.style.left = `${percent(limit.bytes)}%`;
      setText(this.#flag, `${limit.text} usable`);
      setClass(this.#flag, 'leftmost', percent(limit.bytes) < 50);
    }
    setClass(this.element, 'exceeds', limit !== null && need.bytes > limit.bytes);
    place(this.#range, need.lowBytes, need.highBytes);
    this.#list.update(placed(rows).map((one) => ({ ...one, percent })));
  }
}

/** On the GPU, each behind the one before it. */
interface Placed {
  readonly row: PlanRowView;
  readonly from: number;
  readonly percent: (bytes: number) => number;
}

function placed(rows: readonly PlanRowView[]): readonly Omit<Placed, 'percent'>[] {
  let end = 0;
  return onGpu(rows).map((row) => {
    const from = end;
    end += row.bytes;
    return { row, from };
  });
}

export function onGpu<Row extends Pick<PlanRowView, 'part'> & Pick<MarkView, 'bytes'>>(
  rows: readonly Row[],
): readonly Row[] {
  return rows.filter(({ part, bytes }) => part !== 'ram' && bytes > 0);
}

function segment(): View<Placed> {
  const name = element('span', { class: 'segment-name' });
  const size = element('span', { class: 'segment-size' });
  const made = element('div', { class: 'segment' }, element('div', { class: 'segment-words' }, name, size));
  return {
    element: made,
    update: ({ row, from, percent }) => {
      made.dataset['part'] = row.part;
      made.style.left = `${percent(from)}%`;
      made.style.width = `${percent(row.bytes)}%`;
      setText(name, row.label);
      setText(size, row.text);
    },
  };
}
