import { rules } from './blockRules.ts';
import { CodeBlock, isFull, newCodePiece } from './codeBlock.ts';
import { labelOf, renderInline, type Definitions } from './inline.ts';
import { dropIndent, indentOf, isBlank } from './lines.ts';
import {
  insideOf,
  type Code,
  type CodeEnd,
  type Container,
  type Leaf,
  type List,
  type Paragraph,
  type Table,
  type Undo,
} from './openBlocks.ts';
import { checkbox } from './taskBox.ts';
import { visibleCode } from './plainText.ts';
import { alignmentsOf, rowElement, tableElement, type Alignment } from './table.ts';

/** Quotes and list items in each other. What is deeper is text. */
const deepest = 24;
/** What is longer goes on in another element: the browser lays out a whole paragraph, list or table again for whatever is added to it. */
const paragraphChars = 4_000;
const listItems = 200;
const tableCells = 600;
/** For the same reason blocks are laid out in parts: a part that has not changed is skipped at once. */
const partBlocks = 30;
/** Headings of an answer stand below the heading of its message, which is an h2. */
const headingShift = 2;

export interface CodeEvents {
  began(block: CodeBlock): void;
  /** Its last line has arrived. */
  ended(block: CodeBlock): void;
}

/**
 * From lines to elements: the block structure of CommonMark with the tables of GFM, one line after the other, as the specification's own algorithm does it. A
 * line is looked at once, whatever it belongs to: quotes, lists and code of any length cost the same for each line.
 *
 * Left out: HTML blocks (HTML is text here), and the difference of loose and tight lists (the style sheet sees to it).
 */
export class BlockParser {
  readonly #root: HTMLElement;
  readonly #definitions: Definitions;
  readonly #events: CodeEvents;
  #containers: readonly Container[] = [];
  #leaf: Leaf | undefined;
  /** As the model wrote them: of the last heading, and of those that it stands below. */
  #headingLevels: readonly number[] = [];
  #undo: Undo | undefined;

  constructor(root: HTMLElement, definitions: Definitions, events: CodeEvents) {
    this.#root = root;
    this.#definitions = definitions;
    this.#events = events;
  }

  /** A line, or the beginning of one that is too long for one piece. */
  line(text: string): void {
    let rest = text;
    let depth = 0;
    for (const container of this.#containers) {
      const inside = insideOf(container, rest);
      if (inside === undefined) break;
      rest = inside;
      depth++;
    }
    const leaf = this.#leaf;
    if (leaf?.type === 'code' && depth === this.#containers.length && this.#codeLine(leaf, rest)) return;
    while (!isBlank(rest)) {
      const begun = this.#begin(rest, depth);
      if (begun === 'whole line') return;
      if (begun === undefined) return this.#text(rest, depth);
      rest = begun.rest;
      depth++;
    }
    this.#close(depth);
  }

  /** More of a line that is too long for one piece. */
  more(text: string): void {
    if (this.#leaf?.type === 'code') return this.#addCode(this.#leaf, text, false);
    this.#endLeaf();
    this.#openParagraph(text, 'continued');
  }

  /** Shows the beginning of a line until `undo`, as far as it is clear what becomes of it. */
  preview(text: string, isMore: boolean): void {
    const headingLevels = this.#headingLevels;
    this.#undo = { containers: this.#containers, leaf: this.#leaf, headingLevels, added: [] };
    const isDecided = this.#leaf?.type === 'code' || !rules.undecided.test(text.replace(/^[\s>]+/, '').trimEnd());
    if (isMore) this.more(text);
    else if (isDecided) this.line(text);
    this.flush();
  }

  undo(): void {
    if (!this.#undo) return;
    const { containers, leaf, headingLevels, added } = this.#undo;
    for (const node of added) node.parentNode?.removeChild(node);
    this.#containers = containers;
    this.#headingLevels = headingLevels;
    this.#leaf = leaf?.type === 'paragraph' ? { ...leaf, isRendered: false } : leaf;
    this.#undo = undefined;
  }

  /** Brings to the screen what was only collected. */
  flush(): void {
    const leaf = this.#leaf;
    if (leaf?.type !== 'paragraph' || leaf.isRendered) return;
    leaf.element.replaceChildren();
    renderInline(leaf.element, leaf.text, this.#definitions);
    this.#leaf = { ...leaf, isRendered: true };
  }

  end(): void {
    this.#close(0);
  }

  #begin(rest: string, depth: number): { readonly rest: string } | 'whole line' | undefined {
    const paragraph = this.#leaf?.type === 'paragraph' ? this.#leaf : undefined;
    const interrupted = depth === this.#containers.length ? paragraph : undefined;
    if (indentOf(rest) >= 4) {
      if (paragraph) return undefined;
      this.#close(depth);
      this.#openCode('', { type: 'indent' }, dropIndent(rest, 4));
      return 'whole line';
    }
    if (interrupted && this.#becomesOther(interrupted, rest)) return 'whole line';
    if (rules.rule.test(rest)) {
      this.#close(depth);
      this.#add('hr');
      return 'whole line';
    }
    const inside = depth < deepest ? this.#beginContainer(rest, depth, interrupted !== undefined) : undefined;
    if (inside !== undefined) return { rest: inside };
    return this.#beginLeaf(rest, depth, paragraph !== undefined) ? 'whole line' : undefined;
  }

  /** A line below a paragraph that makes a heading or a table of it. */
  #becomesOther(paragraph: Paragraph, rest: string): boolean {
    const underline = paragraph.isWhole ? rules.underline.exec(rest)?.[1] : undefined;
    if (underline !== undefined) {
      if (this.#undo) return true;
      this.#leaf = undefined;
      paragraph.element.remove();
      this.#addHeading(underline.startsWith('=') ? 1 : 2, paragraph.text);
      return true;
    }
    const headerAt = paragraph.text.lastIndexOf('\n') + 1;
    const header = paragraph.text.slice(headerAt);
    const alignments = alignmentsOf(header, rest);
    if (!alignments) return false;
    if (this.#undo) return true;
    this.#leaf = { ...paragraph, text: paragraph.text.slice(0, Math.max(0, headerAt - 1)), isRendered: false };
    if (headerAt > 0) this.#endLeaf();
    else paragraph.element.remove();
    this.#openTable(rowElement('th', header, alignments, this.#definitions), alignments);
    return true;
  }

  #beginContainer(rest: string, depth: number, isInParagraph: boolean): string | undefined {
    const quote = rules.quote.exec(rest)?.[0];
    if (quote !== undefined) {
      this.#close(depth);
      this.#containers = [...this.#containers, { type: 'quote', element: this.#add('blockquote') }];
      return rest.slice(quote.length);
    }
    const item = rules.item.exec(rest);
    if (!item) return undefined;
    const [start, bullet, number = '', delimiter = ''] = item;
    const after = rest.slice(start.length);
    // So that a number at the beginning of a line is none.
    if (isInParagraph && (isBlank(after) || (bullet === undefined && Number(number) !== 1))) return undefined;
    const marker = bullet ?? delimiter;
    const before = this.#containers[depth];
    this.#close(depth);
    const list = this.#listFor(before, marker, bullet === undefined ? Number(number) : undefined);
    const element = document.createElement('li');
    this.#append(list.element, element);
    const spaces = indentOf(after);
    const gap = isBlank(after) || spaces > 4 ? 1 : spaces;
    this.#containers = [...this.#containers, { type: 'item', element, indent: start.length + gap, list }];
    return dropIndent(after, gap);
  }

  #beginLeaf(rest: string, depth: number, isInParagraph: boolean): boolean {
    const heading = rules.heading.exec(rest);
    if (heading) {
      this.#close(depth);
      const text = rest.slice(heading[0].length).trim();
      this.#addHeading(heading[1]?.length ?? 1, text.replace(/(^|[ \t])#+$/, ''));
      return true;
    }
    const [, indent = '', fence = '', info = ''] = rules.fence.exec(rest) ?? [];
    if (fence && !(fence.startsWith('`') && info.includes('`'))) {
      if (this.#undo) return true;
      this.#close(depth);
      this.#openCode(info.trim(), { type: 'fence', fence, indent: indent.length });
      return true;
    }
    if (this.#beginMath(rest, depth)) return true;
    if (isInParagraph) return false;
    const definition = rules.definition.exec(rest.trim());
    if (definition) {
      if (this.#undo) return true;
      this.#close(depth);
      const [, label = '', bracketed, plain = '', ...titles] = definition;
      this.#definitions.links[labelOf(label)] ??= {
        href: bracketed ?? plain,
        title: titles.find((title) => title !== undefined) ?? '',
      };
      return true;
    }
    const footnote = rules.footnote.exec(rest);
    if (!footnote) return false;
    this.#close(depth);
    this.#openParagraph(`${footnote[1]} ${rest.slice(footnote[0].length)}`, 'footnote');
    return true;
  }

  #beginMath(rest: string, depth: number): boolean {
    const start = rules.math.exec(rest)?.[1];
    if (start === undefined) return false;
    const delimiter = start === '$$' ? '$$' : '\\]';
    const text = rest.trim();
    const endsAt = text.indexOf(delimiter, start.length);
    // With more text behind it, it is a formula within a paragraph.
    if (endsAt >= 0 && endsAt + delimiter.length < text.length) return false;
    if (this.#undo && endsAt < 0) return true;
    this.#close(depth);
    this.#openCode(undefined, { type: 'math', delimiter }, text);
    if (endsAt >= 0) this.#endLeaf();
    return true;
  }

  /** @returns false when the line is not part of it */
  #codeLine(code: Code, rest: string): boolean {
    const { end } = code;
    if (end.type === 'fence') {
      const fence = rules.fenceEnd.exec(rest)?.[1];
      const isSame = fence?.[0] === end.fence[0];
      if (fence !== undefined && isSame && this.#undo) return true;
      if (fence !== undefined && isSame && fence.length >= end.fence.length) this.#endLeaf();
      else this.#addCode(code, dropIndent(rest, end.indent), true);
      return true;
    }
    if (end.type === 'math') {
      if (!isBlank(rest)) this.#addCode(code, rest, true);
      // A `$$` that was none takes no more than its paragraph.
      if (isBlank(rest) || rest.trimEnd().endsWith(end.delimiter)) this.#endLeaf();
      return true;
    }
    if (isBlank(rest)) {
      this.#leaf = { ...code, emptyLines: code.emptyLines + 1 };
      return true;
    }
    if (indentOf(rest) < 4) return false;
    this.#addCode(code, '\n'.repeat(code.emptyLines) + dropIndent(rest, 4), true);
    return true;
  }

  #text(rest: string, depth: number): void {
    const leaf = this.#leaf;
    const text = rest.trimStart();
    if (leaf?.type === 'paragraph') {
      // Also where the markers of its quote or the indentation of its item are missing.
      if (leaf.text.length + text.length <= paragraphChars) {
        this.#leaf = { ...leaf, text: `${leaf.text}\n${text}`, isRendered: false };
        return;
      }
      this.#endLeaf();
      return this.#openParagraph(text, 'continued');
    }
    if (leaf?.type === 'table' && depth === this.#containers.length) return this.#addRow(leaf, rest);
    this.#close(depth);
    this.#openParagraph(text);
  }

  /** Ends the containers that are deeper, and whatever text or code was open. */
  #close(depth: number): void {
    this.#endLeaf();
    if (depth < this.#containers.length) this.#containers = this.#containers.slice(0, depth);
  }

  #endLeaf(): void {
    this.flush();
    if (this.#leaf?.type === 'code' && !this.#undo) this.#events.ended(this.#leaf.block);
    this.#leaf = undefined;
  }

  #openParagraph(text: string, kind?: 'continued' | 'footnote'): void {
    const task = this.#parent.localName === 'li' && !this.#parent.firstChild ? rules.task.exec(text) : null;
    if (task) {
      this.#parent.className = 'task';
      this.#append(this.#parent, checkbox(task[1] !== ' '));
    }
    const element = this.#add('p');
    element.dir = 'auto';
    if (kind) element.className = kind;
    const isWhole = kind === undefined;
    this.#leaf = { type: 'paragraph', element, text: text.slice(task?.[0].length), isWhole, isRendered: false };
  }

  #openTable(header: HTMLElement, alignments: readonly Alignment[]): Table {
    const { element, head, body } = tableElement();
    this.#append(this.#parent, element);
    head.append(header);
    const table: Table = { type: 'table', head, body, rows: 0, alignments };
    this.#leaf = table;
    return table;
  }

  #addRow(table: Table, row: string): void {
    const { head, alignments } = table;
    const isFull = table.rows * alignments.length >= tableCells;
    const open = isFull ? this.#openTable(head.firstElementChild?.cloneNode(true) as HTMLElement, alignments) : table;
    this.#append(open.body, rowElement('td', row, alignments, this.#definitions));
    this.#leaf = { ...open, rows: open.rows + 1 };
  }

  #openCode(info: string | undefined, end: CodeEnd, firstLine?: string): void {
    const block = new CodeBlock(info);
    this.#events.began(block);
    this.#append(this.#parent, block.element);
    const piece = newCodePiece();
    block.code.append(piece.element);
    const code: Code = { type: 'code', block, end, piece, hasLines: false, emptyLines: 0 };
    this.#leaf = code;
    if (firstLine !== undefined) this.#addCode(code, firstLine, true);
  }

  #addCode(code: Code, text: string, isLine: boolean): void {
    const newLine = isLine && code.hasLines ? '\n' : '';
    if (!this.#undo) code.block.source += newLine + text;
    let { piece } = code;
    if (isFull(piece)) {
      // The line break is the last of the piece before: at the beginning of one it would show as an empty line.
      if (newLine) this.#append(piece.element, document.createTextNode(newLine));
      piece = newCodePiece();
      this.#append(code.block.code, piece.element);
      this.#append(piece.element, document.createTextNode(visibleCode(text)));
    } else {
      this.#append(piece.element, document.createTextNode(newLine + visibleCode(text)));
    }
    piece = { ...piece, lines: piece.lines + 1, chars: piece.chars + text.length };
    this.#leaf = { ...code, piece, hasLines: true, emptyLines: 0 };
  }

  #addHeading(level: number, text: string): void {
    // Some models begin with `##`, or go from `#` to `###`: for those who step through headings none is missing in between.
    this.#headingLevels = [...this.#headingLevels.filter((above) => above < level), level];
    const heading = this.#add(`h${Math.min(6, this.#headingLevels.length + headingShift)}` as 'h3');
    heading.dir = 'auto';
    renderInline(heading, text, this.#definitions);
  }

  /** @param number of the item as it is written; undefined for a bullet */
  #listFor(before: Container | undefined, marker: string, number: number | undefined): List {
    const same = before?.type === 'item' && before.list.marker === marker ? before.list : undefined;
    if (same && same.length < listItems) return { ...same, length: same.length + 1, next: same.next + 1 };
    const first = same?.next ?? number ?? 1;
    const element = this.#add(number === undefined ? 'ul' : 'ol');
    if (same) element.className = 'continued';
    if (element instanceof HTMLOListElement && first !== 1) element.start = first;
    return { element, marker, length: 1, next: first + 1 };
  }

  /** Where the next block goes. */
  get #parent(): HTMLElement {
    const container = this.#containers.at(-1)?.element;
    if (container) return container;
    const last = this.#root.lastElementChild;
    if (last instanceof HTMLElement && last.childElementCount < partBlocks) return last;
    const part = document.createElement('div');
    part.className = 'part';
    this.#append(this.#root, part);
    return part;
  }

  #add<Name extends keyof HTMLElementTagNameMap>(name: Name): HTMLElementTagNameMap[Name] {
    const element = document.createElement(name);
    this.#append(this.#parent, element);
    return element;
  }

  #append(parent: HTMLElement, node: Node): void {
    parent.append(node);
    this.#undo?.added.push(node);
  }
}
