import { button, element, setLabel, setText } from '../dom.ts';
import { icon, iconButton } from '../icons.ts';
import type { Chooser } from './chooser.ts';
import type { Post } from './planPage.ts';

/** So long a button says that it has copied. */
const copiedMs = 2000;

/** What to run, a button that copies it, and the flags in it that no switch shows. */
export class CommandBox {
  readonly element = element('section', { class: 'command' });
  readonly #code = element('code');
  readonly #copy: HTMLButtonElement;
  readonly #flags = element('p', { class: 'flags dim' });
  readonly #flagText = element('span');
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(chooser: Chooser, post: Post, announce: (text: string) => void) {
    this.#copy = iconButton('copy', 'Copy command', () => {
      post({ type: 'copyCommand' });
      announce('Copied');
      this.#showCopied(true);
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#showCopied(false), copiedMs);
    });
    const lines = element('pre', { attributes: { tabindex: '0', 'aria-label': 'Command' } }, this.#code);
    const without = button({ class: 'link-button', text: 'Use the defaults' }, () => chooser.choose({ flags: {} }));
    this.#flags.append(this.#flagText, without);
    const box = element('div', { class: 'command-box' }, lines, this.#copy);
    this.element.append(element('h3', { text: 'Command' }), box, this.#flags);
  }

  update(command: string, flags: readonly string[]): void {
    setText(this.#code, command);
    setText(this.#flagText, `With ${flags.join(', ')}. `);
    this.#flags.hidden = flags.length === 0;
  }

  #showCopied(isCopied: boolean): void {
    setLabel(this.#copy, isCopied ? 'Copied' : 'Copy command');
    this.#copy.replaceChildren(icon(isCopied ? 'check' : 'copy'));
  }
}
