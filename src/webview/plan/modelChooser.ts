import type { ControlsView, ModelItemView, ModelsView } from '../../protocol/planState.ts';
import { button, element, sameData, setClass, setText } from '../dom.ts';
import { icon, iconButton } from '../icons.ts';
import type { Chooser } from './chooser.ts';
import type { Post } from './planPage.ts';

/** Which model: a box that one types into, and a list of what is on this machine and in the catalogue. The focus stays in the box. */
export class ModelChooser {
  readonly element = element('section', { class: 'model-chooser', attributes: { 'aria-label': 'Model' } });
  readonly #input = element('input', {
    class: 'model-input',
    attributes: {
      type: 'text',
      role: 'combobox',
      'aria-label': 'Model',
      'aria-autocomplete': 'list',
      'aria-expanded': 'false',
      'aria-controls': 'models',
      autocomplete: 'off',
      spellcheck: 'false',
      placeholder: 'Choose a model',
    },
  });
  readonly #list = element('div', {
    class: 'model-list',
    attributes: { role: 'listbox', id: 'models', 'aria-label': 'Models' },
  });
  readonly #detail = element('p', { class: 'model-detail dim' });
  readonly #none = element('p', {
    class: 'model-none dim',
    text: 'No model is called that.',
    attributes: { role: 'status' },
  });
  readonly #chooser: Chooser;
  #models: ModelsView = { isLooking: true, groups: [] };
  #name = '';
  #chosenId: string | undefined;
  #options: readonly HTMLElement[] = [];
  #active = 0;

  constructor(chooser: Chooser, post: Post) {
    this.#chooser = chooser;
    const box = element('div', { class: 'model-box' }, this.#input, icon('chevronDown'), this.#list, this.#none);
    const file = button({ class: 'text-button', text: 'GGUF file…' }, () => post({ type: 'openFile' }));
    const again = iconButton('retry', 'Look for models and GPUs again', () => post({ type: 'lookAgain' }));
    this.element.append(element('div', { class: 'model-row' }, box, file, again), this.#detail);
    this.#list.hidden = this.#none.hidden = true;
    this.#input.addEventListener('input', () => this.#open(this.#input.value));
    this.#input.addEventListener('click', () => this.#isOpen || this.#openAll());
    this.#input.addEventListener('blur', () => this.#close());
    this.#input.addEventListener('keydown', (event) => {
      if (!event.isComposing && this.#key(event)) event.preventDefault();
    });
    this.#list.addEventListener('mousedown', (event) => event.preventDefault());
  }

  update(models: ModelsView, { model, choice }: ControlsView): void {
    this.#name = model.name;
    this.#chosenId = choice.modelId;
    setText(this.#detail, model.detail);
    setClass(this.#detail, 'failed', model.state === 'failed');
    const isSame = sameData(models, this.#models);
    this.#models = models;
    if (!this.#isOpen) this.#input.value = model.name;
    else if (!isSame) this.#open(this.#query);
  }

  get #isOpen(): boolean {
    return this.#input.getAttribute('aria-expanded') === 'true';
  }

  /** What is typed to search, not the name that stands there. */
  get #query(): string {
    return this.#input.value === this.#name ? '' : this.#input.value;
  }

  #openAll(): void {
    this.#input.select();
    this.#open('');
  }

  #open(query: string): void {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const isFound = ({ label }: ModelItemView): boolean => words.every((word) => label.toLowerCase().includes(word));
    const options: HTMLElement[] = [];
    const groups = this.#models.groups.flatMap(({ label, models }, index) => {
      const found = models.filter(isFound);
      if (found.length === 0) return [];
      const title = element('div', { class: 'model-group', text: label, attributes: { id: `models-${index}` } });
      const made = found.map((model) => this.#option(model, options.length + found.indexOf(model)));
      options.push(...made);
      return [element('div', { attributes: { role: 'group', 'aria-labelledby': title.id } }, title, ...made)];
    });
    this.#options = options;
    this.#list.replaceChildren(...groups);
    this.#list.hidden = options.length === 0;
    this.#none.hidden = options.length > 0;
    setText(this.#none, this.#models.isLooking ? 'Looking for models …' : 'No model is called that.');
    this.#input.setAttribute('aria-expanded', 'true');
    const chosen = words.length > 0 ? -1 : options.findIndex(({ dataset }) => dataset['model'] === this.#chosenId);
    this.#activate(Math.max(0, chosen));
  }

  #close(): void {
    this.#list.hidden = this.#none.hidden = true;
    this.#input.setAttribute('aria-expanded', 'false');
    this.#input.removeAttribute('aria-activedescendant');
    this.#input.value = this.#name;
  }

  #key(event: KeyboardEvent): boolean {
    switch (event.key) {
      case 'ArrowDown':
      case 'ArrowUp':
        if (this.#isOpen) this.#activate(this.#active + (event.key === 'ArrowDown' ? 1 : -1));
        else this.#openAll();
        return true;
      case 'Enter':
        if (this.#isOpen) this.#choose(this.#options[this.#active]);
        else this.#openAll();
        return true;
      case 'Escape':
        if (!this.#isOpen) return false;
        this.#close();
        return true;
      default:
        return false;
    }
  }

  #option({ id, label, detail }: ModelItemView, index: number): HTMLElement {
    const option = element(
      'div',
      { class: 'model-option', attributes: { role: 'option', id: `model-${index}` } },
      element('span', { class: 'model-option-label', text: label }),
      element('span', { class: 'dim', text: detail }),
    );
    option.dataset['model'] = id;
    option.addEventListener('click', () => this.#choose(option));
    return option;
  }

  #activate(index: number): void {
    const count = this.#options.length;
    if (count === 0) return void this.#input.removeAttribute('aria-activedescendant');
    this.#active = (index + count) % count;
    for (const [at, option] of this.#options.entries())
      option.setAttribute('aria-selected', String(at === this.#active));
    const active = this.#options[this.#active];
    active?.scrollIntoView({ block: 'nearest' });
    this.#input.setAttribute('aria-activedescendant', active?.id ?? '');
  }

  #choose(option: HTMLElement | undefined): void {
    const modelId = option?.dataset['model'];
    if (modelId === undefined) return;
    this.#name = option?.querySelector('.model-option-label')?.textContent ?? this.#name;
    this.#close();
    this.#chooser.choose({ modelId });
  }
}
