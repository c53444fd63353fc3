import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { accuracyFile, accuracyPage, readRuns, scoresText } from '../../../../scripts/accuracy.ts';
import { gpuCompatibilityFile, gpuCompatibilityPage } from '../../../../scripts/gpuCompatibility.ts';
import { fitReport } from '../../../../bench/support/fitReport.ts';

/** The logged runs themselves are not part of the project. */
const runsFile = process.env['A2IA_FIT_CASES'];
const scoresFile = path.join(path.dirname(accuracyFile), '..', 'bench', 'data', 'fitScores.json');

describe('docs/accuracy.md', () => {
  it('is what the data say: run npm run accuracy', () => {
    assert.equal(readFileSync(accuracyFile, 'utf8'), accuracyPage());
  });

  const title = 'has the scores of the planner as it is: run npm run accuracy -- --cases FILE';
  it(runsFile === undefined ? `${title}; not checked, A2IA_FIT_CASES names no file of runs` : title, function () {
    if (runsFile === undefined) return this.skip();
    assert.equal(readFileSync(scoresFile, 'utf8'), scoresText(fitReport(readRuns(runsFile))));
  });
});

describe('docs/gpu-compatibility.md', () => {
  it('is what the planner says: run npm run gpu-compatibility', () => {
    assert.equal(readFileSync(gpuCompatibilityFile, 'utf8'), gpuCompatibilityPage());
  });
});
