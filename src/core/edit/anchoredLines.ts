import { diffLines } from './lineDiff.ts';
import { lineEndLength, linesOf } from './lines.ts';

/** A part of a text that is replaced; offsets and lengths in UTF-16 code units, as editors count. */
export interface TextChange {
  readonly offset: number;
  readonly length: number;
  readonly text: string;
}

export function applyChange(text: string, { offset, length, text: inserted }: TextChange): string {
  return text.slice(0, offset) + inserted + text.slice(offset + length);
}

const gone = -1;
const byteOrderMark = '\ufeff';

/**
 * The lines of a text as it was once, and where they are in it now that somebody else edits it. A line that was touched is not guessed at: it is gone until
 * its place holds exactly its text again.
 */
export class AnchoredLines {
  readonly lines: readonly string[];
  readonly #starts: number[] = [];
  #text: string;

  constructor(text: string) {
    this.#text = text;
    let start = text.startsWith(byteOrderMark) ? 1 : 0;
    this.lines = linesOf(text.slice(start));
    for (const line of this.lines) {
      this.#starts.push(start);
      start += line.length;
      start += lineEndLength(text, start);
    }
  }

  get text(): string {
    return this.#text;
  }

  /** To be told of every change, in an order in which each holds for the text that the ones before have left. */
  follow(change: TextChange): void {
    for (const small of smallestChanges(this.#text, change)) this.#shift(small);
    this.#text = applyChange(this.#text, change);
  }

  /** Where the line begins now; undefined when it is not there as it was. */
  offsetOf(line: number): number | undefined {
    const start = this.#starts[line] ?? gone;
    const content = this.lines[line] ?? '';
    if (start === gone || !this.#text.startsWith(content, start)) return undefined;
    const before = start === 1 && this.#text.startsWith(byteOrderMark) ? '\n' : (this.#text[start - 1] ?? '\n');
    const after = this.#text[start + content.length] ?? '\n';
    const isWhole = (before === '\n' || before === '\r') && (after === '\n' || after === '\r');
    return isWhole ? start : undefined;
  }

  /** Where these lines are now, without the end of the last; undefined unless all are there, one after the other. */
  rangeOf(start: number, end: number): { readonly offset: number; readonly length: number } | undefined {
    const offset = this.offsetOf(start);
    if (offset === undefined) return undefined;
    let next = offset;
    let length = 0;
    for (let line = start; line < end; line++) {
      if (this.offsetOf(line) !== next) return undefined;
      length = next + (this.lines[line]?.length ?? 0) - offset;
      next = offset + length + lineEndLength(this.#text, offset + length);
    }
    return { offset, length };
  }

  #shift({ offset, length, text }: TextChange): void {
    const end = offset + length;
    for (const [line, start] of this.#starts.entries()) {
      if (start === gone || start < offset) continue;
      // What is inserted before a line moves it; what is removed from its beginning ends it.
      if (start >= end) this.#starts[line] = start + text.length - length;
      else this.#starts[line] = gone;
    }
  }
}

/**
 * What a change really changes, each piece for the text that the ones before have left. A formatter or a reload replaces a whole document by nearly the same
 * one, and the lines that stay have not been touched.
 */
function smallestChanges(before: string, change: TextChange): readonly TextChange[] {
  const removed = before.slice(change.offset, change.offset + change.length);
  const small = withoutCommonEnds(removed, change);
  const replaced = piecesOf(before.slice(small.offset, small.offset + small.length));
  const inserted = piecesOf(small.text);
  if (replaced.length + inserted.length <= 2) return [small];
  const pieces: TextChange[] = [];
  let offset = small.offset;
  let oldAt = 0;
  for (const { oldStart, oldEnd, newStart, newEnd } of diffLines(replaced, inserted)) {
    offset += replaced.slice(oldAt, oldStart).join('').length;
    const text = inserted.slice(newStart, newEnd).join('');
    pieces.push({ offset, length: replaced.slice(oldStart, oldEnd).join('').length, text });
    offset += text.length;
    oldAt = oldEnd;
  }
  return pieces;
}

function withoutCommonEnds(removed: string, { offset, text }: TextChange): TextChange {
  const most = Math.min(removed.length, text.length);
  let start = 0;
  while (start < most && removed[start] === text[start]) start++;
  let end = 0;
  while (end < most - start && removed[removed.length - 1 - end] === text[text.length - 1 - end]) end++;
  return { offset: offset + start, length: removed.length - start - end, text: text.slice(start, text.length - end) };
}

/** Lines and line ends, each by itself: the last line of one may be in the middle of the other. */
function piecesOf(text: string): readonly string[] {
  return text.match(/[^\r\n]+|\r\n|\n|\r/g) ?? [];
}
