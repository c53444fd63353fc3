import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runTests } from '@vscode/test-electron';
import { desktopFlags, findDesktopVscode } from '../scripts/desktop.mjs';
import { launcherExecutable } from '../test/support/launcherExecutable.mjs';
import { ProductionBuild } from '../test/support/productionBuild.ts';
import type { Activations } from './host/activation.ts';
import { copies, extensionKinds, makeExtensionCopies } from './support/extensionCopies.ts';
import { figure, median, printRequirement, printTable, progress } from './support/figures.ts';

const mostOverEmptyMs = 10;

const root = path.join(import.meta.dirname, '..');
const desktop = findDesktopVscode();

async function measure(folder: string): Promise<Activations> {
  progress('building for production');
  const { folder: dist } = new ProductionBuild(path.join(folder, 'dist'));
  const extensions = path.join(folder, 'extensions');
  makeExtensionCopies(extensions, dist, path.join(root, 'package.json'));
  const workspace = path.join(folder, 'workspace');
  mkdirSync(workspace);
  const resultFile = path.join(folder, 'activations.json');
  progress(`activating in ${desktop ?? 'VS Code’s own server, in a headless browser'}`);
  await withoutOutput(() =>
    runTests({
      vscodeExecutablePath: desktop ?? launcherExecutable(),
      // VS Code runs tests only while it develops an extension. There is none here: those that are measured are installed.
      extensionDevelopmentPath: workspace,
      extensionTestsPath: path.join(root, 'out', 'bench', 'host', 'activation.cjs'),
      extensionTestsEnv: { A2IA_BENCH_RESULT: resultFile },
      launchArgs: [workspace, `--extensions-dir=${extensions}`, '--disable-workspace-trust', ...desktopFlags()],
    }),
  );
  return JSON.parse(readFileSync(resultFile, 'utf8')) as Activations;
}

/** What `runTests` prints goes to standard error: standard output is the document. */
async function withoutOutput<T>(work: () => Promise<T>): Promise<T> {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr);
  try {
    return await work();
  } finally {
    process.stdout.write = write;
  }
}

const folder = mkdtempSync(path.join(tmpdir(), 'a2ia-bench-'));
const activations = await measure(folder).finally(() => rmSync(folder, { recursive: true, force: true }));
const medians = extensionKinds.map((kind) => ({
  kind,
  totalMs: median(activations[kind].map(({ totalMs }) => totalMs)),
  loadMs: median(activations[kind].map(({ loadMs }) => loadMs)),
  activateMs: median(activations[kind].map(({ activateMs }) => activateMs)),
}));
const [ours = NaN, empty = NaN] = medians.map(({ totalMs }) => totalMs);

console.log(
  `\`extension.activate()\` in a real extension host, until VS Code says that the extension is active, and of that the \`require\` of its bundle and the call of its \`activate\`; the rest is VS Code’s. ` +
    `${copies} copies of A2IA as it is packaged and ${copies} extensions with an \`activate\` that does nothing, by turns in one window, each once; medians.`,
);
printTable(
  ['extension', 'ms', 'require ms', 'activate ms'],
  medians.map(({ kind, totalMs, loadMs, activateMs }) => [kind, totalMs, loadMs, activateMs]),
);
printRequirement(
  `A2IA’s median at most ${mostOverEmptyMs} ms above that of the empty extension`,
  ours - empty <= mostOverEmptyMs,
  `${figure(ours - empty)} ms`,
);
