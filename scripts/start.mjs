// `npm start`: a VS Code with A2IA in it, answered by a real model. `npm start -- --check`: the same headless, with one question. See --help.
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ensureDependencies, reexecUnderProjectNode } from './bootstrap.mjs';
import { cacheFolder, repositoryRoot } from './caches.mjs';
import { createReport, exitWithError } from './lib/report.mjs';

const usage = `npm start                           Opens VS Code with A2IA on a sample folder.
npm start -- --check                Asks one question in a headless VS Code, prints the answer, and exits 0 when all of it worked.
npm start -- --check --backend B    The same with one backend: ollama, vllm, openai-compatible, embedded, …

VSCODE_EXECUTABLE, CHROME_PATH      A VS Code, a browser to use
A2IA_CACHE_DIR                      Where things are installed instead of .cache/
A2IA_DEBUG=1                        More words when something fails
`;

const report = createReport();
/** Found by a bookmark next time, when it is free. */
const preferredPort = 8923;

main().catch(exitWithError);

async function main() {
  const { help, check, backend } = parseArguments(process.argv.slice(2));
  if (help) return void process.stdout.write(usage);
  await ensureDependencies(report);
  await reexecUnderProjectNode(import.meta.url);
  const { ensureBuild } = await import('./build.mjs');
  await ensureBuild(report);
  const modelsFolder = await ensureSomebodyAnswers(backend);
  const env = { ...process.env, A2IA_MODELS_DIR: modelsFolder, ...(backend ? { A2IA_CHECK_BACKEND: backend } : {}) };
  const { findDesktopVscode, desktopFlags } = await import('./desktop.mjs');
  const desktop = findDesktopVscode();
  if (check) await runCheck(desktop, desktopFlags(), env);
  else if (desktop) await openDesktop(desktop, desktopFlags(), env);
  else await openServer(env);
}

/**
 * A2IA itself says who will answer. Only when that is the embedded model, the small one is fetched.
 * @returns {Promise<string>} the folder of the embedded models
 */
async function ensureSomebodyAnswers(backend) {
  const models = cacheFolder('models');
  const server = await findServer(backend);
  if (server) {
    report.line(server);
    return models;
  }
  const { ensureTestModel } = await import('./model.mjs');
  const file = await ensureTestModel(report);
  report.line(`${backend === 'embedded' ? '' : 'No model server runs here: '}the embedded model will answer.`);
  return path.dirname(file);
}

/** @returns {Promise<string | undefined>} a sentence for people; undefined: there is none, or it is not wanted */
async function findServer(backend = 'auto') {
  if (backend === 'embedded') return undefined;
  const { BackendRegistry } = await import('../src/core/clients/registry.ts');
  const { createCliHost } = await import('../src/cli/cliHost.ts');
  const { describeProblem, parseSettings } = await import('../src/core/settings/settings.ts');
  const { settings, problems } = parseSettings((key) => (key === 'a2ia.backend' ? backend : undefined));
  if (problems[0]) throw new Error(describeProblem({ ...problems[0], key: '--backend' }));
  // Run from its source, this host finds no engine: so what is found is a server.
  const host = createCliHost({ settings, environment: process.env, downloadAgreed: false, verbose: false });
  const registry = new BackendRegistry(host);
  try {
    const { client, reason } = await registry.chooseClient(settings, AbortSignal.timeout(10_000));
    return backend === 'auto' ? `${reason} It will be asked.` : `${client.endpoint} will be asked.`;
  } catch {
    return undefined;
  } finally {
    registry.dispose();
  }
}

/** The sample is copied once: what the user changes in it stays. */
function sampleFolder() {
  const folder = path.join(cacheFolder('workspace'), 'sample');
  if (!existsSync(folder)) cpSync(path.join(repositoryRoot, 'media', 'sample'), folder, { recursive: true });
  return folder;
}

async function openDesktop(program, flags, env) {
  const userData = cacheFolder('user-data', 'desktop');
  const args = [
    `--extensionDevelopmentPath=${repositoryRoot}`,
    `--user-data-dir=${userData}`,
    '--new-window',
    ...flags,
    sampleFolder(),
  ];
  report.line('opening VS Code. Try: Ctrl+K Q (macOS: Cmd+K Q), or A2IA: Ask in the command palette.');
  const child = spawn(program, args, { env, stdio: 'ignore' });
  process.exitCode = await new Promise((resolve, reject) =>
    child.on('error', reject).on('exit', (code) => resolve(code ?? 0)),
  );
}

async function openServer(env) {
  const { startVscodeServer } = await import('./vscodeServer.mjs');
  const serverDataDir = cacheFolder('user-data', 'server');
  const options = { port: preferredPort, serverDataDir, extension: repositoryRoot, workspaceTrust: false, env };
  const server = await startVscodeServer(options);
  const url = server.url(sampleFolder());
  report.line(`VS Code with A2IA runs. Open this address in a browser:\n\n  ${url}\n`);
  report.line('Try: Ctrl+K Q (macOS: Cmd+K Q), or A2IA: Ask in the command palette. Ctrl+C here ends it.');
  openInBrowser(url);
  const interrupted = new Promise((resolve) => {
    process.once('SIGINT', () => resolve(undefined));
    process.once('SIGTERM', () => resolve(undefined));
  });
  const problem = await Promise.race([interrupted, server.ended]);
  await server.stop();
  if (problem) throw new Error(String(problem));
}

/** Only where somebody can see it. The address is printed in any case. */
function openInBrowser(url) {
  const hasDisplay = process.platform !== 'linux' || process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY'];
  if (!hasDisplay || process.env['CI']) return;
  const [command, args] =
    process.platform === 'darwin'
      ? ['open', [url]]
      : process.platform === 'win32'
        ? ['rundll32', ['url.dll,FileProtocolHandler', url]]
        : ['xdg-open', [url]];
  spawn(command, args, { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref();
}

async function runCheck(desktop, flags, env) {
  const { runTests } = await import('@vscode/test-electron');
  const { launcherExecutable } = await import('../test/support/launcherExecutable.mjs');
  if (!desktop) {
    await (await import('./vscodeServer.mjs')).ensureVscodeServer(report);
    await (await import('./browser.mjs')).ensureBrowser(report);
  }
  report.line(`asking one question in ${desktop ?? "VS Code's own server, in a headless browser"} …`);
  // Settings and storage of its own: a check must not depend on the last one.
  const userData = mkdtempSync(path.join(cacheFolder('user-data'), 'check-'));
  try {
    await runTests({
      vscodeExecutablePath: desktop ?? launcherExecutable(),
      extensionDevelopmentPath: repositoryRoot,
      extensionTestsPath: path.join(repositoryRoot, 'out', 'test', 'host', 'check.cjs'),
      extensionTestsEnv: env,
      launchArgs: [
        sampleFolder(),
        `--user-data-dir=${userData}`,
        '--disable-workspace-trust',
        '--disable-extensions',
        ...flags,
      ],
    });
  } catch (error) {
    throw new Error(`The check failed: ${error instanceof Error ? error.message : error}. The reason stands above.`);
  } finally {
    rmSync(userData, { recursive: true, force: true, maxRetries: 3 });
  }
  report.line('the check passed.');
}

function parseArguments(argv) {
  const known = ['--help', '--check', '--backend'];
  const at = argv.indexOf('--backend');
  const backend = at < 0 ? undefined : argv[at + 1];
  const stranger = argv.find((word, index) => !known.includes(word) && (at < 0 || index !== at + 1));
  if (stranger !== undefined) throw new Error(`npm start does not know "${stranger}".\n\n${usage}`);
  if (at >= 0 && !backend) throw new Error('--backend needs a name.');
  if (backend && !argv.includes('--check')) {
    throw new Error('--backend goes with --check; in an open VS Code the setting a2ia.backend says who answers.');
  }
  return { help: argv.includes('--help'), check: argv.includes('--check'), backend };
}
