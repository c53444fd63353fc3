import type { PanelState } from '../protocol/panelState.ts';
import { element } from './dom.ts';
import { announcement } from './wording.ts';

/** Says to a screen reader what happened, once; what streams is never read while it does. */
export class Announcer {
  readonly element = element('div', { class: 'visually-hidden', attributes: { role: 'status' } });
  #conversationId: string | undefined;
  #last: { readonly id: string; readonly said: string } | undefined;

  say(text: string): void {
    this.element.textContent = text;
  }

  update({ conversation }: PanelState): void {
    const isOther = conversation.id !== this.#conversationId;
    this.#conversationId = conversation.id;
    const message = conversation.messages.at(-1);
    if (message?.role !== 'answer') return;
    const { type } = message.state;
    const said = type === 'waiting' || type === 'streaming' ? 'running' : type;
    const before = this.#last?.id === message.id ? this.#last.said : undefined;
    this.#last = { id: message.id, said };
    if (said === before) return;
    // What is simply there, since a conversation or another branch of it was opened, is no event.
    if (!isOther && (said === 'running' || before !== undefined)) this.say(announcement(message));
  }
}
