import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder, cacheLock, repositoryRoot } from './caches.mjs';
import { withLock } from './lib/lock.mjs';
import { findOnPath, run } from './lib/processes.mjs';

const PLAYWRIGHT_LIMIT_MS = 240_000;
const APT_LIMIT_MS = 600_000;

const isRoot = process.getuid?.() === 0;

/**
 * A Chrome, Chromium or Edge that starts: CHROME_PATH, an installed one, or the one that Playwright keeps.
 * @returns {Promise<string | undefined>}
 */
export async function findBrowser() {
  const chosen = process.env['CHROME_PATH'];
  if (chosen) {
    if (await starts(chosen)) return chosen;
    throw new Error(
      `CHROME_PATH is ${chosen}, and that does not start. Correct it, or unset it to let A2IA look for a browser.`,
    );
  }
  for (const candidate of [...installedBrowsers(), await playwrightBrowser()]) {
    if (await starts(candidate)) return candidate;
  }
  return undefined;
}

/**
 * The same, and one is installed when there is none. Never without a result: either a browser or an error.
 * @param {import('./lib/report.mjs').Report} report
 * @returns {Promise<string>}
 */
export async function ensureBrowser(report) {
  const found = await findBrowser();
  if (found !== undefined) return found;
  return withLock(cacheLock('browser'), async () => {
    /** @type {string[]} */
    const tried = [];
    const attempt = async (/** @type {string} */ text, /** @type {() => Promise<unknown>} */ install) => {
      const problem = await report.during(text, install).then(
        () => undefined,
        (error) => error.message.split('\n').slice(0, 3).join(' '),
      );
      const browser = await findBrowser();
      if (browser === undefined) tried.push(`- ${text}: ${problem ?? 'done, but the browser does not start'}`);
      return browser;
    };
    const browser =
      (await findBrowser()) ??
      (await attempt('installing a browser (Playwright, once)', installWithPlaywright)) ??
      (canUseApt() ? await attempt('installing a browser (apt-get, once)', installWithApt) : undefined);
    if (browser !== undefined) return browser;
    throw new Error(
      `There is no Chrome, Chromium or Edge here, and none could be installed:\n${tried.join('\n')}\n` +
        'Install one (Debian: `apt-get install chromium`; elsewhere Google Chrome), or set CHROME_PATH to its executable.',
    );
  });
}

/**
 * Starts the browser for VS Code's workbench.
 * @param {{ executablePath: string, headless?: boolean }} options
 * @returns {Promise<import('playwright-core').Browser>}
 */
export async function launchBrowser({ executablePath, headless = true }) {
  const { chromium } = await import('playwright-core');
  const args = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
  args.push('--disable-component-update', '--disable-sync');
  // Chromium's sandbox refuses to work for root; everybody else keeps it.
  if (isRoot) args.push('--no-sandbox');
  // Who starts the browser handles the signals, and closes it in order.
  const signals = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false };
  return chromium.launch({ executablePath, headless, args, chromiumSandbox: !isRoot, ...signals });
}

/** @returns {string[]} */
function installedBrowsers() {
  if (process.platform === 'win32') {
    const bases = ['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA'].map((name) => process.env[name]);
    const files = ['Google\\Chrome\\Application\\chrome.exe', 'Chromium\\Application\\chrome.exe'];
    files.push('Microsoft\\Edge\\Application\\msedge.exe');
    return files.flatMap((file) => bases.flatMap((base) => (base ? [path.join(base, file)] : [])));
  }
  if (process.platform === 'darwin') {
    const names = ['Google Chrome', 'Chromium', 'Microsoft Edge'];
    const folders = ['/Applications', path.join(process.env['HOME'] ?? '', 'Applications')];
    return names.flatMap((name) => folders.map((folder) => `${folder}/${name}.app/Contents/MacOS/${name}`));
  }
  const names = ['google-chrome', 'google-chrome-stable', 'chromium', 'chromium-browser', 'chrome', 'microsoft-edge'];
  return names.flatMap((name) => findOnPath(name) ?? []);
}

/** @returns {Promise<string>} where Playwright's browser is, or would be */
async function playwrightBrowser() {
  return (await import('playwright-core')).chromium.executablePath();
}

/** A file of the right name can still be a stub (Ubuntu's chromium without snap) or lack libraries (a bare container). */
async function starts(/** @type {string} */ file) {
  if (!existsSync(file)) return false;
  // On Windows and macOS `--version` may open a window, and there the file is enough.
  if (process.platform !== 'linux') return true;
  return run(file, ['--version'], { timeoutMs: 15_000 }).then(
    () => true,
    () => false,
  );
}

async function installWithPlaywright() {
  const cli = path.join(repositoryRoot, 'node_modules', 'playwright-core', 'cli.js');
  const options = { timeoutMs: PLAYWRIGHT_LIMIT_MS, logFile: path.join(cacheFolder('logs'), 'browser.log') };
  // Without a way to its download server this gives up soon: there is a second way.
  const env = { PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT: '8000', ...process.env };
  await run(process.execPath, [cli, 'install', '--no-shell', 'chromium'], { ...options, env });
  const browser = await playwrightBrowser();
  if (!(await starts(browser)) && canUseApt())
    await run(process.execPath, [cli, 'install-deps', 'chromium'], { ...options, env });
}

async function installWithApt() {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { env, timeoutMs: APT_LIMIT_MS, logFile: path.join(cacheFolder('logs'), 'browser.log') };
  await run('apt-get', ['update'], options);
  await run('apt-get', ['install', '-y', '--no-install-recommends', 'chromium', 'fonts-liberation'], options);
}

function canUseApt() {
  if (!isRoot || process.platform !== 'linux' || findOnPath('apt-get') === undefined) return false;
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(release);
}
