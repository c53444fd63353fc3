import type { Attachment } from '../../core/chat/conversation.ts';
import type { Draft } from '../../core/chat/promptMessages.ts';
import { planExactly, planPrompt, promptTokens, type PlanInput, type PromptPlan } from '../../core/chat/promptPlan.ts';
import type { ComposerView } from '../../protocol/panelState.ts';
import type { EditorSettings } from '../editorSettings.ts';
import type { Attached } from './context/attached.ts';
import { attachmentView } from './conversationView.ts';
import type { Drafts } from './drafts.ts';
import type { ModelWatch } from './modelWatch.ts';
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

/** The server is asked to count when the user has stopped typing for so long. */
const countDelayMs = 400;

/** What is typed and attached, and what it takes of the context window together with the conversation. */
export class ComposerState {
  readonly #parts: ComposerParts;
  /** What is still being read, so that a question does not leave without it. */
  readonly #attaching = new Set<Promise<void>>();
  #exact: PromptPlan | undefined;
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
    const { text, attachments } = this.draft;
    const { budget, proposals } = this.#plan();
    return {
      draft: text,
      attachments: attachments.map((attachment) => attachmentView(attachment)),
      budget: { ...budget, proposals: proposals.map(({ id, label }) => ({ id, label })) },
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

  attach(reading: Promise<readonly (Attached | undefined)[]>): void {
    const { shown, drafts, onRefused } = this.#parts;
    const key = shown.key;
    const done = reading.then((read) => {
      const attached = read.filter((one) => one !== undefined);
      const added = attached.filter((one): one is Attachment => !('refused' in one));
      const refused = attached.flatMap((one) => ('refused' in one ? [one.refused] : []));
      const draft = drafts.of(key);
      if (added.length > 0) drafts.set(key, { ...draft, attachments: [...draft.attachments, ...added] });
      if (refused.length > 0) onRefused(refused.join(' '));
      this.recount();
    });
    this.#attaching.add(done);
    void done.finally(() => this.#attaching.delete(done));
  }

  /** Resolves when everything that was to be attached is, or was refused. */
  async attached(): Promise<void> {
    if (this.#attaching.size > 0) await Promise.allSettled(this.#attaching);
  }

  remove(attachmentId: string): void {
    const { text, attachments } = this.draft;
    this.#set({ text, attachments: attachments.filter(({ id }) => id !== attachmentId) });
  }

  apply(proposalId: string): void {
    const proposal = this.#plan().proposals.find(({ id }) => id === proposalId);
    if (!proposal) return;
    this.#parts.shown.open.append(...proposal.records);
    this.#set({ text: this.draft.text, attachments: proposal.attachments });
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
  }

  #set(draft: Draft): void {
    const { drafts, shown } = this.#parts;
    drafts.set(shown.key, draft);
    this.recount();
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

  /** A server that writes has better things to do, and without a window there is nothing to count for. */
  async #count(): Promise<void> {
    const { model, shown, onChange } = this.#parts;
    const { client } = model.choice ?? {};
    if (!client || model.contextTokens === undefined || shown.runningIds().length > 0) return;
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
