import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, existsSync } from 'node:fs';
import path from 'node:path';

const WINDOWS = process.platform === 'win32';
const LINES_KEPT = 30;

/**
 * Collects what a process says and can repeat the last lines of it.
 * @returns {{ add(chunk: Buffer | string): void, lines(): string[] }}
 */
export function createTail() {
  let text = '';
  return {
    add(chunk) {
      text = (text + chunk).slice(-20_000);
    },
    lines: () => text.trimEnd().split(/\r?\n/).slice(-LINES_KEPT),
  };
}

/**
 * Runs a command to its end without showing its output; its first and last lines are in the error when it fails.
 * The command stays in our process group, so that Ctrl+C in a terminal ends it as well.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number, logFile?: string, shell?: boolean,
 *   onOutput?: (text: string) => void }} [options]
 * @returns {Promise<string>} what it wrote
 */
export async function run(command, args, options = {}) {
  const { cwd, env = process.env, timeoutMs, logFile, shell = false, onOutput } = options;
  const log = logFile === undefined ? undefined : createWriteStream(logFile, { flags: 'a' });
  log?.write(`\n$ ${[command, ...args].join(' ')}\n`);
  let output = '';
  let timedOut = false;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  try {
    await new Promise((resolve, reject) => {
      // With a shell everything goes into one string: Node warns about a separate argument list, which is not quoted anyway.
      const child = shell
        ? spawn([command, ...args].join(' '), { cwd, env, shell, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true })
        : spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
      const collect = (/** @type {Buffer} */ chunk) => {
        log?.write(chunk);
        onOutput?.(chunk.toString());
        if (output.length < 1_000_000) output += chunk;
      };
      child.stdout.on('data', collect);
      child.stderr.on('data', collect);
      if (timeoutMs !== undefined) {
        timer = setTimeout(() => {
          timedOut = true;
          child.kill('SIGKILL');
          // A grandchild may keep the pipes open; we are not going to wait for it.
          child.stdout.destroy();
          child.stderr.destroy();
        }, timeoutMs);
      }
      child.on('error', reject);
      child.on('close', (code, signal) => {
        if (code === 0 && !timedOut) return resolve(undefined);
        const reason = timedOut ? `was ended after ${timeoutMs / 1000} s` : `ended with ${signal ?? `code ${code}`}`;
        const said = excerpt(output).join('\n  ');
        reject(new Error(`\`${[path.basename(command), ...args].join(' ')}\` ${reason}${said ? `:\n  ${said}` : '.'}`));
      });
    });
  } finally {
    clearTimeout(timer);
    log?.end();
  }
  return output;
}

/** A reason stands at the beginning of what was said, or at its end: npm adds its usage, a compiler its summary. */
function excerpt(/** @type {string} */ output) {
  const lines = output.trimEnd().split(/\r?\n/);
  if (lines.length <= LINES_KEPT) return lines;
  return [...lines.slice(0, LINES_KEPT / 2), '…', ...lines.slice(-LINES_KEPT / 2)];
}

/**
 * Runs npm. Its .cmd on Windows can only be started through a shell, so its JavaScript file is used where it is known.
 *
 * @param {readonly string[]} args plain words: they may pass through a shell
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, logFile?: string }} options
 */
export async function runNpm(args, options) {
  const env = { ...environmentForNpm(), ...options.env };
  const cli = process.env['npm_execpath'];
  const beside = path.join(path.dirname(process.execPath), 'node_modules', 'npm', 'bin', 'npm-cli.js');
  const script = cli && /npm-cli\.[cm]?js$/.test(cli) ? cli : WINDOWS && existsSync(beside) ? beside : undefined;
  return script === undefined
    ? run('npm', args, { ...options, env, shell: WINDOWS })
    : run(process.execPath, [script, ...args], { ...options, env });
}

/** What `npm run` told this process about *this* package must not reach an npm that installs another one. */
function environmentForNpm() {
  const ours = /^npm_(package_|lifecycle_|config_(local_prefix|loglevel|global|dry_run|workspaces?)$)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}

/**
 * Ends a process that we started and everything it started. On POSIX it must lead its own group (`detached: true`).
 * @param {import('node:child_process').ChildProcess} child
 * @param {NodeJS.Signals} signal
 */
export function killTree(child, signal) {
  if (child.pid === undefined || (WINDOWS && child.exitCode !== null)) return;
  try {
    if (WINDOWS) spawnSync('taskkill', ['/pid', String(child.pid), '/T', '/F'], { windowsHide: true });
    else process.kill(-child.pid, signal);
  } catch {
    // The whole group is gone already.
  }
}

/**
 * The file that a command name stands for, as a shell would find it.
 * @param {string} name
 * @returns {string | undefined}
 */
export function findOnPath(name) {
  const folders = (process.env['PATH'] ?? process.env['Path'] ?? '').split(path.delimiter).filter(Boolean);
  const endings = WINDOWS ? ['.exe', '.cmd'] : [''];
  for (const folder of folders) {
    for (const ending of endings) {
      const file = path.join(folder, name + ending);
      if (existsSync(file)) return file;
    }
  }
  return undefined;
}
