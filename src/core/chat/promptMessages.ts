import type { ChatMessage, ImageAttachment } from '../clients/llmClient.ts';
import type { Attachment, Conversation, Message } from './conversation.ts';
import { questionText, renderPiece, systemMessage } from './prompts.ts';

/** A question that was not sent yet, or one that was. */
export interface Draft {
  readonly text: string;
  readonly attachments: readonly Attachment[];
}

/** Of a conversation: what was left out, with the user's agreement, is not sent. */
export type LeftOut = Pick<Conversation, 'isLeftOut'>;

/**
 * A path of questions and answers as a model reads it, and after it the draft, when there is one. What was sent once is the same bytes in every later
 * request, so that a server's prefix cache serves it.
 *
 * An answer without text is not sent, and its question and the next one become one message, since many chat templates demand that user and assistant take
 * turns. Reasoning is not sent, as the makers of reasoning models ask, nor are tool calls, which nobody answered.
 */
export function pathMessages(
  leftOut: LeftOut,
  path: readonly Message[],
  systemPrompt: string,
  draft?: Draft,
): readonly ChatMessage[] {
  const messages: ChatMessage[] = [systemMessage(systemPrompt)];
  for (const message of sentOf(leftOut, path)) {
    if (message.role === 'answer') messages.push({ role: 'assistant', text: message.text });
    else addUser(messages, userMessage(message, leftOut));
  }
  if (draft && (draft.text !== '' || draft.attachments.length > 0)) addUser(messages, userMessage(draft, leftOut));
  return messages;
}

/** Those of a path that are sent. An answer goes with its question. */
export function sentOf(leftOut: LeftOut, path: readonly Message[]): readonly Message[] {
  return path.filter((message) => {
    if (leftOut.isLeftOut(message.id)) return false;
    return message.role === 'question' || (message.text.trim() !== '' && !leftOut.isLeftOut(message.parentId));
  });
}

/** An attachment as the model reads it: that one is missing is said where it was. */
export function renderAttachment(attachment: Attachment, leftOut: LeftOut): string {
  if (leftOut.isLeftOut(attachment.id)) return `${attachment.label}: left out.\n`;
  return attachment.kind === 'text' ? renderPiece(attachment) : '';
}

type UserMessage = ChatMessage & { readonly role: 'user' };

function userMessage({ text, attachments }: Draft, leftOut: LeftOut): UserMessage {
  const pieces = attachments.map((attachment) => renderAttachment(attachment, leftOut)).filter((piece) => piece !== '');
  const images = attachments.flatMap((attachment): ImageAttachment[] =>
    attachment.kind === 'image' && !leftOut.isLeftOut(attachment.id)
      ? [{ mediaType: attachment.mediaType, base64: attachment.base64 }]
      : [],
  );
  return { role: 'user', text: questionText(text, pieces), ...(images.length > 0 ? { images } : {}) };
}

function addUser(messages: ChatMessage[], message: UserMessage): void {
  const last = messages.at(-1);
  if (last?.role !== 'user') messages.push(message);
  else {
    const images = [...(last.images ?? []), ...(message.images ?? [])];
    const text = `${last.text}\n\n${message.text}`;
    messages[messages.length - 1] = { role: 'user', text, ...(images.length > 0 ? { images } : {}) };
  }
}
