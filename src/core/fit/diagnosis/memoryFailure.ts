import { BackendError } from '../../clients/errors.ts';
import type { LogExplanation } from './diagnosis.ts';

/** A request that failed for want of memory, with what is known of why. Its message says the inequality, its hint the best thing to do. */
export class MemoryFailure extends BackendError {
  readonly explanation: LogExplanation;

  constructor(
    error: BackendError,
    { message, hint }: { readonly message: string; readonly hint: string },
    explanation: LogExplanation,
  ) {
    super({
      kind: error.kind,
      message,
      hint,
      ...(error.backend === undefined ? {} : { backend: error.backend }),
      ...(error.serverMessage === undefined ? {} : { serverMessage: error.serverMessage }),
      ...(error.status === undefined ? {} : { status: error.status }),
      retryable: error.retryable,
      nextStep: error.nextStep,
      cause: error,
    });
    this.explanation = explanation;
  }
}
