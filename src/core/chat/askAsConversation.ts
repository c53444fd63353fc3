import type { Choice } from '../clients/registry.ts';
import type { ConversationRecord } from './conversation.ts';
import type { ContextPiece } from './prompts.ts';
import type { Answer } from './session.ts';
import { endingOf } from './runEnding.ts';

/** A question that was asked outside of a conversation, with its answer. */
export interface Ask {
  readonly question: string;
  readonly context: readonly ContextPiece[];
  readonly answer: Answer;
  /** Undefined when nobody was found who could answer. */
  readonly choice: Choice | undefined;
  readonly atMs: number;
}

/** The records of a conversation that begins with it, so that it can be gone on with. */
export function askAsConversation(
  ask: Ask,
  newId: () => string = () => crypto.randomUUID(),
): readonly ConversationRecord[] {
  const { question, context, answer, choice, atMs } = ask;
  const questionId = newId();
  const id = newId();
  const attachments = context.map(
    (piece) => ({ kind: 'text', id: newId(), source: sourceOf(piece), ...piece }) as const,
  );
  const { text, reasoning } = answer;
  const who = choice ? { backend: choice.client.backend, model: choice.model } : {};
  return [
    { type: 'question', id: questionId, atMs, text: question, attachments },
    { type: 'answer', id, parentId: questionId, atMs },
    { type: 'run', id, atMs, ...who },
    ...(text === '' && reasoning === '' ? [] : [{ type: 'delta', id, text, reasoning } as const]),
    { type: 'end', id, atMs: atMs + Math.round(answer.speed.totalMs), ending: endingOf(answer) },
  ];
}

/** As `a2ia.ask` labels them. */
function sourceOf({ label }: ContextPiece): 'selection' | 'file' {
  return /, lines? \d+( to \d+)?$/.test(label) ? 'selection' : 'file';
}
