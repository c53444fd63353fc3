// Runs test/host inside a real extension host: a desktop VS Code where there is one, else VS Code's own server with a headless browser.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runTests } from '@vscode/test-electron';
import { desktopFlags, findDesktopVscode } from '../scripts/desktop.mjs';
import { launcherExecutable } from './support/launcherExecutable.mjs';

const root = path.join(import.meta.dirname, '..');
const desktop = findDesktopVscode();
console.log(desktop ? `VS Code: ${desktop}` : 'VS Code: its own server, in a headless browser');

// Settings that the tests write go into a copy of the sample, not into the repository.
const folder = await mkdtemp(path.join(tmpdir(), 'a2ia-host-'));
try {
  await cp(path.join(root, 'media', 'sample'), folder, { recursive: true });
  process.exitCode = await runTests({
    vscodeExecutablePath: desktop ?? launcherExecutable(),
    extensionDevelopmentPath: root,
    extensionTestsPath: path.join(root, 'out', 'test', 'host', 'index.cjs'),
    launchArgs: [folder, '--disable-workspace-trust', '--disable-extensions', ...desktopFlags()],
  }).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  });
} finally {
  await rm(folder, { recursive: true, force: true });
}
