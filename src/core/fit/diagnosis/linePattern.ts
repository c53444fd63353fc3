import { set, type LoadFacts } from './loadFacts.ts';

/** A line that says how much something takes. All are read, with a failure or without one. */
export interface LinePattern {
  /** A piece of the text that is searched for first: patterns are tried only on lines that have it. */
  readonly mark: string;
  readonly pattern: RegExp;
  readonly read: (found: RegExpExecArray, facts: LoadFacts) => void;
}

/** Of a regular expression: an amount and its unit, for `sizeOf`. */
export const sizePattern = String.raw`(-?[\d.,]{1,20}) ?([KMGT]?i?B)\b`;

/** Of several failing workers the first is told. */
export function first<Facts, Key extends keyof Facts>(facts: Facts, key: Key, value: Facts[Key] | undefined): void {
  if (facts[key] === undefined) set(facts, key, value);
}

/** What was asked for and not there; the first in a log is told. */
export function noteRequest(facts: LoadFacts, bytes: number | undefined, device: string | undefined): void {
  if (bytes === undefined || facts.requested) return;
  facts.requested = device === undefined ? { bytes } : { bytes, device };
}
