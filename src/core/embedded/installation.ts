import { accessSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The version of the engine's package as the worker will find it; undefined when it, or its binary for this system, is not installed. */
export function engineVersion(workerPath: string): string | undefined {
  try {
    accessSync(workerPath);
    const entry = createRequire(workerPath).resolve('node-llama-cpp');
    createRequire(entry).resolve(`@node-llama-cpp/${binaryName()}`);
    const manifest = JSON.parse(readFileSync(join(dirname(entry), '..', 'package.json'), 'utf8')) as {
      version?: string;
    };
    return manifest.version ?? '';
  } catch {
    return undefined;
  }
}

function binaryName(): string {
  const system = { darwin: 'mac', win32: 'win' }[process.platform as string] ?? process.platform;
  const architecture = process.arch === 'arm' ? 'armv7l' : process.arch;
  return system === 'mac' && architecture === 'arm64' ? 'mac-arm64-metal' : `${system}-${architecture}`;
}
