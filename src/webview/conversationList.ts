import type { ConversationItemView, ConversationListView, DeletedView } from '../protocol/panelState.ts';
import type { Post } from './branchStepper.ts';
import { button, element, setText } from './dom.ts';
import { ConversationItem } from './conversationItem.ts';
import { iconButton } from './icons.ts';
import { KeyedList, type View } from './keyedList.ts';
import { plural } from './wording.ts';

/** All conversations of the workspace, in place of the chat. */
export class ConversationList {
  readonly element = element('main', { class: 'conversations', attributes: { 'aria-label': 'Conversations' } });
  readonly #search = element('input', { class: 'input' });
  readonly #items = element('ul', { class: 'conversation-items' });
  readonly #nothing = element('p', { class: 'dim nothing' });
  readonly #deleted = element('ul', { class: 'deleted', attributes: { 'aria-label': 'Deleted' } });
  readonly #deletedList: KeyedList<DeletedView>;
  readonly #list: KeyedList<ConversationItemView & { readonly isCurrent: boolean }>;
  readonly #post: Post;
  readonly #announce: (text: string) => void;
  #shown: ConversationListView | undefined;

  constructor(post: Post, announce: (text: string) => void) {
    this.#post = post;
    this.#announce = announce;
    this.#list = new KeyedList(
      this.#items,
      ({ id }) => id,
      (item) => new ConversationItem(item.id, post),
    );
    this.#deletedList = new KeyedList(
      this.#deleted,
      ({ id }) => id,
      ({ id, title }) => this.#deletedItem(id, title),
    );
    this.#search.type = 'search';
    this.#search.placeholder = 'Search conversations';
    this.#search.setAttribute('aria-label', 'Search conversations');
    this.#search.addEventListener('input', () => post({ type: 'search', query: this.#search.value }));
    const back = iconButton('chevronLeft', 'Back to the chat', () => post({ type: 'closeList' }));
    const add = iconButton('add', 'New chat', () => post({ type: 'newConversation' }));
    const header = element('header', { class: 'panel-header' }, back, this.#search, add);
    this.element.append(element('h1', { class: 'visually-hidden', text: 'Conversations' }), header);
    this.element.append(this.#items, this.#nothing, this.#deleted);
    this.element.addEventListener('keydown', (event) => this.#keyDown(event));
  }

  update(list: ConversationListView | undefined, currentId: string): void {
    if (list === this.#shown) return;
    const before = this.#shown;
    this.#shown = list;
    this.element.hidden = !list;
    if (!list) return;
    this.#list.update(list.items.map((item) => ({ ...item, isCurrent: item.id === currentId })));
    this.#nothing.hidden = list.items.length > 0;
    setText(this.#nothing, list.query === '' ? 'No conversations yet.' : `Nothing with “${list.query}”.`);
    this.#showDeleted(list.deleted, before?.deleted);
    if (!before) {
      this.#search.value = list.query;
      this.#search.focus();
    } else if (list.query !== before.query) {
      this.#announce(plural(list.items.length, 'conversation'));
    }
  }

  #showDeleted(deleted: readonly DeletedView[], before: readonly DeletedView[] = deleted): void {
    this.#deleted.hidden = deleted.length === 0;
    this.#deletedList.update(deleted);
    const [latest] = deleted;
    if (!latest || before.some(({ id }) => id === latest.id)) return;
    this.#announce(deletedText(latest.title));
    // What had the focus is gone; the way back is the next thing that one may want.
    this.#deleted.scrollTop = 0;
    this.#deleted.querySelector('button')?.focus();
  }

  #deletedItem(id: string, title: string): View<DeletedView> {
    const undo = () => {
      this.#post({ type: 'undoDelete', id });
      this.#search.focus();
    };
    const words = element('span', { text: deletedText(title) });
    const label = { 'aria-label': `Undo: ${deletedText(title)}` };
    const row = element('li', {}, words, button({ class: 'text-button', text: 'Undo', attributes: label }, undo));
    return { element: row, update: () => undefined };
  }

  #keyDown(event: KeyboardEvent): void {
    const { key } = event;
    if (key === 'Escape') {
      this.#post({ type: 'closeList' });
    } else if (key === 'ArrowDown' || key === 'ArrowUp') {
      const places = [this.#search, ...this.#items.querySelectorAll<HTMLElement>('.conversation-open')];
      const at = places.findIndex((place) => place.parentElement?.contains(document.activeElement));
      places[Math.max(0, at + (key === 'ArrowDown' ? 1 : -1))]?.focus();
    } else {
      return;
    }
    event.preventDefault();
  }
}

function deletedText(title: string): string {
  return `“${title || 'New chat'}” was deleted.`;
}
