import type { BackendErrorKind } from '../clients/errors.ts';
import type { BackendId, FinishReason, TokenUsage, ToolCall } from '../clients/llmClient.ts';
import type { AnswerSpeed } from './answerSpeed.ts';

/**
 * A conversation is the sum of its records, which are only ever added: nothing is overwritten. Questions and answers form a tree, and one path through it is
 * shown; editing a question or asking again begins a branch beside the old one. Since records name each other by unique ids, two windows may add to one
 * conversation, and both see the sum.
 */
export type ConversationRecord =
  | { readonly type: 'begin'; readonly version: 1; readonly id: string; readonly atMs: number }
  | {
      readonly type: 'question';
      readonly id: string;
      /** The answer it follows; left out: it begins the conversation. */
      readonly parentId?: string;
      readonly atMs: number;
      readonly text: string;
      readonly attachments: readonly Attachment[];
    }
  /** An answer begins. It has as many runs as it was continued, plus one. */
  | { readonly type: 'answer'; readonly id: string; readonly parentId: string; readonly atMs: number }
  /** A request is made for it: the first, or one that continues it. */
  | {
      readonly type: 'run';
      readonly id: string;
      readonly atMs: number;
      readonly backend?: BackendId;
      readonly model?: string;
    }
  | { readonly type: 'delta'; readonly id: string; readonly text?: string; readonly reasoning?: string }
  | { readonly type: 'toolCall'; readonly id: string; readonly call: ToolCall }
  | { readonly type: 'warning'; readonly id: string; readonly message: string }
  /** The run ends. One without this record was cut off by the end of its program. */
  | { readonly type: 'end'; readonly id: string; readonly atMs: number; readonly ending: RunEnding }
  /** The path that leads to this message, and on from it, is shown. */
  | { readonly type: 'show'; readonly id: string }
  /** These messages stay where they are, but are not sent any more: the user agreed, since they did not fit. */
  | { readonly type: 'leaveOut'; readonly ids: readonly string[] }
  /** They are sent again: a larger window has room for them. */
  | { readonly type: 'takeBack'; readonly ids: readonly string[] }
  | { readonly type: 'title'; readonly title: string }
  | { readonly type: 'pin'; readonly pinned: boolean }
  | { readonly type: 'delete'; readonly deleted: boolean };

/** What goes along with a question: a copy as it was then, so that the prompt of a conversation never changes. */
export type Attachment =
  | {
      readonly kind: 'text';
      readonly id: string;
      readonly source: AttachmentSource;
      /** For people and for the model: `src/app.ts, lines 3 to 9`. */
      readonly label: string;
      readonly languageId: string;
      readonly text: string;
      /** What to open when one wants to see it. */
      readonly uri?: string;
      /** Counted from 1. */
      readonly firstLine?: number;
    }
  | {
      readonly kind: 'image';
      readonly id: string;
      readonly label: string;
      readonly mediaType: string;
      readonly base64: string;
    };

export type AttachmentSource = 'file' | 'folder' | 'selection' | 'problems' | 'diff' | 'terminal' | 'symbol' | 'paste';

export interface RunEnding {
  readonly outcome:
    | { readonly type: 'finished'; readonly reason: FinishReason }
    | { readonly type: 'stopped' }
    | { readonly type: 'failed'; readonly problem: Problem };
  readonly usage?: TokenUsage;
  readonly speed: AnswerSpeed;
  /** From the first to the last reasoning. */
  readonly reasoningMs?: number;
}

/** A BackendError as it is kept: without its cause. */
export interface Problem {
  readonly kind: BackendErrorKind;
  readonly message: string;
  readonly hint: string;
  readonly serverMessage?: string;
}

export interface Question {
  readonly role: 'question';
  readonly id: string;
  readonly parentId: string | undefined;
  readonly atMs: number;
  readonly text: string;
  readonly attachments: readonly Attachment[];
}

export interface Answer {
  readonly role: 'answer';
  readonly id: string;
  readonly parentId: string;
  readonly atMs: number;
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCall[];
  readonly warnings: readonly string[];
  /** At least one; the last may be running. */
  readonly runs: readonly Run[];
}

export interface Run {
  readonly atMs: number;
  /** Undefined when nobody was found who could answer. */
  readonly backend: BackendId | undefined;
  readonly model: string | undefined;
  /** Undefined: it runs, or was cut off. */
  readonly ending: RunEnding | undefined;
}

export type Message = Question | Answer;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The sum of the records so far. Records that make no sense (of an unknown message, said twice) are ignored: another window, or half a file, may say them. */
export class Conversation {
  readonly id: string;
  readonly createdAtMs: number;
  readonly #messages = new Map<string, Message>();
  /** By parent; `undefined` for the first questions. In the order in which they were made. */
  readonly #children = new Map<string | undefined, string[]>();
  /** Which child the path takes at each branch; the newest where nothing is said. */
  readonly #chosen = new Map<string | undefined, string>();
  /** The last message of the path. */
  #endId: string | undefined;
  readonly #leftOut = new Set<string>();
  #givenTitle: string | undefined;
  #pinned = false;
  #deleted = false;
  #changedAtMs: number;

  constructor(id: string, createdAtMs: number) {
    this.id = id;
    this.createdAtMs = createdAtMs;
    this.#changedAtMs = createdAtMs;
  }

  /** The user's own, else the beginning of the first question. Empty when there is neither. */
  get title(): string {
    if (this.#givenTitle) return this.#givenTitle;
    const first = this.#messages.get(this.#children.get(undefined)?.[0] ?? '');
    const line = first?.text.trim().split('\n', 1)[0] ?? '';
    return line.length > 60 ? `${line.slice(0, 59).trimEnd()}…` : line;
  }

  get pinned(): boolean {
    return this.#pinned;
  }

  get deleted(): boolean {
    return this.#deleted;
  }

  get changedAtMs(): number {
    return this.#changedAtMs;
  }

  get size(): number {
    return this.#messages.size;
  }

  message(id: string): Message | undefined {
    return this.#messages.get(id);
  }

  /** All of them, in the order in which they were made. */
  messages(): Iterable<Message> {
    return this.#messages.values();
  }

  /** The messages that are shown, from the first question on. */
  path(): readonly Message[] {
    const path: Message[] = [];
    for (let message = this.#next(undefined); message; message = this.#next(message.id)) path.push(message);
    return path;
  }

  /** The messages up to and with this one, from the first question on. */
  pathTo(id: string): readonly Message[] {
    const path: Message[] = [];
    for (let message = this.#messages.get(id); message; message = this.#messages.get(message.parentId ?? '')) {
      path.push(message);
    }
    return path.reverse();
  }

  /** The message and what stands beside it in other branches, oldest first. */
  siblings(message: Message): readonly string[] {
    return this.#children.get(message.parentId) ?? [];
  }

  isLeftOut(id: string): boolean {
    return this.#leftOut.has(id);
  }

  /** The fewest records with these messages, this path and this title. */
  records(): readonly ConversationRecord[] {
    const records: ConversationRecord[] = [{ type: 'begin', version: 1, id: this.id, atMs: this.createdAtMs }];
    for (const message of this.#messages.values()) {
      if (message.role === 'answer') {
        records.push(...recordsOfAnswer(message));
      } else {
        const { id, parentId, atMs, text, attachments } = message;
        records.push({
          type: 'question',
          id,
          ...(parentId === undefined ? {} : { parentId }),
          atMs,
          text,
          attachments,
        });
      }
    }
    if (this.#leftOut.size > 0) records.push({ type: 'leaveOut', ids: [...this.#leftOut] });
    if (this.#endId !== undefined) records.push({ type: 'show', id: this.#endId });
    if (this.#givenTitle !== undefined) records.push({ type: 'title', title: this.#givenTitle });
    if (this.#pinned) records.push({ type: 'pin', pinned: true });
    if (this.#deleted) records.push({ type: 'delete', deleted: true });
    return records;
  }

  apply(record: ConversationRecord): void {
    if ('atMs' in record) this.#changedAtMs = Math.max(this.#changedAtMs, record.atMs);
    switch (record.type) {
      case 'begin':
        return;
      case 'question': {
        const { id, parentId, atMs, text, attachments } = record;
        return this.#add({ role: 'question', id, parentId, atMs, text, attachments });
      }
      case 'answer': {
        const { id, parentId, atMs } = record;
        const nothing = { text: '', reasoning: '', toolCalls: [], warnings: [], runs: [] };
        return this.#add({ role: 'answer', id, parentId, atMs, ...nothing });
      }
      case 'show':
        return this.#show(record.id);
      case 'leaveOut':
        for (const id of record.ids) this.#leftOut.add(id);
        return;
      case 'takeBack':
        for (const id of record.ids) this.#leftOut.delete(id);
        return;
      case 'title':
        this.#givenTitle = record.title.trim() || undefined;
        return;
      case 'pin':
        this.#pinned = record.pinned;
        return;
      case 'delete':
        this.#deleted = record.deleted;
        return;
      default:
        return this.#applyToAnswer(record);
    }
  }

  #applyToAnswer(record: ConversationRecord & { type: 'run' | 'delta' | 'toolCall' | 'warning' | 'end' }): void {
    const answer = this.#messages.get(record.id) as Mutable<Answer> | undefined;
    if (answer?.role !== 'answer') return;
    switch (record.type) {
      case 'run': {
        const { atMs, backend, model } = record;
        answer.runs = [...answer.runs, { atMs, backend, model, ending: undefined }];
        return;
      }
      case 'delta':
        answer.text += record.text ?? '';
        answer.reasoning += record.reasoning ?? '';
        return;
      case 'toolCall':
        answer.toolCalls = [...answer.toolCalls, record.call];
        return;
      case 'warning':
        answer.warnings = [...answer.warnings, record.message];
        return;
      case 'end': {
        const last = answer.runs.at(-1);
        if (last && !last.ending) answer.runs = [...answer.runs.slice(0, -1), { ...last, ending: record.ending }];
      }
    }
  }

  #add(message: Message): void {
    if (this.#messages.has(message.id)) return;
    if (message.parentId !== undefined && !this.#messages.has(message.parentId)) return;
    this.#messages.set(message.id, message);
    const siblings = this.#children.get(message.parentId);
    if (siblings) siblings.push(message.id);
    else this.#children.set(message.parentId, [message.id]);
    // Nearly always it follows what is shown; walking up the whole path for each would make opening quadratic.
    if (message.parentId === this.#endId) {
      this.#chosen.set(message.parentId, message.id);
      this.#endId = message.id;
    } else this.#show(message.id);
  }

  #show(id: string): void {
    for (const message of this.pathTo(id)) this.#chosen.set(message.parentId, message.id);
    this.#endId = this.path().at(-1)?.id;
  }

  #next(parentId: string | undefined): Message | undefined {
    const id = this.#chosen.get(parentId) ?? this.#children.get(parentId)?.at(-1);
    return id === undefined ? undefined : this.#messages.get(id);
  }
}

function recordsOfAnswer({
  id,
  parentId,
  atMs,
  text,
  reasoning,
  toolCalls,
  warnings,
  runs,
}: Answer): ConversationRecord[] {
  return [
    { type: 'answer', id, parentId, atMs },
    ...(text || reasoning ? [{ type: 'delta', id, text, reasoning } as const] : []),
    ...toolCalls.map((call) => ({ type: 'toolCall', id, call }) as const),
    ...warnings.map((message) => ({ type: 'warning', id, message }) as const),
    ...runs.flatMap(({ ending, backend, model, atMs }): readonly ConversationRecord[] => [
      { type: 'run', id, atMs, ...(backend ? { backend } : {}), ...(model === undefined ? {} : { model }) },
      ...(ending ? [{ type: 'end', id, atMs, ending } as const] : []),
    ]),
  ];
}
