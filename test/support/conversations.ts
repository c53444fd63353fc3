import {
  Conversation,
  type Attachment,
  type ConversationRecord,
  type RunEnding,
} from '../../src/core/chat/conversation.ts';
import type { ConversationSink } from '../../src/core/chat/turns.ts';

/** A conversation in memory, with every record that it was given. */
export class MemorySink implements ConversationSink {
  readonly conversation = new Conversation('c', 0);
  readonly records: ConversationRecord[] = [];
  #waiting: (() => void)[] = [];

  append(...records: readonly ConversationRecord[]): void {
    for (const record of records) {
      this.records.push(record);
      this.conversation.apply(record);
    }
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Settles with the next record that is added. */
  nextRecord(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

export function textAttachment(id: string, text: string, label = `${id}.ts`): Attachment {
  return { kind: 'text', id, source: 'file', label, languageId: 'typescript', text };
}

export function imageAttachment(id: string): Attachment {
  return { kind: 'image', id, label: `${id}.png`, mediaType: 'image/png', base64: 'AAAA' };
}

export interface Exchange {
  readonly question: string;
  readonly attachments?: readonly Attachment[];
  /** Left out: none was begun. */
  readonly answer?: string;
  readonly reasoning?: string;
  readonly model?: string;
  readonly usage?: RunEnding['usage'];
}

/** A conversation of these questions and answers: `q1`, `a1`, `q2`, … */
export function conversationOf(...exchanges: readonly Exchange[]): Conversation {
  const sink = new MemorySink();
  exchanges.forEach(({ question, attachments = [], answer, reasoning = '', model = 'm', usage }, index) => {
    const id = `a${index + 1}`;
    const questionId = `q${index + 1}`;
    const parent = sink.conversation.path().at(-1)?.id;
    sink.append({
      type: 'question',
      id: questionId,
      ...(parent === undefined ? {} : { parentId: parent }),
      atMs: index,
      text: question,
      attachments,
    });
    if (answer === undefined) return;
    sink.append(
      { type: 'answer', id, parentId: questionId, atMs: index },
      { type: 'run', id, atMs: index, backend: 'vllm', model },
      { type: 'delta', id, text: answer, reasoning },
      {
        type: 'end',
        id,
        atMs: index,
        ending: {
          outcome: { type: 'finished', reason: 'stop' },
          speed: { totalMs: 1 },
          ...(usage ? { usage } : {}),
        },
      },
    );
  });
  return sink.conversation;
}
