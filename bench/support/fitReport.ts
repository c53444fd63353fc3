import { knownModel } from '../../src/core/fit/catalogue.ts';
import { factsOf, readFitCase, type FitCase } from './fitCases.ts';
import { crossValidate, type ReportedRun } from './fitCrossValidation.ts';
import type { Prediction } from './fitPrediction.ts';
import { predict } from './fitPredictions.ts';
import {
  figures,
  scoreOf,
  scoreVerdicts,
  type FigureName,
  type Score,
  type ScoredRun,
  type VerdictScore,
} from './fitScores.ts';
import { median, percentile } from './figures.ts';
import { trySpellings, type Spelling } from './fitSpellings.ts';

/** Everything that docs/accuracy.md says of the logged runs. */
export interface FitReport {
  readonly runs: number;
  readonly scores: readonly Score[];
  readonly verdicts: VerdictScore;
  /** Without the largest campaign of like runs. */
  readonly isolated: {
    readonly left: number;
    readonly scores: readonly Score[];
    readonly verdicts: VerdictScore;
    /** Of vLLM's pool, each family by constants fitted to the others. */
    readonly poolMedian: number;
    readonly poolP90: number;
  };
  readonly families: readonly FamilyScore[];
  readonly spellings: readonly Spelling[];
}

export interface FamilyScore {
  readonly family: string;
  readonly medians: Readonly<Partial<Record<FigureName, { readonly answered: number; readonly median: number }>>>;
  readonly pool?: { readonly answered: number; readonly median: number; readonly p90: number };
}

const backends = ['ollama', 'llama.cpp', 'vllm', 'all'] as const;
/** vLLM 0.19 on H100 cards, the same flags with many models. */
const campaign = (run: ScoredRun) => run.backend === 'vllm' && run.backend_version === '0.19.0';

export function fitReport(runs: readonly ScoredRun[]): FitReport {
  const said = new Map<string, Prediction>(runs.map((run) => [run.id, predict(withoutAnswers(run))]));
  const say = ({ id }: ScoredRun) => said.get(id);
  const scoresOf = (some: readonly ScoredRun[]) =>
    figures.flatMap((figure) => backends.map((backend) => scoreOf(some, figure, backend, say)));
  const rest = runs.filter((run) => !campaign(run));
  const pools = crossValidate(runs as unknown as readonly ReportedRun[]);
  const errors = pools.flatMap((pool) => pool.errors);
  return {
    runs: runs.length,
    scores: scoresOf(runs),
    verdicts: scoreVerdicts(runs, say),
    isolated: {
      left: runs.length - rest.length,
      scores: scoresOf(rest),
      verdicts: scoreVerdicts(rest, say),
      poolMedian: median(errors),
      poolP90: percentile(errors, 90),
    },
    families: familiesOf(runs).map(([family, members]): FamilyScore => {
      const pool = pools.find((one) => one.family === family);
      return {
        family,
        medians: Object.fromEntries(
          figures.map((figure) => {
            const { answered, median: middle } = scoreOf(members, figure, 'all', say);
            return [figure, { answered, median: answered === 0 ? 0 : middle }];
          }),
        ),
        ...(pool && pool.errors.length > 0
          ? {
              pool: {
                answered: pool.errors.length,
                median: median(pool.errors),
                p90: percentile(pool.errors, 90),
              },
            }
          : {}),
      };
    }),
    spellings: trySpellings(runs.map(withoutAnswers), predict),
  };
}

/** What the planner is given of a run. */
function withoutAnswers(run: ScoredRun): FitCase {
  const { reported: _reported, outcome: _outcome, tier: _tier, ...given } = run;
  return readFitCase(given);
}

function familiesOf(runs: readonly ScoredRun[]): readonly (readonly [family: string, runs: readonly ScoredRun[]])[] {
  const families = new Map<string, ScoredRun[]>();
  for (const run of runs) {
    const family = factsOf(run)?.architecture ?? knownModel(run.model ?? '')?.architecture;
    if (family !== undefined) families.set(family, [...(families.get(family) ?? []), run]);
  }
  return [...families].filter(([, members]) => members.length > 1).sort(([one], [other]) => one.localeCompare(other));
}
