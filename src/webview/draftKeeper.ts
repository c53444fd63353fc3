import type { PanelMessage } from '../protocol/messages.ts';

/** What VS Code gives a page; there is one of it. */
export interface HostApi {
  postMessage(message: PanelMessage): void;
  /** Kept through a reload of the page and of the window, at once. */
  getState(): unknown;
  setState(state: SavedState): void;
}

export interface SavedState {
  readonly conversationId: string;
  readonly draft: string;
  /** The host has it. */
  readonly isTold: boolean;
  /** Questions that are being edited, by their ids. */
  readonly edits: Readonly<Record<string, string>>;
}

/** So long the host learns nothing of what is typed: it counts tokens each time. */
const tellAfterMs = 250;

/** Keeps what is typed: at once in the page's own state, and after a moment with the host. */
export class DraftKeeper {
  readonly #api: HostApi;
  #saved: SavedState | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(api: HostApi) {
    this.#api = api;
    this.#saved = parseSaved(api.getState());
    addEventListener('pagehide', () => this.tell());
    document.addEventListener('visibilitychange', () => this.tell());
  }

  /** What the composer shows when a conversation is opened: what was typed here and the host never learnt, or lost when it died, else what it has. */
  begin(conversationId: string, hostDraft: string): string {
    const saved = this.#saved;
    // Something else may have opened this conversation while one was typing in the other.
    if (saved?.conversationId !== conversationId) this.tell();
    const isMine = saved?.conversationId === conversationId && (!saved.isTold || hostDraft === '');
    const draft = isMine ? saved.draft : hostDraft;
    this.#save({ conversationId, draft, isTold: draft === hostDraft, edits: saved?.edits ?? {} });
    if (draft !== hostDraft) this.tell();
    return draft;
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
    if (this.#saved) this.#save({ ...this.#saved, draft, isTold: true });
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
    this.#api.postMessage({ type: 'draft', conversationId, text: draft });
  }

  #save(state: SavedState): void {
    this.#saved = state;
    this.#api.setState(state);
  }
}

function parseSaved(state: unknown): SavedState | undefined {
  const { conversationId, draft, isTold, edits } = (state ?? {}) as Partial<Record<keyof SavedState, unknown>>;
  if (typeof conversationId !== 'string' || typeof draft !== 'string' || typeof isTold !== 'boolean') return undefined;
  const kept = Object.entries(edits ?? {}).filter(([, text]) => typeof text === 'string');
  return { conversationId, draft, isTold, edits: Object.fromEntries(kept) };
}
