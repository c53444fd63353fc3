/** What a code block and a link can do. */
export interface CodeActions {
  copy(text: string): void;
  insert(text: string): void;
  newFile(text: string, language: string): void;
  openLink(href: string): void;
}

/** Shows the text as it is. */
export class MarkdownView {
  readonly #element: HTMLElement;

  constructor(element: HTMLElement, actions: CodeActions) {
    void actions;
    this.#element = element;
    element.style.whiteSpace = 'pre-wrap';
  }

  update(text: string, isComplete: boolean): void {
    void isComplete;
    this.#element.textContent = text;
  }
}
