// Without arguments: how fast the planner is. `npm run --silent bench:fit -- --cases FILE --out FILE`: what it says of logged runs, one JSON object a line;
// it is given what was known before each run and nothing of what the server reported. With `--cross-validate` instead of `--out` the reports are read too,
// and each family of models is predicted with constants fitted to the others. With `--spellings`: what becomes of the predictions when models, versions,
// cards and file types are spelt otherwise.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { catalogueNames, knownModel } from '../src/core/fit/catalogue.ts';
import { mixtureNamed, weightsAs } from '../src/core/fit/ggufMixtures.ts';
import type { LlamaCppSettings } from '../src/core/fit/llamaCpp.ts';
import { planLlamaCpp } from '../src/core/fit/plan.ts';
import { readGguf } from '../src/core/gguf/ggufReader.ts';
import { ggufBytes } from '../test/unit/core/fit/ggufBytes.ts';
import { figure, median, percentile, printRequirement, printTable } from './support/figures.ts';
import type { FitCase } from './support/fitCases.ts';
import { crossValidate, type ReportedRun } from './support/fitCrossValidation.ts';
import { predict } from './support/fitPredictions.ts';
import { trySpellings } from './support/fitSpellings.ts';

const mostPlanMs = 5;
const alternatives = 200;
const mostAlternativesMs = 50;
const mostHeadMs = 200;
const rounds = 25;

const { values } = parseArgs({
  options: {
    cases: { type: 'string' },
    out: { type: 'string' },
    'cross-validate': { type: 'boolean' },
    spellings: { type: 'boolean' },
  },
});
if (values.cases === undefined) measureSpeed();
else {
  const lines = readFileSync(values.cases, 'utf8').split('\n').filter(Boolean);
  const { out } = values;
  if (out !== undefined) {
    writeFileSync(out, lines.map((line) => `${JSON.stringify(predict(JSON.parse(line) as FitCase))}\n`).join(''));
  }
  if (values.spellings) printSpellings(lines.map((line) => JSON.parse(line) as FitCase));
  if (values['cross-validate']) printCrossValidation(lines.map((line) => JSON.parse(line) as ReportedRun));
}

function printCrossValidation(runs: readonly ReportedRun[]): void {
  const families = crossValidate(runs).filter(({ errors }) => errors.length > 0);
  const all = { family: 'all', errors: families.flatMap(({ errors }) => errors) };
  console.log('Errors of vLLM’s pool of keys and values, in per cent, with constants fitted to the other families.');
  printTable(
    ['family left out', 'runs', 'median', 'P90'],
    [...families, all].map(({ family, errors }) => [
      family,
      errors.length,
      100 * median(errors),
      100 * percentile(errors, 90),
    ]),
  );
}

function printSpellings(runs: readonly FitCase[]): void {
  console.log('Runs whose prediction changes when the same is said in other words.');
  printTable(
    ['spelling', 'runs', 'changed', 'which'],
    trySpellings(runs, predict).map(({ what, runs: touched, changed }) => [
      what,
      touched,
      changed.length,
      changed.slice(0, 5).join(' '),
    ]),
  );
}

function measureSpeed(): void {
  const settings: LlamaCppSettings = {
    build: { number: 10_000 },
    contextTokens: 32_768,
    sequences: 1,
    batchTokens: 1024,
    keyType: 'f16',
    valueType: 'f16',
    flashAttention: true,
    gpus: 1,
  };
  const policy = { marginBytes: 1024 ** 3, whenFull: 'offload', expertsFirst: true } as const;
  const room = [{ totalBytes: 24 * 1024 ** 3 }];
  const mixture = mixtureNamed('Q4_K_M');
  const plan = (name: string) => {
    const facts = knownModel(name);
    if (facts && mixture) planLlamaCpp(facts, weightsAs(mixture, facts), settings, room, policy);
  };
  const names = Array.from({ length: alternatives }, (_, index) => catalogueNames[index % catalogueNames.length] ?? '');
  const firstMs = milliseconds(() => plan('qwen3-235b-a22b'));
  const manyMs = median(Array.from({ length: rounds }, () => milliseconds(() => names.forEach(plan))));
  const head = ggufBytes({ 'general.architecture': 'llama', 'tokenizer.ggml.tokens': { tokens: 262_144 } }, []);
  const headMs = median(Array.from({ length: rounds }, () => milliseconds(() => readGguf(head))));

  console.log(
    'Planning how much memory a model takes, and reading the head of a model file that is in memory already.',
  );
  printTable(
    ['what', 'ms'],
    [
      ['the first plan, 94 layers with experts', firstMs],
      [`${alternatives} plans of different models, weights included`, manyMs],
      ['a head with 262,144 tokens', headMs],
    ],
  );
  printRequirement(
    `a plan: at most ${mostPlanMs} ms`,
    manyMs / alternatives <= mostPlanMs,
    `${figure(manyMs / alternatives)} ms`,
  );
  printRequirement(
    `${alternatives} alternatives: at most ${mostAlternativesMs} ms`,
    manyMs <= mostAlternativesMs,
    `${figure(manyMs)} ms`,
  );
  printRequirement(`a head: at most ${mostHeadMs} ms`, headMs <= mostHeadMs, `${figure(headMs)} ms`);
}

function milliseconds(work: () => void): number {
  const startedAt = performance.now();
  work();
  return performance.now() - startedAt;
}
