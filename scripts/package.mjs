// `npm run package [-- TARGET …]`: the .vsix files, into out/packages. One per platform with that platform's engine (`linux-x64`, `darwin-arm64`, …),
// and `universal` without it, in which the embedded backend says how to get it. Default: universal and this machine's.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** Of the engine's package: its sources, for builds that we never do. A third of the whole. */
const engineSources = ['addon', 'cmake', 'toolchains', 'gitRelease.bundle'];

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
    `${path.relative(repositoryRoot, packageFile(target))}: ${files.length} files, ${fileSize(readFileSync(packageFile(target)).length)}`,
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
  const forEngine = target === 'universal' ? '' : '!node_modules/**';
  writeFileSync(path.join(stage, '.vscodeignore'), `${ignores}\n${forEngine}\n!README.md\n!CHANGELOG.md\n`);
}

async function installEngine(stage, { os, cpu, libc, engine }) {
  const flags = [`--os=${os}`, `--cpu=${cpu}`, ...(libc ? [`--libc=${libc}`] : [])];
  await runNpm(
    ['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', ...flags],
    { cwd: stage },
  );
  const modules = path.join(stage, 'node_modules');
  const engines = path.join(modules, '@node-llama-cpp');
  if (!existsSync(path.join(engines, engine))) throw new Error(`npm found no engine @node-llama-cpp/${engine}.`);
  // npm takes every package of that system, whatever its processor.
  const others = readdirSync(engines).filter((name) => name !== engine);
  const unused = [
    ...others.map((name) => path.join(engines, name)),
    ...engineSources.map((name) => path.join(modules, 'node-llama-cpp', 'llama', name)),
    // By hand, because what .vscodeignore takes back with `!` it cannot leave out again.
    ...readdirSync(modules, { recursive: true })
      .filter((name) => isForDevelopers(path.basename(name)))
      .map((name) => path.join(modules, name)),
  ];
  for (const file of unused) rmSync(file, { recursive: true, force: true });
}

/** Types, maps and manuals. A licence is none. */
function isForDevelopers(fileName) {
  return /\.(map|md|[cm]?ts)$/.test(fileName) && !/licen[cs]e|notice/i.test(fileName);
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
  const engine = target === 'universal' ? undefined : `node_modules/@node-llama-cpp/${platforms[target].engine}/`;
  if (engine && !files.some((name) => name.startsWith(engine) && name.endsWith('.node')))
    missing.push(`${engine}*.node`);
  const strangers = files.filter((name) => {
    if (name.startsWith('node_modules/@node-llama-cpp/')) return !engine || !name.startsWith(engine);
    return (
      /^(src|test|bench|scripts|docs|\.|out|node_modules\/\.)/.test(name) ||
      (!engine && name.startsWith('node_modules'))
    );
  });
  const problems = [
    ...missing.map((name) => `missing: ${name}`),
    ...strangers.map((name) => `should not be there: ${name}`),
  ];
  if (problems.length > 0) throw new Error(`The package ${target} is wrong.\n${problems.slice(0, 20).join('\n')}`);
}

function fileSize(sizeBytes) {
  return `${(sizeBytes / 1e6).toFixed(2)} MB`;
}
