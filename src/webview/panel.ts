import type { HostMessage } from '../protocol/messages.ts';
import type { PanelState } from '../protocol/panelState.ts';
import { Announcer } from './announcer.ts';
import { canStop } from './answering.ts';
import type { Post } from './branchStepper.ts';
import { Composer } from './composer.ts';
import { ConversationList } from './conversationList.ts';
import { element } from './dom.ts';
import type { DraftKeeper } from './draftKeeper.ts';
import { Header } from './header.ts';
import { NoticeBar } from './noticeBar.ts';
import { Transcript } from './transcript.ts';
import { Welcome } from './welcome.ts';

/** All parts, each given its own of the state. */
export class PanelPage {
  readonly #announcer = new Announcer();
  readonly #header: Header;
  readonly #notice: NoticeBar;
  readonly #welcome: Welcome;
  readonly #transcript: Transcript;
  readonly #composer: Composer;
  readonly #list: ConversationList;
  readonly #chat = element('div', { class: 'chat' });
  #state: PanelState | undefined;

  constructor(root: HTMLElement, post: Post, draft: DraftKeeper) {
    const announce = (text: string): void => this.#announcer.say(text);
    this.#header = new Header(post, () => this.#composer.showBudget());
    this.#notice = new NoticeBar(post, announce);
    this.#transcript = new Transcript(post, draft);
    this.#composer = new Composer(root, post, draft, announce);
    this.#welcome = new Welcome(post);
    this.#list = new ConversationList(post, announce);
    this.#transcript.element.append(this.#welcome.element);
    const above = element('div', { class: 'above-composer' }, this.#transcript.latestButton);
    this.#chat.append(this.#header.element, this.#notice.element, this.#transcript.element, above);
    this.#chat.append(this.#composer.element);
    this.#chat.hidden = true;
    this.#list.element.hidden = true;
    root.append(this.#chat, this.#list.element, this.#announcer.element);
    root.addEventListener('keydown', (event) => {
      const isFree = event.key === 'Escape' && !event.isComposing && !event.defaultPrevented;
      if (isFree && this.#state && canStop(this.#state)) post({ type: 'stop' });
    });
  }

  update(state: PanelState): void {
    const before = this.#state;
    this.#state = state;
    this.#header.update(state);
    this.#notice.update(state.notice);
    this.#welcome.update(state.welcome);
    this.#welcome.element.hidden = state.conversation.messages.length > 0;
    this.#transcript.update(state.conversation);
    this.#composer.update(state);
    this.#announcer.update(state);
    this.#chat.hidden = state.list !== undefined;
    this.#list.update(state.list, state.conversation.id);
    if (before?.list && !state.list) this.#header.focusList();
  }

  /** What is to be done once. */
  do(message: Extract<HostMessage, { type: 'mentions' | 'focus' | 'setDraft' }>): void {
    switch (message.type) {
      case 'mentions':
        return this.#composer.mentions.show(message.query, message.items);
      case 'setDraft':
        return this.#composer.setDraft(message.text);
      case 'focus':
        return message.what === 'composer' ? this.#composer.focus() : this.#transcript.focusLast();
    }
  }
}
