import { element, setText } from '../dom.ts';
import { iconButton } from '../icons.ts';
import type { Post } from './planPage.ts';

/** What to run, and a button that copies it. */
export class CommandBox {
  readonly element = element('section', { class: 'command' });
  readonly #code = element('code');

  constructor(post: Post) {
    const copy = iconButton('copy', 'Copy command', () => post({ type: 'copyCommand' }));
    const box = element(
      'div',
      { class: 'command-box' },
      element('pre', { attributes: { tabindex: '0' } }, this.#code),
      copy,
    );
    this.element.append(element('h3', { text: 'Command' }), box);
  }

  update(command: string): void {
    setText(this.#code, command);
    this.element.hidden = command === '';
  }
}
