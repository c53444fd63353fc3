import type { Attachment } from '../../core/chat/conversation.ts';
import type { OpenConversation } from '../../core/chat/openConversation.ts';
import type { Draft } from '../../core/chat/promptMessages.ts';
import {
  planExactly,
  planPrompt,
  promptTokens,
  type Budget,
  type PlanInput,
  type PromptPlan,
} from '../../core/chat/promptPlan.ts';
import type { Proposal } from '../../core/chat/proposals.ts';
import type { AttachmentView, ComposerView } from '../../protocol/panelState.ts';
import type { EditorSettings } from '../editorSettings.ts';
import type { Attached } from './context/attached.ts';
import { attachmentView } from './conversationView.ts';
import type { Drafts } from './drafts.ts';
import type { ModelWatch } from './modelWatch.ts';
import { PendingAttachments, type PendingAttachment, type Read } from './pendingAttachments.ts';
import type { ShownConversation } from './shownConversation.ts';

export interface ComposerParts {
  readonly drafts: Drafts;
  readonly shown: ShownConversation;
  readonly model: ModelWatch;
  readonly settings: EditorSettings;
  readonly onChange: () => void;
  /** What could not be attached: sentences. */
  readonly onRefused: (why: string) => void;
}

interface Postponed {
  readonly open: OpenConversation;
  readonly plan: PromptPlan;
  /** Why, up to `You can:`. */
  readonly occasion: string;
  readonly go: () => void;
}

/** What the user may decide now. One without records changes nothing. */
interface Proposed {
  readonly budget: Budget;
  readonly proposals: readonly (Pick<Proposal, 'id' | 'label'> & Partial<Proposal>)[];
  readonly occasion?: string;
  readonly waiting?: Postponed;
}

const nothingElse = { id: 'nothing', label: 'Leave it as it is' };

/** The server is asked to count when the user has stopped typing for so long. */
const countDelayMs = 400;

/** What is typed and attached, and what it takes of the context window together with the conversation. */
export class ComposerState {
  readonly #parts: ComposerParts;
  readonly #pending = new PendingAttachments({
    onDone: (pending, attached) => this.#attach(pending, attached),
    onChange: () => this.#parts.onChange(),
  });
  /** Of attachments, in the order in which they were asked for, whichever was read first. Those of an earlier session have none, and come first. */
  readonly #places = new Map<string, number>();
  /** A question waits for what is pending. */
  #waiting: { readonly open: OpenConversation; readonly controller: AbortController } | undefined;
  #exact: PromptPlan | undefined;
  #postponed: Postponed | undefined;
  #counting: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: ComposerParts) {
    this.#parts = parts;
  }

  get draft(): Draft {
    const { drafts, shown } = this.#parts;
    return drafts.of(shown.key);
  }

  view(): ComposerView {
    const { open } = this.#parts.shown;
    const { budget, proposals, occasion } = this.#proposed();
    return {
      draft: this.draft.text,
      attachments: this.#chips(open),
      isWaiting: this.#waiting?.open === open,
      budget: {
        ...budget,
        proposals: proposals.map(({ id, label }) => ({ id, label })),
        ...(occasion === undefined ? {} : { occasion }),
      },
    };
  }

  /** A page may tell of a conversation that is not shown any more. */
  setText(text: string, conversationId = this.#parts.shown.open.conversation.id): void {
    const { drafts, shown } = this.#parts;
    const key = shown.keyOf(conversationId);
    const draft = drafts.of(key);
    if (text === draft.text) return;
    drafts.set(key, { ...draft, text });
    if (key === shown.key) this.recount();
  }

  /** In place of what is there. */
  put(draft: Draft): void {
    this.#postponed = undefined;
    this.#set(draft);
  }

  /** Behind what is there. */
  add({ text, attachments }: Draft): void {
    const { draft } = this;
    this.#set({
      text: [draft.text, text].filter((part) => part.trim() !== '').join('\n\n'),
      attachments: [...draft.attachments, ...attachments],
    });
  }

  /** Anything else that decides what fits. */
  recount(): void {
    this.#exact = undefined;
    this.#countSoon();
    this.#parts.onChange();
  }

  /** `label`: what it is called while it is read. */
  attach(label: string, read: Read): void {
    this.#pending.begin(this.#parts.shown.open, label, read);
  }

  /** Resolves when everything that was to be attached is, or was refused; false: the user does not want to wait. */
  async attached(): Promise<boolean> {
    const { open } = this.#parts.shown;
    if (this.#pending.of(open).length === 0) return true;
    this.stopWaiting();
    const waiting = { open, controller: new AbortController() };
    this.#waiting = waiting;
    this.#parts.onChange();
    try {
      await this.#pending.finished(open, waiting.controller.signal);
      return true;
    } catch {
      return false;
    } finally {
      if (this.#waiting === waiting) this.#waiting = undefined;
      this.#parts.onChange();
    }
  }

  /** The question stays in the composer, and what is read is attached to it. False when none waits in the conversation that is shown. */
  stopWaiting(): boolean {
    if (this.#waiting?.open !== this.#parts.shown.open) return false;
    this.#waiting.controller.abort();
    return true;
  }

  /** One that is read is read no more. */
  remove(attachmentId: string): void {
    if (this.#pending.abort(attachmentId)) return;
    const { text, attachments } = this.draft;
    this.#set({ text, attachments: attachments.filter(({ id }) => id !== attachmentId) });
  }

  /** Something that was asked for, but does not fit: it happens when one of the proposals is taken. */
  postpone(postponed: Omit<Postponed, 'open'>): void {
    this.#postponed = { ...postponed, open: this.#parts.shown.open };
    this.#parts.onChange();
  }

  apply(proposalId: string): void {
    const { proposals, waiting } = this.#proposed();
    const proposal = proposals.find(({ id }) => id === proposalId);
    if (!proposal) return;
    const { open } = this.#parts.shown;
    open.append(...(proposal.records ?? []));
    if (!waiting) return this.#set({ text: this.draft.text, attachments: proposal.attachments ?? [] });
    this.#postponed = undefined;
    if (proposal.records) waiting.go();
    this.recount();
  }

  /** What is there, or another question. False: there is something that the user has to decide before. */
  mayBeSent(question?: Draft): boolean {
    const plan = question ? planPrompt({ ...this.#input(), draft: question }) : this.#plan();
    return plan.proposals.length === 0;
  }

  /** What an attachment can take at most, so that there is room for the rest. */
  roomTokens(): number {
    const { contextTokens } = this.#parts.model;
    if (contextTokens === undefined) return 4000;
    const { budget } = this.#plan();
    return Math.max(500, Math.floor((contextTokens - promptTokens(budget) - budget.answerTokens) * 0.75));
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#counting?.abort();
    this.#pending.dispose();
    this.#waiting?.controller.abort();
  }

  #attach({ open, place }: PendingAttachment, attached: readonly Attached[]): void {
    const { shown, drafts, onRefused } = this.#parts;
    const added = attached.filter((one): one is Attachment => !('refused' in one));
    const refused = attached.flatMap((one) => ('refused' in one ? [one.refused] : []));
    if (added.length > 0) {
      for (const { id } of added) this.#places.set(id, place);
      const key = shown.keyOf(open.conversation.id);
      const { text, attachments } = drafts.of(key);
      const behind = attachments.findIndex(({ id }) => this.#placeOf(id) > place);
      const at = behind < 0 ? attachments.length : behind;
      drafts.set(key, { text, attachments: attachments.toSpliced(at, 0, ...added) });
    }
    if (refused.length > 0) onRefused(refused.join(' '));
    this.recount();
  }

  #placeOf(attachmentId: string): number {
    return this.#places.get(attachmentId) ?? 0;
  }

  /** Those that are read stand where they will be attached. */
  #chips(open: OpenConversation): readonly AttachmentView[] {
    const attached = this.draft.attachments.map((one) => ({ place: this.#placeOf(one.id), view: attachmentView(one) }));
    const pending = this.#pending.of(open).map((one) => ({ place: one.place, view: pendingView(one) }));
    return [...attached, ...pending].sort((a, b) => a.place - b.place).map(({ view }) => view);
  }

  #set(draft: Draft): void {
    const { drafts, shown } = this.#parts;
    drafts.set(shown.key, draft);
    this.recount();
  }

  #proposed(): Proposed {
    const waiting = this.#postponed?.open === this.#parts.shown.open ? this.#postponed : undefined;
    const plan = waiting?.plan ?? this.#plan();
    const { budget, proposals, takeBack } = plan;
    if (waiting) return { budget, proposals: [...proposals, nothingElse], occasion: waiting.occasion, waiting };
    if (!takeBack) return { budget, proposals };
    return { budget, proposals: [takeBack], occasion: 'What was left out fits again. You can:' };
  }

  #plan(): PromptPlan {
    return this.#exact ?? planPrompt(this.#input());
  }

  #input(): PlanInput {
    const { shown, model, settings } = this.#parts;
    return {
      conversation: shown.open.conversation,
      draft: this.draft,
      settings: settings.current(),
      model: model.choice?.model ?? '',
      contextTokens: model.contextTokens,
      takesImages: model.view.takesImages,
    };
  }

  #countSoon(): void {
    this.#counting?.abort();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#count(), countDelayMs);
  }

  /** A server that writes has better things to do, and nobody is asked for what nobody sees; without a window there is nothing to count for. */
  async #count(): Promise<void> {
    const { model, shown, onChange } = this.#parts;
    const { client } = model.choice ?? {};
    if (!model.isSeen || !client || model.contextTokens === undefined || shown.runningIds().length > 0) return;
    const controller = new AbortController();
    this.#counting = controller;
    try {
      const plan = await planExactly(this.#input(), client, controller.signal);
      if (controller.signal.aborted || !plan.budget.isExact) return;
      this.#exact = plan;
      onChange();
    } catch {
      // Then the estimate stands.
    }
  }
}

function pendingView({ id, label }: PendingAttachment): AttachmentView {
  return { id, kind: 'file', label, tokens: undefined, canOpen: false, isLeftOut: false };
}
