import { indentationOf } from './lines.ts';

/** A fenced block of an answer. */
export interface AnswerBlock {
  /** What stands behind the fence: `ts`, `python title="a.py"`. */
  readonly info: string;
  readonly lines: readonly string[];
  readonly isClosed: boolean;
  /** The lines of prose since the block before. */
  readonly prose: readonly string[];
}

export interface AnswerParts {
  readonly blocks: readonly AnswerBlock[];
  /** Lines outside of blocks, all of them. */
  readonly prose: readonly string[];
}

interface Fence {
  readonly mark: string;
  readonly length: number;
  readonly indentation: string;
  readonly info: string;
}

/**
 * The fenced blocks of an answer, as models write them rather than as CommonMark wants them: indented below a list, not closed, or with fences inside.
 * `holdsFences`: the code of a block with this behind its fence is of a kind that has fences in it (Markdown), so that one with a language opens an inner
 * block; otherwise it means that the model forgot to close the one before.
 */
export function answerParts(lines: readonly string[], holdsFences: (info: string) => boolean): AnswerParts {
  const blocks: AnswerBlock[] = [];
  const prose: string[] = [];
  let proseBefore: string[] = [];
  let open: { readonly fence: Fence; readonly lines: string[]; depth: number } | undefined;
  const close = (isClosed: boolean) => {
    if (open)
      blocks.push({ info: open.fence.info, lines: outdented(open.lines, open.fence), isClosed, prose: proseBefore });
    proseBefore = [];
    open = undefined;
  };
  for (const [index, line] of lines.entries()) {
    const fence = fenceOf(line);
    if (!open) {
      if (fence) open = { fence, lines: [], depth: 0 };
      else {
        prose.push(line);
        proseBefore.push(line);
      }
      continue;
    }
    const isSameKind = fence?.mark === open.fence.mark && fence.length >= open.fence.length;
    if (!fence || !isSameKind) open.lines.push(line);
    else if (fence.info !== '' && holdsFences(open.fence.info)) {
      open.depth++;
      open.lines.push(line);
    } else if (fence.info !== '') {
      close(true);
      open = { fence, lines: [], depth: 0 };
    } else if (open.depth > 0) {
      open.depth--;
      open.lines.push(line);
    } else if (holdsFences(open.fence.info) && opensInner(lines, index, open.fence)) {
      open.depth++;
      open.lines.push(line);
    } else close(true);
  }
  close(false);
  return { blocks, prose };
}

/** A bare fence that is followed by more pairs of fences opens one of them, when the last fence of the answer would otherwise be left over. */
function opensInner(lines: readonly string[], index: number, { mark, length }: Fence): boolean {
  const later = lines
    .slice(index + 1)
    .map(fenceOf)
    .filter((fence) => fence?.mark === mark && fence.length >= length);
  return later.length >= 2 && later.every((fence) => fence?.info === '') && later.length % 2 === 0;
}

function fenceOf(line: string): Fence | undefined {
  const found = /^([ \t]*)(`{3,}|~{3,})(.*)$/.exec(line);
  if (!found) return undefined;
  const [, indentation = '', marks = '', rest = ''] = found;
  const info = rest.trim();
  // ```code``` in one line is no fence.
  if (marks.startsWith('`') && info.includes('`')) return undefined;
  return { mark: marks[0] ?? '', length: marks.length, indentation, info };
}

/** A block below a list item is indented with it, its code too. */
function outdented(lines: readonly string[], { indentation }: Fence): readonly string[] {
  if (indentation === '') return lines;
  const all = lines.every((line) => line.trim() === '' || indentationOf(line).startsWith(indentation));
  return all
    ? lines.map((line) => (line.startsWith(indentation) ? line.slice(indentation.length) : line.trimStart()))
    : lines;
}
