import type { AnswerState, ButtonView } from '../protocol/panelState.ts';
import type { Post } from './branchStepper.ts';
import { button, element } from './dom.ts';
import { icon } from './icons.ts';

type Problem = Extract<AnswerState, { type: 'failed' }>['problem'];

/** What went wrong, in our words and in the server's, and what to do now. */
export function problemBlock(
  problem: Problem,
  buttons: readonly ButtonView[],
  answerId: string,
  post: Post,
): HTMLElement {
  const block = element(
    'div',
    { class: 'problem' },
    element('p', { class: 'problem-message' }, icon('error'), element('span', { text: problem.message })),
    element('p', { text: problem.hint }),
  );
  if (problem.serverMessage !== undefined) {
    const words = element('blockquote', { class: 'server-words', text: problem.serverMessage });
    block.append(element('p', { class: 'dim', text: 'The server said:' }), words);
  }
  if (buttons.length > 0) {
    const click = (buttonId: string) => post({ type: 'problemButton', answerId, buttonId });
    const made = buttons.map(({ id, label }, index) =>
      button({ class: index === 0 ? 'text-button primary' : 'text-button', text: label }, () => click(id)),
    );
    block.append(element('div', { class: 'buttons' }, ...made));
  }
  return block;
}
