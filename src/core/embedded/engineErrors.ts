import { BackendError, type BackendErrorInit } from '../clients/errors.ts';
import type { EngineConfig, LoadFailure } from './workerMessages.ts';

/** What the engine's failures mean to a person. */

const backend = 'embedded';

export function engineMissing(detail: string): BackendError {
  return new BackendError({
    kind: 'engineMissing',
    backend,
    message: 'The embedded engine is not part of this installation, or not made for this system.',
    hint: 'Install the build of A2IA for this platform, or use Ollama or another server.',
    serverMessage: detail,
  });
}

export function loadFailed(failure: LoadFailure, detail: string, config: EngineConfig): BackendError {
  if (failure === 'engineMissing') return engineMissing(detail);
  const texts: Pick<BackendErrorInit, 'kind' | 'message' | 'hint'> =
    failure === 'outOfMemory'
      ? {
          kind: 'outOfMemory',
          message: `There is not enough memory for ${config.modelPath} with a context of ${config.contextTokens} tokens.`,
          hint: 'Make a2ia.embedded.contextTokens smaller, choose a smaller model, or close other programs.',
        }
      : {
          kind: 'loadFailed',
          message: `The embedded engine could not load ${config.modelPath}.`,
          hint: 'The model may be newer than the engine: choose another one, or run it with Ollama.',
        };
  return new BackendError({ ...texts, backend, serverMessage: detail });
}

export function crashed(exit: { readonly reason: string; readonly stderrTail: string }): BackendError {
  const lastLine = exit.stderrTail.trim().split('\n').at(-1)?.trim();
  return new BackendError({
    kind: 'engineCrashed',
    backend,
    message: `The embedded engine stopped in the middle of its work (${exit.reason}).`,
    hint: crashHint(exit.reason),
    ...(lastLine ? { serverMessage: lastLine } : {}),
    retryable: true,
    nextStep: { do: 'retry' },
  });
}

export function notStarted(error: Error): BackendError {
  return new BackendError({
    kind: 'engineCrashed',
    backend,
    message: `The process of the embedded engine could not be started (${error.message}).`,
    hint: 'Ask again. If it happens again, install A2IA anew, or use Ollama or another server.',
    retryable: true,
    nextStep: { do: 'retry' },
    cause: error,
  });
}

function crashHint(reason: string): string {
  if (reason.includes('SIGKILL')) {
    return 'Ask again: it starts anew. If it happens often, memory is short: choose a smaller model or a smaller a2ia.embedded.contextTokens.';
  }
  if (reason.includes('SIGILL'))
    return 'This processor lacks instructions that the engine needs. Use Ollama or another server.';
  return 'Ask again: it starts anew. What arrived is kept.';
}

export function shutDown(): BackendError {
  return new BackendError({
    kind: 'engineCrashed',
    backend,
    message: 'The embedded engine was shut down.',
    hint: 'Ask again: it starts anew.',
    retryable: true,
    nextStep: { do: 'retry' },
  });
}

export function contextOverflow(figures: {
  readonly promptTokens: number;
  readonly contextTokens: number;
}): BackendError {
  const { promptTokens, contextTokens } = figures;
  return new BackendError({
    kind: 'contextOverflow',
    backend,
    message: `The prompt has ${promptTokens} tokens; the context window has ${contextTokens}.`,
    hint: 'Shorten the question or leave out context, or raise a2ia.embedded.contextTokens.',
    promptTokens,
    contextTokens,
    nextStep: { do: 'openSetting', key: 'a2ia.embedded.contextTokens' },
  });
}

export function generationFailed(detail: string): BackendError {
  return new BackendError({
    kind: 'serverError',
    backend,
    message: 'The embedded engine failed while answering.',
    hint: 'What arrived is kept. Ask again.',
    serverMessage: detail,
    retryable: true,
    nextStep: { do: 'retry' },
  });
}

/** Of a model that does without it: the request is answered all the same where that is possible. */
export function cannot(feature: 'tools' | 'reasoning', modelName: string): BackendError {
  return new BackendError({
    kind: 'unsupported',
    feature,
    backend,
    message:
      feature === 'tools' ? `${modelName} cannot use tools here.` : `${modelName} does not think before it answers.`,
    hint: 'Ask without that, or use another backend.',
  });
}

export function noImages(): BackendError {
  return new BackendError({
    kind: 'unsupported',
    feature: 'images',
    backend,
    message: 'The embedded engine cannot look at images.',
    hint: 'Ask without the image, or use another backend with a model that sees.',
  });
}

export function noInfill(): BackendError {
  return new BackendError({
    kind: 'unsupported',
    feature: 'fillInTheMiddle',
    backend,
    message: 'This model cannot fill a gap in a text.',
    hint: 'Choose a model that was trained for it, such as Qwen2.5 Coder.',
  });
}

export function tooLarge(modelName: string, sizeBytes: number, availableBytes: number): BackendError {
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  return new BackendError({
    kind: 'outOfMemory',
    backend,
    message: `${modelName} has ${gigabytes(sizeBytes)}; ${gigabytes(availableBytes)} of memory are free.`,
    hint: 'Choose a smaller model, or close other programs.',
    nextStep: { do: 'openSetting', key: 'a2ia.embedded.modelPath' },
  });
}
