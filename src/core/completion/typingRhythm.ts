/** Longer gaps are pauses, and say nothing about how fast somebody types. */
const longestGapMs = 1_000;
const rememberedGaps = 16;
const leastGaps = 4;
/** Before anything is known. At five keys a second nobody is asked within a word. */
const firstPauseMs = 300;
const leastPauseMs = 120;
const mostPauseMs = 600;
/** Of the gaps between two keys so many are shorter than the pause, with some room: the rest would cause requests that the next key cancels. */
const gapPercent = 0.85;
const room = 1.25;

/**
 * How long somebody has to pause before a request is worth it: a little longer than nearly all of his gaps between two keys, so that a fast typist is answered
 * sooner and a slow one causes no request with every key.
 */
export class TypingRhythm {
  #gapsMs: number[] = [];
  #lastKeyMs: number | undefined;

  keyPressed(nowMs: number): void {
    const gapMs = nowMs - (this.#lastKeyMs ?? -Infinity);
    this.#lastKeyMs = nowMs;
    if (gapMs > longestGapMs) return;
    this.#gapsMs.push(gapMs);
    if (this.#gapsMs.length > rememberedGaps) this.#gapsMs.shift();
  }

  get pauseMs(): number {
    if (this.#gapsMs.length < leastGaps) return firstPauseMs;
    const sorted = [...this.#gapsMs].sort((a, b) => a - b);
    const gapMs = sorted[Math.ceil((sorted.length - 1) * gapPercent)] ?? firstPauseMs;
    return Math.min(mostPauseMs, Math.max(leastPauseMs, gapMs * room));
  }
}
