import type { PanelMessage } from '../protocol/messages.ts';
import type { ConversationView } from '../protocol/panelState.ts';

/** What VS Code gives a page; there is one of it. */
export interface HostApi {
  postMessage(message: PanelMessage): void;
  /** Kept through a reload of the page and of the window, at once. */
  getState(): unknown;
  setState(state: SavedState): void;
}

export interface SavedState {
  /** Empty: of one that has no message yet. It has another id when its host begins anew. */
  readonly conversationId: string;
  readonly draft: string;
  /** The host has it. */
  readonly isTold: boolean;
  readonly sent: Sent | undefined;
  /** Questions that are being edited, by their ids. */
  readonly edits: Readonly<Record<string, string>>;
}

/** On its way to become a question: what was sent, and which question was the last one then. */
export interface Sent {
  readonly text: string;
  readonly lastId: string | undefined;
}

/** So long the host learns nothing of what is typed: it counts tokens each time. */
const tellAfterMs = 250;

/** Keeps what is typed: at once in the page's own state, and after a moment with the host. */
export class DraftKeeper {
  readonly #api: HostApi;
  #saved: SavedState | undefined;
  /** Of the conversation to which `#saved` belongs, as the host knows it; undefined before the page has shown one. */
  #id: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(api: HostApi) {
    this.#api = api;
    this.#saved = parseSaved(api.getState());
    addEventListener('pagehide', () => this.tell());
    document.addEventListener('visibilitychange', () => this.tell());
  }

  /** What the composer shows when a conversation is opened: what was typed here and the host never learnt, or lost when it died, else what it has. */
  begin({ id, messages }: ConversationView, hostDraft: string): string {
    const saved = this.#saved;
    const conversationId = messages.length === 0 ? '' : id;
    const isSame = saved?.conversationId === conversationId && (this.#id === undefined || this.#id === id);
    // Something else may have opened this conversation while one was typing in the other.
    if (!isSame) this.tell();
    this.#id = id;
    const isMine = isSame && (!saved.isTold || hostDraft === '');
    const draft = isMine ? saved.draft : hostDraft;
    const sent = isMine ? saved.sent : undefined;
    this.#save({ conversationId, draft, isTold: draft === hostDraft, sent, edits: saved?.edits ?? {} });
    if (draft !== hostDraft) this.tell();
    return draft;
  }

  /** The conversation has its first message. */
  hasMessages(): void {
    if (this.#saved && this.#id !== undefined) this.#save({ ...this.#saved, conversationId: this.#id });
  }

  get sent(): Sent | undefined {
    return this.#saved?.sent;
  }

  /** Kept as well: a page that is hidden before the question is there would take its text for a draft. */
  send(sent: Sent): void {
    if (this.#saved) this.#save({ ...this.#saved, sent });
  }

  /** What was sent is a question now; this was typed behind it. */
  taken(rest: string): void {
    this.set('');
    this.changed(rest);
  }

  changed(draft: string): void {
    if (!this.#saved || this.#saved.draft === draft) return;
    this.#save({ ...this.#saved, draft, isTold: false });
    this.#timer ??= setTimeout(() => this.tell(), tellAfterMs);
  }

  /** The host put it there, or took it away: it knows. */
  set(draft: string): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#saved) this.#save({ ...this.#saved, draft, isTold: true, sent: undefined });
  }

  /** What a question was being changed to when its page went: a panel that is hidden has none. */
  editOf(questionId: string): string | undefined {
    const { edits } = this.#saved ?? {};
    return edits && Object.hasOwn(edits, questionId) ? edits[questionId] : undefined;
  }

  /** Undefined: it was sent, or given up. */
  keepEdit(questionId: string, text: string | undefined): void {
    if (!this.#saved) return;
    const others = Object.entries(this.#saved.edits).filter(([id]) => id !== questionId);
    const edits = text === undefined ? others : [...others, [questionId, text] as const];
    this.#save({ ...this.#saved, edits: Object.fromEntries(edits) });
  }

  /** Now. */
  tell(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#saved || this.#saved.isTold) return;
    this.#save({ ...this.#saved, isTold: true });
    const { conversationId, draft } = this.#saved;
    this.#api.postMessage({ type: 'draft', conversationId: this.#id ?? conversationId, text: draft });
  }

  #save(state: SavedState): void {
    this.#saved = state;
    this.#api.setState(state);
  }
}

function parseSaved(state: unknown): SavedState | undefined {
  const { conversationId, draft, isTold, sent, edits } = (state ?? {}) as Partial<Record<keyof SavedState, unknown>>;
  if (typeof conversationId !== 'string' || typeof draft !== 'string' || typeof isTold !== 'boolean') return undefined;
  const kept = Object.entries(edits ?? {}).filter(([, text]) => typeof text === 'string');
  return { conversationId, draft, isTold, sent: parseSent(sent), edits: Object.fromEntries(kept) };
}

function parseSent(sent: unknown): Sent | undefined {
  const { text, lastId } = (sent ?? {}) as Partial<Record<keyof Sent, unknown>>;
  if (typeof text !== 'string') return undefined;
  return { text, lastId: typeof lastId === 'string' ? lastId : undefined };
}
