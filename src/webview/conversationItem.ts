import type { ConversationItemView } from '../protocol/panelState.ts';
import type { Post } from './branchStepper.ts';
import { button, element, setLabel, setText } from './dom.ts';
import { icon, iconButton } from './icons.ts';
import type { View } from './keyedList.ts';
import { formatAge, plural } from './wording.ts';

/** A conversation in the list: opened by a click or Enter, renamed by F2, deleted by Delete. */
export class ConversationItem implements View<ConversationItemView & { readonly isCurrent: boolean }> {
  readonly element = element('li', { class: 'conversation' });
  readonly #title = element('span', { class: 'conversation-title' });
  readonly #age = element('span', { class: 'dim' });
  readonly #excerpt = element('span', { class: 'dim excerpt' });
  readonly #open: HTMLButtonElement;
  readonly #pin: HTMLButtonElement;
  readonly #id: string;
  readonly #post: Post;
  #isPinned = false;

  constructor(id: string, post: Post) {
    this.#id = id;
    this.#post = post;
    const openThis = () => post({ type: 'openConversation', id });
    this.#open = button({ class: 'conversation-open' }, openThis, this.#title, this.#age, this.#excerpt);
    this.#open.addEventListener('keydown', ({ key }) => {
      if (key === 'F2') this.#rename();
      if (key === 'Delete') post({ type: 'delete', id });
    });
    this.#pin = iconButton('pin', 'Pin', () => post({ type: 'pin', id, pinned: !this.#isPinned }));
    const tools = element(
      'span',
      { class: 'conversation-tools' },
      this.#pin,
      iconButton('edit', 'Rename (F2)', () => this.#rename()),
      iconButton('export', 'Export to Markdown', () => post({ type: 'export', id })),
      iconButton('trash', 'Delete', () => post({ type: 'delete', id })),
    );
    this.element.append(this.#open, tools);
  }

  update(item: ConversationItemView & { readonly isCurrent: boolean }): void {
    const title = item.title || 'New chat';
    if (this.#title.textContent !== title || item.pinned !== this.#isPinned) {
      this.#title.replaceChildren(...(item.pinned ? [icon('pin')] : []), title);
    }
    this.#isPinned = item.pinned;
    setText(this.#age, formatAge(item.changedAtMs, Date.now()));
    this.#open.title = `${item.title}, ${plural(item.messageCount, 'message')}`;
    setText(this.#excerpt, item.excerpt ?? '');
    this.#excerpt.hidden = item.excerpt === undefined;
    setLabel(this.#pin, item.pinned ? 'Unpin' : 'Pin');
    if (item.isCurrent) this.#open.setAttribute('aria-current', 'true');
    else this.#open.removeAttribute('aria-current');
  }

  #rename(): void {
    const input = element('input', { class: 'input', attributes: { 'aria-label': 'New title' } });
    const title = this.#title.textContent;
    input.value = title;
    let isDone = false;
    const end = (isKept: boolean): void => {
      if (isDone) return;
      isDone = true;
      const hadFocus = document.activeElement === input;
      input.replaceWith(this.#open);
      if (hadFocus) this.#open.focus();
      const renamed = input.value.trim();
      if (isKept && renamed !== title) this.#post({ type: 'rename', id: this.#id, title: renamed });
    };
    input.addEventListener('keydown', (event) => {
      if (event.isComposing) return;
      event.stopPropagation();
      if (event.key !== 'Enter' && event.key !== 'Escape') return;
      // Else the key would go on to what has the focus then, and Enter would open the conversation.
      event.preventDefault();
      end(event.key === 'Enter');
    });
    input.addEventListener('blur', () => end(true));
    this.#open.replaceWith(input);
    input.select();
    input.focus();
  }
}
