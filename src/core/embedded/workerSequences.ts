import type { LlamaContextSequence, Token } from 'node-llama-cpp';

/** The sequences that nobody uses now, and who waits for one; never both. */
export class SequencePool {
  readonly #free: LlamaContextSequence[];
  readonly #waiting: ((sequence: LlamaContextSequence | undefined) => void)[] = [];

  constructor(sequences: readonly LlamaContextSequence[]) {
    this.#free = [...sequences];
  }

  /** Of the free ones, the one that has most of the prompt already. Undefined: aborted while waiting. */
  async take(prompt: Token[], signal: AbortSignal): Promise<LlamaContextSequence | undefined> {
    if (this.#free.length === 0) {
      const sequence = await this.#turn(signal);
      if (!sequence || !signal.aborted) return sequence;
      this.giveBack(sequence);
      return undefined;
    }
    const known = (sequence: LlamaContextSequence) => sequence.compareContextTokens(prompt).firstDifferentIndex;
    const best = this.#free.reduce((a, b) => (known(b) > known(a) ? b : a));
    this.#free.splice(this.#free.indexOf(best), 1);
    return best;
  }

  giveBack(sequence: LlamaContextSequence): void {
    const next = this.#waiting.shift();
    if (next) next(sequence);
    else this.#free.push(sequence);
  }

  #turn(signal: AbortSignal): Promise<LlamaContextSequence | undefined> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      const leave = () => {
        const at = this.#waiting.indexOf(resolve);
        if (at >= 0) this.#waiting.splice(at, 1);
        resolve(undefined);
      };
      signal.addEventListener('abort', leave, { once: true });
    });
  }
}
