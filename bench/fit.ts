// Without arguments: how fast the planner is. `npm run --silent bench:fit -- --cases FILE --out FILE`: what it says of logged runs, one JSON object a line;
// it is given what was known before each run and nothing of what the server reported. With `--cross-validate` instead of `--out` the reports are read too,
// and each family of models is predicted with constants fitted to the others. With `--spellings`: what becomes of the predictions when models, versions,
// cards and file types are spelt otherwise.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { median, percentile, printTable } from './support/figures.ts';
import { readFitCase, type FitCase } from './support/fitCases.ts';
import { crossValidate, type ReportedRun } from './support/fitCrossValidation.ts';
import { predict } from './support/fitPredictions.ts';
import { measureSpeed } from './support/fitSpeed.ts';
import { trySpellings } from './support/fitSpellings.ts';

const { values } = parseArgs({
  options: {
    cases: { type: 'string' },
    out: { type: 'string' },
    'cross-validate': { type: 'boolean' },
    spellings: { type: 'boolean' },
  },
});
if (values.cases === undefined) await measureSpeed();
else {
  const lines = readFileSync(values.cases, 'utf8').split('\n').filter(Boolean);
  const { out } = values;
  if (out !== undefined) {
    writeFileSync(out, lines.map((line) => `${JSON.stringify(predict(readFitCase(JSON.parse(line))))}\n`).join(''));
  }
  if (values.spellings) printSpellings(lines.map((line) => readFitCase(JSON.parse(line))));
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
