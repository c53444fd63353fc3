import { createHash } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from '../../scripts/caches.mjs';

const launcher = path.join(path.dirname(fileURLToPath(import.meta.url)), 'vscodeLauncher.mjs');

/**
 * An executable file that runs `vscodeLauncher.mjs`: what to give to `runTests({ vscodeExecutablePath })` where
 * `findDesktopVscode()` finds nothing. `runTests` starts it directly, so it has to be a program of its own.
 * @returns {string}
 */
export function launcherExecutable() {
  const windows = process.platform === 'win32';
  const text = windows
    ? `@"${process.execPath}" "${launcher}" %*\r\n`
    : `#!/bin/sh\nexec ${quote(process.execPath)} ${quote(launcher)} "$@"\n`;
  // Clones that share a cache have launchers of their own.
  const name = `vscode-launcher-${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;
  const file = path.join(cacheFolder('bin'), windows ? `${name}.cmd` : name);
  writeFileSync(file, text);
  chmodSync(file, 0o755);
  return file;
}

/** @param {string} word */
function quote(word) {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
