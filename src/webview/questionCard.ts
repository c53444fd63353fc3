import type { QuestionView } from '../protocol/panelState.ts';
import { BranchStepper, type Post } from './branchStepper.ts';
import { Chips } from './chips.ts';
import type { DraftKeeper } from './draftKeeper.ts';
import { button, element, setClass, setText } from './dom.ts';
import { iconButton } from './icons.ts';

/** A question as it was asked. Editing it asks anew, beside it: the old one stays a step away. */
export class QuestionCard {
  readonly element = element('article', { class: 'message question', attributes: { tabindex: '-1' } });
  readonly #text = element('div', { class: 'question-text' });
  readonly #chips: Chips;
  readonly #note = element('p', { class: 'dim', text: 'Not sent any more' });
  readonly #branch: BranchStepper;
  readonly #edit: HTMLButtonElement;
  readonly #post: Post;
  readonly #draft: DraftKeeper;
  #editor: HTMLElement | undefined;
  #shown: QuestionView | undefined;

  constructor(post: Post, draft: DraftKeeper) {
    this.#post = post;
    this.#draft = draft;
    this.#chips = new Chips(post);
    this.#branch = new BranchStepper(post, 'question');
    this.#edit = iconButton('edit', 'Edit and send again', () => this.#startEditing(), { class: 'edit' });
    const bubble = element('div', { class: 'bubble' }, this.#text, this.#chips.element, this.#note);
    this.element.append(bubble, this.#edit, this.#branch.element);
  }

  update(question: QuestionView, label: string): void {
    if (this.element.getAttribute('aria-label') !== label) this.element.setAttribute('aria-label', label);
    if (question === this.#shown) return;
    const kept = this.#shown ? undefined : this.#draft.editOf(question.id);
    this.#shown = question;
    if (kept !== undefined) this.#openEditor(question.id, kept);
    setText(this.#text, question.text);
    this.#chips.update(question.attachments);
    this.#branch.update(question.branch);
    setClass(this.element, 'left-out', question.isLeftOut);
    this.#note.hidden = !question.isLeftOut;
  }

  /** The editor stays until the new question takes the place of this one: whatever the host says to it, nothing that was typed is lost. */
  #startEditing(): void {
    if (this.#editor || !this.#shown) return;
    this.#openEditor(this.#shown.id, this.#shown.text).focus();
  }

  #openEditor(id: string, text: string): HTMLTextAreaElement {
    const input = element('textarea', { class: 'input', attributes: { 'aria-label': 'Edit the question', rows: '1' } });
    input.value = text;
    const send = (): void => {
      if (input.value.trim() === '') return;
      this.#draft.keepEdit(id, undefined);
      this.#post({ type: 'edit', questionId: id, text: input.value });
    };
    input.addEventListener('input', () => this.#draft.keepEdit(id, input.value));
    input.addEventListener('keydown', (event) => {
      if (event.isComposing) return;
      if (event.key === 'Enter' && !event.shiftKey) {
        event.preventDefault();
        if (!event.repeat) send();
      } else if (event.key === 'Escape') {
        event.stopPropagation();
        this.#stopEditing();
      }
    });
    const buttons = element(
      'div',
      { class: 'buttons' },
      button({ class: 'text-button primary', text: 'Send' }, send),
      button({ class: 'text-button', text: 'Cancel' }, () => this.#stopEditing()),
    );
    this.#editor = element('div', { class: 'question-editor' }, input, buttons);
    this.#text.replaceWith(this.#editor);
    this.#edit.hidden = true;
    return input;
  }

  #stopEditing(): void {
    if (this.#shown) this.#draft.keepEdit(this.#shown.id, undefined);
    this.#editor?.replaceWith(this.#text);
    this.#editor = undefined;
    this.#edit.hidden = false;
    this.#edit.focus();
  }
}
