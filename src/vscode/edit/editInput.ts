import * as vscode from 'vscode';
import { accepted, pastItem, typedItem, type QuestionItem } from '../askInput.ts';

const historyKey = 'a2ia.editHistory';
const historyLength = 50;

/** The box in which a wish is typed. Remembers past ones, and the one that was not sent. */
export class EditInput {
  readonly #memory: vscode.Memento;
  #draft = '';

  constructor(memory: vscode.Memento) {
    this.#memory = memory;
  }

  /** Undefined when the user leaves the box; what was typed is there again next time. */
  async show(title: string, placeholder: string): Promise<string | undefined> {
    const box = vscode.window.createQuickPick<QuestionItem>();
    box.title = title;
    box.placeholder = placeholder;
    const list = () => {
      const past = this.#history().filter((wish) => wish !== box.value);
      box.items = [...(box.value.trim() ? [typedItem(box.value, 'edit')] : []), ...past.map(pastItem)];
    };
    box.onDidChangeValue((value) => {
      this.#draft = value;
      list();
    });
    box.value = this.#draft;
    list();
    try {
      const wish = await accepted(box);
      if (!wish) return undefined;
      this.#draft = '';
      const others = this.#history().filter((past) => past !== wish);
      // A wish is not lost because it cannot be remembered.
      await Promise.resolve(this.#memory.update(historyKey, [wish, ...others].slice(0, historyLength))).catch(
        () => undefined,
      );
      return wish;
    } finally {
      box.dispose();
    }
  }

  #history(): readonly string[] {
    return this.#memory.get<readonly string[]>(historyKey, []);
  }
}
