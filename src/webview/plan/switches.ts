import { planBackends, type ControlsView, type OptionView, type PlanChoice } from '../../protocol/planState.ts';
import { element, sameData, setText } from '../dom.ts';
import type { Chooser } from './chooser.ts';

const backendOptions: readonly OptionView[] = planBackends.map((id) => ({
  id,
  label: { ollama: 'Ollama', 'llama-server': 'llama-server', vllm: 'vLLM' }[id],
  detail: '',
}));

/** Everything that is chosen from a few: server, weights, cache and GPU. */
export class Switches {
  readonly element = element('section', { class: 'switches', attributes: { 'aria-label': 'Server and GPU' } });
  readonly #chooser: Chooser;
  readonly #backend: Radios;
  readonly #format: Dropdown;
  readonly #cache: Radios;
  readonly #gpu: Dropdown;
  readonly #count: Dropdown;
  readonly #size = element('input', {
    class: 'input size-input',
    attributes: { type: 'number', min: '1', max: '10000', step: '0.1', id: 'size' },
  });
  readonly #sizeField = element('div', { class: 'field size-field' });
  readonly #notice = element('p', { class: 'gpu-notice dim' });

  constructor(chooser: Chooser) {
    this.#chooser = chooser;
    const choose = (change: Partial<PlanChoice>): void => chooser.choose(change);
    this.#backend = new Radios('Server', 'backend', (id) => {
      const backend = planBackends.find((known) => known === id);
      if (backend) choose({ backend });
    });
    this.#format = new Dropdown('Quantisation', 'format', (format) => choose({ format }));
    this.#cache = new Radios('KV cache', 'cache', (cacheType) => choose({ cacheType }));
    this.#gpu = new Dropdown('GPU', 'gpu', (gpuId) => choose({ gpuId }));
    this.#count = new Dropdown('How many', 'count', (count) => choose({ gpuCount: Number(count) }));
    this.#size.addEventListener('change', () => {
      const vramGib = this.#size.valueAsNumber;
      if (vramGib > 0 && vramGib <= 10_000) choose({ vramGib });
    });
    const sizeLabel = element('label', { text: 'GiB of one' });
    sizeLabel.htmlFor = this.#size.id;
    this.#sizeField.append(sizeLabel, this.#size);
    this.element.append(
      this.#backend.element,
      this.#format.element,
      this.#cache.element,
      this.#gpu.element,
      this.#sizeField,
      this.#count.element,
      this.#notice,
    );
  }

  update({ seen, choice, formats, cacheTypes, gpus, gpuNotice, model }: ControlsView): void {
    // Until the host has heard of what was chosen last, it stands as it was chosen.
    if (!this.#chooser.isSettled(seen)) return;
    this.#backend.update(backendOptions, choice.backend);
    this.#format.update(formats, choice.format ?? '');
    this.#cache.update(cacheTypes, choice.cacheType ?? '');
    this.#gpu.update(gpus, choice.gpuId);
    this.#count.update(counts, String(choice.gpuCount));
    this.#sizeField.hidden = choice.gpuId !== 'size';
    if (document.activeElement !== this.#size) this.#size.value = String(choice.vramGib);
    this.#count.element.hidden = choice.gpuId === 'machine';
    this.#format.element.hidden = this.#cache.element.hidden = model.state !== 'ready';
    setText(this.#notice, gpuNotice);
    this.#notice.hidden = gpuNotice === '';
  }
}

const counts: readonly OptionView[] = [1, 2, 4, 8].map((count) => ({
  id: String(count),
  label: `× ${count}`,
  detail: '',
}));

class Radios {
  readonly element = element('fieldset', { class: 'field' });
  readonly #buttons = element('div', { class: 'radios' });
  readonly #name: string;
  readonly #choose: (id: string) => void;
  #options: readonly OptionView[] = [];

  constructor(label: string, name: string, choose: (id: string) => void) {
    this.#name = name;
    this.#choose = choose;
    this.element.append(element('legend', { text: label }), this.#buttons);
  }

  update(options: readonly OptionView[], chosen: string): void {
    if (!sameData(options, this.#options)) {
      this.#options = options;
      this.#buttons.replaceChildren(...options.map((option) => this.#radio(option)));
    }
    for (const input of this.#buttons.querySelectorAll('input')) input.checked = input.value === chosen;
  }

  #radio({ id, label, detail }: OptionView): HTMLElement {
    const input = element('input', { attributes: { type: 'radio', name: this.#name, value: id } });
    input.addEventListener('change', () => this.#choose(id));
    return element('label', { attributes: { title: detail } }, input, element('span', { text: label }));
  }
}

class Dropdown {
  readonly element = element('div', { class: 'field' });
  readonly #select = element('select', { class: 'dropdown' });
  #options: readonly OptionView[] = [];

  constructor(label: string, name: string, choose: (id: string) => void) {
    this.#select.id = name;
    this.#select.addEventListener('change', () => choose(this.#select.value));
    const title = element('label', { text: label });
    title.htmlFor = name;
    this.element.append(title, this.#select);
  }

  update(options: readonly OptionView[], chosen: string): void {
    if (!sameData(options, this.#options)) {
      this.#options = options;
      const made = options.map(({ id, label, detail }) =>
        element('option', { text: detail ? `${label} · ${detail}` : label, attributes: { value: id } }),
      );
      this.#select.replaceChildren(...made);
    }
    this.#select.value = chosen;
  }
}
