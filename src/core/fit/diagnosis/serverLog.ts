import { open } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { GpuHost } from '../../gpu/gpuHost.ts';

/** What finding a server's log needs of the machine; `nodeServerLogHost` is the real one. */
export interface ServerLogHost {
  readonly platform: NodeJS.Platform;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly homeFolder: string;
  now(): number;
  run: GpuHost['run'];
  /** Undefined where there is no such file, or it cannot be read. */
  readTail(file: string, mostBytes: number): Promise<LogTail | undefined>;
}

export interface LogTail {
  /** A file, or the command that gave it. */
  readonly source: string;
  readonly text: string;
  /** When it was last written to, in milliseconds since 1970. */
  readonly changedMs: number;
}

const tailBytes = 256 * 1024;

/**
 * The end of the log of the Ollama of this machine, where this user may read it: a file on macOS and Windows, the journal where systemd runs it. Undefined:
 * there is none, or nothing in it is younger than `sinceMs` ago.
 */
export async function ollamaLog(
  host: ServerLogHost,
  signal: AbortSignal,
  sinceMs = Infinity,
): Promise<LogTail | undefined> {
  const earliestMs = host.now() - sinceMs;
  for (const file of logFiles(host)) {
    const tail = await host.readTail(file, tailBytes);
    if (tail && tail.text.trim() !== '' && tail.changedMs >= earliestMs) return tail;
  }
  return host.platform === 'linux' ? journal(host, signal, sinceMs) : undefined;
}

function logFiles({ platform, environment, homeFolder }: ServerLogHost): readonly string[] {
  if (platform === 'win32') {
    const local = environment['LOCALAPPDATA'] ?? path.win32.join(homeFolder, 'AppData', 'Local');
    return [path.win32.join(local, 'Ollama', 'server.log')];
  }
  return [path.posix.join(homeFolder, '.ollama', 'logs', 'server.log')];
}

async function journal(host: ServerLogHost, signal: AbortSignal, sinceMs: number): Promise<LogTail | undefined> {
  const since = Number.isFinite(sinceMs) ? ['--since', `-${Math.ceil(sinceMs / 1000)}s`] : [];
  const args = ['--unit', 'ollama', '--quiet', '--no-pager', '--lines', '2000', ...since];
  const outcome = await host.run('journalctl', args, signal);
  if (outcome.end !== 'exited' || outcome.exitCode !== 0 || outcome.stdout.trim() === '') return undefined;
  return { source: 'journalctl -u ollama', text: outcome.stdout.slice(-tailBytes), changedMs: host.now() };
}

export function nodeServerLogHost(run: GpuHost['run']): ServerLogHost {
  return {
    platform: process.platform,
    environment: process.env,
    homeFolder: homedir(),
    now: Date.now,
    run,
    readTail,
  };
}

async function readTail(file: string, mostBytes: number): Promise<LogTail | undefined> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (!handle) return undefined;
  try {
    const { size, mtimeMs } = await handle.stat();
    const buffer = Buffer.alloc(Math.min(size, mostBytes));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, size - buffer.length);
    return { source: file, text: buffer.toString('utf8', 0, bytesRead), changedMs: mtimeMs };
  } catch {
    return undefined;
  } finally {
    await handle.close();
  }
}
