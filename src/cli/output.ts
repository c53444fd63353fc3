import { once } from 'node:events';

/** Answers go to stdout and nothing else does; a reader that is slow holds the server back. */
export class Output {
  readonly #stdout: NodeJS.WriteStream;
  readonly #stderr: NodeJS.WriteStream;

  constructor(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream) {
    this.#stdout = stdout;
    this.#stderr = stderr;
  }

  async text(text: string): Promise<void> {
    if (!this.#stdout.write(text)) await once(this.#stdout, 'drain');
  }

  line(value: object): Promise<void> {
    return this.text(`${JSON.stringify(value)}\n`);
  }

  note(text: string): void {
    this.#stderr.write(`${text}\n`);
  }

  /** Of no interest to a script. */
  progress(text: string): void {
    if (this.#stderr.isTTY) this.note(text);
  }
}
