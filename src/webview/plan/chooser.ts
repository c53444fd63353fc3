import type { PlanPageMessage } from '../../protocol/planMessages.ts';
import type { PlanChoice } from '../../protocol/planState.ts';

/** Tells the host what is chosen, at most once a frame however fast a slider moves, and knows whether the host has heard of it. */
export class Chooser {
  readonly #post: (message: PlanPageMessage) => void;
  #number = 0;
  #waiting: Partial<PlanChoice> | undefined;

  constructor(post: (message: PlanPageMessage) => void) {
    this.#post = post;
  }

  choose(change: Partial<PlanChoice>): void {
    this.#number++;
    if (!this.#waiting) requestAnimationFrame(() => this.#tell());
    this.#waiting = { ...this.#waiting, ...change };
  }

  takeAlternative(id: string): void {
    this.#tell();
    this.#post({ type: 'takeAlternative', number: ++this.#number, id });
  }

  /** Nothing was chosen here since the host made the state that has this number. */
  isSettled(seen: number): boolean {
    return seen >= this.#number;
  }

  #tell(): void {
    const change = this.#waiting;
    this.#waiting = undefined;
    if (change) this.#post({ type: 'choose', number: this.#number, change });
  }
}
