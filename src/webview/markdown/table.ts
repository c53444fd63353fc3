import { renderInline, type Definitions } from './inline.ts';

export type Alignment = 'left' | 'center' | 'right' | undefined;

const delimiterRow = /^\|?(?:[ \t]*:?-+:?[ \t]*\|)*(?:[ \t]*:?-+:?)?$/;
/** A header of a thousand columns is no table that anybody reads. */
const mostColumns = 60;

/** Of the line below the header; undefined when it is none, or does not fit the header. */
export function alignmentsOf(header: string, line: string): readonly Alignment[] | undefined {
  if (!line.includes('|') || !delimiterRow.test(line.trim())) return undefined;
  const marks = cellsOf(line);
  if (marks.length > mostColumns || marks.length !== cellsOf(header).length) return undefined;
  return marks.map((mark) => {
    if (mark.endsWith(':')) return mark.startsWith(':') ? 'center' : 'right';
    return mark.startsWith(':') ? 'left' : undefined;
  });
}

/** A `|` after a backslash is part of its cell. */
function cellsOf(row: string): string[] {
  const cells = row.trim().split(/(?<!\\)\|/);
  if (cells[0]?.trim() === '') cells.shift();
  if (cells.at(-1)?.trim() === '') cells.pop();
  return cells.map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** Scrolls by itself where the panel is narrow. */
export function tableElement(): {
  readonly element: HTMLElement;
  readonly head: HTMLElement;
  readonly body: HTMLElement;
} {
  const element = document.createElement('div');
  element.className = 'tableScroller';
  element.tabIndex = 0;
  element.setAttribute('role', 'group');
  element.setAttribute('aria-label', 'Table');
  const table = document.createElement('table');
  const head = document.createElement('thead');
  const body = document.createElement('tbody');
  table.append(head, body);
  element.append(table);
  return { element, head, body };
}

/** As many cells as the table has columns, whatever the row has. */
export function rowElement(
  name: 'th' | 'td',
  row: string,
  alignments: readonly Alignment[],
  definitions: Definitions,
): HTMLElement {
  const element = document.createElement('tr');
  const cells = cellsOf(row);
  for (const [column, alignment] of alignments.entries()) {
    const cell = document.createElement(name);
    if (name === 'th') cell.scope = 'col';
    if (alignment) cell.className = alignment;
    renderInline(cell, cells[column] ?? '', definitions);
    element.append(cell);
  }
  return element;
}
