import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { freePort } from '../../../scripts/lib/network.mjs';
import { createTail, killTree } from '../../../scripts/lib/processes.mjs';
import { until } from './until.ts';

export interface Launch {
  /** For messages. */
  readonly name: string;
  readonly program: string;
  readonly args: (port: number) => readonly string[];
  readonly env?: (port: number) => NodeJS.ProcessEnv;
  /** What it keeps there is removed when it is stopped. */
  readonly folder?: string;
  /** Answers 200 as soon as requests are answered. */
  readonly readyPath: string;
  /** How long it may take to get there. */
  readonly startLimitMs: number;
}

/** The last resort, when the tests themselves are ended. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => killTree(child, 'SIGKILL')));
for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

/** A real server as a process group of its own on 127.0.0.1, which can be killed and started again on its port. */
export class ServerProcess {
  readonly url: string;
  readonly #launch: Launch;
  readonly #port: number;
  #child: ChildProcess | undefined;

  private constructor(launch: Launch, port: number) {
    this.#launch = launch;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(launch: Launch): Promise<ServerProcess> {
    const server = new ServerProcess(launch, await freePort());
    await server.start();
    return server;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Ends when requests are answered. */
  async start(): Promise<void> {
    const { name, program, args, env, readyPath, startLimitMs } = this.#launch;
    const tail = createTail();
    const child = spawn(program, args(this.#port), {
      env: { ...process.env, ...env?.(this.#port) },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      windowsHide: true,
    });
    let failure = '';
    child.on('error', (error) => (failure = error.message));
    child.on('exit', (code, signal) => (failure ||= `ended with ${signal ?? `code ${code}`}`));
    child.stdout.on('data', (chunk: Buffer) => tail.add(chunk));
    child.stderr.on('data', (chunk: Buffer) => tail.add(chunk));
    this.#child = child;
    running.add(child);
    try {
      await until(
        async () => {
          if (failure) throw new Error(failure);
          return fetch(`${this.url}${readyPath}`).then(
            (response) => response.ok,
            () => false,
          );
        },
        `${name} answers`,
        startLimitMs,
      );
    } catch (error) {
      await this.#end('SIGKILL');
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${name} did not start: ${reason}\n  ${tail.lines().join('\n  ')}`, { cause: error });
    }
  }

  /** Without a word to its clients, and everything it started with it. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    const hung = setTimeout(() => void this.kill(), 15_000);
    await this.#end('SIGTERM');
    clearTimeout(hung);
    if (this.#launch.folder) await rm(this.#launch.folder, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    killTree(child, signal);
    await ended;
    running.delete(child);
  }
}
