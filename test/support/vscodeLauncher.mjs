// Stands in for a desktop VS Code in `runTests({ vscodeExecutablePath })` of @vscode/test-electron, on machines that have
// none: takes its flags, runs the tests in the extension host of VS Code's own server with the workbench in a headless
// browser, prints what the tests print and exits with their code. `launcherExecutable.mjs` makes it an executable.
//
// Environment: A2IA_TEST_LIMIT_MS (default 600000) ends a run that hangs. A2IA_TEST_SCREENSHOT=FILE saves a picture of the
// window at the end. A2IA_TEST_RESTRICTED=1 leaves workspace trust on, so that the folder opens in Restricted Mode.
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { format } from 'node:util';
import { ensureBrowser, launchBrowser } from '../../scripts/browser.mjs';
import { cacheFolder } from '../../scripts/caches.mjs';
import { createReport, exitWithError } from '../../scripts/lib/report.mjs';
import { ensureVscodeServer, startVscodeServer } from '../../scripts/vscodeServer.mjs';

/** @typedef {{ code: number, problem?: string }} End */

const DEFAULT_LIMIT_MS = 600_000;
const CLEANUP_LIMIT_MS = 10_000;
/** What the tests print begins with this; see testsInHost.cjs. */
const MARK = '\u0001a2ia';
const testsInHost = fileURLToPath(new URL('testsInHost.cjs', import.meta.url));

const report = createReport(process.stderr);
const windowLog = path.join(cacheFolder('logs'), `vscode-window-${process.pid}.log`);

/** @type {Promise<End>} */
const interrupted = new Promise((resolve) => {
  process.once('SIGINT', () => resolve({ code: 130, problem: 'interrupted' }));
  process.once('SIGTERM', () => resolve({ code: 143, problem: 'terminated' }));
});

process.exit(await main().catch(exitWithError));

/** @returns {Promise<number>} the exit code */
async function main() {
  const { extension, extensionsDir, tests, folder } = parseArguments(process.argv.slice(2));
  const limitMs = Number(process.env['A2IA_TEST_LIMIT_MS']) || DEFAULT_LIMIT_MS;
  await ensureVscodeServer(report);
  const executablePath = await ensureBrowser(report);

  // Every run has its own settings and storage, so that runs cannot see each other.
  const serverDataDir = mkdtempSync(path.join(cacheFolder('user-data'), 'test-'));
  const workspaceTrust = process.env['A2IA_TEST_RESTRICTED'] === '1';
  const server = await startVscodeServer({
    serverDataDir,
    ...(extensionsDir === undefined ? {} : { extensionsDir }),
    workspaceTrust,
    endWhenUnused: true,
    env: { ...process.env, A2IA_TESTS_PATH: tests },
  });
  /** @type {import('playwright-core').Browser | undefined} */
  let browser;
  let passed = false;
  try {
    browser = await launchBrowser({ executablePath });
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    const url = server.url(folder, {
      extensionDevelopmentPath: extension,
      extensionTestsPath: testsInHost,
      skipWelcome: 'true',
    });
    const { code, problem } = await Promise.race([
      runInPage(page, url),
      server.ended.then((text) => ({ code: 1, problem: text })),
      sleep(limitMs, { code: 1, problem: `not finished after ${limitMs / 1000} s` }, { ref: false }),
      interrupted,
    ]);
    if (problem !== undefined) process.stderr.write(`\nVS Code: ${problem}\n`);
    const screenshot =
      process.env['A2IA_TEST_SCREENSHOT'] ?? (code === 0 ? undefined : `${windowLog.slice(0, -4)}.png`);
    if (screenshot !== undefined) await takeScreenshot(page, screenshot);
    if (code !== 0) report.line(`logs: ${server.logFile}, ${windowLog}`);
    passed = code === 0;
    return code;
  } finally {
    await withinLimit(browser?.close());
    await server.stop();
    // Logs are kept of what went wrong.
    for (const log of passed ? [windowLog, server.logFile] : []) rmSync(log, { force: true });
    rmSync(serverDataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/**
 * Opens the workbench, which runs the tests, and waits for their end or for the end of the page.
 * @param {import('playwright-core').Page} page
 * @param {string} url
 * @returns {Promise<End>}
 */
async function runInPage(page, url) {
  const note = (/** @type {string} */ text) => appendFileSync(windowLog, `${text}\n`);
  page.on('pageerror', (error) => note(`[page] ${error.stack ?? error.message}`));
  /** @type {Promise<End>} */
  const broken = new Promise((resolve) => {
    page.on('crash', () => resolve({ code: 1, problem: 'the page of the browser crashed' }));
    page.on('close', () => resolve({ code: 1, problem: 'the browser closed, or crashed' }));
  });
  /** @type {(end: End) => void} */
  let finish = () => {};
  /** @type {Promise<End>} */
  const finished = new Promise((resolve) => (finish = resolve));
  let complete = false;
  // The workbench looks for these two when it starts, so they must be there before it does.
  await page.exposeFunction('codeAutomationLog', (/** @type {string} */ type, /** @type {unknown[]} */ args) => {
    const text = args[0];
    if (typeof text !== 'string' || !text.startsWith(MARK)) return note(`[${type}] ${format(...args)}`);
    const printed = JSON.parse(text.slice(MARK.length));
    if (printed.finished) complete = true;
    else (printed.stream === 2 ? process.stderr : process.stdout).write(printed.text);
  });
  await page.exposeFunction('codeAutomationExit', (/** @type {number} */ code) => {
    finish(code !== 0 || complete ? { code } : { code: 1, problem: 'the extension host ended before the tests did' });
  });
  try {
    await page.goto(url, { timeout: 60_000 });
  } catch (error) {
    return { code: 1, problem: `the workbench did not open: ${error.message}` };
  }
  return Promise.race([finished, broken]);
}

/** @param {import('playwright-core').Page} page @param {string} file */
async function takeScreenshot(page, file) {
  const taken = await withinLimit(page.screenshot({ path: file, timeout: CLEANUP_LIMIT_MS }).then(() => true));
  report.line(taken ? `the window at the end: ${file}` : 'no picture could be taken of the window');
}

/**
 * Waits for something that a broken browser may never finish, and never fails.
 * @template T
 * @param {Promise<T> | undefined} work
 * @returns {Promise<T | undefined>}
 */
async function withinLimit(work) {
  return Promise.race([
    Promise.resolve(work).catch(() => undefined),
    sleep(CLEANUP_LIMIT_MS, undefined, { ref: false }),
  ]);
}

/** The flags of a desktop VS Code that mean something here; the others are for Electron. */
function parseArguments(/** @type {string[]} */ args) {
  const valueOf = (/** @type {string} */ flag) =>
    args.find((arg) => arg.startsWith(`${flag}=`))?.slice(flag.length + 1);
  const extension = valueOf('--extensionDevelopmentPath');
  const tests = valueOf('--extensionTestsPath');
  if (extension === undefined || tests === undefined) {
    throw new Error('The VS Code launcher needs --extensionDevelopmentPath=FOLDER and --extensionTestsPath=FILE.');
  }
  // `runTests` always names a folder of installed extensions.
  const extensionsDir = args.includes('--disable-extensions') ? undefined : valueOf('--extensions-dir');
  return { extension, extensionsDir, tests, folder: args.find((arg) => !arg.startsWith('-')) };
}
