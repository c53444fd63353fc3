import { applyChange, type TextChange } from '../../src/core/edit/anchoredLines.ts';
import { lineEndOf, linesOf } from '../../src/core/edit/lines.ts';

/** What a user does at a share of the text: characters are removed there, then some are typed. */
export interface Typed {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

interface Character {
  readonly unit: string;
  /** Where it stood at first; undefined for what was typed. */
  readonly from: number | undefined;
}

/** A text in which each character is known again, so that a test can say where lines are without looking for them. */
export class EditedText {
  readonly lines: readonly string[];
  readonly #original: string;
  readonly #starts: readonly number[];
  #characters: Character[];

  constructor(text: string) {
    this.#original = text;
    const mark = text.startsWith('\ufeff') ? 1 : 0;
    this.lines = linesOf(text.slice(mark));
    const starts = [mark];
    for (const { index, 0: end } of text.matchAll(/\r\n|\n/g)) starts.push(index + end.length);
    this.#starts = starts;
    this.#characters = text.split('').map((unit, from) => ({ unit, from }));
  }

  get text(): string {
    return this.#characters.map(({ unit }) => unit).join('');
  }

  /** Leaves a byte order mark and line ends of two characters whole, as an editor does. */
  type({ at, remove, insert }: Typed): readonly TextChange[] {
    const { text } = this;
    const whole = (offset: number) => (text[offset - 1] === '\r' && text[offset] === '\n' ? offset - 1 : offset);
    const least = text.startsWith('\ufeff') ? 1 : 0;
    const offset = Math.max(least, whole(Math.floor(at * text.length)));
    const length = Math.max(0, whole(Math.min(text.length, offset + remove)) - offset);
    const changes: TextChange[] = [];
    if (length > 0) changes.push({ offset, length, text: '' });
    if (insert !== '') changes.push({ offset, length: 0, text: insert });
    const typed = insert.split('').map((unit) => ({ unit, from: undefined }));
    this.#characters = [...this.#characters.slice(0, offset), ...typed, ...this.#characters.slice(offset + length)];
    return changes;
  }

  /** The text with these lines in place of the original lines `start` to `end`, each wherever its lines are whole and together. */
  withHunks(
    hunks: readonly { readonly start: number; readonly end: number; readonly lines: readonly string[] }[],
  ): string {
    const lineEnd = lineEndOf(this.#original);
    let result = this.text;
    for (const { start, end, lines } of [...hunks].reverse()) {
      const insertAfter = start === end ? this.#whereIs(start - 1) : undefined;
      const first = this.#whereIs(start);
      if (start === end) {
        const joined = lines.map((one) => lineEnd + one).join('');
        if (insertAfter !== undefined)
          result = applyChange(result, { offset: insertAfter + this.#line(start - 1).length, length: 0, text: joined });
        else if (first !== undefined)
          result = applyChange(result, { offset: first, length: 0, text: lines.map((one) => one + lineEnd).join('') });
        continue;
      }
      const stop = first === undefined ? undefined : this.#endOfRun(start, end, first);
      if (first === undefined || stop === undefined) continue;
      const next = /^(?:\r\n|\n)?/.exec(this.text.slice(stop))?.[0].length ?? 0;
      const previous = /(?:\r\n|\n)$/.exec(this.text.slice(0, first))?.[0].length ?? 0;
      const from = lines.length === 0 && next === 0 ? first - previous : first;
      const to = lines.length === 0 ? stop + next : stop;
      result = applyChange(result, { offset: from, length: to - from, text: lines.join(lineEnd) });
    }
    return result;
  }

  #line(index: number): string {
    return this.lines[index] ?? '';
  }

  /** Where the original line begins now; undefined unless all of it is there, alone on its line. */
  #whereIs(index: number): number | undefined {
    const origin = this.#starts[index];
    if (index < 0 || origin === undefined) return undefined;
    const content = this.#line(index);
    const hasEnd = index < this.lines.length - 1;
    // A line without characters is known by its end; the last one has none and is where the text ends.
    const at =
      hasEnd || content !== '' ? this.#characters.findIndex(({ from }) => from === origin) : this.#characters.length;
    if (at < 0) return undefined;
    for (let unit = 0; unit < content.length; unit++)
      if (this.#characters[at + unit]?.from !== origin + unit) return undefined;
    const before = this.#characters[at - 1]?.unit ?? '\n';
    const after = this.#characters[at + content.length]?.unit ?? '\n';
    return /[\n\ufeff]/.test(before) && /[\r\n]/.test(after) ? at : undefined;
  }

  #endOfRun(start: number, end: number, first: number): number | undefined {
    let next = first;
    let stop = first;
    for (let index = start; index < end; index++) {
      if (this.#whereIs(index) !== next) return undefined;
      stop = next + this.#line(index).length;
      next = stop + (/^(?:\r\n|\n)?/.exec(this.text.slice(stop))?.[0].length ?? 0);
    }
    return stop;
  }
}
