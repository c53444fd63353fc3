import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of this repository. */
export const repositoryRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/**
 * Where everything that is downloaded, logged or remembered by the scripts lives: `.cache/` in the repository, ignored by
 * git. A2IA_CACHE_DIR moves it, so that several clones can share one.
 */
export const cacheRoot = path.resolve(process.env['A2IA_CACHE_DIR'] || path.join(repositoryRoot, '.cache'));

/**
 * @typedef {'bin' | 'locks' | 'logs' | 'models' | 'user-data' | 'vscode-server' | 'workspace'} CacheFolder
 */

/**
 * A folder in the cache; it exists when this returns.
 * @param {CacheFolder} name
 * @param {...string} below
 * @returns {string}
 */
export function cacheFolder(name, ...below) {
  const folder = path.join(cacheRoot, name, ...below);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * The lock under which one thing in the cache is installed.
 * @param {string} name
 * @returns {string}
 */
export function cacheLock(name) {
  return path.join(cacheFolder('locks'), `${name}.lock`);
}
