import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import esbuild from 'esbuild';
import { ProductionBuild } from '../test/support/productionBuild.ts';
import { figure, median, printRequirement, printTable, progress } from './support/figures.ts';

const mostEntryKB = 150;
const mostBuildKB = 1350;
const mostPanelKB = 250;
const rounds = 15;
const mostLoadMs = 10;

const root = path.join(import.meta.dirname, '..');
const folder = mkdtempSync(path.join(tmpdir(), 'a2ia-bench-'));

async function bundleRegistry(): Promise<string> {
  const outfile = path.join(folder, 'registry.cjs');
  await esbuild.build({
    entryPoints: [path.join(root, 'src/core/clients/registry.ts')],
    outfile,
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    plugins: [onDemandExternal],
  });
  return outfile;
}

/** What is loaded on demand is a file of its own, as in the extension. */
const onDemandExternal: esbuild.Plugin = {
  name: 'on-demand-external',
  setup: (build) =>
    build.onResolve({ filter: /^/ }, ({ kind }) => (kind === 'dynamic-import' ? { external: true } : undefined)),
};

/** The processor time that one `require()` takes in a new process. */
function loadMs(file: string): number {
  const program = `
    const before = process.cpuUsage();
    require(${JSON.stringify(file)});
    const { user, system } = process.cpuUsage(before);
    console.log((user + system) / 1000);`;
  return Number(execFileSync(process.execPath, ['--eval', program]));
}

progress('building for production');
const build = new ProductionBuild(path.join(folder, 'dist'));
const entryKB = build.sizeBytes(build.loadedWith('extension.cjs')) / 1000;
const pageKB = (own: RegExp): number => build.sizeBytes(build.files.filter((file) => own.test(file))) / 1000;
const planKB = pageKB(/^webview\/plan/);
const panelKB = pageKB(/^webview\//) - planKB;
const buildKB = build.sizeBytes(build.files) / 1000;

progress('loading the registry');
const modules: readonly { readonly name: string; readonly file: string; readonly times: number[] }[] = [
  { name: 'registry', file: await bundleRegistry(), times: [] },
  { name: 'Node’s `http`', file: 'node:http', times: [] },
  { name: 'empty', file: path.join(folder, 'empty.cjs'), times: [] },
];
writeFileSync(path.join(folder, 'empty.cjs'), '');
for (let round = 0; round < rounds; round++) for (const { file, times } of modules) times.push(loadMs(file));
rmSync(folder, { recursive: true, force: true });
const [registryMs = NaN, , emptyMs = NaN] = modules.map(({ times }) => median(times));

console.log(
  'A production build, without the native engine, which is a package of its own. “Entry” is `extension.cjs` with all that is loaded with it.',
);
printTable(
  ['what', 'KB'],
  [
    ['entry', entryKB],
    ['the chat panel’s page', panelKB],
    ['the page of Plan a Model', planKB],
    ['all files', buildKB],
  ],
);
printRequirement(`entry: at most ${mostEntryKB} KB`, entryKB <= mostEntryKB, `${figure(entryKB)} KB`);
printRequirement(`the chat panel’s page: at most ${mostPanelKB} KB`, panelKB <= mostPanelKB, `${figure(panelKB)} KB`);
printRequirement(`all files: at most ${mostBuildKB} KB`, buildKB <= mostBuildKB, `${figure(buildKB)} KB`);

console.log(
  `\nLoading the registry of backends with all clients, bundled and minified, each time in a new process, by turns with an empty module; medians of ${rounds}, in processor time, which other programs disturb least. Most of it are modules of Node’s own (\`http\`, \`child_process\`), which an extension host has loaded long before.`,
);
printTable(
  ['module', 'ms'],
  modules.map(({ name, times }) => [name, median(times)]),
);
printRequirement(
  `registry: at most ${mostLoadMs} ms above the empty module`,
  registryMs - emptyMs <= mostLoadMs,
  `${figure(registryMs - emptyMs)} ms`,
);
