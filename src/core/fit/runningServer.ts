import type { FitModel, FitServer } from './fitRequest.ts';
import type { MeasuredLoad } from './calibration.ts';

/** A server of this machine as it runs: what it was told, and what it holds with the one model that it has. */
export interface RunningServer {
  readonly server: FitServer;
  /** As the server calls it: a repository, a folder, a file. */
  readonly model: string;
  /** Undefined: the model is of a kind for which the server's figures cannot be read. */
  readonly measured: (model: FitModel) => MeasuredLoad | undefined;
}

/** A part of JSON that came from outside. */
export function field(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inside, key) =>
      typeof inside === 'object' && inside !== null ? (inside as Readonly<Record<string, unknown>>)[key] : undefined,
    value,
  );
}

/** Undefined for whatever is not a whole number of at least 1. */
export function countOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number > 0 ? number : undefined;
}
