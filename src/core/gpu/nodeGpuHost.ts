import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { errorText } from '../util/errorText.ts';
import { wait } from '../util/wait.ts';
import type { GpuHost, RunOutcome } from './gpuHost.ts';

export interface NodeGpuHostOptions {
  /** Programs are looked for on its PATH. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly platform?: NodeJS.Platform;
  /** What `/` is, for files and programs alike: a container may have the host's elsewhere, and a test its own. */
  readonly root?: string;
  readonly limitMs?: number;
}

/** `nvidia-smi` takes 10 to 25 ms, and up to some seconds where the driver has to start first. */
const usualLimitMs = 5_000;
/** A killed process is gone within milliseconds, unless the kernel holds it. */
const killedWithinMs = 500;
/** All that `nvidia-smi -q -x` says of sixteen cards is 300 KB. */
const mostOutputCharacters = 4 * 1024 * 1024;

export function createNodeGpuHost(options: NodeGpuHostOptions = {}): GpuHost {
  const { environment = process.env, platform = process.platform, root = '/', limitMs = usualLimitMs } = options;
  const inRoot = (file: string) => (root === '/' ? file : path.join(root, file));
  /** One that could not be killed: a program that waits for a driver that hangs is beyond signals. */
  let stuck: ChildProcess | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const run = async (program: string, args: readonly string[], signal: AbortSignal): Promise<RunOutcome> => {
    signal.throwIfAborted();
    if (stuck) await Promise.race([once(stuck, 'exit'), wait(killedWithinMs, signal)]);
    return stuck ? { end: 'timedOut' } : start(program, args, signal);
  };

  const start = (program: string, args: readonly string[], signal: AbortSignal): Promise<RunOutcome> => {
    return new Promise((resolve, reject) => {
      // In a group of its own, so that its children can be killed with it.
      const child = spawn(path.isAbsolute(program) ? inRoot(program) : program, [...args], {
        env: environment,
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: platform !== 'win32',
        windowsHide: true,
      });
      let stdout = '';
      let stderr = '';
      const settle = (finish: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        finish();
      };
      const giveUp = (finish: () => void) => {
        stuck = child;
        child.once('exit', () => (stuck = undefined));
        killTree(child, platform);
        child.stdout.destroy();
        child.stderr.destroy();
        settle(finish);
      };
      const abort = () => giveUp(() => reject(signal.reason as Error));
      const timer = setTimeout(() => giveUp(() => resolve({ end: 'timedOut' })), limitMs);
      signal.addEventListener('abort', abort, { once: true });
      const keep = (sofar: string, text: string) => {
        if (stdout.length + stderr.length + text.length > mostOutputCharacters)
          giveUp(() => resolve({ end: 'tooMuchOutput' }));
        return sofar + text;
      };
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout = keep(stdout, text)));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = keep(stderr, text)));
      child.once('error', (error: NodeJS.ErrnoException) =>
        settle(() => resolve(error.code === 'ENOENT' ? { end: 'notFound' } : notStarted(error))),
      );
      child.once('close', (code) => settle(() => resolve({ end: 'exited', exitCode: code ?? 255, stdout, stderr })));
    });
  };

  return {
    platform,
    now: Date.now,
    run: (program, args, signal) => {
      const after = last.then(() => run(program, args, signal));
      last = after.catch(() => undefined);
      return after;
    },
    readFile: (file) => readFile(inRoot(file), 'utf8').catch(() => undefined),
    listFolder: (folder) => readdir(inRoot(folder)).catch(() => []),
  };
}

function notStarted(error: Error): RunOutcome {
  return { end: 'notStarted', reason: errorText(error) };
}

function killTree(child: ChildProcess, platform: NodeJS.Platform): void {
  if (child.pid === undefined) return;
  if (platform === 'win32') {
    spawn('taskkill', ['/T', '/F', '/PID', String(child.pid)], { stdio: 'ignore', windowsHide: true }).once(
      'error',
      () => child.kill('SIGKILL'),
    );
    return;
  }
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}
