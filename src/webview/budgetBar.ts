import type { BudgetView } from '../protocol/panelState.ts';
import { element, setClass, setText } from './dom.ts';
import { formatCount, formatShort } from './wording.ts';

/** What the question takes of the room that the conversation and the answer leave in the context window: in a line, and opened, all that is in the window. */
export class BudgetBar {
  readonly element = element('details', { class: 'budget' });
  readonly #bar = element('span', { class: 'bar', attributes: { 'aria-hidden': 'true' } });
  readonly #attachments = element('span', { class: 'bar-part bar-attachments' });
  readonly #draft = element('span', { class: 'bar-part' });
  readonly #text = element('span', { class: 'budget-text' });
  readonly #explanation = element('dl');

  constructor() {
    this.#bar.append(this.#attachments, this.#draft);
    this.element.append(element('summary', {}, this.#bar, this.#text), this.#explanation);
    // It lies over the messages, so it goes with whoever opened it.
    this.element.addEventListener('focusout', () => this.#close());
    this.element.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !this.element.open) return;
      event.preventDefault();
      this.#close();
    });
  }

  update(budget: BudgetView): void {
    const { attachmentTokens, draftTokens } = budget;
    const question = attachmentTokens + draftTokens;
    const room = roomTokens(budget);
    const whole = Math.max(room ?? 0, question, 1);
    this.#attachments.style.width = `${(100 * attachmentTokens) / whole}%`;
    this.#draft.style.width = `${(100 * draftTokens) / whole}%`;
    this.#bar.hidden = room === undefined;
    setText(this.#text, inShort(question, room));
    this.element.title = inFull(budget, question, room);
    setClass(this.element, 'over', room !== undefined && question > room);
    const rows = explanation(budget, room).flatMap(([name, count]) => [
      element('dt', { text: name }),
      element('dd', { text: typeof count === 'number' ? formatCount(count) : count }),
    ]);
    this.#explanation.replaceChildren(...rows);
  }

  #close(): void {
    this.element.open = false;
  }
}

/** What a question may have; less than nothing when the conversation alone is too long. Undefined where the size of the window is not known. */
function roomTokens({ contextTokens, historyTokens, answerTokens }: BudgetView): number | undefined {
  return contextTokens === undefined ? undefined : contextTokens - historyTokens - answerTokens;
}

function inShort(question: number, room: number | undefined): string {
  if (room === undefined) return `${formatShort(question)} tokens`;
  if (question > room) return `${formatShort(question - room)} tokens too many`;
  const free = formatShort(room);
  return question === 0 ? `${free} tokens free` : `${formatShort(question)} of ${free} free tokens`;
}

function inFull({ isExact }: BudgetView, question: number, room: number | undefined): string {
  const tokens = `The question takes ${isExact ? '' : 'about '}${formatCount(question)} tokens.`;
  if (room === undefined) return `${tokens} How many fit is not known: the server does not say.`;
  if (room <= 0) return `${tokens} The conversation leaves no room for it in the context window. Open for details.`;
  return `${tokens} The context window has ${formatCount(room)} left for it. Open for details.`;
}

function explanation(budget: BudgetView, room: number | undefined): readonly (readonly [string, number | string])[] {
  const { historyTokens, attachmentTokens, draftTokens, answerTokens, contextTokens } = budget;
  const left = room === undefined ? undefined : room - attachmentTokens - draftTokens;
  return [
    ['Conversation so far', historyTokens],
    ['Attachments', attachmentTokens],
    ['Question', draftTokens],
    ['Kept free for the answer', answerTokens],
    left !== undefined && left < 0 ? ['Too much by', -left] : ['Free', left ?? 'not known'],
    ['Context window', contextTokens ?? 'not known'],
  ];
}
