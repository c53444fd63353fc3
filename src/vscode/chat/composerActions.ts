import type { Attachment } from '../../core/chat/conversation.ts';
import type { MessageOf } from '../../protocol/messages.ts';
import type { ComposerState } from './composerState.ts';
import type { Attachments } from './context/attachments.ts';
import type { ModelWatch } from './modelWatch.ts';
import type { PanelChannel } from './panelChannel.ts';
import type { ShownConversation } from './shownConversation.ts';

export type ComposerMessage = MessageOf<
  | 'draft'
  | 'mention'
  | 'attachMention'
  | 'attachData'
  | 'attachUris'
  | 'removeAttachment'
  | 'openAttachment'
  | 'applyProposal'
>;

export interface ComposerActionsParts {
  readonly composer: ComposerState;
  readonly attachments: Attachments;
  readonly shown: ShownConversation;
  readonly model: ModelWatch;
  readonly channel: PanelChannel;
  readonly say: (what: string) => void;
}

/** What is done in the composer, but for sending it. */
export class ComposerActions {
  readonly #parts: ComposerActionsParts;
  #mentioning = new AbortController();

  constructor(parts: ComposerActionsParts) {
    this.#parts = parts;
  }

  receive(message: ComposerMessage): unknown {
    const { composer, attachments, model } = this.#parts;
    switch (message.type) {
      case 'draft':
        model.lookAgain();
        return composer.setText(message.text, message.conversationId);
      case 'mention':
        return this.#mention(message.query);
      case 'attachMention': {
        const { mentionId } = message;
        return composer.attach(attachments.labelOf(mentionId), async (signal) => [
          await attachments.attachMention(mentionId, signal),
        ]);
      }
      case 'attachData': {
        const { name, mediaType, base64 } = message;
        return composer.attach(name, async () => [await attachments.fromData(name, mediaType, base64)]);
      }
      case 'attachUris': {
        const { uris } = message;
        return composer.attach(labelOfUris(uris), (signal) => attachments.fromUris(uris, signal));
      }
      case 'removeAttachment':
        return composer.remove(message.attachmentId);
      case 'openAttachment':
        return this.#open(message.attachmentId);
      case 'applyProposal':
        return composer.apply(message.proposalId);
    }
  }

  async #mention(query: string): Promise<void> {
    this.#mentioning.abort();
    const { signal } = (this.#mentioning = new AbortController());
    const items = await this.#parts.attachments.mentions(query, signal);
    if (!signal.aborted) this.#parts.channel.do({ type: 'mentions', query, items });
  }

  async #open(id: string): Promise<void> {
    const { composer, attachments, shown, say } = this.#parts;
    const ofQuestions = shown.open.conversation
      .path()
      .flatMap((message): readonly Attachment[] => (message.role === 'question' ? message.attachments : []));
    const attachment = [...composer.draft.attachments, ...ofQuestions].find((one) => one.id === id);
    const refusal = attachment && (await attachments.open(attachment));
    if (refusal) say(refusal.refused);
  }
}

function labelOfUris(uris: readonly string[]): string {
  const [first = ''] = uris;
  return uris.length === 1 ? decodeURIComponent(first.slice(first.lastIndexOf('/') + 1)) : `${uris.length} files`;
}
