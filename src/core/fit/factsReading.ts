import type { ModelFacts } from './modelFacts.ts';

/** What came of reading a model's description. */
export type FactsReading =
  | { readonly outcome: 'facts'; readonly facts: ModelFacts }
  /** In words for the user, to follow "The model's description": "says nothing of its layers". */
  | { readonly outcome: 'unusable'; readonly problem: string };

export class Unusable extends Error {}

/** Turns what a reader throws on nonsense into an outcome. */
export function reading(read: () => ModelFacts): FactsReading {
  try {
    return { outcome: 'facts', facts: read() };
  } catch (error) {
    if (error instanceof Unusable) return { outcome: 'unusable', problem: error.message };
    throw error;
  }
}

/** A whole number in the range that models have. Undefined where the description says nothing. */
export function wholeNumber(value: unknown, name: string, most: number): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > most) {
    throw new Unusable(`gives an impossible ${name}`);
  }
  return value;
}

export function needed(value: unknown, name: string, most: number): number {
  const number = wholeNumber(value, name, most);
  if (number === undefined || number === 0) throw new Unusable(`does not give its ${name}`);
  return number;
}

export const limits = {
  layers: 1024,
  length: 2 ** 20,
  heads: 4096,
  vocabulary: 2 ** 24,
  experts: 4096,
  context: 2 ** 31,
} as const;
