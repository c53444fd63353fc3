import { button } from './dom.ts';
import { icon } from './icons.ts';

/** So near to the end one is there: a line, or the rounding of a zoomed page. */
const nearPx = 24;

/** Keeps the end of what grows in view while the reader is there, and never pulls away one who is elsewhere. */
export class EndFollower {
  readonly button: HTMLButtonElement;
  readonly #scroller: HTMLElement;
  #isFollowing = true;
  #lastTop = 0;

  constructor(scroller: HTMLElement, content: HTMLElement) {
    this.#scroller = scroller;
    this.button = button({ class: 'latest', text: 'Jump to latest' }, () => {
      this.toEnd();
      scroller.focus({ preventScroll: true });
    });
    this.button.prepend(icon('arrowDown'));
    this.button.hidden = true;
    scroller.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    // The composer grows, fonts load, blocks are coloured: what changes a size without a change of the state.
    const sizes = new ResizeObserver(() => this.follow());
    sizes.observe(scroller);
    sizes.observe(content);
  }

  toEnd(): void {
    this.#isFollowing = true;
    this.follow();
  }

  follow(): void {
    if (this.#isFollowing) {
      this.#scroller.scrollTop = this.#scroller.scrollHeight;
      this.#lastTop = this.#scroller.scrollTop;
    }
    this.#showButton();
  }

  /** Only a move towards the beginning leaves the end: the content may have grown since, and that is no move. */
  #scrolled(): void {
    const top = this.#scroller.scrollTop;
    if (this.#isAtEnd()) this.#isFollowing = true;
    else if (top < this.#lastTop) this.#isFollowing = false;
    this.#lastTop = top;
    this.#showButton();
  }

  #isAtEnd(): boolean {
    const { scrollTop, clientHeight, scrollHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight <= nearPx;
  }

  #showButton(): void {
    this.button.hidden = this.#isFollowing;
  }
}
