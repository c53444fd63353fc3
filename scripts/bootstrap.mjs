// This file and what it imports run on the machine's own Node (20 or newer) and before `node_modules` exists.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, repositoryRoot } from './caches.mjs';
import { withLock } from './lib/lock.mjs';
import { run, runNpm } from './lib/processes.mjs';

const OLDEST_NODE = 20;
const modules = path.join(repositoryRoot, 'node_modules');
const stampFile = path.join(modules, '.a2ia-stamp');
const nodePackage = path.join(modules, 'node');
const nodeBinary = path.join(nodePackage, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

/**
 * Makes `node_modules` what package.json and the lock file say. Costs a few milliseconds when nothing is to be done.
 * @param {import('./lib/report.mjs').Report} report
 * @returns {Promise<void>}
 */
export async function ensureDependencies(report) {
  const own = process.versions.node;
  if (Number(own.split('.')[0]) < OLDEST_NODE)
    throw new Error(`This is Node ${own}; A2IA needs Node ${OLDEST_NODE} or newer.`);
  const wanted = dependencyHash();
  if (isInstalled(wanted)) return;
  await withLock(
    path.join(cacheFolder('locks'), `dependencies-${hash(repositoryRoot).slice(0, 12)}.lock`),
    async () => {
      // Somebody else may have installed while we waited; and who ran `npm ci` by hand need not wait for a second one.
      if (isInstalled(wanted)) return;
      if (!isWhatTheLockSays()) {
        await report.during('installing dependencies', installDependencies);
      }
      if (!existsSync(nodeBinary)) await installNodeBinary(report);
      writeFileSync(stampFile, wanted);
    },
  );
}

/**
 * The runtime that the project develops and tests with. Only valid after {@link ensureDependencies}.
 * @returns {string}
 */
export function projectNode() {
  return nodeBinary;
}

/**
 * Goes on in the project's Node: a script that was started by an older one is run again, with the same arguments, by the
 * one in `node_modules`, and this process only waits for it. Does nothing when this is the right one already.
 * @param {string} scriptUrl the `import.meta.url` of the script
 * @returns {Promise<void>} does not resolve when the script runs elsewhere
 */
export async function reexecUnderProjectNode(scriptUrl) {
  const bin = path.join(modules, '.bin');
  const pathName = Object.keys(process.env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH';
  const current = process.env[pathName] ?? '';
  if (!current.startsWith(bin + path.delimiter)) process.env[pathName] = bin + path.delimiter + current;

  const wanted = JSON.parse(readFileSync(path.join(nodePackage, 'package.json'), 'utf8')).version;
  if (wanted.split('.')[0] === process.versions.node.split('.')[0]) return;
  await exitLike(nodeBinary, [fileURLToPath(scriptUrl), ...process.argv.slice(2)]);
}

/**
 * Runs a program in this one's place: same standard streams, same signals, same end. Never returns.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<never>}
 */
export function exitLike(command, args, env = process.env) {
  const child = spawn(command, args, { stdio: 'inherit', env });
  // A terminal sends Ctrl+C to the whole group, so the child has it already; a second one could mean "now, by force" to it.
  const onTerminal = Boolean(process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY);
  process.on('SIGINT', () => void (onTerminal || child.kill('SIGINT')));
  process.on('SIGTERM', () => void child.kill('SIGTERM'));
  process.on('SIGHUP', () => void child.kill('SIGHUP'));
  return new Promise((_resolve, reject) => {
    child.on('error', (error) => reject(new Error(`${command} could not be started: ${error.message}`)));
    child.on('exit', (code, signal) => {
      if (signal === null) process.exit(code ?? 1);
      // Ended by a signal: end by the same one, which the shell shows and reports as 128 + its number.
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
      setTimeout(() => process.exit(1), 1_000);
    });
  });
}

async function installDependencies() {
  const npm = (/** @type {string[]} */ ...words) =>
    runNpm([...words, '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: repositoryRoot,
      // node-llama-cpp would look for a prebuilt engine, or build one; its platform package brings it.
      env: { NODE_LLAMA_CPP_SKIP_DOWNLOAD: 'true' },
      logFile: path.join(cacheFolder('logs'), 'npm.log'),
    });
  if (!existsSync(path.join(repositoryRoot, 'package-lock.json'))) return npm('install');
  try {
    return await npm('ci');
  } catch (error) {
    // `npm ci` refuses everything when the lock file lacks one optional package, of another platform even. `npm install` takes
    // what the lock file has and finds the rest; the file stays as it is.
    if (!error.message.includes('EUSAGE')) throw error;
    return npm('install', '--no-save');
  }
}

/** npm did not run the `node` package's install script (`ignore-scripts`, or not allowed): run it ourselves. */
async function installNodeBinary(/** @type {import('./lib/report.mjs').Report} */ report) {
  const script = path.join(nodePackage, 'installArchSpecificPackage.js');
  const advice = `Run \`npm rebuild node --ignore-scripts=false\` in ${repositoryRoot} and look at what it says.`;
  if (!existsSync(script))
    throw new Error(`The package \`node\` is not in ${modules}. Delete that folder and start again.`);
  try {
    await report.during("installing the project's Node (npm did not run its install script)", () =>
      run(process.execPath, [script], { cwd: nodePackage }),
    );
  } catch (error) {
    throw new Error(`The project's own Node could not be installed. ${advice}\n${error.message}`);
  }
  if (!existsSync(nodeBinary)) throw new Error(`The package \`node\` brought no ${nodeBinary}. ${advice}`);
}

function isInstalled(/** @type {string} */ wanted) {
  return existsSync(nodeBinary) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted;
}

/** npm writes what it has installed to a hidden lock file, last of all: compare that with the one in the repository. */
function isWhatTheLockSays() {
  try {
    const wanted = readPackages(path.join(repositoryRoot, 'package-lock.json'));
    const present = readPackages(path.join(modules, '.package-lock.json'));
    return Object.entries(wanted).every(([name, entry]) => {
      if (name === '') return true;
      return name in present ? present[name].version === entry.version : Boolean(entry.optional);
    });
  } catch {
    return false;
  }
}

function readPackages(/** @type {string} */ file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

/** Changes when `npm ci` would install something else; a change of version or scripts in package.json does not count. */
function dependencyHash() {
  const manifest = JSON.parse(readFileSync(path.join(repositoryRoot, 'package.json'), 'utf8'));
  const { dependencies, devDependencies, optionalDependencies, overrides, allowScripts } = manifest;
  const lockFile = path.join(repositoryRoot, 'package-lock.json');
  const lock = existsSync(lockFile) ? readFileSync(lockFile, 'utf8') : '';
  const parts = { dependencies, devDependencies, optionalDependencies, overrides, allowScripts, lock };
  return hash(JSON.stringify([process.platform, process.arch, parts]));
}

function hash(/** @type {string} */ text) {
  return createHash('sha256').update(text).digest('hex');
}
