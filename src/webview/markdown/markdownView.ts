import { BlockParser } from './blockParser.ts';
import type { CodeBlock } from './codeBlock.ts';
import { highlightWhenIdle } from './idleHighlight.ts';
import { noDefinitions } from './inline.ts';
import { withoutControls } from './plainText.ts';

/** What a person can do with code and links. The extension host does it. */
export interface CodeActions {
  copy(text: string): void;
  insert(text: string): void;
  newFile(text: string, language: string): void;
  apply(text: string, info: string): void;
  openLink(href: string): void;
}

/** Longer lines are read in pieces, so that none costs more than this. */
const pieceChars = 4_000;
/** Of the end of a text, to see whether another one goes on from it. */
const comparedChars = 4_000;
/** Of the main thread at once. What is left waits for its next turn; typing and scrolling come first. */
const sliceMs = 12;

/**
 * An answer in Markdown that grows. A line is read once, when it has arrived, and what came of it is not touched again; the beginning of the last line is shown
 * anew with each update. So the cost of an update depends on what is new, not on what is there.
 *
 * The page is made of elements and text nodes only: no HTML of a model is read by anybody, and nothing is loaded.
 *
 * While there is more to show than one turn of the main thread allows, `element` has `aria-busy`.
 */
export class MarkdownView {
  readonly #element: HTMLElement;
  readonly #actions: CodeActions;
  readonly #blocks = new WeakMap<Element, CodeBlock>();
  #parser: BlockParser;
  #definitions = noDefinitions();
  #text = '';
  #isComplete = false;
  #hasEnded = false;
  /** Of `#text` as far as the parser has it. */
  #offset = 0;
  /** The parser has the beginning of a long line. */
  #isInLine = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(element: HTMLElement, actions: CodeActions) {
    this.#element = element;
    this.#actions = actions;
    element.classList.add('markdown');
    this.#parser = this.#newParser();
    element.addEventListener('click', (event) => this.#click(event));
  }

  /** @param text the whole text so far; one that does not go on from the one before, as its end shows, is rendered anew */
  update(text: string, isComplete: boolean): void {
    const goesOn = this.#goesOn(text) && !(this.#hasEnded && text.length > this.#text.length);
    this.#text = text;
    this.#isComplete = isComplete;
    if (!goesOn) {
      this.#definitions = noDefinitions();
      this.#restart();
    }
    this.#work();
  }

  /** Looking at all of it would cost more with each token. */
  #goesOn(text: string): boolean {
    const end = this.#text.length;
    const start = Math.max(0, end - comparedChars);
    return text.slice(start, end) === this.#text.slice(start);
  }

  #newParser(): BlockParser {
    return new BlockParser(this.#element, this.#definitions, {
      began: (block) => this.#blocks.set(block.element, block),
      ended: (block) => void highlightWhenIdle(block),
    });
  }

  #restart(): void {
    this.#element.replaceChildren();
    this.#parser = this.#newParser();
    this.#offset = 0;
    this.#isInLine = false;
    this.#hasEnded = false;
  }

  #work(): void {
    clearTimeout(this.#timer);
    if (this.#hasEnded) return;
    const untilMs = performance.now() + sliceMs;
    this.#parser.undo();
    while (this.#readPiece()) {
      if (performance.now() < untilMs) continue;
      this.#parser.flush();
      this.#element.setAttribute('aria-busy', 'true');
      this.#timer = setTimeout(() => this.#work());
      return;
    }
    const rest = this.#line(this.#offset, this.#text.length);
    if (!this.#isComplete) this.#parser.preview(rest, this.#isInLine);
    else if (this.#end(rest)) return this.#work();
    this.#element.removeAttribute('aria-busy');
  }

  /** @returns whether there was a whole line, or one that is too long */
  #readPiece(): boolean {
    const start = this.#offset;
    const next = this.#text.slice(start, start + pieceChars + 1);
    const lineEnd = next.indexOf('\n');
    if (lineEnd < 0 && next.length <= pieceChars) return false;
    const end = lineEnd < 0 ? cutOf(next) : lineEnd;
    const piece = this.#line(start, start + end);
    if (this.#isInLine) {
      // Nothing but the line break may be left.
      if (piece) this.#parser.more(piece);
    } else this.#parser.line(piece);
    this.#isInLine = lineEnd < 0;
    this.#offset = start + end + (lineEnd < 0 ? 0 : 1);
    return true;
  }

  #line(start: number, end: number): string {
    const line = this.#text.slice(start, end);
    return withoutControls(line.endsWith('\r') ? line.slice(0, -1) : line);
  }

  /** @returns whether all has to be rendered again, now that it is known what its references refer to */
  #end(rest: string): boolean {
    if (rest && this.#isInLine) this.#parser.more(rest);
    else if (rest) this.#parser.line(rest);
    this.#parser.end();
    this.#hasEnded = true;
    const { links, missed } = this.#definitions;
    if (!Object.keys(links).some((label) => missed.has(label))) return false;
    missed.clear();
    this.#restart();
    return true;
  }

  #click(event: MouseEvent): void {
    if (!(event.target instanceof Element)) return;
    const link = event.target.closest('a');
    if (link) {
      // The editor's own frame opens links as well, and asks nobody: it must not hear of this one.
      event.preventDefault();
      event.stopPropagation();
      return this.#actions.openLink(link.href);
    }
    const button = event.target.closest('button');
    const block = button ? this.#blocks.get(button.closest('.codeBlock') ?? button) : undefined;
    if (!button || !block) return;
    if (button.className === 'copyCode') this.#actions.copy(block.source);
    else if (button.className === 'insertCode') this.#actions.insert(block.source);
    else if (button.className === 'applyCode') this.#actions.apply(block.source, block.info);
    else this.#actions.newFile(block.source, block.language);
  }
}

/** Where a line that is too long is cut: at its last space if there is one near, and never within a character. */
function cutOf(text: string): number {
  const space = text.lastIndexOf(' ', pieceChars - 1);
  if (space > pieceChars * 0.9) return space + 1;
  const code = text.charCodeAt(pieceChars - 1);
  const isHalf = (code >= 0xd800 && code < 0xdc00) || code === 0x0d;
  return isHalf ? pieceChars - 1 : pieceChars;
}
