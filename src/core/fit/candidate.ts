import type { Alternative, FitPlan, FitRequest } from './fitRequest.ts';

/** Something to try instead of a plan. What does not fit with the context that was asked for is tried with the longest that does. */
export interface Candidate {
  readonly change: Alternative['change'];
  readonly request: FitRequest;
  /** The same with less beside it, tried one after another where it does not fit. */
  readonly fallbacks?: readonly FitRequest[];
  /** How much one gives up for it: the least comes first. */
  readonly cost: number;
  /** What it says on a button. `lessBytes`: what it needs less than the plan it is an alternative to. */
  readonly label: (plan: FitPlan, lessBytes: number) => string;
  /** Of those with the same word the best two are enough. */
  readonly group?: string;
  /** Layers on the CPU are better than a server that does not start. */
  readonly mayBePartial?: boolean;
}
