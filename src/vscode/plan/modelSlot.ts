import { errorText } from '../../core/util/errorText.ts';
import type { ChosenModelView } from '../../protocol/planState.ts';
import type { PlanModel } from './planRequest.ts';
import type { ModelSource } from './planSession.ts';

const none: ChosenModelView = { state: 'none', name: '', detail: '' };

/** A model that is chosen, from the moment it is until it is read. What was chosen before is kept until then. */
export class ModelSlot {
  readonly #chosen: () => ModelSource | undefined;
  readonly #changed: () => void;
  readonly #signal: AbortSignal;
  #id: string | undefined;
  #model: PlanModel | undefined;
  #view = none;

  /** `chosen`: undefined where none is, or where it was not found yet. */
  constructor(chosen: () => ModelSource | undefined, changed: () => void, signal: AbortSignal) {
    this.#chosen = chosen;
    this.#changed = changed;
    this.#signal = signal;
  }

  get model(): PlanModel | undefined {
    return this.#model;
  }

  get view(): ChosenModelView {
    return this.#view;
  }

  /** Reads what is chosen, where that is another than before, or could not be read and is chosen again. */
  load(isAgain = false): void {
    const source = this.#chosen();
    const isRetried = isAgain && this.#view.state === 'failed';
    if (source?.id === this.#id && !isRetried) return;
    this.#id = source?.id;
    if (source) return void this.#read(source);
    this.#model = undefined;
    this.#view = none;
    this.#changed();
  }

  async #read(source: ModelSource): Promise<void> {
    const { id, label: name } = source;
    this.#view = { state: 'reading', name, detail: 'Being read …' };
    this.#changed();
    try {
      const model = await source.load(this.#signal);
      if (this.#id !== id) return;
      this.#model = model;
      this.#view = { state: 'ready', name, detail: model.detail };
    } catch (error) {
      if (this.#id !== id) return;
      this.#model = undefined;
      this.#view = { state: 'failed', name, detail: errorText(error) };
    }
    this.#changed();
  }
}
