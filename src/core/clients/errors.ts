import type { BackendId } from './llmClient.ts';

/** What went wrong, as far as a next step depends on it. */
export type BackendErrorKind =
  | 'notRunning' // nothing listens there
  | 'dns'
  | 'unreachable' // no route, or no connection within the connect time-out
  | 'tls'
  | 'wrongScheme' // http spoken to https or the other way round
  | 'redirected'
  | 'notAModelServer'
  | 'unauthorized'
  | 'forbidden'
  | 'modelNotFound'
  | 'contextOverflow'
  | 'outOfMemory'
  | 'loadFailed'
  | 'overloaded'
  | 'quota' // the account has used up what it may
  | 'unsupported' // the model or server cannot do what the request asks for
  | 'badRequest'
  | 'gateway' // a proxy in between answered
  | 'serverError'
  | 'firstByteTimeout'
  | 'idleTimeout'
  | 'truncated' // the stream ended without its end marker
  | 'streamCut' // the connection broke in the middle of the stream
  | 'protocol' // the server sent what its protocol does not allow
  | 'config' // a setting cannot be used
  | 'engineMissing'
  | 'engineCrashed'
  | 'modelFile' // the embedded model's file is missing, broken or foreign
  | 'download'
  | 'diskFull'
  | 'internal' // a mistake of A2IA, or the system refused it something
  | 'declined'; // the user said no to what the request needed

/** What a model or server may be unable to do. */
export type Feature = 'tools' | 'images' | 'reasoning' | 'fillInTheMiddle' | 'chat';

/** One click that helps; the editor makes a button of it, the command line a sentence. */
export type NextStep =
  | { readonly do: 'startServer'; readonly command: string }
  | { readonly do: 'openSetting'; readonly key: string }
  | { readonly do: 'chooseModel'; readonly models: readonly string[] }
  | { readonly do: 'enterKey'; readonly origin: string }
  | { readonly do: 'retry' }
  | { readonly do: 'showLog' };

export interface BackendErrorInit {
  readonly kind: BackendErrorKind;
  /** One sentence: what happened. No prompt, answer or key in it. */
  readonly message: string;
  /** One sentence: what to do now. */
  readonly hint: string;
  readonly backend?: BackendId;
  /** The server's own words, trimmed. */
  readonly serverMessage?: string;
  readonly status?: number;
  readonly retryable?: boolean;
  /** How long the server asks to wait. */
  readonly retryAfterMs?: number;
  /** Of kind `unsupported`: what. */
  readonly feature?: Feature;
  /** Of kind `contextOverflow`, as far as the server gives the numbers; some count only to their limit, so it may be more. */
  readonly promptTokens?: number;
  readonly contextTokens?: number;
  readonly nextStep?: NextStep;
  readonly cause?: unknown;
}

/** Every failure of a backend. `message` says what happened, `hint` what to do, `serverMessage` what the server said. */
export class BackendError extends Error {
  override readonly name = 'BackendError';
  readonly kind: BackendErrorKind;
  readonly hint: string;
  readonly backend: BackendId | undefined;
  readonly serverMessage: string | undefined;
  readonly status: number | undefined;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly feature: Feature | undefined;
  readonly promptTokens: number | undefined;
  readonly contextTokens: number | undefined;
  readonly nextStep: NextStep;

  constructor(init: BackendErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.kind = init.kind;
    this.hint = init.hint;
    this.backend = init.backend;
    this.serverMessage = init.serverMessage;
    this.status = init.status;
    this.retryable = init.retryable ?? false;
    this.retryAfterMs = init.retryAfterMs;
    this.feature = init.feature;
    this.promptTokens = init.promptTokens;
    this.contextTokens = init.contextTokens;
    this.nextStep = init.nextStep ?? { do: 'showLog' };
  }
}

/**
 * As a log may have it: without the server's words, which may quote what was asked or answered. vLLM quotes the prompt that it refuses, and Ollama the tool
 * call that it cannot read; they are shown beside the answer instead.
 */
export function describeForLog({ kind, message, cause }: BackendError): string {
  return `${kind}: ${message}${kind === 'internal' ? placeOf(cause) : ''}`;
}

/** Where a mistake of ours happened. Not its message, which may quote what was read. */
function placeOf(cause: unknown): string {
  const lines = cause instanceof Error ? (cause.stack ?? '').split('\n') : [];
  return lines
    .filter((line) => /^ +at /.test(line))
    .map((line) => `\n${line}`)
    .join('');
}
