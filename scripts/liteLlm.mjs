import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder, cacheLock } from './caches.mjs';
import { withLock } from './lib/lock.mjs';
import { run } from './lib/processes.mjs';

const VERSION = '1.106.2';
const INSTALL_LIMIT_MS = 900_000;

const folder = () => path.join(cacheFolder('bin'), `litellm-${VERSION}`);
const readyFile = () => path.join(folder(), 'ready');
const program = (/** @type {string} */ name) =>
  path.join(folder(), process.platform === 'win32' ? 'Scripts' : 'bin', name);

/** LiteLLM as `installLiteLlm` left it. */
export function findLiteLlm() {
  return existsSync(readyFile()) ? { program: program('litellm') } : undefined;
}

/**
 * LiteLLM's proxy in a Python environment of its own (660 MB), for the tests that stand behind it.
 * @param {import('./lib/report.mjs').Report} report
 */
export async function installLiteLlm(report) {
  await withLock(cacheLock('litellm'), async () => {
    if (findLiteLlm()) return;
    const options = { timeoutMs: INSTALL_LIMIT_MS, logFile: path.join(cacheFolder('logs'), 'litellm.log') };
    await report.during(`installing LiteLLM ${VERSION} (660 MB, once)`, async () => {
      rmSync(folder(), { recursive: true, force: true });
      await run('python3', ['-m', 'venv', folder()], options);
      const words = ['--no-input', '--disable-pip-version-check', `litellm[proxy]==${VERSION}`];
      await run(program('python'), ['-m', 'pip', 'install', ...words], options);
      writeFileSync(readyFile(), '');
    });
  });
}
