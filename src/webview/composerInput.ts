import type { MessageView } from '../protocol/panelState.ts';
import type { Post } from './branchStepper.ts';
import { element } from './dom.ts';
import type { DraftKeeper } from './draftKeeper.ts';
import { MentionList } from './mentionList.ts';
import { QuestionRecall } from './questionRecall.ts';

export interface ComposerInputParts {
  readonly post: Post;
  readonly draft: DraftKeeper;
  readonly announce: (text: string) => void;
  readonly send: () => void;
  /** Those that can be recalled. */
  readonly messages: () => readonly MessageView[];
}

/** The text of the next question: its keys, what is offered for it, and that it is kept. */
export class ComposerInput {
  readonly element = element('textarea', {
    attributes: { rows: '1', 'aria-label': 'Question', placeholder: 'Ask anything, @ to attach' },
  });
  readonly mentions: MentionList;
  readonly #recall = new QuestionRecall();
  readonly #parts: ComposerInputParts;

  constructor(parts: ComposerInputParts) {
    this.#parts = parts;
    this.mentions = new MentionList(this.element, parts.post, parts.announce, parts.send);
    this.element.addEventListener('input', () => this.#changed());
    this.element.addEventListener('click', () => this.mentions.ask());
    this.element.addEventListener('keydown', (event) => {
      // Of an input method: Enter takes what it proposes.
      if (!event.isComposing && this.#takesKey(event)) event.preventDefault();
    });
  }

  get text(): string {
    return this.element.value;
  }

  /** What the host knows already, or has to be told by somebody else. */
  show(text: string): void {
    this.element.value = text;
    this.element.setSelectionRange(text.length, text.length);
  }

  beginMention(): void {
    this.element.focus();
    const at = this.element.selectionStart;
    const space = at > 0 && /\S/.test(this.text.charAt(at - 1)) ? ' ' : '';
    this.element.setRangeText(`${space}@`, at, this.element.selectionEnd, 'end');
    this.#changed();
  }

  #takesKey({ key, repeat, shiftKey, altKey, ctrlKey, metaKey }: KeyboardEvent): boolean {
    if (altKey || ctrlKey || metaKey || shiftKey) return false;
    if (this.mentions.key(key)) return true;
    switch (key) {
      case 'Enter':
        if (!repeat) this.#parts.send();
        return true;
      case 'ArrowUp':
      case 'ArrowDown': {
        const recalled = this.#recall.step(key, this.text, this.#parts.messages());
        if (recalled === undefined) return false;
        this.show(recalled);
        this.#parts.draft.changed(recalled);
        return true;
      }
      default:
        return false;
    }
  }

  #changed(): void {
    this.#parts.draft.changed(this.text);
    this.mentions.ask();
  }
}
