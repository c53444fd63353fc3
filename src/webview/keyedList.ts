/** One thing on screen: made once, and told what it shows now. */
export interface View<Item> {
  readonly element: HTMLElement;
  update(item: Item): void;
}

/** Keeps the elements of a list: each item has one for as long as it is there, so that focus, selection and scroll position stay where they are. */
export class KeyedList<Item> {
  readonly #parent: HTMLElement;
  readonly #keyOf: (item: Item) => string;
  readonly #create: (item: Item) => View<Item>;
  #views = new Map<string, View<Item>>();

  constructor(parent: HTMLElement, keyOf: (item: Item) => string, create: (item: Item) => View<Item>) {
    this.#parent = parent;
    this.#keyOf = keyOf;
    this.#create = create;
  }

  update(items: readonly Item[]): void {
    const views = new Map<string, View<Item>>();
    for (const item of items) {
      const key = this.#keyOf(item);
      const view = this.#views.get(key) ?? this.#create(item);
      view.update(item);
      views.set(key, view);
    }
    for (const [key, view] of this.#views) if (!views.has(key)) view.element.remove();
    let place = this.#parent.firstElementChild;
    for (const { element } of views.values()) {
      if (element === place) place = place.nextElementSibling;
      else this.#parent.insertBefore(element, place);
    }
    this.#views = views;
  }

  view(key: string): View<Item> | undefined {
    return this.#views.get(key);
  }
}
