// `npm run package [-- TARGET …]`: the .vsix files, into out/packages. One per platform with that platform's engine (`linux-x64`, `darwin-arm64`, …),
// and `universal` without it, in which the embedded backend says how to get it. Default: universal and this machine's.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ensureDependencies, reexecUnderProjectNode } from './bootstrap.mjs';
import { repositoryRoot } from './caches.mjs';
import { run, runNpm } from './lib/processes.mjs';
import { createReport, exitWithError } from './lib/report.mjs';

/** npm's words for each of VS Code's platforms, and the engine package that it gets. */
const platforms = {
  'linux-x64': { os: 'linux', cpu: 'x64', libc: 'glibc', engine: 'linux-x64' },
  'linux-arm64': { os: 'linux', cpu: 'arm64', libc: 'glibc', engine: 'linux-arm64' },
  'linux-armhf': { os: 'linux', cpu: 'arm', libc: 'glibc', engine: 'linux-armv7l' },
  'darwin-x64': { os: 'darwin', cpu: 'x64', engine: 'mac-x64' },
  'darwin-arm64': { os: 'darwin', cpu: 'arm64', engine: 'mac-arm64-metal' },
  'win32-x64': { os: 'win32', cpu: 'x64', engine: 'win-x64' },
  'win32-arm64': { os: 'win32', cpu: 'arm64', engine: 'win-arm64' },
};

/** Of the engine's packages: its sources (for builds we never do), types, maps, and what belongs to its own command line. */
const engineIgnores = [
  '**/*.map',
  '**/*.d.ts',
  '**/*.md',
  'node_modules/node-llama-cpp/templates/**',
  'node_modules/node-llama-cpp/llama/addon/**',
  'node_modules/node-llama-cpp/llama/cmake/**',
  'node_modules/node-llama-cpp/llama/toolchains/**',
  'node_modules/node-llama-cpp/llama/gitRelease.bundle',
];

const outFolder = path.join(repositoryRoot, 'out', 'packages');
const report = createReport();

main().catch(exitWithError);

async function main() {
  const asked = process.argv.slice(2);
  const own = `${process.platform}-${process.arch}`;
  const targets = asked.length > 0 ? asked : ['universal', ...(own in platforms ? [own] : [])];
  for (const target of targets) {
    if (target !== 'universal' && !(target in platforms)) {
      throw new Error(`There is no target "${target}". Targets: universal, ${Object.keys(platforms).join(', ')}.`);
    }
  }
  await ensureDependencies(report);
  await reexecUnderProjectNode(import.meta.url);
  await report.during('building for production', () =>
    run(process.execPath, ['esbuild.js', '--production'], { cwd: repositoryRoot }),
  );
  mkdirSync(outFolder, { recursive: true });
  for (const target of targets) await packageFor(target);
}

async function packageFor(target) {
  const stage = path.join(repositoryRoot, 'out', 'stage', target);
  await report.during(`packaging ${target}`, async () => {
    rmSync(stage, { recursive: true, force: true });
    prepareStage(stage, target);
    if (target !== 'universal') await installEngine(stage, platforms[target]);
    const flags = target === 'universal' ? ['--no-dependencies'] : ['--target', target];
    const vsce = path.join(repositoryRoot, 'node_modules', '@vscode', 'vsce', 'vsce');
    const common = ['--allow-missing-repository', '--no-rewrite-relative-links', '--out', packageFile(target)];
    await run(process.execPath, [vsce, 'package', ...flags, ...common], { cwd: stage });
  });
  const files = await listPackage(packageFile(target));
  checkFiles(files, target);
  report.line(
    `${path.relative(repositoryRoot, packageFile(target))}: ${files.length} files, ${megabytes(readFileSync(packageFile(target)).length)}`,
  );
  rmSync(stage, { recursive: true, force: true });
}

function packageFile(target) {
  return path.join(outFolder, `a2ia-${manifest().version}-${target}.vsix`);
}

function manifest() {
  return JSON.parse(readFileSync(path.join(repositoryRoot, 'package.json'), 'utf8'));
}

/** A folder that looks like the repository to vsce, with the run-time dependency alone: everything else is bundled. */
function prepareStage(stage, target) {
  mkdirSync(stage, { recursive: true });
  for (const name of ['dist', 'media', 'README.md', 'CHANGELOG.md', 'LICENSE']) {
    cpSync(path.join(repositoryRoot, name), path.join(stage, name), { recursive: true });
  }
  const { devDependencies, scripts, dependencies, ...kept } = manifest();
  const engine = { 'node-llama-cpp': dependencies['node-llama-cpp'] };
  writeFileSync(
    path.join(stage, 'package.json'),
    JSON.stringify({ ...kept, dependencies: target === 'universal' ? {} : engine }, undefined, 2),
  );
  const ignores = readFileSync(path.join(repositoryRoot, '.vscodeignore'), 'utf8');
  const forEngine = target === 'universal' ? '' : ['!node_modules/**', ...engineIgnores].join('\n');
  writeFileSync(path.join(stage, '.vscodeignore'), `${ignores}\n${forEngine}\n!README.md\n!CHANGELOG.md\n`);
}

async function installEngine(stage, { os, cpu, libc, engine }) {
  const flags = [`--os=${os}`, `--cpu=${cpu}`, ...(libc ? [`--libc=${libc}`] : [])];
  await runNpm(
    ['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', ...flags],
    { cwd: stage },
  );
  const present = path.join(stage, 'node_modules', '@node-llama-cpp', engine);
  if (!readFileSync(path.join(present, 'package.json'), 'utf8'))
    throw new Error(`The engine ${engine} was not installed.`);
}

/** The names in a .vsix, from its zip directory, by the package that vsce itself reads zips with. */
async function listPackage(file) {
  const { default: yauzl } = await import('yauzl');
  return new Promise((resolve, reject) => {
    yauzl.open(file, { lazyEntries: false }, (error, zip) => {
      if (error) return reject(error);
      const names = [];
      zip.on('entry', ({ fileName }) => names.push(fileName.replace(/^extension\//, '')));
      zip.on('end', () => resolve(names));
      zip.on('error', reject);
    });
  });
}

function checkFiles(files, target) {
  const needed = [
    'package.json',
    'readme.md',
    'changelog.md',
    'LICENSE.txt',
    'dist/extension.cjs',
    'dist/cli.cjs',
    'dist/embeddedWorker.mjs',
    'media/icon.png',
  ];
  const missing = needed.filter((name) => !files.includes(name));
  if (target !== 'universal') {
    const addon = `node_modules/@node-llama-cpp/${platforms[target].engine}/`;
    if (!files.some((name) => name.startsWith(addon) && name.endsWith('.node'))) missing.push(`${addon}…/*.node`);
  }
  const strangers = files.filter(
    (name) =>
      /^(src|test|bench|scripts|docs|\.|out|node_modules\/\.)/.test(name) ||
      (target === 'universal' && name.startsWith('node_modules')),
  );
  const foreign = files.filter((name) =>
    /^node_modules\/@node-llama-cpp\/[^/]*(cuda|vulkan)[^/]*\/.*\.(node|so|dll)$/.test(name),
  );
  const problems = [
    ...missing.map((name) => `missing: ${name}`),
    ...[...strangers, ...foreign].map((name) => `should not be there: ${name}`),
  ];
  if (problems.length > 0) throw new Error(`The package ${target} is wrong.\n${problems.slice(0, 20).join('\n')}`);
}

function megabytes(sizeBytes) {
  return `${(sizeBytes / 1e6).toFixed(2)} MB`;
}
