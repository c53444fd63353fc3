import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { GpuHost } from '../../src/core/gpu/gpuHost.ts';
import { createNodeGpuHost } from '../../src/core/gpu/nodeGpuHost.ts';

/** A Linux with the files and processes that a test gives it. */
export class FakeMachine {
  readonly root = mkdtempSync(path.join(tmpdir(), 'a2ia-machine-'));
  readonly host: GpuHost = createNodeGpuHost({ platform: 'linux', environment: {}, root: this.root });

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  file(name: string, text: string): void {
    const file = path.join(this.root, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  /** `environment` left out: that of another user, which cannot be read. */
  process(pid: number, words: readonly string[], environment?: readonly string[]): void {
    this.file(`proc/${pid}/cmdline`, `${words.join('\0')}\0`);
    if (environment) this.file(`proc/${pid}/environ`, `${environment.join('\0')}\0`);
  }
}
