export interface ElementOptions {
  readonly class?: string;
  readonly text?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** Text is only ever set as text, never as markup. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  options: ElementOptions = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  if (options.class !== undefined) made.className = options.class;
  if (options.text !== undefined) made.textContent = options.text;
  for (const [name, value] of Object.entries(options.attributes ?? {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function button(options: ElementOptions, onClick: () => void, ...children: readonly Node[]): HTMLButtonElement {
  const made = element('button', options, ...children);
  made.type = 'button';
  made.addEventListener('click', onClick);
  return made;
}

/** Of what travels as JSON: a snapshot brings the same things as new objects. */
export function sameData(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

/** Changes nothing when nothing changed: what a screen reader or a selection is at stays. */
export function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** `title` for the mouse, `aria-label` for everybody else. */
export function setLabel(target: HTMLElement, label: string): void {
  if (target.getAttribute('aria-label') === label) return;
  target.setAttribute('aria-label', label);
  target.title = label;
}

export function setClass(target: HTMLElement, name: string, isOn: boolean): void {
  target.classList.toggle(name, isOn);
}
