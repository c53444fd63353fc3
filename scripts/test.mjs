// `npm test`: everything that has to pass, from a bare clone. Tiers run one after the other and share one reporter; the last line adds them up.
// `npm test -- unit host` runs the named tiers only; `--grep TEXT` the tests whose title contains it.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ensureDependencies, reexecUnderProjectNode } from './bootstrap.mjs';
import { repositoryRoot } from './caches.mjs';
import { createReport, exitWithError } from './lib/report.mjs';

const usage = `npm test                            Everything that has to pass.
npm test -- TIER …                  Some tiers: static, unit, contract, live, host, browser.
npm test -- TIER … --grep TEXT      The tests whose title contains TEXT.
`;

const report = createReport();
const modules = (...names) => path.join(repositoryRoot, 'node_modules', ...names);

/** What a tier needs installed, and what it runs. A tier without `files` runs by itself. */
const tiers = {
  static: { needs: [] },
  unit: { needs: ['model'], files: ['test/unit/**/*.test.ts', 'test/architecture.test.ts'] },
  contract: { needs: [], files: ['test/contract/**/*.test.ts', 'test/cli/**/*.test.ts'] },
  live: { needs: ['model'], files: ['test/live/**/*.test.ts'] },
  host: { needs: ['model', 'vscode', 'browser'], script: 'test/runTest.ts' },
  browser: { needs: ['model', 'vscode', 'browser'], files: ['test/browser/**/*.test.ts'] },
};

main().catch(exitWithError);

async function main() {
  if (process.argv.includes('--help')) return void process.stdout.write(usage);
  const { chosen, grep } = parseArguments(process.argv.slice(2));
  await ensureDependencies(report);
  await reexecUnderProjectNode(import.meta.url);
  const { ensureBuild } = await import('./build.mjs');
  await ensureBuild(report);
  const modelFile = await install(new Set(chosen.flatMap((tier) => tiers[tier].needs)));

  const totals = { passed: 0, failed: [], skipped: [] };
  for (const tier of chosen) {
    const startedMs = Date.now();
    console.log(`\n── ${tier} ${'─'.repeat(60 - tier.length)}`);
    const result = tier === 'static' ? await runStatic() : await runTier(tiers[tier], modelFile, grep);
    totals.passed += result.passed;
    totals.failed.push(...result.failed.map((title) => `${tier}: ${title}`));
    totals.skipped.push(...result.skipped.map((title) => `${tier}: ${title}`));
    console.log(`${tier}: ${result.passed} passed, ${result.failed.length} failed, ${seconds(startedMs)}`);
  }
  printTotals(totals);
  process.exitCode = totals.failed.length > 0 ? 1 : 0;
}

/** @param {ReadonlySet<string>} needs */
async function install(needs) {
  // Loaded here: before the dependencies are there they could not be.
  if (needs.has('vscode')) await (await import('./vscodeServer.mjs')).ensureVscodeServer(report);
  if (needs.has('browser')) await (await import('./browser.mjs')).ensureBrowser(report);
  return needs.has('model') ? (await import('./model.mjs')).ensureTestModel(report) : undefined;
}

async function runStatic() {
  const { runChecks } = await import('./check.mjs');
  return { ...runChecks(), skipped: [] };
}

/**
 * Every tier is a process of its own: one that dies takes no other along, and counts as a failure even when it had none to report.
 */
async function runTier({ files, script }, modelFile, grep) {
  const folder = mkdtempSync(path.join(tmpdir(), 'a2ia-test-'));
  const resultsFile = path.join(folder, 'results.jsonl');
  const reporter = path.join(repositoryRoot, 'test', 'support', 'reporter.cjs');
  const mocha = [modules('mocha', 'bin', 'mocha.js'), '--timeout', '120000', '--reporter', reporter];
  const args = script ? [script] : [...mocha, ...(grep ? ['--grep', grep] : []), ...files];
  const env = {
    ...process.env,
    A2IA_TEST_RESULTS: resultsFile,
    ...(grep ? { A2IA_TEST_GREP: grep } : {}),
    ...(modelFile ? { A2IA_TEST_MODEL: modelFile, A2IA_MODELS_DIR: path.dirname(modelFile) } : {}),
  };
  const code = await new Promise((resolve) => {
    spawn(process.execPath, args, { cwd: repositoryRoot, env, stdio: 'inherit' }).on('close', resolve);
  });
  const runs = existsSync(resultsFile)
    ? readFileSync(resultsFile, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    : [];
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

function printTotals({ passed, failed, skipped }) {
  console.log('');
  for (const title of failed) console.log(`FAILED   ${title}`);
  for (const title of skipped) console.log(`SKIPPED  ${title} (the test says why where it ran)`);
  console.log(`${passed} passed, ${failed.length} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`);
}

function parseArguments(argv) {
  const at = argv.indexOf('--grep');
  const grep = at < 0 ? undefined : argv[at + 1];
  const names = argv.filter((_, index) => at < 0 || (index !== at && index !== at + 1));
  for (const name of names) {
    if (!(name in tiers)) throw new Error(`There is no tier "${name}". Tiers: ${Object.keys(tiers).join(', ')}.`);
  }
  return { chosen: names.length > 0 ? names : Object.keys(tiers), grep };
}

function seconds(startedMs) {
  return `${((Date.now() - startedMs) / 1000).toFixed(1)} s`;
}
