import type { ConversationView, MessageView } from '../protocol/panelState.ts';
import { AnswerCard } from './answerCard.ts';
import type { Post } from './branchStepper.ts';
import { button, element, setText } from './dom.ts';
import type { DraftKeeper } from './draftKeeper.ts';
import { EndFollower } from './endFollower.ts';
import { KeyedList, type View } from './keyedList.ts';
import { QuestionCard } from './questionCard.ts';
import { formatCount } from './wording.ts';

/** How many messages are in the page at first, and how many more `Show earlier` brings. */
const windowSize = 100;

interface Entry {
  readonly message: MessageView;
  readonly label: string;
}

/** The messages, the last of them at first. All that is in the page can be found, selected and read; the browser lays out only what is near. */
export class Transcript {
  readonly element = element('main', {
    class: 'transcript',
    attributes: { tabindex: '0', 'aria-label': 'Conversation' },
  });
  readonly #messages = element('div', { class: 'messages' });
  readonly #list: KeyedList<Entry>;
  readonly #earlier: HTMLButtonElement;
  readonly #follower: EndFollower;
  #conversation: ConversationView | undefined;
  /** How many are shown of the current conversation, counted from its end when it was opened. */
  #firstShown = 0;

  constructor(post: Post, draft: DraftKeeper) {
    this.#list = new KeyedList(
      this.#messages,
      ({ message }) => message.id,
      ({ message }) => card(message, post, draft),
    );
    this.#earlier = button({ class: 'text-button earlier' }, () => this.#showEarlier());
    this.element.append(this.#earlier, this.#messages);
    this.#follower = new EndFollower(this.element, this.#messages);
  }

  /** Over the end of the messages; not in what scrolls. */
  get latestButton(): HTMLElement {
    return this.#follower.button;
  }

  update(conversation: ConversationView): void {
    if (conversation === this.#conversation) return;
    const isOther = conversation.id !== this.#conversation?.id;
    const last = this.#conversation?.messages.at(-1)?.id;
    this.#conversation = conversation;
    const { messages } = conversation;
    if (isOther || this.#firstShown >= messages.length) this.#firstShown = Math.max(0, messages.length - windowSize);
    keepFocus(this.#messages, () => this.#render(messages));
    // Whoever asks something wants to see the answer, wherever he was.
    const asked = !isOther && messages.at(-1)?.id !== last;
    if (isOther || asked) this.#follower.toEnd();
    else this.#follower.follow();
  }

  focusLast(): void {
    const last = this.#conversation?.messages.at(-1);
    if (last) this.#list.view(last.id)?.element.focus();
  }

  #render(messages: readonly MessageView[]): void {
    this.#list.update(entriesFrom(this.#firstShown, messages));
    this.#earlier.hidden = this.#firstShown === 0;
    setText(this.#earlier, `Show earlier (${formatCount(this.#firstShown)} more)`);
  }

  /** What was in view stays where it is. */
  #showEarlier(): void {
    const anchor = this.#messages.firstElementChild;
    const before = anchor?.getBoundingClientRect().top ?? 0;
    this.#firstShown = Math.max(0, this.#firstShown - windowSize);
    this.#render(this.#conversation?.messages ?? []);
    this.element.scrollTop += (anchor?.getBoundingClientRect().top ?? 0) - before;
    if (this.#earlier.hidden && anchor instanceof HTMLElement) anchor.focus({ preventScroll: true });
  }
}

/** Labels say where a message is among all of its kind, `Answer 3 of 7 by llama3.2`, however many are in the page. */
function entriesFrom(first: number, messages: readonly MessageView[]): Entry[] {
  const counts = { question: 0, answer: 0 };
  for (const { role } of messages) counts[role]++;
  const seen = { question: 0, answer: 0 };
  const entries: Entry[] = [];
  for (const [index, message] of messages.entries()) {
    seen[message.role]++;
    if (index < first) continue;
    const place = `${seen[message.role]} of ${counts[message.role]}`;
    const by = message.role === 'answer' && message.model !== undefined ? ` by ${message.model}` : '';
    entries.push({ message, label: `${message.role === 'answer' ? 'Answer' : 'Question'} ${place}${by}` });
  }
  return entries;
}

/** Who steps to another branch by keys, or asks again, stays at the same button of what took the place; else at the message itself. */
function keepFocus(messages: HTMLElement, change: () => void): void {
  const focused = document.activeElement;
  const place =
    focused && messages.contains(focused) ? [...messages.children].findIndex((at) => at.contains(focused)) : -1;
  change();
  if (place < 0 || (focused?.isConnected && focused.checkVisibility())) return;
  const message = messages.children[place];
  const label = focused?.getAttribute('aria-label');
  const buttons = [...(message?.querySelectorAll('button') ?? [])];
  const same = buttons.find((made) => made.getAttribute('aria-label') === label && made.checkVisibility());
  if (same && !same.disabled) same.focus({ preventScroll: true });
  else if (message instanceof HTMLElement) message.focus({ preventScroll: true });
}

function card(first: MessageView, post: Post, draft: DraftKeeper): View<Entry> {
  if (first.role === 'question') {
    const question = new QuestionCard(post, draft);
    return {
      element: question.element,
      update: ({ message, label }) => {
        if (message.role === 'question') question.update(message, label);
      },
    };
  }
  const answer = new AnswerCard(post);
  return {
    element: answer.element,
    update: ({ message, label }) => {
      if (message.role === 'answer') answer.update(message, label);
    },
  };
}
