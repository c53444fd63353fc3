import { estimateTextTokens } from '../clients/tokenEstimate.ts';

/** Room for texts that are put together: what does not fit whole is not taken, so that whoever fills it can say so. */
export class TokenRoom {
  #leftTokens: number;

  constructor(tokens: number) {
    this.#leftTokens = tokens;
  }

  get leftTokens(): number {
    return this.#leftTokens;
  }

  /** False, and nothing is taken, when it does not fit. */
  take(text: string): boolean {
    const tokens = estimateTextTokens(text);
    if (tokens > this.#leftTokens) return false;
    this.#leftTokens -= tokens;
    return true;
  }

  /** As many from the beginning as fit. */
  takeFirst(texts: readonly string[]): readonly string[] {
    const end = texts.findIndex((text) => !this.take(text));
    return end < 0 ? texts : texts.slice(0, end);
  }
}
