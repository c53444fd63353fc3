import { indentationOf, isBlank } from './lines.ts';

/** Lines to look for, and what to put in their place. */
export interface EditBlock {
  readonly search: readonly string[];
  readonly replace: readonly string[];
}

const searchMark = /^\s*<{5,}\s*(SEARCH|ORIGINAL|HEAD|OLD)?\s*$/i;
const dividerMark = /^\s*={5,}\s*$/;
const replaceMark = /^\s*>{5,}\s*(REPLACE|UPDATED|NEW)?.*$/i;

/** @param isComplete false: what divides and ends a block may yet come */
export function hasSearchMarks(lines: readonly string[], isComplete = true): boolean {
  const at = lines.findIndex((line) => searchMark.test(line));
  return at >= 0 && (!isComplete || lines.slice(at).some((line) => dividerMark.test(line)));
}

/** Blocks between `<<<<<<< SEARCH`, `=======` and `>>>>>>> REPLACE`. The last of an answer that has not ended is left out. */
export function searchReplaceBlocks(lines: readonly string[]): readonly EditBlock[] {
  const blocks: EditBlock[] = [];
  let search: string[] | undefined;
  let replace: string[] | undefined;
  for (const line of lines) {
    if (searchMark.test(line)) {
      search = [];
      replace = undefined;
    } else if (search && !replace && dividerMark.test(line)) replace = [];
    else if (search && replace && replaceMark.test(line)) {
      blocks.push({ search, replace });
      search = undefined;
      replace = undefined;
    } else (replace ?? search)?.push(line);
  }
  return blocks;
}

const hunkHead = /^@@.*@@/;
const fileHead = /^(?:---|\+\+\+) |^(?:diff --git|index [\da-f]+\.\.) ?/;

/** A unified diff: a head, or lines that all begin with a sign, of which some are added or removed. */
export function looksLikeDiff(lines: readonly string[], info: string): boolean {
  if (lines.some((line) => hunkHead.test(line))) return true;
  const marked = lines.filter((line) => /^[+-](?![+-]{2} )/.test(line)).length;
  if (/^(diff|patch)\b/i.test(info)) return marked > 0;
  const signed = lines.filter((line) => isBlank(line) || /^[ +-]/.test(line)).length;
  return (
    marked > 0 &&
    signed === lines.length &&
    lines.some((line) => line.startsWith('-')) &&
    lines.some((line) => line.startsWith('+'))
  );
}

/** A block for each hunk, from what its lines say: line numbers of models are seldom right. Context that has lost its leading space is known by the code. */
export function diffBlocks(lines: readonly string[], code: readonly string[]): readonly EditBlock[] {
  const known = new Set(code);
  const blocks: EditBlock[] = [];
  let search: string[] = [];
  let replace: string[] = [];
  const end = () => {
    if (search.length > 0 || replace.length > 0) blocks.push({ search, replace });
    search = [];
    replace = [];
  };
  for (const line of lines) {
    if (fileHead.test(line) || line.startsWith('\\ No newline')) continue;
    if (hunkHead.test(line)) end();
    else if (line.startsWith('+')) replace.push(line.slice(1));
    else if (line.startsWith('-')) search.push(line.slice(1));
    else {
      const context = line.startsWith(' ') && (known.has(line.slice(1)) || !known.has(line)) ? line.slice(1) : line;
      search.push(context);
      replace.push(context);
    }
  }
  end();
  return blocks.map(withoutBlankEnds);
}

function withoutBlankEnds({ search, replace }: EditBlock): EditBlock {
  let most = 0;
  while (
    most < Math.min(search.length, replace.length) &&
    isBlank(search.at(-1 - most) ?? 'x') &&
    isBlank(replace.at(-1 - most) ?? 'x')
  )
    most++;
  return { search: search.slice(0, search.length - most), replace: replace.slice(0, replace.length - most) };
}

export type Applied =
  | { readonly type: 'applied'; readonly lines: readonly string[] }
  /** Which block has no place, counted from 1, and why. */
  | { readonly type: 'noPlace'; readonly block: number; readonly why: 'notFound' | 'ambiguous' | 'nothingToFind' };

/** The lines with every block in its place; all or none. Each is looked for as written, else without regard to how lines are indented and end. */
export function applyBlocks(lines: readonly string[], blocks: readonly EditBlock[]): Applied {
  let result = lines;
  for (const [index, block] of blocks.entries()) {
    const applied = applyBlock(result, block);
    if (typeof applied === 'string') return { type: 'noPlace', block: index + 1, why: applied };
    result = applied;
  }
  return { type: 'applied', lines: result };
}

function applyBlock(
  lines: readonly string[],
  { search, replace }: EditBlock,
): readonly string[] | 'notFound' | 'ambiguous' | 'nothingToFind' {
  const wanted = trimBlank(search);
  if (wanted.length === 0) return lines.every(isBlank) ? replace : 'nothingToFind';
  const put = wanted.length === search.length ? replace : trimBlank(replace);
  for (const same of [sameLine, sameEnd, sameWords]) {
    const places = placesOf(lines, wanted, same);
    if (places.length > 1) return 'ambiguous';
    const [at] = places;
    if (at === undefined) continue;
    const old = lines.slice(at, at + wanted.length);
    return [...lines.slice(0, at), ...reindented(put, wanted, old), ...lines.slice(at + wanted.length)];
  }
  return 'notFound';
}

const sameLine = (one: string, other: string) => one === other;
const sameEnd = (one: string, other: string) => one.trimEnd() === other.trimEnd();
const sameWords = (one: string, other: string) => one.trim() === other.trim();

function placesOf(
  lines: readonly string[],
  wanted: readonly string[],
  same: (one: string, other: string) => boolean,
): readonly number[] {
  const places: number[] = [];
  for (let at = 0; at + wanted.length <= lines.length; at++) {
    if (wanted.every((line, index) => same(line, lines[at + index] ?? ''))) places.push(at);
  }
  return places;
}

/** What replaces lines that were found by their words gets the indentation that those lines really have. */
function reindented(replace: readonly string[], wanted: readonly string[], old: readonly string[]): readonly string[] {
  const first = wanted.findIndex((line) => !isBlank(line));
  const from = indentationOf(wanted[first] ?? '');
  const to = indentationOf(old[first] ?? '');
  if (from === to) return replace;
  return replace.map((line) => (isBlank(line) || !line.startsWith(from) ? line : to + line.slice(from.length)));
}

export function trimBlank(lines: readonly string[]): readonly string[] {
  const start = lines.findIndex((line) => !isBlank(line));
  const end = lines.findLastIndex((line) => !isBlank(line));
  return start < 0 ? [] : lines.slice(start, end + 1);
}
