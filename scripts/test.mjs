// `npm test`: everything that has to pass, from a bare clone. Tiers run one after the other and share one reporter; the last line adds them up.
// `npm test -- unit host` runs the named tiers only; `--grep TEXT` the tests whose title contains it.
import { ensureDependencies, reexecUnderProjectNode } from './bootstrap.mjs';
import { createReport, exitWithError } from './lib/report.mjs';
import { addTier, noTotals, printTotals, runTier } from './lib/tiers.mjs';

const usage = `npm test                            Everything that has to pass.
npm test -- TIER …                  Some tiers: static, unit, contract, live, host, browser.
npm test -- TIER … --grep TEXT      The tests whose title contains TEXT.
`;

const report = createReport();

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

  const totals = noTotals();
  for (const tier of chosen) {
    await addTier(totals, tier, tier === 'static' ? runStatic : () => runTier({ ...tiers[tier], modelFile, grep }));
  }
  printTotals(totals);
  if (grep !== undefined && totals.passed + totals.failed.length === 0) {
    throw new Error(`No test of ${chosen.join(', ')} has "${grep}" in its title.`);
  }
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

function parseArguments(argv) {
  const at = argv.indexOf('--grep');
  const grep = at < 0 ? undefined : argv[at + 1];
  if (at >= 0 && grep === undefined) throw new Error('--grep wants a text: npm test -- unit --grep TEXT');
  const names = argv.filter((_, index) => at < 0 || (index !== at && index !== at + 1));
  for (const name of names) {
    if (!(name in tiers)) throw new Error(`There is no tier "${name}". Tiers: ${Object.keys(tiers).join(', ')}.`);
  }
  return { chosen: names.length > 0 ? names : Object.keys(tiers), grep };
}
