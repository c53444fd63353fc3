import type { NoticeView } from '../protocol/panelState.ts';
import type { Post } from './branchStepper.ts';
import { button, element, sameData } from './dom.ts';
import { icon } from './icons.ts';

/** Something that concerns the whole panel. */
export class NoticeBar {
  readonly element = element('section', { class: 'notice', attributes: { 'aria-label': 'Notice' } });
  readonly #post: Post;
  readonly #announce: (text: string) => void;
  #shown: NoticeView | undefined;

  constructor(post: Post, announce: (text: string) => void) {
    this.#post = post;
    this.#announce = announce;
    this.element.hidden = true;
  }

  update(notice: NoticeView | undefined): void {
    if (sameData(notice, this.#shown)) return;
    const isNew = notice !== undefined && notice.text !== this.#shown?.text;
    this.#shown = notice;
    this.element.hidden = !notice;
    if (!notice) return;
    this.element.replaceChildren(icon('warning'), element('p', { text: notice.text }));
    const next = notice.button;
    if (next) {
      const click = () => this.#post({ type: 'noticeButton', buttonId: next.id });
      this.element.append(button({ class: 'text-button', text: next.label }, click));
    }
    if (isNew) this.#announce(notice.text);
  }
}
