import type { HostMessage } from '../../protocol/messages.ts';
import type { AnswerView, PanelState } from '../../protocol/panelState.ts';

/** Where the channel takes what it posts from, at the moment it posts. */
export interface PanelSource {
  part<Part extends keyof PanelState>(part: Part): PanelState[Part];
  answer(id: string): AnswerView | undefined;
}

export type Post = (message: HostMessage) => unknown;

/** Something to do once; it has no number, and belongs to no state. */
export type Once = Extract<HostMessage, { readonly type: 'mentions' | 'focus' | 'setDraft' }>;

/** A screen shows no more changes than one in this time. */
const frameMs = 16;
/** When nothing was posted for so long, the page is asked whether it has everything; and again, after ever longer, until it answers. */
const checkAfterMs = 1000;
const longestCheckMs = 30_000;

const parts: readonly (keyof PanelState)[] = ['conversation', 'model', 'composer', 'list', 'welcome', 'notice'];

/**
 * Keeps one page a picture of the state: a snapshot when it says that it is there, then numbered changes, at most one bundle a frame. Without a page nothing
 * is computed and nothing is posted: what changes meanwhile is in the next snapshot. That a change was lost the page sees by the number of the next one, or by
 * `check` when there is none.
 */
export class PanelChannel {
  readonly #source: PanelSource;
  #post: Post | undefined;
  #revision = 0;
  #timer: NodeJS.Timeout | undefined;
  #checkTimer: NodeJS.Timeout | undefined;
  #postedAtMs = 0;
  readonly #changedParts = new Set<keyof PanelState>();
  readonly #changedAnswers = new Set<string>();
  readonly #appended = new Map<string, { text: string; reasoning: string }>();
  /** For a page that is not there yet. */
  #focus: (Once & { readonly type: 'focus' }) | undefined;

  constructor(source: PanelSource) {
    this.#source = source;
  }

  /** A page is there, or missed something. */
  begin(post: Post): void {
    this.#post = post;
    this.#snapshot();
    if (this.#focus) post(this.#focus);
    this.#focus = undefined;
  }

  /** The page is hidden or gone. */
  end(): void {
    this.#post = undefined;
    this.#forget();
    this.#stopChecking();
  }

  /** The page has this one. */
  has(revision: number): void {
    if (revision === this.#revision) this.#stopChecking();
  }

  change(...changed: readonly (keyof PanelState)[]): void {
    for (const part of changed) this.#changedParts.add(part);
    this.#postSoon();
  }

  answer(id: string): void {
    this.#changedAnswers.add(id);
    this.#postSoon();
  }

  /** More of an answer that is shown: costs what it is long, however long the conversation is. */
  append(answerId: string, text: string, reasoning: string): void {
    const before = this.#appended.get(answerId);
    if (before) {
      before.text += text;
      before.reasoning += reasoning;
    } else {
      this.#appended.set(answerId, { text, reasoning });
    }
    this.#postSoon();
  }

  /** After what was changed before. The focus waits for a page, the rest is for the one that is there. */
  do(once: Once): void {
    if (!this.#post) {
      if (once.type === 'focus') this.#focus = once;
      return;
    }
    this.#postNow();
    this.#post(once);
  }

  #postSoon(): void {
    if (!this.#post) return this.#forget();
    this.#timer ??= setTimeout(() => this.#postNow(), Math.max(0, this.#postedAtMs + frameMs - performance.now()));
  }

  #postNow(): void {
    const changed = [...this.#changedParts];
    const hasConversation = this.#changedParts.has('conversation');
    const answers = hasConversation ? [] : [...this.#changedAnswers];
    const appended = hasConversation ? [] : [...this.#appended];
    this.#forget();
    if (changed.length > 0) {
      const part = Object.fromEntries(changed.map((name) => [name, this.#source.part(name) ?? null]));
      this.#number((revision) => ({ type: 'change', revision, part }));
    }
    for (const id of answers) {
      const answer = this.#source.answer(id);
      if (answer) this.#number((revision) => ({ type: 'answer', revision, answer }));
    }
    // An answer that was posted anew has it already.
    for (const [answerId, more] of appended) {
      if (!answers.includes(answerId)) this.#number((revision) => ({ type: 'append', revision, answerId, ...more }));
    }
  }

  #snapshot(): void {
    this.#forget();
    const state = Object.fromEntries(parts.map((name) => [name, this.#source.part(name)])) as unknown as PanelState;
    this.#number((revision) => ({ type: 'snapshot', revision, state }));
  }

  #number(make: (revision: number) => HostMessage): void {
    const post = this.#post;
    if (!post) return;
    this.#postedAtMs = performance.now();
    post(make(++this.#revision));
    this.#checkTimer ??= setTimeout(() => this.#check(checkAfterMs), checkAfterMs);
  }

  /** Not while more comes: the next change says it too. */
  #check(pauseMs: number): void {
    const isQuiet = performance.now() - this.#postedAtMs >= checkAfterMs;
    if (isQuiet) this.#post?.({ type: 'check', lastRevision: this.#revision });
    const nextMs = isQuiet ? Math.min(pauseMs * 2, longestCheckMs) : checkAfterMs;
    this.#checkTimer = setTimeout(() => this.#check(nextMs), pauseMs);
  }

  #stopChecking(): void {
    clearTimeout(this.#checkTimer);
    this.#checkTimer = undefined;
  }

  #forget(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#changedParts.clear();
    this.#changedAnswers.clear();
    this.#appended.clear();
  }
}
