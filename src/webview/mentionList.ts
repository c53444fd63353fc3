import type { MentionView } from '../protocol/messages.ts';
import type { Post } from './branchStepper.ts';
import { element } from './dom.ts';

/** They move the caret, which a textarea does not say by itself. */
const caretKeys: readonly string[] = ['ArrowLeft', 'ArrowRight', 'Home', 'End'];
/** `@` and what follows it, before the caret; after a kind, one word more. */
const mentionPattern = /(?:^|\s)@((?:(?:file|folder|symbol|selection|problems|diff|terminal) )?\S*)$/;

/**
 * What can be attached, offered while one types `@…`. The focus stays in the input, which says with `aria-activedescendant` what is chosen in the list.
 */
export class MentionList {
  readonly element = element('ul', { class: 'mentions', attributes: { role: 'listbox', id: 'mentions' } });
  readonly #input: HTMLTextAreaElement;
  readonly #post: Post;
  readonly #announce: (text: string) => void;
  /** For an Enter that turned out not to be for this list. */
  readonly #send: () => void;
  #items: readonly MentionView[] = [];
  #active = 0;
  /** Undefined: nothing is asked for. */
  #query: string | undefined;
  #isAnswered = false;
  /** Enter came before the answer to the query. */
  #isEntered = false;

  constructor(input: HTMLTextAreaElement, post: Post, announce: (text: string) => void, send: () => void) {
    this.#input = input;
    this.#post = post;
    this.#announce = announce;
    this.#send = send;
    this.element.hidden = true;
    this.element.setAttribute('aria-label', 'What to attach');
    input.setAttribute('aria-autocomplete', 'list');
    input.setAttribute('aria-controls', this.element.id);
    // The focus never leaves the input.
    this.element.addEventListener('mousedown', (event) => event.preventDefault());
    input.addEventListener('blur', () => this.close());
    input.addEventListener('keyup', ({ key }) => {
      if (caretKeys.includes(key)) this.ask();
    });
  }

  /** After each change of the text or the caret. */
  ask(): void {
    const before = this.#input.value.slice(0, this.#input.selectionStart);
    const query = mentionPattern.exec(before)?.[1];
    if (query === this.#query) return;
    if (query === undefined) return this.close();
    this.#query = query;
    this.#isAnswered = false;
    this.#isEntered = false;
    this.#post({ type: 'mention', query });
  }

  /** What the host found; an answer to an older question is out of date. */
  show(query: string, items: readonly MentionView[]): void {
    if (query !== this.#query) return;
    this.#items = items;
    this.#isAnswered = true;
    if (this.#isEntered) {
      this.#isEntered = false;
      return items.length > 0 ? this.#choose(0) : this.#send();
    }
    this.element.hidden = items.length === 0;
    this.element.replaceChildren(...items.map((item, index) => this.#option(item, index)));
    this.#activate(0);
    this.#announce(items.length === 0 ? 'Nothing to attach' : `${items.length} to attach`);
  }

  /** True: the key was for the list. Enter waits for one that is on its way, so that nothing is sent, or taken, that was not on screen. */
  key(key: string): boolean {
    if (this.#query !== undefined && !this.#isAnswered && (key === 'Enter' || key === 'Tab')) {
      this.#isEntered = true;
      return true;
    }
    if (this.element.hidden) return false;
    switch (key) {
      case 'ArrowDown':
      case 'ArrowUp':
        this.#activate(this.#active + (key === 'ArrowDown' ? 1 : -1));
        return true;
      case 'Enter':
      case 'Tab':
        this.#choose(this.#active);
        return true;
      case 'Escape':
        this.close();
        return true;
      default:
        return false;
    }
  }

  close(): void {
    this.#query = undefined;
    this.element.hidden = true;
    this.#input.removeAttribute('aria-activedescendant');
  }

  #option({ label, detail }: MentionView, index: number): HTMLElement {
    const option = element(
      'li',
      { class: 'mention', attributes: { role: 'option', id: `mention-${index}` } },
      element('span', { class: 'mention-label', text: label }),
      element('span', { class: 'dim', text: detail }),
    );
    option.addEventListener('click', () => this.#choose(index));
    return option;
  }

  #activate(index: number): void {
    const count = this.#items.length;
    if (count === 0) return;
    this.#active = (index + count) % count;
    for (const [at, option] of [...this.element.children].entries()) {
      option.setAttribute('aria-selected', String(at === this.#active));
    }
    const active = this.element.children[this.#active];
    active?.scrollIntoView({ block: 'nearest' });
    this.#input.setAttribute('aria-activedescendant', active?.id ?? '');
  }

  /** The chip says it from now on, so what was typed of it goes. */
  #choose(index: number): void {
    const item = this.#items[index];
    const end = this.#input.selectionStart;
    const start = end - (this.#query?.length ?? 0) - 1;
    this.close();
    if (!item) return;
    this.#input.setRangeText('', start, end, 'end');
    this.#input.dispatchEvent(new Event('input', { bubbles: true }));
    this.#post({ type: 'attachMention', mentionId: item.id });
  }
}
