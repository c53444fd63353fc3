import type { ServerTimings, TokenUsage } from '../clients/llmClient.ts';

export interface AnswerSpeed {
  /** From sending to the first text or reasoning. */
  readonly firstTokenMs?: number;
  readonly totalMs: number;
  /** Output tokens over the time they took: the server's own measure where it gives one, else our clock from the first token on. */
  readonly tokensPerSecond?: number;
}

/** In less time than this our clock measures how the network bundles, not how fast the model writes. */
const leastMeasuredMs = 100;

export function speedOf(
  totalMs: number,
  firstTokenMs: number | undefined,
  usage?: TokenUsage,
  timings?: ServerTimings,
): AnswerSpeed {
  return {
    totalMs,
    ...(firstTokenMs === undefined ? {} : { firstTokenMs }),
    ...tokenRate(usage?.outputTokens ?? 0, timings?.outputMs, totalMs - (firstTokenMs ?? totalMs)),
  };
}

function tokenRate(outputTokens: number, serverMs: number | undefined, clockMs: number): Partial<AnswerSpeed> {
  if (outputTokens > 0 && serverMs) return { tokensPerSecond: (outputTokens / serverMs) * 1000 };
  // The first token is where our clock begins.
  return outputTokens > 1 && clockMs >= leastMeasuredMs
    ? { tokensPerSecond: ((outputTokens - 1) / clockMs) * 1000 }
    : {};
}
