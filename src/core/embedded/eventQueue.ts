/** Between the engine's messages, which come when they come, and the one who reads the answer. */
export class EventQueue<Event> implements AsyncIterable<Event> {
  #events: Event[] = [];
  #outcome: 'open' | 'ended' | { readonly error: unknown } = 'open';
  #wake: (() => void) | undefined;

  push(event: Event): void {
    if (this.#outcome !== 'open') return;
    this.#events.push(event);
    this.#wake?.();
  }

  end(): void {
    this.#close('ended');
  }

  /** The events before it are still read. */
  fail(error: unknown): void {
    this.#close({ error });
  }

  /** Ends it now: what was not read is dropped. */
  drop(): void {
    this.#events = [];
    this.#outcome = 'ended';
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Event> {
    for (;;) {
      while (this.#events.length > 0) yield this.#events.shift() as Event;
      if (this.#outcome === 'ended') return;
      if (this.#outcome !== 'open') throw this.#outcome.error;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #close(outcome: 'ended' | { readonly error: unknown }): void {
    if (this.#outcome !== 'open') return;
    this.#outcome = outcome;
    this.#wake?.();
  }
}
