import type { AttachmentView } from '../protocol/panelState.ts';
import type { Post } from './branchStepper.ts';
import { button, element, setClass, setLabel, setText } from './dom.ts';
import { iconButton } from './icons.ts';
import { KeyedList, type View } from './keyedList.ts';
import { formatCount, formatShort } from './wording.ts';

/** What goes along with a question. `remove` is for those that are not sent yet. */
export class Chips {
  readonly element = element('ul', { class: 'chips', attributes: { 'aria-label': 'Attachments' } });
  readonly #list: KeyedList<AttachmentView>;

  constructor(post: Post, remove?: (attachment: AttachmentView) => void) {
    this.#list = new KeyedList(
      this.element,
      ({ id }) => id,
      (attachment) => chip(attachment, post, remove),
    );
  }

  update(attachments: readonly AttachmentView[]): void {
    this.element.hidden = attachments.length === 0;
    this.#list.update(attachments);
  }
}

function chip(
  { id }: AttachmentView,
  post: Post,
  remove: ((attachment: AttachmentView) => void) | undefined,
): View<AttachmentView> {
  const label = element('span', { class: 'chip-label' });
  const tokens = element('span', { class: 'dim' });
  const openThis = () => post({ type: 'openAttachment', attachmentId: id });
  const unit = element('span', { class: 'visually-hidden', text: ' tokens' });
  const open = button({ class: 'chip-open' }, openThis, label, document.createTextNode(' '), tokens, unit);
  const chip = element('li', { class: 'chip' }, open);
  let current: AttachmentView;
  const removeThis = (): void => remove?.(current);
  const removeButton = remove ? iconButton('close', '', removeThis) : undefined;
  if (removeButton) {
    chip.append(removeButton);
    chip.addEventListener('keydown', ({ key }) => {
      if (key === 'Delete' || key === 'Backspace') removeThis();
    });
  }
  return {
    element: chip,
    update(attachment) {
      current = attachment;
      setText(label, attachment.label);
      setText(tokens, sizeOf(attachment));
      unit.hidden = attachment.isLeftOut || attachment.tokens === undefined;
      setClass(chip, 'left-out', attachment.isLeftOut);
      open.title = titleOf(attachment);
      open.disabled = !attachment.canOpen;
      if (removeButton) setLabel(removeButton, `Remove ${attachment.label}`);
    },
  };
}

function sizeOf({ tokens, isLeftOut }: AttachmentView): string {
  if (tokens === undefined) return 'reading…';
  return isLeftOut ? 'not sent' : formatShort(tokens);
}

function titleOf({ label, tokens, canOpen, isLeftOut }: AttachmentView): string {
  if (tokens === undefined) return `Reading ${label}`;
  const size = isLeftOut ? 'not sent any more, since it did not fit' : `about ${formatCount(tokens)} tokens`;
  return `${canOpen ? 'Open ' : ''}${label}, ${size}`;
}
