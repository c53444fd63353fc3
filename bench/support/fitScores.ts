import type { FitCase } from './fitCases.ts';

export const figures = ['weights_mib', 'kv_mib', 'compute_mib', 'total_mib', 'available_kv_mib'] as const;
export type FigureName = (typeof figures)[number];

/** A logged run with what the server reported, in MiB, and how it ended. */
export interface ScoredRun extends FitCase {
  readonly tier: string;
  readonly outcome: string;
  readonly reported: Readonly<Partial<Record<FigureName, number | null>>> | null;
}

/** What somebody says of a run; null: nothing. */
export type Said = Readonly<Partial<Record<FigureName, number | null>>> & { readonly verdict?: string };

export interface Score {
  readonly figure: FigureName;
  readonly backend: string;
  readonly records: number;
  readonly answered: number;
  /** Relative errors: the middle one, and that which nine of ten stay below. */
  readonly median: number;
  readonly p90: number;
  /** The largest first. */
  readonly worst: readonly { readonly id: string; readonly error: number }[];
}

/** Records of which a figure is known well enough to compare with: a breakdown or a part of it, of a model that was named. */
export function hasTruth(run: ScoredRun, figure: FigureName): boolean {
  const reported = run.reported?.[figure];
  return (run.tier === 'A' || run.tier === 'B') && Boolean(run.arch ?? run.model) && reported != null && reported > 0;
}

export function errorOf(run: ScoredRun, figure: FigureName, said: Said | undefined): number | undefined {
  const truth = run.reported?.[figure] ?? 0;
  const value = said?.[figure];
  return value === undefined || value === null ? undefined : Math.abs(value - truth) / truth;
}

export function scoreOf(
  runs: readonly ScoredRun[],
  figure: FigureName,
  backend: string,
  say: (run: ScoredRun) => Said | undefined,
): Score {
  const known = runs.filter((run) => (backend === 'all' || run.backend === backend) && hasTruth(run, figure));
  const errors = known.flatMap((run) => {
    const error = errorOf(run, figure, say(run));
    return error === undefined ? [] : [{ id: run.id, error }];
  });
  errors.sort((one, other) => other.error - one.error);
  return {
    figure,
    backend,
    records: known.length,
    answered: errors.length,
    median: quantile(errors, 0.5),
    p90: quantile(errors, 0.9),
    worst: errors.slice(0, 5),
  };
}

function quantile(errors: readonly { readonly error: number }[], share: number): number {
  return errors[Math.max(0, errors.length - 1 - Math.floor(share * errors.length))]?.error ?? NaN;
}

export interface VerdictScore {
  readonly records: number;
  readonly decided: number;
  readonly right: number;
  /** Said to fit, and did not. */
  readonly falseFits: readonly string[];
}

const truths: Readonly<Record<string, string>> = {
  loaded: 'fits',
  predicted_fit: 'fits',
  partial_offload: 'partial',
  cpu: 'partial',
  oom: 'fails',
  predicted_oom: 'fails',
  kv_too_small: 'fails',
  free_memory_too_small: 'fails',
  loaded_with_system_memory_spill: 'fails',
};

/** How a run ended, in the planner's words; undefined: not judged. */
export function outcomeVerdict({ outcome }: ScoredRun): string | undefined {
  return truths[outcome];
}

export function scoreVerdicts(runs: readonly ScoredRun[], say: (run: ScoredRun) => Said | undefined): VerdictScore {
  const judged = runs.flatMap((run) => {
    const truth = run.tier === 'C' ? undefined : outcomeVerdict(run);
    return truth === undefined ? [] : [{ id: run.id, truth, verdict: say(run)?.verdict ?? 'unknown' }];
  });
  const decided = judged.filter(({ verdict }) => verdict !== 'unknown' && verdict !== 'tight');
  return {
    records: judged.length,
    decided: decided.length,
    right: decided.filter(({ verdict, truth }) => verdict === truth).length,
    falseFits: decided.filter(({ verdict, truth }) => verdict === 'fits' && truth !== 'fits').map(({ id }) => id),
  };
}
