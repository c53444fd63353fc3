import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { dataFolder } from '../util/dataFolder.ts';
import { ifThere } from '../util/ifThere.ts';
import {
  noCalibrations,
  parseCalibrations,
  withCalibration,
  withoutCalibrations,
  type Calibration,
  type Calibrations,
} from './calibration.ts';

/** What loads of this machine took, in one file for every window and the command line. It stays on this machine. */
export class CalibrationFile {
  readonly path: string;
  #work: Promise<unknown> = Promise.resolve();

  constructor(file: string) {
    this.path = file;
  }

  /** Anew, since another window may have measured too. Never rejects: what cannot be read is none. */
  async read(): Promise<Calibrations> {
    return this.#read().catch(() => noCalibrations);
  }

  /** @throws Error of the file system */
  add(calibration: Calibration): Promise<void> {
    return this.#change((before) => withCalibration(before, calibration));
  }

  /** `of`: the loads of one model; undefined: all. @throws Error of the file system */
  forget(of?: string): Promise<void> {
    return this.#change((before) => withoutCalibrations(before, of));
  }

  #change(change: (before: Calibrations) => Calibrations): Promise<void> {
    // What is there and cannot be read just now is not written over.
    const changing = this.#work.then(async () => this.#write(change(await this.#read())));
    this.#work = changing.catch(() => undefined);
    return changing;
  }

  async #read(): Promise<Calibrations> {
    const text = await ifThere(readFile(this.path, 'utf8'));
    return text === undefined ? noCalibrations : parseCalibrations(text);
  }

  async #write(calibrations: Calibrations): Promise<void> {
    await mkdir(path.dirname(this.path), { recursive: true, mode: 0o700 });
    // Of each writer its own, also in one process.
    const temporary = `${this.path}.${randomUUID()}`;
    try {
      await writeFile(temporary, `${JSON.stringify(calibrations)}\n`, { mode: 0o600 });
      await rename(temporary, this.path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }
}

export function ownCalibrationFile(environment: Readonly<Record<string, string | undefined>>): CalibrationFile {
  return new CalibrationFile(path.join(dataFolder(environment), 'calibrations.json'));
}
