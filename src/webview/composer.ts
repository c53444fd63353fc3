import type { ComposerView, PanelState, QuestionView } from '../protocol/panelState.ts';
import { canStop, isAnswering } from './answering.ts';
import type { Post } from './branchStepper.ts';
import { BudgetBar } from './budgetBar.ts';
import { Chips } from './chips.ts';
import { ComposerInput } from './composerInput.ts';
import { element } from './dom.ts';
import type { DraftKeeper } from './draftKeeper.ts';
import { iconButton } from './icons.ts';
import { acceptIncoming } from './incoming.ts';
import type { MentionList } from './mentionList.ts';
import { Proposals } from './proposals.ts';

/** Where one asks. What is typed stays until the host has made a question of it: whatever it refuses, and if it dies. */
export class Composer {
  readonly element = element('section', { class: 'composer', attributes: { 'aria-label': 'Composer' } });
  readonly #input: ComposerInput;
  readonly #note = element('p', { class: 'composer-note' });
  readonly #proposals: Proposals;
  readonly #chips: Chips;
  readonly #budget = new BudgetBar();
  readonly #send: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;
  readonly #post: Post;
  readonly #draft: DraftKeeper;
  readonly #announce: (text: string) => void;
  #state: PanelState | undefined;

  constructor(panel: HTMLElement, post: Post, draft: DraftKeeper, announce: (text: string) => void) {
    this.#post = post;
    this.#draft = draft;
    this.#announce = announce;
    const messages = () => this.#state?.conversation.messages ?? [];
    this.#input = new ComposerInput({ post, draft, announce, send: () => this.#sendDraft(), messages });
    this.#proposals = new Proposals(post);
    this.#chips = new Chips(post, ({ id }) => post({ type: 'removeAttachment', attachmentId: id }));
    this.#send = iconButton('send', 'Send (Enter)', () => this.#sendDraft(), { class: 'send' });
    this.#stop = iconButton('stop', 'Stop (Esc)', () => post({ type: 'stop' }), { class: 'send' });
    const attach = iconButton('attach', 'Attach (@)', () => this.#input.beginMention());
    const toolbar = element('div', { class: 'toolbar' }, attach, this.#budget.element, this.#send, this.#stop);
    const box = element('div', { class: 'composer-box' }, this.#chips.element, this.#input.element, toolbar);
    this.element.append(this.#proposals.element, this.#note, this.#input.mentions.element, box);
    this.#note.hidden = true;
    this.#input.element.addEventListener('input', () => {
      this.#note.hidden = true;
    });
    const takesImages = () => this.#state?.model.takesImages;
    acceptIncoming(this.#input.element, panel, { takesImages, refuse: (why) => this.#say(why), post });
  }

  get mentions(): MentionList {
    return this.#input.mentions;
  }

  update(state: PanelState): void {
    const before = this.#state;
    const focused = this.element.contains(document.activeElement) ? document.activeElement : undefined;
    this.#state = state;
    const { conversation, composer } = state;
    if (conversation.id !== before?.conversation.id) {
      this.#input.show(this.#draft.begin(conversation, composer.draft));
    } else if (conversation.messages.length > 0 && before.conversation.messages.length === 0) {
      this.#draft.hasMessages();
    }
    if (conversation !== before?.conversation) this.#takeSent(lastQuestion(state));
    if (composer !== before?.composer) {
      this.#chips.update(composer.attachments);
      this.#budget.update(composer.budget);
      this.#proposals.update(composer.budget.proposals, composer.budget.occasion);
    }
    if (composer.isWaiting !== (before?.composer.isWaiting ?? false)) this.#showWaiting(composer);
    const isBusy = canStop(state);
    this.#send.hidden = isBusy;
    this.#stop.hidden = !isBusy;
    // The one button takes the place of the other; a chip or a proposal goes when it was used. The focus stays near.
    if (focused === this.#send && isBusy) this.#stop.focus();
    else if (focused && !(focused.isConnected && focused.checkVisibility())) this.focus();
  }

  /** The host's text in place of what is there. */
  setDraft(text: string): void {
    this.#input.show(text);
    this.#draft.set(text);
    this.focus();
  }

  showBudget(): void {
    this.#budget.element.open = true;
    this.#budget.element.querySelector('summary')?.focus();
  }

  focus(): void {
    this.#input.element.focus();
  }

  #sendDraft(): void {
    const { text } = this.#input;
    if (text.trim() === '' || !this.#state || this.#state.composer.isWaiting) return;
    if (isAnswering(this.#state)) return this.#say('An answer is on its way. Wait for its end, or stop it with Esc.');
    this.#draft.send({ text, lastId: lastQuestion(this.#state)?.id });
    this.#post({ type: 'send', text });
  }

  /** It is a question of the conversation now, so it goes from here; what was typed meanwhile stays. */
  #takeSent(question: QuestionView | undefined): void {
    const { sent } = this.#draft;
    if (!sent || !question || question.id === sent.lastId || question.text.trim() !== sent.text.trim()) return;
    const { text } = this.#input;
    const rest = text.startsWith(sent.text) ? text.slice(sent.text.length).trimStart() : text;
    this.#input.show(rest);
    this.#draft.taken(rest);
  }

  /** A question that waits for what goes along with it. */
  #showWaiting({ isWaiting, attachments }: ComposerView): void {
    const labels = attachments.filter(({ tokens }) => tokens === undefined).map(({ label }) => label);
    if (isWaiting) this.#say(`Reading ${labels.join(', ')}. Your question is sent then. Esc stops that.`);
    else this.#note.hidden = true;
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
