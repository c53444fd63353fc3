import type * as vscode from 'vscode';
import { withOutcome, type EditFormat, type FormatRecord } from '../../core/edit/editFormat.ts';

const recordsKey = 'a2ia.editFormats';
const mostModels = 50;
type Records = Readonly<Record<string, FormatRecord>>;

/** How well each model has written edits, by format: nothing of what was written. */
export class FormatRecords {
  readonly #memory: vscode.Memento;

  constructor(memory: vscode.Memento) {
    this.#memory = memory;
  }

  of(model: string): FormatRecord {
    return this.#memory.get<Records>(recordsKey, {})[model] ?? {};
  }

  async add(model: string, format: EditFormat, isGood: boolean): Promise<void> {
    const { [model]: known = {}, ...others } = this.#memory.get<Records>(recordsKey, {});
    const kept = Object.entries(others).slice(-(mostModels - 1));
    await this.#memory.update(recordsKey, { ...Object.fromEntries(kept), [model]: withOutcome(known, format, isGood) });
  }
}
