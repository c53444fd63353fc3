#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { BackendError } from '../core/clients/errors.ts';
import { BackendRegistry } from '../core/clients/registry.ts';
import { parseCommand, usage, type Command } from './arguments.ts';
import { ask, describeError } from './ask.ts';
import { createCliHost } from './cliHost.ts';
import { exitCodes, type ExitCode } from './exitCodes.ts';
import { backends, models } from './lists.ts';
import { Output } from './output.ts';
import { UsageError } from './usageError.ts';

const output = new Output(process.stdout, process.stderr);
const stop = new AbortController();

// The first Ctrl+C stops the answer and lets what arrived be printed; the second one does not wait for anything.
process.on('SIGINT', () => {
  if (stop.signal.aborted) process.exit(exitCodes.stopped);
  stop.abort();
});
process.on('SIGTERM', () => stop.abort());
// A reader that has seen enough (`a2ia ask … | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  stop.abort();
  process.exit(error.code === 'EPIPE' ? exitCodes.finished : exitCodes.failed);
});

async function main(): Promise<ExitCode> {
  try {
    const command = parseCommand(process.argv.slice(2), process.env);
    if (command.name === 'help') return await print(usage);
    if (command.name === 'version') return await print(`${ownVersion()}\n`);
    if (command.name === 'explain') return await (await import('./explain.ts')).explain(command, process.stdin, output);
    if (command.name === 'measured') return await (await import('./measured.ts')).measured(command, output);
    return await run(command);
  } catch (error) {
    return report(error, process.argv.includes('--json'));
  }
}

/** Every end of a run is told; with --json always by a last line, for whoever reads the lines must not have to guess. */
async function report(error: unknown, json: boolean): Promise<ExitCode> {
  if (error instanceof UsageError) {
    if (json) await output.line({ type: 'error', kind: 'usage', message: error.message, hint: 'See a2ia --help.' });
    else output.note(`a2ia: ${error.message}\nSee a2ia --help.`);
    return exitCodes.wrongUsage;
  }
  if (stop.signal.aborted) {
    if (json) await output.line({ type: 'finish', reason: 'stopped' });
    return exitCodes.stopped;
  }
  if (!(error instanceof BackendError)) throw error;
  const { kind, backend, message, hint, serverMessage } = error;
  if (json) await output.line({ type: 'error', kind, backend, message, hint, serverMessage });
  else output.note(describeError(error));
  return exitCodes.failed;
}

async function run(
  command: Exclude<Command, { name: 'help' | 'version' | 'explain' | 'measured' }>,
): Promise<ExitCode> {
  const { settings, downloadAgreed, verbose } = command;
  const host = createCliHost({ settings, downloadAgreed, verbose, environment: process.env });
  const registry = new BackendRegistry(host);
  try {
    switch (command.name) {
      case 'ask':
        return await ask(command, registry, output, stop.signal);
      case 'models':
        return await models(command, registry, output, stop.signal);
      case 'backends':
        return await backends(command, registry, output, stop.signal);
      case 'doctor':
        return await (await import('./doctor.ts')).doctor(command, host, registry, output, stop.signal);
      case 'gpu':
        return await (await import('./gpu.ts')).gpu(command, host, registry, output, stop.signal);
      case 'fit':
        return await (await import('./fit.ts')).fit(command.fit, command, host, registry, output, stop.signal);
    }
  } finally {
    registry.dispose();
  }
}

async function print(text: string): Promise<ExitCode> {
  await output.text(text);
  return exitCodes.finished;
}

function ownVersion(): string {
  const manifest = JSON.parse(readFileSync(path.join(import.meta.dirname, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}

void main().then((code) => {
  // Not process.exit: what is still in stdout's buffer must come out first.
  process.exitCode = code;
});
