import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder, cacheLock } from './caches.mjs';
import { withLock } from './lib/lock.mjs';
import { run } from './lib/processes.mjs';

export const llmfitVersion = '1.1.17';
const INSTALL_LIMIT_MS = 300_000;

/**
 * llmfit in a Python environment of its own in the cache (60 MB), for the comparison with other estimators. Throws where it cannot be installed.
 * @returns {Promise<string>} the program
 */
export async function llmfitProgram() {
  const folder = path.join(cacheFolder('bin'), `llmfit-${llmfitVersion}`);
  const readyFile = path.join(folder, 'ready');
  const inFolder = (/** @type {string} */ name) =>
    path.join(folder, process.platform === 'win32' ? 'Scripts' : 'bin', name);
  await withLock(cacheLock('llmfit'), async () => {
    if (existsSync(readyFile)) return;
    const options = { timeoutMs: INSTALL_LIMIT_MS, logFile: path.join(cacheFolder('logs'), 'llmfit.log') };
    rmSync(folder, { recursive: true, force: true });
    await run('python3', ['-m', 'venv', folder], options);
    const words = ['--no-input', '--disable-pip-version-check', `llmfit==${llmfitVersion}`];
    await run(inFolder('python'), ['-m', 'pip', 'install', ...words], options);
    writeFileSync(readyFile, '');
  });
  return inFolder('llmfit');
}
