import type { FitCase } from './fitCases.ts';

/** What the planner says of one run; null: nothing. */
export interface Prediction {
  readonly id: string;
  readonly weights_mib: number | null;
  readonly kv_mib: number | null;
  readonly compute_mib: number | null;
  readonly total_mib: number | null;
  readonly available_kv_mib: number | null;
  readonly verdict: string;
  /** 1: everything was known; 0: nothing is said. */
  readonly confidence: number;
}

const mebibyte = 1024 ** 2;

export function nothing({ id }: FitCase): Prediction {
  const abstained = { weights_mib: null, kv_mib: null, compute_mib: null, total_mib: null, available_kv_mib: null };
  return { id, ...abstained, verdict: 'unknown', confidence: 0 };
}

export function mib(bytes: number): number | null {
  return Number.isFinite(bytes) ? Math.round((bytes / mebibyte) * 100) / 100 : null;
}
