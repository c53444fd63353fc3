import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const program = path.join(import.meta.dirname, '../../dist/cli.cjs');

/** The built command line as a process, with nothing of this machine's settings. */
export class Run {
  readonly process: ChildProcessWithoutNullStreams;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const { PATH = '', HOME = '', SystemRoot = '' } = process.env;
    const nowhere = path.join(import.meta.dirname, 'no such folder');
    const env = { PATH, HOME, SystemRoot, A2IA_DATA_DIR: nowhere, ...environment };
    this.process = spawn(process.execPath, [program, ...args], { env });
    this.process.stdout.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.process.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
  }

  input(text: string): this {
    this.process.stdin.end(text);
    return this;
  }

  async printed(text: string): Promise<void> {
    while (!this.stdout.includes(text)) await once(this.process.stdout, 'data');
  }

  async code({ inputStaysOpen = false } = {}): Promise<number | null> {
    if (!inputStaysOpen && !this.process.stdin.writableEnded) this.process.stdin.end();
    const [code] = (await once(this.process, 'close')) as [number | null];
    return code;
  }

  lines(): { readonly type: string; readonly [field: string]: unknown }[] {
    return this.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
  }
}
