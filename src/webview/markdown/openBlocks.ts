import { rules } from './blockRules.ts';
import type { CodeBlock, CodePiece } from './codeBlock.ts';
import { dropIndent, indentOf, isBlank } from './lines.ts';
import type { Alignment } from './table.ts';

/** What a line can be inside of. */
export type Container =
  | { readonly type: 'quote'; readonly element: HTMLElement }
  /** `indent`: columns that a line needs to belong to it. */
  | { readonly type: 'item'; readonly element: HTMLElement; readonly indent: number; readonly list: List };

/** `marker`: `-`, `+`, `*`, `.` or `)`; another one begins another list. */
export interface List {
  readonly element: HTMLElement;
  readonly marker: string;
  /** Items of `element`, and the number that the next one has. */
  readonly length: number;
  readonly next: number;
}

export interface Paragraph {
  readonly type: 'paragraph';
  readonly element: HTMLElement;
  readonly text: string;
  /** Only then can an underline or a delimiter row make something else of it. */
  readonly isWhole: boolean;
  readonly isRendered: boolean;
}

export interface Code {
  readonly type: 'code';
  readonly block: CodeBlock;
  readonly end: CodeEnd;
  readonly piece: CodePiece;
  readonly hasLines: boolean;
  /** They belong to indented code only when more of it follows. */
  readonly emptyLines: number;
}

export type CodeEnd =
  | { readonly type: 'fence'; readonly fence: string; readonly indent: number }
  | { readonly type: 'math'; readonly delimiter: string }
  | { readonly type: 'indent' };

export interface Table {
  readonly type: 'table';
  readonly head: HTMLElement;
  readonly body: HTMLElement;
  readonly rows: number;
  readonly alignments: readonly Alignment[];
}

/** The innermost block, which takes text. */
export type Leaf = Paragraph | Code | Table;

/** What was before the beginning of a line was shown. */
export interface Undo {
  readonly containers: readonly Container[];
  readonly leaf: Leaf | undefined;
  readonly headingLevels: readonly number[];
  readonly added: Node[];
}

/** What of the line is inside the container; undefined when the line does not belong to it. */
export function insideOf(container: Container, line: string): string | undefined {
  if (container.type === 'quote') {
    const marker = rules.quote.exec(line)?.[0];
    return marker === undefined ? undefined : line.slice(marker.length);
  }
  if (isBlank(line)) return '';
  return indentOf(line) >= container.indent ? dropIndent(line, container.indent) : undefined;
}
