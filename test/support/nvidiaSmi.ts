import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The tests of the editor run from a bundle, which is elsewhere. */
const root = findRoot(import.meta.dirname);
const fixtures = path.join(root, 'test/fixtures/nvidia-smi');
const program = path.join(root, 'test/support/nvidiaSmi.mjs');

function findRoot(folder: string): string {
  return existsSync(path.join(folder, 'package.json')) ? folder : findRoot(path.dirname(folder));
}

/** What the stand-in answers: a recorded situation by its name, one made for a test, or one for each call. */
export type Situation = string | object | readonly (string | object)[];

/** A stand-in for nvidia-smi, an executable in a folder of its own that goes on the PATH; and files of a machine, below `root`. */
export class NvidiaSmi {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'a2ia-nvidia-smi-'));
  readonly root = path.join(this.folder, 'root');

  constructor(situation?: Situation) {
    mkdirSync(this.root);
    if (situation !== undefined) this.set(situation);
  }

  /** With a stand-in that answers so from the next call on. */
  set(situation: Situation): void {
    const load = (one: string | object): unknown =>
      typeof one === 'string' ? JSON.parse(readFileSync(path.join(fixtures, `${one}.json`), 'utf8')) : one;
    const whole = Array.isArray(situation) ? (situation as (string | object)[]).map(load) : load(situation);
    const file = path.join(this.folder, 'situation.json');
    writeFileSync(`${file}.new`, JSON.stringify(whole));
    renameSync(`${file}.new`, file);
    const script = `#!/bin/sh\nexec "${process.execPath}" "${program}" "${this.folder}" "$@"\n`;
    writeFileSync(path.join(this.folder, 'nvidia-smi'), script, { mode: 0o755 });
  }

  /** As where there is none. */
  unset(): void {
    rmSync(path.join(this.folder, 'nvidia-smi'));
  }

  /** Its own folder alone, so that a real one is not found; a shell needs no other. */
  get environment(): NodeJS.ProcessEnv {
    return { PATH: this.folder };
  }

  file(name: string, text: string): void {
    const target = path.join(this.root, name);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, text);
  }

  /** How it was called so far. */
  calls(): readonly { readonly pid: number; readonly args: readonly string[] }[] {
    return this.#lines('calls').map((line) => JSON.parse(line) as { pid: number; args: string[] });
  }

  /** The children it started when it hung. */
  children(): readonly number[] {
    return this.#lines('children').map(Number);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #lines(name: string): readonly string[] {
    const file = path.join(this.folder, name);
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
  }
}
