// `npm run accuracy`: writes docs/accuracy.md from bench/data. `npm run accuracy -- --cases FILE` scores the planner on the logged runs in that file before.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { EstimatorScores } from '../bench/accuracy/estimators.ts';
import type { LocalLoads } from '../bench/accuracy/localLoads.ts';
import { fitReport, type FitReport } from '../bench/support/fitReport.ts';
import { table } from './lib/markdownTable.ts';
import { figures, type FigureName, type Score, type ScoredRun } from '../bench/support/fitScores.ts';

const root = path.join(import.meta.dirname, '..');
export const accuracyFile = path.join(root, 'docs', 'accuracy.md');
const scoresFile = path.join(root, 'bench', 'data', 'fitScores.json');

const figureNames: Readonly<Record<FigureName, string>> = {
  weights_mib: 'Weights',
  kv_mib: 'KV cache',
  compute_mib: 'Compute buffers',
  total_mib: 'Total',
  available_kv_mib: 'vLLM’s KV pool',
};
const backendNames: Readonly<Record<string, string>> = {
  ollama: 'Ollama',
  'llama.cpp': 'llama.cpp',
  vllm: 'vLLM',
  all: 'all',
};

export function readRuns(file: string): readonly ScoredRun[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as ScoredRun);
}

export function scoresText(report: FitReport): string {
  const rounded = (_: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value);
  return `${JSON.stringify(report, rounded, 2)}\n`;
}

/** The page as the data say it. */
export function accuracyPage(): string {
  const report = fromData<FitReport>('fitScores.json');
  const estimators = fromData<EstimatorScores>('estimators.json');
  const local = fromData<LocalLoads>('localLoads.json');
  return `${[
    '# How accurate the planner is',
    'Written by `npm run accuracy` from `bench/data`; do not edit.',
    introduction(report),
    '## Sizes',
    'Relative errors, |planned − reported| / reported, of the figures that were answered. P90: nine of ten errors are smaller.',
    scoreTable(report.scores),
    '## Verdicts',
    verdictText(report),
    '## How far this carries',
    carries(report),
    '## Other estimators on the same runs',
    others(estimators),
    '## On this machine',
    localTable(local),
  ].join('\n\n')}\n`;
}

function fromData<Data>(name: string): Data {
  return JSON.parse(readFileSync(path.join(root, 'bench', 'data', name), 'utf8')) as Data;
}

function introduction({ runs, isolated }: FitReport): string {
  return [
    `${runs} runs of Ollama, llama.cpp and vLLM that people logged in public from 2023 to 2026. The planner is given what was known before each run (model, file type, version, cards, flags, as they were written) and nothing of what the server reported; then both are compared. Estimates that a server made itself are never taken for the truth.`,
    `How to read it: the formulas come from the servers’ sources. A few constants come from logs, and they and the readers of versions, cards and names were improved on these same runs several times. So the first table is what the planner is known to do, not what it will do. ${isolated.left} of the runs are one campaign (vLLM 0.19 on H100 cards) and are among the easiest; the section on how far this carries leaves them out, fits constants without the family that is predicted, and spells things otherwise.`,
    'Nothing is looked up by a run or by a pair of card and model. Where too little was known the planner abstains: the column “answered” says how often it did not.',
  ].join('\n\n');
}

function scoreTable(scores: readonly Score[]): string {
  const rows = figures.flatMap((figure) => scores.filter((score) => score.figure === figure && score.records > 0));
  return table(
    ['Figure', 'Server', 'Runs', 'Answered', 'Median', 'P90', 'Worst'],
    rows.map((score) => [
      figureNames[score.figure],
      backendNames[score.backend] ?? score.backend,
      String(score.records),
      share(score.answered, score.records),
      percent(score.median),
      percent(score.p90),
      score.worst
        .slice(0, 3)
        .map(({ id, error }) => `${id} ${percent(error)}`)
        .join(', '),
    ]),
  );
}

function verdictText({ verdicts }: FitReport): string {
  const { records, decided, right, falseFits } = verdicts;
  return [
    `Of ${records} runs whose end is known the planner decided ${share(decided, records)}, and of those ${share(right, decided)} rightly. The others it called tight, or said that it does not know: many records name neither the card nor what was free on it.`,
    `It said “fits” of ${falseFits.length} that did not (${share(falseFits.length, records)}): ${falseFits.join(', ')}. Memory that something else held when the server started is not in those records: the same command had worked, or worked later.`,
  ].join('\n\n');
}

function carries({ isolated, families, spellings }: FitReport): string {
  const known = families.filter(({ pool }) => pool !== undefined);
  return [
    `Without the ${isolated.left} runs of the one campaign:`,
    scoreTable(isolated.scores.filter(({ backend }) => backend === 'all')),
    `Verdicts without them: ${share(isolated.verdicts.decided, isolated.verdicts.records)} decided, ${share(isolated.verdicts.right, isolated.verdicts.decided)} of those rightly, ${isolated.verdicts.falseFits.length} false “fits”.`,
    'By family of models, all figures. The pool is predicted with constants fitted to the other families; the other figures have no constant that was fitted to a family.',
    table(
      ['Family', 'Weights', 'KV cache', 'Compute', 'Total', 'Pool, by the others’ constants', 'Pool, P90'],
      families.map(({ family, medians, pool }) => [
        family,
        ...(['weights_mib', 'kv_mib', 'compute_mib', 'total_mib'] as const).map((figure) => counted(medians[figure])),
        pool === undefined ? '' : counted(pool),
        pool === undefined ? '' : percent(pool.p90),
      ]),
    ),
    `Each cell: the median error, and of how many runs. All pools together: ${percent(known.length > 0 ? isolated.poolMedian : NaN)} median, ${percent(isolated.poolP90)} P90.`,
    'Runs whose prediction changes when the same is said in other words:',
    table(
      ['Told with', 'Runs', 'Changed'],
      spellings.map(({ what, runs, changed }) => [what, String(runs), String(changed.length)]),
    ),
  ].join('\n\n');
}

function others({ ggufParser, llmfit, date, scores, verdicts }: EstimatorScores): string {
  return [
    `gguf-parser-go ${ggufParser} (behind GPUStack) runs as a library (\`bench/ggufParser\`), on heads of model files that are made from the same facts that our planner has. llmfit ${llmfit} runs as a program, with the shapes that it brings along, and is told the repository, the quantization, the context, the cache’s type and the memory of the cards. Both ran on ${date}. Compared are runs that were wholly on the GPU and that both answer.`,
    table(
      ['Estimator', 'Figure', 'Runs', 'Its median', 'Its P90', 'Ours, median', 'Ours, P90', 'Its worst'],
      scores.map(({ estimator, theirs, ours }) => [
        estimator,
        figureNames[theirs.figure],
        String(theirs.answered),
        percent(theirs.median),
        percent(theirs.p90),
        percent(ours.median),
        percent(ours.p90),
        theirs.worst
          .slice(0, 2)
          .map(({ id, error }) => `${id} ${percent(error)}`)
          .join(', '),
      ]),
    ),
    'Whether a model fits on the GPUs, of the runs that llmfit and our planner both decide. It decides all of which it knows the memory; the runs that we call tight are not among these.',
    table(
      ['Server', 'Runs', 'llmfit right', 'its false “fits”', 'Ours right', 'our false “fits”'],
      verdicts.map(({ backend, runs, theirsRight, theirsFalseFits, oursRight, oursFalseFits }) => [
        backendNames[backend] ?? backend,
        String(runs),
        share(theirsRight, runs),
        String(theirsFalseFits),
        share(oursRight, runs),
        String(oursFalseFits),
      ]),
    ),
    'hf-mem, llm-mem and `accelerate estimate-memory` are left out: they read each model from the hub while they estimate.',
  ].join('\n\n');
}

function localTable({ model, loads }: LocalLoads): string {
  return [
    `Planned and measured with ${model}: the buffers that the embedded engine prints, and \`size\` in Ollama’s \`/api/ps\`. Neither has a GPU here; a buffer has the size that it would have on one. Ollama before 0.30 says what it planned by itself, without a compute buffer where there is no GPU.`,
    table(
      ['Server', 'Context', 'KV cache type', 'Part', 'Planned, MiB', 'Measured, MiB', 'Off by'],
      loads.map(({ server, contextTokens, cacheType, part, plannedMiB, measuredMiB }) => [
        server,
        contextTokens.toLocaleString('en-US'),
        cacheType,
        part,
        plannedMiB.toFixed(2),
        measuredMiB.toFixed(2),
        `${(100 * (plannedMiB / measuredMiB - 1)).toFixed(1)} %`,
      ]),
    ),
  ].join('\n\n');
}

function counted(score: { readonly answered: number; readonly median: number } | undefined): string {
  return score === undefined || score.answered === 0 ? '' : `${percent(score.median)} (${score.answered})`;
}

function share(part: number, whole: number): string {
  return whole === 0 ? '–' : `${((100 * part) / whole).toFixed(part === 0 || part === whole ? 0 : 1)} %`;
}

function percent(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '–';
  const points = 100 * value;
  return `${points.toFixed(points < 10 ? 2 : 0)} %`;
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { cases: { type: 'string' } } });
  if (values.cases !== undefined) writeFileSync(scoresFile, scoresText(fitReport(readRuns(values.cases))));
  writeFileSync(accuracyFile, accuracyPage());
}
