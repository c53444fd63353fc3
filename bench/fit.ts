// `npm run --silent bench:fit -- --cases FILE --out FILE`: what the planner says of logged runs, one JSON object a line. It is given what was known
// before each run and nothing of what the server reported. `--cross-validate` needs the reports too, and says how well each family of models is predicted
// with constants fitted to the others.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { FitCase } from './support/fitCases.ts';
import { crossValidate, type ReportedRun } from './support/fitCrossValidation.ts';
import { predict } from './support/fitPredictions.ts';

const { values } = parseArgs({
  options: { cases: { type: 'string' }, out: { type: 'string' }, 'cross-validate': { type: 'boolean' } },
});
if (values.cases === undefined || (values.out === undefined && !values['cross-validate'])) {
  console.error('usage: npm run --silent bench:fit -- --cases FILE (--out FILE | --cross-validate)');
  process.exit(2);
}
const lines = readFileSync(values.cases, 'utf8').split('\n').filter(Boolean);
if (values.out !== undefined) {
  writeFileSync(values.out, lines.map((line) => `${JSON.stringify(predict(JSON.parse(line) as FitCase))}\n`).join(''));
}
if (values['cross-validate']) printCrossValidation(lines.map((line) => JSON.parse(line) as ReportedRun));

function printCrossValidation(runs: readonly ReportedRun[]): void {
  const families = crossValidate(runs);
  const row = (name: string, errors: readonly number[]) => {
    const sorted = [...errors].sort((one, other) => one - other);
    const at = (share: number) =>
      `${((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN) * 100).toFixed(2)} %`;
    console.log(`${name.padEnd(14)}${String(errors.length).padStart(6)}${at(0.5).padStart(10)}${at(0.9).padStart(10)}`);
  };
  console.log(
    `${'left out'.padEnd(14)}${'runs'.padStart(6)}${'median'.padStart(10)}${'P90'.padStart(10)}   of vLLM’s pool of keys and values`,
  );
  for (const { family, errors } of families) if (errors.length > 0) row(family, errors);
  row(
    'all',
    families.flatMap(({ errors }) => errors),
  );
}
