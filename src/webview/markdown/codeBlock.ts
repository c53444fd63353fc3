import { visibleCode } from './plainText.ts';

/** Code is laid out in pieces: with all of it in one, each new line would cost as much as all lines before it. */
const pieceLines = 100;
const pieceChars = 8_000;
const longestLanguageChars = 30;

/** A code block of an answer: what is shown of it, and what a person copies. */
export class CodeBlock {
  readonly element: HTMLElement;
  readonly code: HTMLElement;
  /** The first word after the fence in small letters; empty where there is none. */
  readonly language: string;
  /** All that stands behind the fence. */
  readonly info: string;
  /** As the model wrote it. */
  source = '';

  /** @param info what stands behind the fence; undefined for a formula, which has no buttons */
  constructor(info: string | undefined) {
    this.element = document.createElement('div');
    this.info = info ?? '';
    this.language =
      /^[^\s{},:]+/
        .exec(info ?? '')?.[0]
        .slice(0, longestLanguageChars)
        .toLowerCase() ?? '';
    const label = visibleCode(this.language) || 'text';
    const scroller = document.createElement('pre');
    // What scrolls has to be reached by keyboard.
    scroller.tabIndex = 0;
    scroller.setAttribute('role', 'group');
    scroller.setAttribute('aria-label', info === undefined ? 'Formula' : `Code, ${label}`);
    this.code = document.createElement('code');
    scroller.append(this.code);
    this.element.className = info === undefined ? 'mathBlock' : 'codeBlock';
    if (info !== undefined) this.element.append(headerElement(label));
    this.element.append(scroller);
  }
}

function headerElement(label: string): HTMLElement {
  const header = document.createElement('div');
  header.className = 'codeHeader';
  const language = document.createElement('span');
  language.className = 'codeLanguage';
  language.textContent = label;
  header.append(
    language,
    button('copyCode', 'Copy', 'Copy this code'),
    button('applyCode', 'Apply', 'Apply this code where it belongs, as a diff'),
    button('insertCode', 'Insert', 'Insert this code at the cursor'),
    button('newFile', 'New file', 'New file with this code'),
  );
  return header;
}

function button(className: string, text: string, label: string): HTMLButtonElement {
  const element = document.createElement('button');
  element.type = 'button';
  element.className = className;
  element.textContent = text;
  element.setAttribute('aria-label', label);
  return element;
}

/** Where the next line of code goes. */
export interface CodePiece {
  readonly element: HTMLElement;
  readonly lines: number;
  readonly chars: number;
}

export function newCodePiece(): CodePiece {
  const element = document.createElement('span');
  element.className = 'codePiece';
  return { element, lines: 0, chars: 0 };
}

export function isFull({ lines, chars }: CodePiece): boolean {
  return lines >= pieceLines || chars >= pieceChars;
}
