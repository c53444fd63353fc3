import { existsSync, globSync, statSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from './caches.mjs';
import { run } from './lib/processes.mjs';

const at = (...names) => path.join(repositoryRoot, ...names);

/** What the bundles are made of. */
const inputs = [
  'src/**/*.ts',
  'test/host/**/*.ts',
  'test/support/*.ts',
  'bench/host/**/*.ts',
  'bench/support/*.ts',
  'package.json',
  'esbuild.js',
];

/**
 * Whether a bundle is missing or older than a file it is made of. A file that was deleted goes unnoticed until another one changes.
 * @returns {boolean}
 */
export function isStale() {
  const outputs = [
    at('dist', 'extension.cjs'),
    at('dist', 'cli.cjs'),
    at('dist', 'embeddedWorker.mjs'),
    at('out', 'test', 'host', 'index.cjs'),
    at('out', 'bench', 'host', 'activation.cjs'),
  ];
  if (!outputs.every((file) => existsSync(file))) return true;
  const builtMs = Math.min(...outputs.map((file) => statSync(file).mtimeMs));
  return globSync(inputs, { cwd: repositoryRoot }).some((file) => statSync(at(file)).mtimeMs > builtMs);
}

/**
 * @param {import('./lib/report.mjs').Report} report
 * @returns {Promise<void>}
 */
export async function ensureBuild(report) {
  if (!isStale()) return;
  await report.during('building', () => run(process.execPath, [at('esbuild.js')], { cwd: repositoryRoot }));
}
