import { AnchoredLines, type TextChange } from './anchoredLines.ts';
import { diffHunks } from './lineDiff.ts';
import { lineEndLength, lineEndOf, linesOf } from './lines.ts';

/** Lines of the document as it was when the edit was asked for: from `start` up to, not with, `end`. */
export interface LineRange {
  readonly start: number;
  readonly end: number;
}

/** One change that is offered. Nothing of it is in the document until it is accepted. */
export interface Hunk {
  readonly id: number;
  /** Of the document as it was; empty where lines are only added. */
  readonly oldLines: readonly string[];
  readonly newLines: readonly string[];
  readonly place: HunkPlace;
}

export type HunkPlace =
  | {
      readonly type: 'found';
      /** Where its old lines are now, or, where lines are only added, where they go: in code units. */
      readonly offset: number;
      readonly length: number;
    }
  /** The user has changed what it would replace. */
  | { readonly type: 'overtaken' };

interface OfferedHunk extends LineRange {
  readonly id: number;
  readonly newLines: readonly string[];
}

/**
 * An edit of some lines of a document, proposed while the user goes on editing it. The document is the user's: the session only follows it. What is proposed
 * stays with the lines that it was made for, and is not offered where they are no longer what they were.
 */
export class EditSession {
  readonly region: LineRange;
  readonly #lines: AnchoredLines;
  readonly #lineEnd: string;
  #hunks: readonly OfferedHunk[] = [];
  #nextId = 1;

  constructor(text: string, region: LineRange) {
    this.#lines = new AnchoredLines(text);
    this.#lineEnd = lineEndOf(text);
    this.region = region;
  }

  /** The lines that were asked about, as they were then. */
  get regionLines(): readonly string[] {
    return this.#lines.lines.slice(this.region.start, this.region.end);
  }

  /** The rest of the document as it was then. */
  get linesAround(): { readonly before: readonly string[]; readonly after: readonly string[] } {
    const { start, end } = this.region;
    const { lines } = this.#lines;
    return { before: lines.slice(0, start), after: lines.slice(end) };
  }

  /** The document as the user has it. */
  get text(): string {
    return this.#lines.text;
  }

  /** To be told of every change of the document, ours and the user's, each for the text that the ones before have left. */
  follow(change: TextChange): void {
    this.#lines.follow(change);
  }

  /** The same lines in the document as it is now; undefined where their beginning or their end cannot be told. */
  get regionNow(): LineRange | undefined {
    const start = this.#lineAt(this.#lines.offsetOf(this.region.start)) ?? this.#lineAfter(this.region.start - 1);
    const end = this.#lineAfter(this.region.end - 1) ?? this.#lineAt(this.#lines.offsetOf(this.region.end));
    return start === undefined || end === undefined || end < start ? undefined : { start, end };
  }

  /** What the lines of the region shall become. Takes the place of what was proposed before. */
  propose(newLines: readonly string[]): void {
    const { start } = this.region;
    const known = this.#hunks;
    this.#hunks = diffHunks(this.regionLines, newLines).map((change) => {
      const hunk = {
        start: start + change.oldStart,
        end: start + change.oldEnd,
        newLines: newLines.slice(change.newStart, change.newEnd),
      };
      const same = known.find((other) => isSame(other, hunk));
      return { ...hunk, id: same?.id ?? this.#nextId++ };
    });
  }

  /** What is left to decide on, in the order of the document. */
  get hunks(): readonly Hunk[] {
    return this.#hunks.map((hunk) => {
      const { id, start, end, newLines } = hunk;
      return { id, oldLines: this.#lines.lines.slice(start, end), newLines, place: this.#placeOf(hunk) };
    });
  }

  /** As one change of the text for each hunk that has its place, in the order of the document. They are decided on with `settle`, once they are made. */
  changesFor(ids: ReadonlySet<number>): readonly TextChange[] {
    return this.#hunks.flatMap((hunk) => {
      const place = this.#placeOf(hunk);
      return ids.has(hunk.id) && place.type === 'found' ? [this.#change(hunk, place)] : [];
    });
  }

  /** Accepted, rejected or given up: they are not offered again. */
  settle(ids: ReadonlySet<number>): void {
    this.#hunks = this.#hunks.filter(({ id }) => !ids.has(id));
  }

  #placeOf(range: LineRange): HunkPlace {
    const found = range.end > range.start ? this.#lines.rangeOf(range.start, range.end) : this.#gapAt(range.start);
    return found ? { type: 'found', ...found } : { type: 'overtaken' };
  }

  /** Between two lines: at the end of the one before, unless only the one after is there. */
  #gapAt(line: number): { readonly offset: number; readonly length: 0 } | undefined {
    const offset = this.#endOf(line - 1) ?? this.#lines.offsetOf(line);
    return offset === undefined ? undefined : { offset, length: 0 };
  }

  #change({ start, end, newLines }: OfferedHunk, { offset, length }: { offset: number; length: number }): TextChange {
    const text = newLines.join(this.#lineEnd);
    if (end === start) {
      const isAfterLine = this.#endOf(start - 1) !== undefined;
      return { offset, length, text: isAfterLine ? this.#lineEnd + text : text + this.#lineEnd };
    }
    if (newLines.length > 0) return { offset, length, text };
    // Lines go with the end of the last; the last line of the document with the end of the one before.
    const after = lineEndLength(this.text, offset + length);
    if (after > 0) return { offset, length: length + after, text };
    const before = /(?:\r\n|\n|\r)$/.exec(this.text.slice(Math.max(0, offset - 2), offset))?.[0].length ?? 0;
    return { offset: offset - before, length: length + before, text };
  }

  #lineAt(offset: number | undefined): number | undefined {
    return offset === undefined ? undefined : linesOf(this.text.slice(0, offset)).length - 1;
  }

  #lineAfter(line: number): number | undefined {
    const at = this.#lineAt(this.#lines.offsetOf(line));
    return at === undefined ? undefined : at + 1;
  }

  #endOf(line: number): number | undefined {
    const start = this.#lines.offsetOf(line);
    return start === undefined ? undefined : start + (this.#lines.lines[line]?.length ?? 0);
  }
}

function isSame(one: Omit<OfferedHunk, 'id'>, other: Omit<OfferedHunk, 'id'>): boolean {
  return (
    one.start === other.start &&
    one.end === other.end &&
    one.newLines.length === other.newLines.length &&
    one.newLines.every((line, index) => line === other.newLines[index])
  );
}
