import type { BackendError } from '../clients/errors.ts';
import type { Problem, RunEnding } from './conversation.ts';
import type { Answer } from './session.ts';

/** How a request ended, as a conversation keeps it. */
export function endingOf({ outcome, speed }: Pick<Answer, 'outcome' | 'speed'>, reasoningMs?: number): RunEnding {
  const common = { speed, ...(reasoningMs === undefined ? {} : { reasoningMs }) };
  switch (outcome.type) {
    case 'finished':
      return { outcome: { type: 'finished', reason: outcome.reason }, usage: outcome.usage, ...common };
    case 'stopped':
      return { outcome: { type: 'stopped' }, ...common };
    case 'failed':
      return { outcome: { type: 'failed', problem: toProblem(outcome.error) }, ...common };
  }
}

function toProblem({ kind, message, hint, serverMessage }: BackendError): Problem {
  return { kind, message, hint, ...(serverMessage === undefined ? {} : { serverMessage }) };
}
