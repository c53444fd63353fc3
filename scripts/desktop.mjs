import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { findOnPath } from './lib/processes.mjs';

/**
 * The executable of a desktop VS Code that can open a window here, or undefined: VSCODE_EXECUTABLE, `code` on the PATH, the
 * usual place on macOS.
 *
 * The `code` on the PATH is a script that starts the program and returns. What is wanted is the program: it can be waited for,
 * and `@vscode/test-electron` needs it. A `code` that has no program beside it (the remote command line of an editor's
 * terminal, WSL's window to Windows, code-server) is not a desktop VS Code.
 *
 * @returns {string | undefined}
 */
export function findDesktopVscode() {
  const chosen = process.env['VSCODE_EXECUTABLE'];
  if (chosen) {
    if (!existsSync(chosen))
      throw new Error(`VSCODE_EXECUTABLE is ${chosen}, and there is no such file. Correct or unset it.`);
    return programOf(chosen) ?? chosen;
  }
  if (process.platform === 'linux' && !process.env['DISPLAY'] && !process.env['WAYLAND_DISPLAY']) return undefined;
  const script = findOnPath('code');
  const program = script === undefined ? undefined : programOf(script);
  if (program !== undefined || process.platform !== 'darwin') return program;
  const folders = ['/Applications', path.join(process.env['HOME'] ?? '', 'Applications')];
  return folders
    .map((folder) => programOf(`${folder}/Visual Studio Code.app/Contents/Resources/app/bin/code`))
    .find(Boolean);
}

/**
 * What a desktop VS Code must be told in addition when it is run by root.
 * @returns {string[]}
 */
export function desktopFlags() {
  return process.platform === 'linux' && process.getuid?.() === 0 ? ['--no-sandbox'] : [];
}

/** The program that a `code` script starts. */
function programOf(/** @type {string} */ script) {
  if (!existsSync(script)) return undefined;
  const folder = path.dirname(realpathSync(script));
  if (path.basename(folder) !== 'bin') return undefined;
  /** @type {Partial<Record<NodeJS.Platform, string[]>>} */
  const places = {
    darwin: ['../../../MacOS/Code', '../../../MacOS/Electron'],
    linux: ['../code'],
    win32: ['..\\Code.exe'],
  };
  return (places[process.platform] ?? []).map((place) => path.resolve(folder, place)).find(isProgram);
}

function isProgram(/** @type {string} */ file) {
  // Every desktop VS Code has its resources beside it or one folder up; a script of the same name has not.
  const folder = path.dirname(file);
  return existsSync(file) && ['resources', '../Resources'].some((name) => existsSync(path.join(folder, name)));
}
