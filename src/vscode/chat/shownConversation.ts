import type { ConversationRecord } from '../../core/chat/conversation.ts';
import type { OpenConversation } from '../../core/chat/conversationStore.ts';
import type { AnswerView, ConversationView } from '../../protocol/panelState.ts';
import { answerView, conversationView, type AnswerKnowledge } from './conversationView.ts';
import type { PanelChannel } from './panelChannel.ts';
import type { RunningAnswers } from './runningAnswers.ts';

export interface ShownConversationParts {
  readonly channel: PanelChannel;
  readonly running: RunningAnswers;
  readonly knowledge: AnswerKnowledge;
  /** Of this program. */
  readonly isOwn: (answerId: string) => boolean;
  /** What would be sent next, or its list entry, is another now. */
  readonly onChanged: (record: ConversationRecord) => void;
}

/** The conversation in the panel: follows its records, own ones and those of other windows, and tells the panel of each no more than it needs. */
export class ShownConversation {
  readonly #parts: ShownConversationParts;
  #open: OpenConversation;
  /** Of those that were left without a message; the page may still tell something of them. */
  readonly #emptyIds = new Set<string>();
  #stopListening: () => void;
  /** What the panel has. */
  #pathIds: ReadonlySet<string> = new Set();

  constructor(parts: ShownConversationParts, open: OpenConversation) {
    this.#parts = parts;
    this.#open = open;
    this.#stopListening = open.onChange((record) => this.#follow(record));
  }

  get open(): OpenConversation {
    return this.#open;
  }

  /** Of what is kept for it; empty for one that has no message yet, and will have another id after a reload. */
  get key(): string {
    const { id, size } = this.#open.conversation;
    return size === 0 ? '' : id;
  }

  /** The same of the conversation with this id, which may not be shown any more. */
  keyOf(id: string): string {
    if (id === this.#open.conversation.id) return this.key;
    return this.#emptyIds.has(id) ? '' : id;
  }

  show(open: OpenConversation): void {
    const { running, isOwn, channel } = this.#parts;
    if (this.key === '') this.#emptyIds.add(this.#open.conversation.id);
    this.#stopListening();
    // What another window writes was not followed here while something else was shown.
    for (const id of [...running.ids()]) if (!isOwn(id)) running.forget(id);
    this.#open = open;
    this.#stopListening = open.onChange((record) => this.#follow(record));
    channel.change('conversation', 'composer');
  }

  view(): ConversationView {
    const view = conversationView(this.#open.conversation, this.#parts.knowledge);
    this.#pathIds = new Set(view.messages.map(({ id }) => id));
    return view;
  }

  answer(id: string): AnswerView | undefined {
    const { conversation } = this.#open;
    const answer = conversation.message(id);
    if (answer?.role !== 'answer' || !this.#pathIds.has(id)) return undefined;
    return answerView(conversation, answer, this.#parts.knowledge);
  }

  /** Of the path that is shown. */
  runningIds(): readonly string[] {
    return [...this.#parts.running.ids()].filter((id) => this.#pathHas(id));
  }

  dispose(): void {
    this.#stopListening();
  }

  #pathHas(id: string): boolean {
    return this.#open.conversation.path().some((message) => message.id === id);
  }

  #follow(record: ConversationRecord): void {
    const { channel, running, onChanged } = this.#parts;
    running.note(record);
    switch (record.type) {
      case 'delta':
        if (this.#pathIds.has(record.id)) channel.append(record.id, record.text ?? '', record.reasoning ?? '');
        return;
      case 'run':
      case 'toolCall':
      case 'warning':
        return channel.answer(record.id);
      case 'end':
        channel.answer(record.id);
        return onChanged(record);
      case 'begin':
      case 'pin':
        return;
      case 'question':
      case 'answer':
      case 'show':
      case 'leaveOut':
      case 'takeBack':
      case 'title':
      case 'delete':
        channel.change('conversation');
        return onChanged(record);
    }
  }
}
