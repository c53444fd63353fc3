import type { BudgetView } from '../protocol/panelState.ts';
import { element, setClass, setText } from './dom.ts';
import { formatCount, formatShort } from './wording.ts';

const parts = ['history', 'attachment', 'draft', 'answer'] as const;
type Part = (typeof parts)[number];

const names: Readonly<Record<Part, string>> = {
  history: 'Conversation so far',
  attachment: 'Attachments',
  draft: 'Question',
  answer: 'Kept free for the answer',
};

/** What the next request takes of the context window: in a line, and opened, part by part. */
export class BudgetBar {
  readonly element = element('details', { class: 'budget' });
  readonly #bar = element('span', { class: 'bar', attributes: { 'aria-hidden': 'true' } });
  readonly #segments = new Map(parts.map((part) => [part, element('span', { class: `bar-part bar-${part}` })]));
  readonly #text = element('span', { class: 'budget-text' });
  readonly #explanation = element('dl', { class: 'fold-content' });

  constructor() {
    this.#bar.append(...this.#segments.values());
    this.element.append(element('summary', {}, this.#bar, this.#text), this.#explanation);
  }

  update(budget: BudgetView): void {
    const counts = countsOf(budget);
    const used = counts.history + counts.attachment + counts.draft;
    const { contextTokens } = budget;
    const isOver = contextTokens !== undefined && used + counts.answer > contextTokens;
    const whole = Math.max(contextTokens ?? 0, used + counts.answer, 1);
    for (const [part, segment] of this.#segments) segment.style.width = `${(100 * counts[part]) / whole}%`;
    this.#bar.hidden = contextTokens === undefined;
    const of = contextTokens === undefined ? '' : ` of ${formatShort(contextTokens)}`;
    setText(this.#text, `${formatShort(used)}${of} tokens`);
    setClass(this.element, 'over', isOver);
    this.element.title = overview(budget, used);
    const lines = parts.map((part) => [names[part], formatCount(counts[part])] as const);
    const free = contextTokens === undefined ? 'not known' : formatCount(contextTokens - used - counts.answer);
    const rows = [...lines, [isOver ? 'Too much by' : 'Free', free.replace('-', '')] as const];
    this.#explanation.replaceChildren(
      ...rows.flatMap(([name, count]) => [element('dt', { text: name }), element('dd', { text: count })]),
    );
  }
}

/** Everything but what is kept for the answer, as a part of the window; undefined where its size is not known. */
export function usedShare(budget: BudgetView): number | undefined {
  if (!budget.contextTokens) return undefined;
  return (budget.historyTokens + budget.attachmentTokens + budget.draftTokens) / budget.contextTokens;
}

function countsOf(budget: BudgetView): Readonly<Record<Part, number>> {
  return {
    history: budget.historyTokens,
    attachment: budget.attachmentTokens,
    draft: budget.draftTokens,
    answer: budget.answerTokens,
  };
}

function overview({ contextTokens, isExact }: BudgetView, used: number): string {
  const tokens = `${isExact ? '' : 'about '}${formatCount(used)} tokens`;
  if (contextTokens === undefined) {
    return `The next request has ${tokens}. How many fit is not known: the server does not say.`;
  }
  return `The next request takes ${tokens} of the ${formatCount(contextTokens)} that this model reads at once. Open for details.`;
}
