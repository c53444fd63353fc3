import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { repositoryRoot } from '../caches.mjs';

/**
 * What tests came to: how many passed, and the titles of those that did not.
 * @typedef {{ passed: number, failed: string[], skipped: string[] }} Totals
 */

/** @returns {Totals} */
export function noTotals() {
  return { passed: 0, failed: [], skipped: [] };
}

/**
 * Runs a tier under its heading and adds what it came to.
 * @param {Totals} totals
 * @param {string} tier
 * @param {() => Promise<Totals>} work
 */
export async function addTier(totals, tier, work) {
  const startedMs = Date.now();
  console.log(`\n── ${tier} ${'─'.repeat(60 - tier.length)}`);
  const result = await work();
  totals.passed += result.passed;
  totals.failed.push(...result.failed.map((title) => `${tier}: ${title}`));
  totals.skipped.push(...result.skipped.map((title) => `${tier}: ${title}`));
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  console.log(`${tier}: ${result.passed} passed, ${result.failed.length} failed, ${seconds} s`);
}

/**
 * Every tier is a process of its own: one that dies takes no other along, and counts as a failure even when it had none to report.
 * @param {object} tier
 * @param {readonly string[]} [tier.files] mocha's
 * @param {string} [tier.script] a program that runs mocha elsewhere
 * @param {string} [tier.modelFile]
 * @param {string} [tier.grep]
 * @param {NodeJS.ProcessEnv} [tier.env]
 * @returns {Promise<Totals>}
 */
export async function runTier({ files = [], script, modelFile, grep, env = {} }) {
  const folder = mkdtempSync(path.join(tmpdir(), 'a2ia-test-'));
  const resultsFile = path.join(folder, 'results.jsonl');
  const reporter = path.join(repositoryRoot, 'test', 'support', 'reporter.cjs');
  const program = path.join(repositoryRoot, 'node_modules', 'mocha', 'bin', 'mocha.js');
  const hooks = path.join(repositoryRoot, 'test', 'support', 'markerKeys.ts');
  const mocha = [program, '--timeout', '120000', '--reporter', reporter, '--require', hooks];
  const args = script ? [script] : [...mocha, ...(grep ? ['--grep', grep] : []), ...files];
  const environment = {
    ...process.env,
    A2IA_TEST_RESULTS: resultsFile,
    // What tests measure is not of this machine.
    A2IA_DATA_DIR: path.join(folder, 'data'),
    ...(grep ? { A2IA_TEST_GREP: grep } : {}),
    ...(modelFile ? { A2IA_TEST_MODEL: modelFile, A2IA_MODELS_DIR: path.dirname(modelFile) } : {}),
    ...env,
  };
  const code = await new Promise((resolve) => {
    spawn(process.execPath, args, { cwd: repositoryRoot, env: environment, stdio: 'inherit' }).on('close', resolve);
  });
  const runs = jsonLines(resultsFile);
  rmSync(folder, { recursive: true, force: true });
  const result = {
    passed: runs.reduce((sum, run) => sum + run.passed, 0),
    failed: runs.flatMap((run) => run.failed),
    skipped: runs.flatMap((run) => run.skipped),
  };
  if (runs.length === 0) result.failed.push('did not run to its end');
  else if (code !== 0 && result.failed.length === 0) result.failed.push(`ended with code ${code}`);
  return result;
}

/** What tests left, one JSON value a line; nothing where they left nothing. */
export function jsonLines(/** @type {string} */ file) {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return lines.filter(Boolean).map((line) => JSON.parse(line));
}

/** The last line that is printed adds everything up, and the exit code agrees with it. */
export function printTotals(/** @type {Totals} */ { passed, failed, skipped }) {
  console.log('');
  for (const title of failed) console.log(`FAILED   ${title}`);
  for (const title of skipped) console.log(`SKIPPED  ${title} (the test says why where it ran)`);
  console.log(`${passed} passed, ${failed.length} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}
