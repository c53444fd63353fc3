import type { ConversationRecord } from '../../core/chat/conversation.ts';
import type { AnswerState } from '../../protocol/panelState.ts';

export type RunningState = Extract<AnswerState, { readonly type: 'waiting' | 'streaming' }>;

/** Which answers are being written, here or in another window, as their records say. */
export class RunningAnswers {
  readonly #states = new Map<string, RunningState>();

  get(id: string): RunningState | undefined {
    return this.#states.get(id);
  }

  ids(): Iterable<string> {
    return this.#states.keys();
  }

  /** To be told of every record, after it was applied. */
  note(record: ConversationRecord): void {
    switch (record.type) {
      case 'answer':
        return void this.#states.set(record.id, { type: 'waiting', what: 'looking for a model server' });
      case 'run': {
        const { id, model, backend } = record;
        const what = model === undefined ? 'nobody was found' : `waiting for ${model} (${backend})`;
        return void this.#states.set(id, { type: 'waiting', what });
      }
      case 'delta':
      case 'toolCall':
        return void this.#states.set(record.id, { type: 'streaming' });
      case 'end':
        return this.forget(record.id);
      default:
    }
  }

  /** False when it is said already, or text is coming. */
  waitFor(id: string, what: string): boolean {
    const state = this.#states.get(id);
    if (state?.type !== 'waiting' || state.what === what) return false;
    this.#states.set(id, { type: 'waiting', what });
    return true;
  }

  forget(id: string): void {
    this.#states.delete(id);
  }
}
