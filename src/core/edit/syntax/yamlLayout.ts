import { indentationOf, isBlank } from '../lines.ts';
import type { ScannedLine } from './scan.ts';
import type { SyntaxFault } from './syntaxFaults.ts';

interface Level {
  readonly column: number;
  /** A key with a value behind it has no lines of its own below it. */
  isFull: boolean;
}

const key = /^(?:[\w./$<*-][^#]*?|"[^"]*"|'[^']*'):(?:\s|$)/;
const blockMark = /(?:^|[\s:])[|>][+-]?\d?[+-]?$/;

/** Without the lines of texts that `|` or `>` begins: they are not YAML. */
export function withoutBlockTexts(lines: readonly string[]): readonly string[] {
  /** What is deeper than this is text. */
  let textBelow = Infinity;
  return lines.map((line) => {
    const column = indentationOf(line).length;
    if (isBlank(line) || column > textBelow) return '';
    const items = itemsOf(line.trim());
    const isOfKey = key.test(line.trim().slice(items.length));
    textBelow = blockMark.test(line.replace(/\s#.*$/, '').trimEnd()) ? column + (isOfKey ? items.length : 0) : Infinity;
    return line;
  });
}

/** The dashes of the lists that begin there. */
function itemsOf(content: string): string {
  return /^(?:- +)*(?:-$)?/.exec(content)?.[0] ?? '';
}

/** The first line that no reader of YAML would take for how it is indented. Of a template nothing is known. */
export function yamlLayoutFault(lines: readonly ScannedLine[], texts: readonly string[]): SyntaxFault | undefined {
  if (texts.some((text) => /\{\{|\{%/.test(text))) return undefined;
  let levels: Level[] = [];
  for (const [line, { code, isContinued }] of lines.entries()) {
    const text = texts[line] ?? '';
    const indentation = indentationOf(text);
    if (isContinued || isBlank(code)) continue;
    if (indentation.includes('\t')) return { type: 'tab', line };
    if (/^(?:---|\.\.\.|%)/.test(text)) levels = [];
    if (/^(?:---|\.\.\.|%)/.test(text)) continue;
    const column = indentation.length;
    const items = itemsOf(code.trim());
    const content = code.trim().slice(items.length);
    const isKey = key.test(content);
    const deepest = levels.at(-1);
    const isBack = deepest !== undefined && column < deepest.column;
    levels = levels.filter((level) => level.column <= column);
    const parent = levels.at(-1);
    if (parent && parent.column < column) {
      // Text that goes on in the next line.
      if (!isKey && items === '') continue;
      if (isBack || parent.isFull) return { type: 'indentation', line };
    }
    if (parent?.column !== column) levels.push({ column, isFull: false });
    if (items !== '') {
      levels.push({ column: column + items.length, isFull: false });
      for (const level of levels.slice(0, -1)) if (level.column === column) level.isFull = false;
    }
    const last = levels.at(-1);
    if (!last) continue;
    const value = isKey ? content.slice(key.exec(content)?.[0].length).trim() : content;
    last.isFull = isKey && !blockMark.test(content) && !/^(?:[&!]\S+\s*)*$/.test(value);
  }
  return undefined;
}
