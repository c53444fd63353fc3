import type { BackendError, NextStep } from '../clients/errors.ts';
import type { BackendId } from '../clients/llmClient.ts';

/** The steps of a check, in their order. A report ends with the first that failed. */
export type StepName = 'address' | 'dns' | 'tcp' | 'tls' | 'server' | 'key' | 'models' | 'context' | 'token' | 'tools';

export type StepState = 'ok' | 'warning' | 'failed' | 'skipped';

export interface Step extends Finding {
  readonly name: StepName;
  readonly durationMs: number;
}

/** What a step found. */
export interface Finding {
  readonly state: StepState;
  /** One sentence or a short phrase: what was found. */
  readonly detail: string;
  /** The server's own words, where it said something. */
  readonly serverMessage?: string;
  /** What to do now, in this situation. */
  readonly fix?: string;
  /** The same as one click. */
  readonly nextStep?: NextStep;
}

/** The result of one backend's check, for people and for scripts. Holds no key, no password and no prompt. */
export interface Report {
  readonly backend: BackendId;
  /** Where requests go, without credentials. */
  readonly endpoint: string;
  /** Which machine asked, and so which one `127.0.0.1` is. */
  readonly where: string;
  /** A question asked now would be answered. */
  readonly works: boolean;
  /** One sentence. */
  readonly verdict: string;
  readonly steps: readonly Step[];
}

export const passed = (detail: string): Finding => ({ state: 'ok', detail });
export const skipped = (detail: string): Finding => ({ state: 'skipped', detail });

/** A `BackendError` as a finding; `fix` where this situation has a better one than the error's own hint. */
export function failed(error: BackendError, fix = error.hint, nextStep: NextStep = error.nextStep): Finding {
  return {
    state: 'failed',
    detail: error.message,
    ...(error.serverMessage ? { serverMessage: error.serverMessage } : {}),
    fix,
    // A log says less than the report itself.
    ...(nextStep.do === 'showLog' ? {} : { nextStep }),
  };
}

/**
 * The report without the secrets that may have come into it by what a server said or by an address that somebody wrote: those given, and in an address
 * what stands before an `@` or after a `?`.
 */
export function withoutSecrets(report: Report, secrets: readonly string[]): Report {
  const shown = secrets.filter((secret) => secret.length > 3);
  const clean = (text: string) =>
    shown
      .reduce((rest, secret) => rest.replaceAll(secret, '•••'), text)
      .replace(/\/\/[^\s/@"”]+@/g, '//•••@')
      .replace(/(\/\/[^\s?"”]+\?)[^\s"”]+/g, '$1•••');
  return JSON.parse(JSON.stringify(report), (_key, value: unknown) =>
    typeof value === 'string' ? clean(value) : value,
  ) as Report;
}
