import type { ModelItemView, ModelsView } from '../../protocol/planState.ts';
import { element, sameData, setText } from '../dom.ts';
import { icon } from '../icons.ts';

/** What one of them chooses. */
export interface ModelBoxParts {
  /** Unique on the page. */
  readonly id: string;
  readonly label: string;
  readonly placeholder: string;
  readonly choose: (modelId: string) => void;
  /** For an address that is typed. */
  readonly open?: (address: string) => void;
}

/** A box that one types into, and a list of what is on this machine and in the catalogue. The focus stays in the box. */
export class ModelBox {
  readonly element = element('div', { class: 'model-box' });
  readonly #parts: ModelBoxParts;
  readonly #input: HTMLInputElement;
  readonly #list: HTMLElement;
  readonly #none = element('p', { class: 'model-none dim', attributes: { role: 'status' } });
  #models: ModelsView = { isLooking: true, groups: [] };
  #name = '';
  #chosenId: string | undefined;
  #options: readonly HTMLElement[] = [];
  #active = 0;

  constructor(parts: ModelBoxParts) {
    this.#parts = parts;
    const { id, label, placeholder } = parts;
    this.#input = element('input', {
      class: 'model-input',
      attributes: {
        type: 'text',
        role: 'combobox',
        'aria-label': label,
        'aria-autocomplete': 'list',
        'aria-expanded': 'false',
        'aria-controls': `${id}-list`,
        autocomplete: 'off',
        spellcheck: 'false',
        placeholder,
      },
    });
    const attributes = { role: 'listbox', id: `${id}-list`, 'aria-label': label };
    this.#list = element('div', { class: 'model-list', attributes });
    this.element.append(this.#input, icon('chevronDown'), this.#list, this.#none);
    this.#list.hidden = this.#none.hidden = true;
    this.#input.addEventListener('input', () => this.#open(this.#input.value));
    this.#input.addEventListener('click', () => this.#isOpen || this.#openAll());
    this.#input.addEventListener('blur', () => this.#close());
    this.#input.addEventListener('keydown', (event) => {
      if (!event.isComposing && this.#key(event)) event.preventDefault();
    });
    this.#list.addEventListener('mousedown', (event) => event.preventDefault());
  }

  /** `name`: of what is chosen; empty: none is. */
  update(models: ModelsView, name: string, chosenId: string | undefined): void {
    this.#name = name;
    this.#chosenId = chosenId;
    const isSame = sameData(models, this.#models);
    this.#models = models;
    if (!this.#isOpen) this.#input.value = name;
    else if (!isSame) this.#open(this.#query);
  }

  focus(): void {
    this.#input.focus();
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
      const title = element('div', {
        class: 'model-group',
        text: label,
        attributes: { id: `${this.#parts.id}-group-${index}` },
      });
      const made = found.map((model) => this.#option(model, options.length + found.indexOf(model)));
      options.push(...made);
      return [element('div', { attributes: { role: 'group', 'aria-labelledby': title.id } }, title, ...made)];
    });
    const address = this.#addressOption(query.trim(), options.length);
    if (address) options.push(address);
    this.#options = options;
    this.#list.replaceChildren(...groups, ...(address ? [address] : []));
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
      { class: 'model-option', attributes: { role: 'option', id: `${this.#parts.id}-${index}` } },
      element('span', { class: 'model-option-label', text: label }),
      element('span', { class: 'dim', text: detail }),
    );
    option.dataset['model'] = id;
    option.addEventListener('click', () => this.#choose(option));
    return option;
  }

  /** A GGUF file or a checkpoint can be somewhere else. */
  #addressOption(query: string, index: number): HTMLElement | undefined {
    if (!this.#parts.open || !/^https?:\/\/[^/]+\/./i.test(query)) return undefined;
    const option = this.#option({ id: '', label: `Read ${query}`, detail: 'only its head is fetched' }, index);
    option.dataset['address'] = query;
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
    if (!option) return;
    const { address, model } = option.dataset;
    if (address === undefined) this.#name = option.querySelector('.model-option-label')?.textContent ?? this.#name;
    this.#close();
    if (address !== undefined) this.#parts.open?.(address);
    else if (model !== undefined) this.#parts.choose(model);
  }
}
