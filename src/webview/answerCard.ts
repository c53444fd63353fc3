import type { AnswerView } from '../protocol/panelState.ts';
import { canContinue, isRunning } from './answering.ts';
import { BranchStepper, type Post } from './branchStepper.ts';
import { button, element, sameData, setClass, setText } from './dom.ts';
import { icon, iconButton } from './icons.ts';
import { MarkdownView } from './markdown/markdownView.ts';
import { problemBlock } from './problemBlock.ts';
import { ReasoningBlock } from './reasoningBlock.ts';
import { factsText } from './wording.ts';

/** An answer with all that belongs to it. Grows in place while it streams: nothing above or beside its text moves. */
export class AnswerCard {
  readonly element = element('article', { class: 'message answer', attributes: { tabindex: '-1' } });
  readonly #author = element('h2', { class: 'author' });
  readonly #backend = element('span', { class: 'dim' });
  readonly #branch: BranchStepper;
  readonly #reasoning = new ReasoningBlock();
  readonly #text = element('div', { class: 'markdown' });
  readonly #markdown: MarkdownView;
  readonly #extras = element('div', { class: 'answer-extras' });
  readonly #facts = element('p', { class: 'facts' });
  readonly #actions = element('div', {
    class: 'actions',
    attributes: { role: 'group', 'aria-label': 'Answer actions' },
  });
  readonly #continue: HTMLButtonElement;
  readonly #post: Post;
  #shown: AnswerView | undefined;

  constructor(post: Post) {
    this.#post = post;
    this.#branch = new BranchStepper(post, 'answer');
    this.#markdown = new MarkdownView(this.#text, {
      copy: (text) => post({ type: 'copy', text }),
      insert: (text) => post({ type: 'insert', text }),
      newFile: (text, language) => post({ type: 'newFile', text, language }),
      apply: (text, info) => this.#shown && post({ type: 'apply', answerId: this.#shown.id, text, info }),
      openLink: (href) => post({ type: 'openLink', href }),
    });
    const about = (act: (answer: AnswerView) => void) => () => {
      if (this.#shown) act(this.#shown);
    };
    this.#continue = iconButton(
      'play',
      'Continue this answer',
      about(({ id }) => post({ type: 'continue', answerId: id })),
    );
    this.#actions.append(
      this.#continue,
      iconButton(
        'copy',
        'Copy answer',
        about(({ text }) => post({ type: 'copy', text })),
      ),
      iconButton(
        'retry',
        'Retry',
        about(({ id }) => post({ type: 'retry', answerId: id, otherModel: false })),
      ),
      iconButton(
        'switchModel',
        'Retry with another model',
        about(({ id }) => post({ type: 'retry', answerId: id, otherModel: true })),
      ),
    );
    const header = element('header', { class: 'message-header' }, this.#author, this.#backend, this.#branch.element);
    const footer = element('div', { class: 'message-footer' }, this.#facts, this.#actions);
    this.element.append(header, this.#reasoning.element, this.#text, this.#extras, footer);
  }

  update(answer: AnswerView, label: string): void {
    setLabelOnly(this.element, label);
    const shown = this.#shown;
    if (answer === shown) return;
    this.#shown = answer;
    const running = isRunning(answer.state);
    setText(this.#author, answer.model ?? 'No model');
    setText(this.#backend, answer.backend ?? '');
    this.#branch.update(answer.branch);
    this.#reasoning.update(answer);
    if (answer.text !== shown?.text || answer.state.type !== shown.state.type) {
      this.#markdown.update(answer.text, !running);
    }
    if (!shown || extraData(answer).some((part, index) => !sameData(part, extraData(shown)[index]))) {
      this.#extras.replaceChildren(...extrasOf(answer, this.#post));
    }
    setText(this.#facts, factsText(answer));
    setClass(this.element, 'running', running);
    setClass(this.element, 'left-out', answer.isLeftOut);
    this.#actions.hidden = running;
    this.#continue.hidden = !canContinue(answer);
  }
}

/** What the extras are made of: they are made anew only when it changes, so that what is open in them stays open. */
function extraData({ state, toolCalls, warnings, isLeftOut, fileCount }: AnswerView): readonly unknown[] {
  return [state, toolCalls, warnings, isLeftOut, fileCount];
}

function extrasOf(answer: AnswerView, post: Post): Node[] {
  const calls = answer.toolCalls.map(({ name, argumentsJson }) =>
    element(
      'details',
      { class: 'fold' },
      element('summary', { text: `Called ${name}` }),
      element('pre', { class: 'fold-content', text: argumentsJson, attributes: { tabindex: '0' } }),
    ),
  );
  const warnings = answer.warnings.map((text) => element('p', { class: 'warning' }, icon('warning'), text));
  const notSent = answer.isLeftOut ? [element('p', { class: 'dim', text: 'Not sent any more' })] : [];
  const { state } = answer;
  const problem = state.type === 'failed' ? [problemBlock(state.problem, state.buttons, answer.id, post)] : [];
  return [...calls, ...warnings, ...notSent, ...problem, ...filesOf(answer, post)];
}

/** One file is what the button of its code is for. */
function filesOf({ id, fileCount }: AnswerView, post: Post): readonly Node[] {
  if (fileCount < 2) return [];
  const text = `Review ${fileCount} files`;
  const made = button({ class: 'text-button primary', text }, () => post({ type: 'reviewFiles', answerId: id }));
  return [element('div', { class: 'buttons' }, made)];
}

/** Without a title: nobody wants a tooltip over all that he reads. */
function setLabelOnly(target: HTMLElement, label: string): void {
  if (target.getAttribute('aria-label') !== label) target.setAttribute('aria-label', label);
}
