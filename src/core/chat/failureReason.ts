import type { BackendError } from '../clients/errors.ts';
import type { Choice } from '../clients/registry.ts';
import type { Settings } from '../settings/settings.ts';
import type { Answer } from './session.ts';

/** Finds out why a request failed: the same failure with its reason, or as it was. Never rejects. */
export type FailureExplainer = (error: BackendError, asked: Asked, signal: AbortSignal) => Promise<BackendError>;

export interface Asked {
  readonly choice: Choice;
  readonly settings: Settings;
}

/** Of a failure that may be for want of memory. What that takes is loaded with the first one. */
export const explainMemoryFailure: FailureExplainer = async (error, { choice, settings }, signal) => {
  const { machineSources, withReason } = await import('../fit/diagnosis/requestFailure.ts');
  const { client, model } = choice;
  const { backend, endpoint } = client;
  const contextTokens = backend === 'ollama' ? settings.ollamaContextTokens : undefined;
  const request = { error, backend, endpoint, model, ...(contextTokens === undefined ? {} : { contextTokens }) };
  return withReason(request, machineSources(), signal);
};

/** The answer, and why it failed if it did. */
export async function explained(
  answer: Answer,
  explain: FailureExplainer | undefined,
  asked: Asked,
  signal: AbortSignal,
): Promise<Answer> {
  const { outcome } = answer;
  if (!explain || outcome.type !== 'failed') return answer;
  return { ...answer, outcome: { type: 'failed', error: await explain(outcome.error, asked, signal) } };
}
