import type { AttachmentSource, Problem } from '../core/chat/conversation.ts';
import type { BackendId, FinishReason, ToolCall } from '../core/clients/llmClient.ts';

/** Everything the chat panel shows. The extension host has the truth; the panel is a picture of it. */
export interface PanelState {
  readonly conversation: ConversationView;
  readonly model: ModelView;
  readonly composer: ComposerView;
  /** Undefined while the list is not open. */
  readonly list: ConversationListView | undefined;
  /** What an empty conversation shows. */
  readonly welcome: WelcomeView;
  /** Something that concerns the whole panel: history cannot be written, a file was set aside. */
  readonly notice: NoticeView | undefined;
}

export interface ConversationView {
  readonly id: string;
  readonly title: string;
  /** The path through the branches that is shown. */
  readonly messages: readonly MessageView[];
}

export type MessageView = QuestionView | AnswerView;

/** `2 of 3`, when a message has others beside it. */
export interface BranchView {
  /** Counted from 1. */
  readonly number: number;
  readonly previousId: string | undefined;
  readonly nextId: string | undefined;
  readonly count: number;
}

export interface QuestionView {
  readonly role: 'question';
  readonly id: string;
  readonly branch: BranchView;
  readonly text: string;
  readonly attachments: readonly AttachmentView[];
  /** It stays, but is not sent any more. */
  readonly isLeftOut: boolean;
}

export interface AnswerView {
  readonly role: 'answer';
  readonly id: string;
  readonly branch: BranchView;
  readonly text: string;
  readonly reasoning: string;
  /** How long it thought; undefined while it does, or when it is not known. */
  readonly reasoningMs: number | undefined;
  readonly toolCalls: readonly ToolCall[];
  readonly warnings: readonly string[];
  readonly backend: BackendId | undefined;
  readonly model: string | undefined;
  readonly state: AnswerState;
  /** How many files its code is for, as it says; 0 while it is written. */
  readonly fileCount: number;
  /** The facts under a finished answer. */
  readonly facts: AnswerFacts;
  readonly isLeftOut: boolean;
}

export type AnswerState =
  /** Nothing arrived yet. `what` says what is awaited: `loading the model, 40 %`. */
  | { readonly type: 'waiting'; readonly what: string }
  | { readonly type: 'streaming' }
  | { readonly type: 'finished'; readonly reason: FinishReason }
  | { readonly type: 'stopped' }
  /** The program ended in the middle of it. */
  | { readonly type: 'interrupted' }
  | { readonly type: 'failed'; readonly problem: Problem; readonly buttons: readonly ButtonView[] };

export interface ButtonView {
  readonly id: string;
  readonly label: string;
}

export interface AnswerFacts {
  readonly promptTokens?: number;
  readonly cachedPromptTokens?: number;
  readonly outputTokens?: number;
  readonly tokensPerSecond?: number;
  readonly firstTokenMs?: number;
}

/** A chip. */
export interface AttachmentView {
  readonly id: string;
  readonly kind: AttachmentSource | 'image';
  readonly label: string;
  /** About. Undefined while it is read, to be attached. */
  readonly tokens: number | undefined;
  /** It can be opened in the editor. */
  readonly canOpen: boolean;
  /** It stays with its question, but is not sent any more. */
  readonly isLeftOut: boolean;
}

export interface ModelView {
  /** As configured, or as `auto` found it; empty while it looks. */
  readonly backend: BackendId | 'auto';
  readonly model: string;
  /** `notAsked`: nothing is sent to a server that the workspace names, not even a look, before the user agrees. */
  readonly state: 'looking' | 'notAsked' | 'notRunning' | 'loading' | 'ready';
  /** A sentence: who answers and where, or why nobody does. */
  readonly detail: string;
  readonly takesImages: boolean | undefined;
}

export interface ComposerView {
  readonly draft: string;
  readonly attachments: readonly AttachmentView[];
  /** A question was sent, and waits until all that goes along with it is read. */
  readonly isWaiting: boolean;
  readonly budget: BudgetView;
}

/** What the next request would take of the context window. */
export interface BudgetView {
  /** Undefined: the server does not tell, or nobody was asked yet. */
  readonly contextTokens: number | undefined;
  /** The system prompt and the messages so far that are sent. */
  readonly historyTokens: number;
  readonly attachmentTokens: number;
  readonly draftTokens: number;
  /** Kept free for the answer. */
  readonly answerTokens: number;
  readonly isExact: boolean;
  /** What could be left out, when it does not fit, or sent again, when it does; the user decides. */
  readonly proposals: readonly ProposalView[];
  /** Why they are made, up to `You can:`. Left out: that it does not fit. */
  readonly occasion?: string;
}

export interface ProposalView {
  readonly id: string;
  /** `Leave out the first 4 messages (2,100 tokens)`. */
  readonly label: string;
}

export interface ConversationListView {
  readonly query: string;
  readonly items: readonly ConversationItemView[];
  /** What was deleted since the window was opened and can be had back, the latest first. */
  readonly deleted: readonly DeletedView[];
}

export interface DeletedView {
  readonly id: string;
  readonly title: string;
}

export interface ConversationItemView {
  readonly id: string;
  readonly title: string;
  readonly changedAtMs: number;
  readonly pinned: boolean;
  readonly messageCount: number;
  /** Where the search found it, with some words around. */
  readonly excerpt: string | undefined;
}

export interface WelcomeView {
  /** What was found on this machine: servers, models, the GPU. Undefined while it looks. */
  readonly found: readonly FoundView[] | undefined;
  /** Three real questions about the file that is open. */
  readonly suggestions: readonly SuggestionView[];
}

export interface FoundView {
  readonly backend: BackendId | 'gpu';
  readonly label: string;
  readonly detail: string;
  readonly isReady: boolean;
  /** `Use this`, `Download (100 MB)`; undefined when there is nothing to do. */
  readonly button: ButtonView | undefined;
}

export interface SuggestionView {
  readonly label: string;
  readonly text: string;
}

export interface NoticeView {
  readonly text: string;
  /** What its button says; it can always be dismissed. */
  readonly buttonLabel: string | undefined;
}
