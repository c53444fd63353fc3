import type { NoticeView } from '../protocol/panelState.ts';
import type { Post } from './branchStepper.ts';
import { button, element, sameData } from './dom.ts';
import { icon, iconButton } from './icons.ts';

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
    const dismiss = iconButton('close', 'Dismiss', () => this.#post({ type: 'dismissNotice' }));
    this.element.replaceChildren(icon('warning'), element('p', { text: notice.text }), dismiss);
    const { buttonLabel } = notice;
    if (buttonLabel !== undefined) {
      const press = () => this.#post({ type: 'noticeButton' });
      this.element.append(button({ class: 'text-button', text: buttonLabel }, press));
    }
    if (isNew) this.#announce(notice.text);
  }
}
