import type { AnswerState, AnswerView, PanelState } from '../protocol/panelState.ts';

export function isRunning(state: AnswerState): boolean {
  return state.type === 'waiting' || state.type === 'streaming';
}

/** Whether the conversation that is shown waits for the rest of an answer. */
export function isAnswering({ conversation }: PanelState): boolean {
  const last = conversation.messages.at(-1);
  return last?.role === 'answer' && isRunning(last.state);
}

/** Whether there is something to stop: an answer, or a question that waits for what goes along with it. */
export function canStop(state: PanelState): boolean {
  return isAnswering(state) || state.composer.isWaiting;
}

/** Whether more of it can be asked for. */
export function canContinue({ state, text }: AnswerView): boolean {
  if (state.type === 'finished') return state.reason === 'length';
  if (state.type === 'failed') return text !== '';
  return state.type === 'stopped' || state.type === 'interrupted';
}
