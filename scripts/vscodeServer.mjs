import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheFolder, cacheLock } from './caches.mjs';
import { withLock } from './lib/lock.mjs';
import { freePort } from './lib/network.mjs';
import { createTail, killTree, runNpm } from './lib/processes.mjs';
import { createReport } from './lib/report.mjs';

/** The npm package `code-server` of this version carries a complete VS Code 1.139.1: server, extension host, workbench. */
const VERSION = '4.139.1';
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 5_000;

/** A window for this project only: nothing that asks, reports, updates or greets. */
const WINDOW_SETTINGS = {
  'chat.commandCenter.enabled': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'git.openRepositoryInParentFolders': 'never',
  'security.workspace.trust.untrustedFiles': 'open',
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'update.showReleaseNotes': false,
  'workbench.colorTheme': 'Default Dark Modern',
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
};

/**
 * Installs VS Code's server into the cache, once.
 * @param {import('./lib/report.mjs').Report} report
 * @returns {Promise<string>} its `server-main.js`
 */
export async function ensureVscodeServer(report) {
  const folder = path.join(cacheFolder('vscode-server'), `${VERSION}-${process.platform}-${process.arch}`);
  const stamp = path.join(folder, '.complete');
  const root = path.join(folder, 'node_modules', 'code-server', 'lib', 'vscode');
  const main = path.join(root, 'out', 'server-main.js');
  if (!existsSync(stamp)) await installVscodeServer(folder, root, report);
  putLogger(root);
  return main;
}

/** @param {string} folder @param {string} root @param {import('./lib/report.mjs').Report} report */
async function installVscodeServer(folder, root, report) {
  const stamp = path.join(folder, '.complete');
  await withLock(cacheLock('vscode-server'), async () => {
    if (existsSync(stamp)) return;
    await report.during('installing VS Code (once, about 600 MB)', async (update) => {
      // No stamp: what is there, if anything, is half of an interrupted install.
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
      mkdirSync(folder, { recursive: true });
      writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
      const quiet = ['--ignore-scripts', '--no-audit', '--no-fund'];
      const logFile = path.join(cacheFolder('logs'), 'npm.log');
      // Its install scripts would want a compiler; without them the two inner folders have to be filled by hand.
      update('server');
      await runNpm(['install', `code-server@${VERSION}`, '--save-exact', ...quiet], { cwd: folder, logFile });
      update("VS Code's own packages");
      await runNpm(['install', '--omit=dev', ...quiet], { cwd: root, logFile });
      update('built-in extensions');
      await runNpm(['install', '--omit=dev', ...quiet], { cwd: path.join(root, 'extensions'), logFile });
      const main = path.join(root, 'out', 'server-main.js');
      if (!existsSync(main)) throw new Error(`The package code-server@${VERSION} has no ${main}.`);
      writeFileSync(stamp, '');
    });
  });
}

/** See lib/spdlog.cjs. */
function putLogger(/** @type {string} */ root) {
  const place = path.join(root, 'node_modules', '@vscode', 'spdlog', 'index.js');
  const logger = readFileSync(new URL('lib/spdlog.cjs', import.meta.url), 'utf8');
  if (readFileSync(place, 'utf8') !== logger) writeFileSync(place, logger);
}

/**
 * @typedef {object} VscodeServer
 * @property {number} port
 * @property {number} pid of the server itself; what it starts is below it
 * @property {string} logFile
 * @property {(folder: string | undefined, payload?: Readonly<Record<string, string>>) => string} url the page that opens
 *   `folder`; the payload is what a desktop VS Code takes as flags, with file paths for `extensionDevelopmentPath` and
 *   `extensionTestsPath`
 * @property {Promise<string>} ended resolves, with the reason, when the server ends without having been told to
 * @property {() => Promise<void>} stop ends the server and everything it started
 */

/**
 * Starts VS Code's server on 127.0.0.1 and waits until it is ready. The environment given here is the extension host's.
 *
 * @param {{ port?: number, serverDataDir: string, extension?: string, extensionsDir?: string, userSettings?: object,
 *   workspaceTrust?: boolean, env?: NodeJS.ProcessEnv, endWhenUnused?: boolean }} options `port` is a wish. `userSettings` count for a new data dir.
 *   `extension`: the folder of an extension, installed by a link, for people; without it the workbench takes a payload, for
 *   tests, but then it shows no notification by itself, only behind the bell. `extensionsDir`: where installed extensions
 *   are, if not in the data dir. `endWhenUnused`: ends by itself some minutes after the last window, for the case that
 *   whoever started it was killed.
 * @returns {Promise<VscodeServer>}
 */
export async function startVscodeServer(options) {
  const { serverDataDir, extension, extensionsDir, workspaceTrust = true, env = process.env } = options;
  const main = await ensureVscodeServer(createReport(process.stderr));
  const port = await freePort(options.port);
  const tokenFile = prepareDataDir(serverDataDir, options.userSettings);
  const token = readFileSync(tokenFile, 'utf8').trim();
  const args = [main, '--host', '127.0.0.1', '--port', String(port), '--connection-token-file', tokenFile];
  // A login shell would change the environment given to us.
  args.push('--accept-server-license-terms', '--force-disable-user-env');
  args.push('--server-data-dir', serverDataDir, '--telemetry-level', 'off');
  if (extension === undefined) args.push('--enable-smoke-test-driver');
  else linkExtension(extension, serverDataDir);
  if (extensionsDir !== undefined) args.push('--extensions-dir', extensionsDir);
  if (!workspaceTrust) args.push('--disable-workspace-trust');
  if (options.endWhenUnused) args.push('--enable-remote-auto-shutdown');

  const logFile = path.join(cacheFolder('logs'), `vscode-server-${process.pid}.log`);
  const log = createWriteStream(logFile);
  const tail = createTail();
  // A group of its own: Ctrl+C reaches only us, and we can end it with all its children.
  const detached = process.platform !== 'win32';
  const child = spawn(process.execPath, args, {
    env: cleanEnvironment(env),
    detached,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stopping = false;
  /** @type {Promise<string>} */
  const gone = new Promise((resolve) => {
    child.on('error', (error) => resolve(`could not be started: ${error.message}`));
    child.on('exit', (code, signal) => resolve(`ended with ${signal ?? `code ${code}`}`));
  });
  const ended = gone.then((how) =>
    stopping ? new Promise(() => {}) : `VS Code's server ${how} (log: ${logFile}).\n  ${tail.lines().join('\n  ')}`,
  );
  const killAtExit = () => killTree(child, 'SIGKILL');
  process.on('exit', killAtExit);
  const stop = async () => {
    stopping = true;
    killTree(child, 'SIGTERM');
    await Promise.race([gone, sleep(STOP_LIMIT_MS, undefined, { ref: false })]);
    killTree(child, 'SIGKILL');
    process.removeListener('exit', killAtExit);
    log.end();
  };

  const ready = new Promise((resolve) => {
    const listen = (/** @type {Buffer} */ chunk) => {
      tail.add(chunk);
      if (log.writable) log.write(chunk);
      if (tail.lines().some((line) => line.includes('Extension host agent listening'))) resolve(undefined);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
  });
  const tooLate = sleep(
    START_LIMIT_MS,
    `VS Code's server was not ready after ${START_LIMIT_MS / 1000} s (log: ${logFile}).`,
    {
      ref: false,
    },
  );
  const problem = await Promise.race([ready, ended, tooLate]);
  if (problem !== undefined) {
    await stop();
    throw new Error(String(problem));
  }
  return {
    port,
    pid: /** @type {number} */ (child.pid),
    logFile,
    ended,
    stop,
    url: (folder, payload) => pageUrl(port, token, folder, payload),
  };
}

/**
 * @param {number} port
 * @param {string} token
 * @param {string | undefined} folder
 * @param {Readonly<Record<string, string>>} [payload]
 */
function pageUrl(port, token, folder, payload) {
  const pairs = Object.entries(payload ?? {}).map(([name, value]) =>
    // The authority must be the page's own host and port.
    [name, name.endsWith('Path') ? `vscode-remote://127.0.0.1:${port}${uriPath(value)}` : value],
  );
  const query = new URLSearchParams({
    tkn: token,
    ...(folder === undefined ? { ew: 'true' } : { folder: uriPath(folder) }),
    ...(payload === undefined ? {} : { payload: JSON.stringify(pairs) }),
  });
  return `http://127.0.0.1:${port}/?${query}`;
}

/** `C:\a b` is `/c:/a b` in a VS Code URI. */
function uriPath(/** @type {string} */ file) {
  const slashed = path.resolve(file).replaceAll('\\', '/');
  return /^[A-Za-z]:/.test(slashed) ? `/${slashed[0]?.toLowerCase()}${slashed.slice(1)}` : slashed;
}

/** Settings that the user has not changed, and a token: without one, every page in every browser could use the server. */
function prepareDataDir(/** @type {string} */ serverDataDir, /** @type {object | undefined} */ userSettings) {
  const settings = path.join(serverDataDir, 'data', 'User', 'settings.json');
  mkdirSync(path.dirname(settings), { recursive: true });
  if (!existsSync(settings))
    writeFileSync(settings, JSON.stringify({ ...WINDOW_SETTINGS, ...userSettings }, undefined, 2));
  const tokenFile = path.join(serverDataDir, 'token');
  if (!existsSync(tokenFile)) writeFileSync(tokenFile, randomBytes(16).toString('hex'), { mode: 0o600 });
  return tokenFile;
}

/** What is built here is what runs: nothing is packed or copied. */
function linkExtension(/** @type {string} */ extension, /** @type {string} */ serverDataDir) {
  const folder = path.join(serverDataDir, 'extensions');
  mkdirSync(folder, { recursive: true });
  const { publisher, name, version } = JSON.parse(readFileSync(path.join(extension, 'package.json'), 'utf8'));
  const earlier = readdirSync(folder).filter((entry) => entry.startsWith(`${publisher}.${name}-`));
  // VS Code keeps a list beside the folders and makes it anew from them when it is not there.
  for (const entry of [...earlier, 'extensions.json']) rmSync(path.join(folder, entry), { force: true });
  // A junction, which Windows allows to everybody; elsewhere that word means nothing.
  symlinkSync(extension, path.join(folder, `${publisher}.${name}-${version}`), 'junction');
}

/** A terminal inside a VS Code hands down variables that would tie the new server to that window. */
function cleanEnvironment(/** @type {NodeJS.ProcessEnv} */ env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(VSCODE|ELECTRON)_/.test(name)));
}
