import { abortable } from '../../core/util/abortable.ts';
import { errorText } from '../../core/util/errorText.ts';
import type { OpenConversation } from '../../core/chat/openConversation.ts';
import { refuse, type Attached } from './context/attached.ts';

/** Reads what is to be attached. Undefined, or nothing, where the user left a choice. */
export type Read = (signal: AbortSignal) => Promise<readonly (Attached | undefined)[]>;

export interface PendingAttachment {
  readonly id: string;
  readonly label: string;
  /** Of the conversation that was shown when it was asked for. */
  readonly open: OpenConversation;
  /** In the order in which things were asked for. */
  readonly place: number;
  readonly done: Promise<void>;
  abort(): void;
}

export interface PendingParts {
  readonly onDone: (pending: PendingAttachment, attached: readonly Attached[]) => void;
  readonly onChange: () => void;
}

/** What is still being read to be attached: a network drive may take its time, and a question must not leave without it. */
export class PendingAttachments {
  readonly #parts: PendingParts;
  readonly #pending = new Map<string, PendingAttachment>();
  #places = 0;

  constructor(parts: PendingParts) {
    this.#parts = parts;
  }

  begin(open: OpenConversation, label: string, read: Read): void {
    const id = crypto.randomUUID();
    const controller = new AbortController();
    const reading = abortable(read(controller.signal), controller.signal).catch((error: unknown) =>
      controller.signal.aborted ? [] : [refuse(`${label} was not attached: ${errorText(error)}`)],
    );
    const done = reading.then((read) => {
      this.#pending.delete(id);
      const attached = read.flatMap((one) => one ?? []);
      this.#parts.onDone(pending, attached);
    });
    const pending = { id, label, open, place: ++this.#places, done, abort: () => controller.abort() };
    this.#pending.set(id, pending);
    this.#parts.onChange();
  }

  of(open: OpenConversation): readonly PendingAttachment[] {
    return [...this.#pending.values()].filter((one) => one.open === open);
  }

  /** False when there is no such one. */
  abort(id: string): boolean {
    this.#pending.get(id)?.abort();
    return this.#pending.has(id);
  }

  /** Resolves when nothing of the conversation is pending, also of what is asked for meanwhile. Rejects when it was aborted. */
  async finished(open: OpenConversation, signal: AbortSignal): Promise<void> {
    for (let pending = this.of(open); pending.length > 0; pending = this.of(open)) {
      await abortable(Promise.all(pending.map(({ done }) => done)), signal);
    }
  }

  dispose(): void {
    for (const pending of this.#pending.values()) pending.abort();
  }
}
