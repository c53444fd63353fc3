import type { BackendError } from '../clients/errors.ts';
import { toBackendError } from '../clients/failures.ts';
import type { ChatEvent, ChatRequest, FinishReason, LLMClient, TokenUsage } from '../clients/llmClient.ts';
import type { Settings } from '../settings/settings.ts';
import { speedOf, type AnswerSpeed } from './answerSpeed.ts';
import { requireFit, type PromptPart } from './contextFit.ts';

/** How one request ended, with everything that arrived until then. */
export interface Answer {
  readonly text: string;
  readonly reasoning: string;
  readonly outcome: Outcome;
  readonly speed: AnswerSpeed;
}

export type Outcome =
  | { readonly type: 'finished'; readonly reason: FinishReason; readonly usage: TokenUsage }
  | { readonly type: 'stopped' }
  | { readonly type: 'failed'; readonly error: BackendError };

/**
 * Runs one request to its end. Never throws: a failure is an outcome, and what arrived before it stands.
 * `onEvent` may be async: the next event is read when it is done, so that a slow reader holds the server back.
 */
export async function runRequest(
  client: LLMClient,
  request: ChatRequest,
  signal: AbortSignal,
  onEvent: (event: ChatEvent) => void | Promise<void>,
  /** What of the prompt can be left out, for the advice when it does not fit. */
  parts: readonly PromptPart[] = [],
  knownContextTokens?: number,
): Promise<Answer> {
  const startedMs = performance.now();
  let firstTokenMs: number | undefined;
  let text = '';
  let reasoning = '';
  let finish: (ChatEvent & { type: 'finish' }) | undefined;
  let error: BackendError | undefined;
  try {
    await requireFit(client, request, parts, signal, knownContextTokens);
    for await (const event of client.chat(request, signal)) {
      if (event.type === 'text') text += event.delta;
      if (event.type === 'reasoning') reasoning += event.delta;
      if (event.type === 'text' || event.type === 'reasoning') firstTokenMs ??= performance.now() - startedMs;
      if (event.type === 'finish') finish = event;
      await onEvent(event);
    }
  } catch (thrown) {
    if (!signal.aborted) error = toBackendError(thrown, client.backend);
  }
  const totalMs = performance.now() - startedMs;
  const outcome: Outcome = error
    ? { type: 'failed', error }
    : finish
      ? { type: 'finished', reason: finish.reason, usage: finish.usage ?? {} }
      : { type: 'stopped' };
  return { text, reasoning, outcome, speed: speedOf(totalMs, firstTokenMs, finish?.usage, finish?.timings) };
}

/** The generation settings of a request: only those that are set. */
export function generationSettings(settings: Settings): Partial<ChatRequest> {
  const { temperature, topP, seed, maxOutputTokens } = settings;
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(seed === undefined ? {} : { seed }),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
  };
}
