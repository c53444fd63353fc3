import type { HostMessage } from '../protocol/messages.ts';
import type { PanelState, ProposalView, QuestionView } from '../protocol/panelState.ts';
import { isAnswering } from './answering.ts';
import type { Post } from './branchStepper.ts';
import { BudgetBar } from './budgetBar.ts';
import { Chips } from './chips.ts';
import { button, element, setText } from './dom.ts';
import type { DraftKeeper } from './draftKeeper.ts';
import { iconButton } from './icons.ts';
import { acceptIncoming } from './incoming.ts';
import { KeyedList, type View } from './keyedList.ts';
import { MentionList } from './mentionList.ts';
import { QuestionRecall } from './questionRecall.ts';

/** Where one asks. What is typed stays until the host has made a question of it: whatever it refuses, and if it dies. */
export class Composer {
  readonly element = element('section', { class: 'composer', attributes: { 'aria-label': 'Composer' } });
  readonly #input = element('textarea', {
    attributes: { rows: '1', 'aria-label': 'Question', placeholder: 'Ask anything, @ to attach' },
  });
  readonly #note = element('p', { class: 'composer-note' });
  readonly #proposals = element('div', { class: 'proposals' });
  readonly #proposalList: KeyedList<ProposalView>;
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
    const proposals = element('ul', { class: 'buttons' });
    const reason = element('p', { text: 'This is more than the model reads at once. You can:' });
    this.#proposals.append(reason, proposals);
    this.#proposalList = new KeyedList(
      proposals,
      ({ id }) => id,
      ({ id }) => this.#proposal(id),
    );
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
    if (conversation !== before?.conversation) this.#takeSent(lastQuestion(state));
    if (composer !== before?.composer) {
      this.#chips.update(composer.attachments);
      this.#budget.update(composer.budget);
      this.#showProposals(composer.budget.proposals);
    }
    const isBusy = isAnswering(state);
    const focused = document.activeElement;
    this.#send.hidden = isBusy;
    this.#stop.hidden = !isBusy;
    // The one button takes the place of the other, and the focus with it.
    if (focused === this.#send && isBusy) this.#stop.focus();
    if (focused === this.#stop && !isBusy) this.focus();
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
    if (event.isComposing || event.repeat) return;
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
        const recalled = this.#recall.step(key, this.#input.value, this.#state?.conversation.messages ?? []);
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
    if (isAnswering(this.#state)) return this.#say('An answer is on its way. Wait for its end, or stop it with Esc.');
    this.#sent = { text, lastId: lastQuestion(this.#state)?.id };
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

  #showProposals(proposals: readonly ProposalView[]): void {
    const hadFocus = this.#proposals.contains(document.activeElement);
    this.#proposals.hidden = proposals.length === 0;
    this.#proposalList.update(proposals);
    if (hadFocus && !this.#proposals.contains(document.activeElement)) this.focus();
  }

  #proposal(id: string): View<ProposalView> {
    const made = button({ class: 'text-button' }, () => this.#post({ type: 'applyProposal', proposalId: id }));
    return { element: element('li', {}, made), update: ({ label }) => setText(made, label) };
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
