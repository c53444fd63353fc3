import type { HostMessage } from '../protocol/messages.ts';
import type { AnswerView, PanelState } from '../protocol/panelState.ts';

/** What the panel knows. */
export interface Panel {
  /** Of the last change that is in `state`; 0: nothing came yet. */
  readonly revision: number;
  readonly state: PanelState | undefined;
  /** A change was missed: what follows is of no use until a snapshot comes, which has to be asked for. */
  readonly isStale: boolean;
}

export const emptyPanel: Panel = { revision: 0, state: undefined, isStale: false };

/** The messages that change the state, and are numbered. */
export type StateMessage = Extract<HostMessage, { readonly revision: number }>;

export function reducePanel(panel: Panel, message: StateMessage): Panel {
  const { revision } = message;
  if (message.type === 'snapshot') return { revision, state: message.state, isStale: false };
  // What a snapshot had already may still be on its way.
  if (panel.isStale || revision <= panel.revision) return panel;
  const state = revision === panel.revision + 1 && panel.state ? reduceState(panel.state, message) : undefined;
  return state ? { revision, state, isStale: false } : { ...panel, isStale: true };
}

/** Undefined: the message is about an answer that is not here. */
function reduceState(state: PanelState, message: Exclude<StateMessage, { type: 'snapshot' }>): PanelState | undefined {
  switch (message.type) {
    case 'append':
      return withAnswer(state, message.answerId, (answer) => ({
        ...answer,
        text: answer.text + message.text,
        reasoning: answer.reasoning + message.reasoning,
        state: answer.state.type === 'waiting' ? { type: 'streaming' } : answer.state,
      }));
    case 'answer':
      return withAnswer(state, message.answer.id, () => message.answer);
    case 'change': {
      const parts = Object.entries(message.part).map(([name, part]) => [name, part ?? undefined] as const);
      return { ...state, ...Object.fromEntries(parts) };
    }
  }
}

function withAnswer(state: PanelState, id: string, change: (answer: AnswerView) => AnswerView): PanelState | undefined {
  const { messages } = state.conversation;
  const index = messages.findLastIndex((message) => message.id === id);
  const answer = messages[index];
  if (answer?.role !== 'answer') return undefined;
  return { ...state, conversation: { ...state.conversation, messages: messages.with(index, change(answer)) } };
}
