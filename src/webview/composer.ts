import type { HostMessage } from '../protocol/messages.ts';
import type { PanelState, QuestionView } from '../protocol/panelState.ts';
import type { Post } from './branchStepper.ts';
import { BudgetBar } from './budgetBar.ts';
import { Chips } from './chips.ts';
import { button, element, setClass } from './dom.ts';
import type { DraftKeeper } from './draftKeeper.ts';
import { iconButton } from './icons.ts';
import { acceptIncoming } from './incoming.ts';
import { MentionList } from './mentionList.ts';
import { QuestionRecall } from './questionRecall.ts';
import { isRunning } from './wording.ts';

/** Where one asks. What is typed stays until the host has made a question of it: whatever it refuses, and if it dies. */
export class Composer {
  readonly element = element('section', { class: 'composer', attributes: { 'aria-label': 'Composer' } });
  readonly #input = element('textarea', {
    attributes: { rows: '1', 'aria-label': 'Question', placeholder: 'Ask anything, @ to attach' },
  });
  readonly #note = element('p', { class: 'composer-note' });
  readonly #proposals = element('div', { class: 'proposals', attributes: { role: 'group' } });
  readonly #chips: Chips;
  readonly #budget = new BudgetBar();
  readonly #mentions: MentionList;
  readonly #recall = new QuestionRecall();
  readonly #send: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;
  readonly #post: Post;
  readonly #draft: DraftKeeper;
  readonly #announce: (text: string) => void;
  #state: PanelState | undefined;
  /** On its way: the text, and which question was the last when it was sent. */
  #sent: { readonly text: string; readonly lastId: string | undefined } | undefined;

  constructor(panel: HTMLElement, post: Post, draft: DraftKeeper, announce: (text: string) => void) {
    this.#post = post;
    this.#draft = draft;
    this.#announce = announce;
    this.#mentions = new MentionList(this.#input, post, announce);
    this.#chips = new Chips(post, ({ id }) => {
      post({ type: 'removeAttachment', attachmentId: id });
      this.focus();
    });
    this.#send = iconButton('send', 'Send (Enter)', () => this.#sendDraft(), { class: 'send' });
    this.#stop = iconButton('stop', 'Stop (Esc)', () => post({ type: 'stop' }), { class: 'send' });
    const attach = iconButton('attach', 'Attach (@)', () => this.#beginMention());
    const toolbar = element('div', { class: 'toolbar' }, attach, this.#budget.element, this.#send, this.#stop);
    const box = element('div', { class: 'composer-box' }, this.#chips.element, this.#input, toolbar);
    this.element.append(this.#proposals, this.#note, this.#mentions.element, box);
    this.#note.hidden = true;
    this.#proposals.setAttribute('aria-label', 'What could be left out');
    this.#input.addEventListener('input', () => this.#changed());
    this.#input.addEventListener('click', () => this.#mentions.ask());
    this.#input.addEventListener('keydown', (event) => this.#keyDown(event));
    acceptIncoming(this.#input, panel, {
      takesImages: () => this.#state?.model.takesImages,
      refuse: (why) => this.#say(why),
      post,
    });
  }

  update(state: PanelState): void {
    const before = this.#state;
    this.#state = state;
    const { conversation, composer } = state;
    if (conversation.id !== before?.conversation.id) {
      this.#sent = undefined;
      this.#setText(this.#draft.begin(conversation.id, composer.draft));
    }
    if (conversation !== before?.conversation) {
      this.#takeSent(lastQuestion(state));
      const questions = conversation.messages.filter((message) => message.role === 'question');
      this.#recall.update(questions.map(({ text }) => text));
    }
    if (composer !== before?.composer) {
      this.#chips.update(composer.attachments);
      this.#budget.update(composer.budget);
      this.#showProposals();
    }
    const isAnswering = this.#isAnswering();
    const focused = document.activeElement;
    this.#send.hidden = isAnswering;
    this.#stop.hidden = !isAnswering;
    // The one button takes the place of the other, and the focus with it.
    if (focused === this.#send && isAnswering) this.#stop.focus();
    if (focused === this.#stop && !isAnswering) this.focus();
  }

  /** The host's text in place of what is there. */
  setDraft(text: string): void {
    this.#sent = undefined;
    this.#setText(text);
    this.#draft.set(text);
    this.focus();
  }

  /** As if it had been typed. */
  fill(text: string): void {
    this.#setText(text);
    this.#changed();
    this.focus();
  }

  showMentions({ query, items }: Extract<HostMessage, { type: 'mentions' }>): void {
    this.#mentions.show(query, items);
  }

  showBudget(): void {
    this.#budget.element.open = true;
    this.#budget.element.querySelector('summary')?.focus();
  }

  focus(): void {
    this.#input.focus();
  }

  #keyDown(event: KeyboardEvent): void {
    // Of an input method: Enter takes what it proposes.
    if (event.isComposing) return;
    if (this.#takesKey(event)) event.preventDefault();
  }

  #takesKey({ key, shiftKey, altKey, ctrlKey, metaKey }: KeyboardEvent): boolean {
    if (altKey || ctrlKey || metaKey || shiftKey) return false;
    if (this.#mentions.key(key)) return true;
    switch (key) {
      case 'Enter':
        this.#sendDraft();
        return true;
      case 'ArrowUp':
      case 'ArrowDown': {
        const recalled = this.#recall.step(key, this.#input.value);
        if (recalled === undefined) return false;
        this.#setText(recalled);
        this.#draft.changed(recalled);
        return true;
      }
      default:
        return false;
    }
  }

  #sendDraft(): void {
    const text = this.#input.value;
    if (text.trim() === '' || !this.#state) return;
    if (this.#isAnswering()) return this.#say('An answer is on its way. Wait for its end, or stop it with Esc.');
    if (this.#sent?.text === text) return;
    this.#sent = { text, lastId: lastQuestion(this.#state)?.id };
    this.#draft.tell();
    this.#post({ type: 'send', text });
  }

  /** It is a question of the conversation now, so it goes from here; what was typed meanwhile stays. */
  #takeSent(question: QuestionView | undefined): void {
    const sent = this.#sent;
    if (!sent || !question || question.id === sent.lastId || question.text.trim() !== sent.text.trim()) return;
    this.#sent = undefined;
    const text = this.#input.value;
    const rest = text.startsWith(sent.text) ? text.slice(sent.text.length) : text;
    this.#setText(rest);
    if (rest === '') this.#draft.set('');
    else this.#draft.changed(rest);
  }

  #changed(): void {
    this.#sent = undefined;
    this.#note.hidden = true;
    this.#draft.changed(this.#input.value);
    this.#mentions.ask();
  }

  #setText(text: string): void {
    this.#input.value = text;
    this.#input.setSelectionRange(text.length, text.length);
  }

  #beginMention(): void {
    this.focus();
    const at = this.#input.selectionStart;
    const space = at > 0 && /\S/.test(this.#input.value.charAt(at - 1)) ? ' ' : '';
    this.#input.setRangeText(`${space}@`, at, this.#input.selectionEnd, 'end');
    this.#changed();
  }

  #showProposals(): void {
    const proposals = this.#state?.composer.budget.proposals ?? [];
    this.#proposals.hidden = proposals.length === 0;
    this.#proposals.replaceChildren(
      element('p', { text: 'This is more than the model reads at once. You can:' }),
      ...proposals.map(({ id, label }) =>
        button({ class: 'text-button', text: label }, () => this.#post({ type: 'applyProposal', proposalId: id })),
      ),
    );
    setClass(this.element, 'over', proposals.length > 0);
  }

  #isAnswering(): boolean {
    const last = this.#state?.conversation.messages.at(-1);
    return last?.role === 'answer' && isRunning(last.state);
  }

  #say(text: string): void {
    this.#note.textContent = text;
    this.#note.hidden = false;
    this.#announce(text);
  }
}

function lastQuestion({ conversation }: PanelState): QuestionView | undefined {
  return conversation.messages.findLast((message) => message.role === 'question');
}
