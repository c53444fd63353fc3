import { isCommon } from './lines.ts';

/** A run of old lines that becomes a run of new lines; one of both may be empty. Ends are exclusive. */
export interface LineChange {
  readonly oldStart: number;
  readonly oldEnd: number;
  readonly newStart: number;
  readonly newEnd: number;
}

type Lines = readonly string[];

/** The same with changes as one that only a blank line or a bracket keeps apart: they are one to whoever reads them. */
export function diffHunks(oldLines: Lines, newLines: Lines): readonly LineChange[] {
  const joined: LineChange[] = [];
  for (const change of diffLines(oldLines, newLines)) {
    const last = joined.at(-1);
    const between = last && oldLines.slice(last.oldEnd, change.oldStart);
    if (last && between && between.length <= 2 && between.every(isCommon)) {
      joined[joined.length - 1] = { ...last, oldEnd: change.oldEnd, newEnd: change.newEnd };
    } else joined.push(change);
  }
  return joined;
}

/**
 * What changes between two lists of lines, in order; between two changes at least one line stays. Lines that occur once in both are kept together first
 * (patience), since a change that is shown between two functions should not borrow the brace of one for the other; Myers' shortest script does what is left.
 */
export function diffLines(oldLines: Lines, newLines: Lines): readonly LineChange[] {
  const [olds, news] = numbered(oldLines, newLines);
  const kept = new Uint32Array(olds.length).fill(gone);
  match(olds, news, { oldStart: 0, oldEnd: olds.length, newStart: 0, newEnd: news.length }, kept);
  return changesBetween(kept, news.length);
}

const gone = 0xffff_ffff;

/** Comparing numbers is faster than comparing lines. */
function numbered(...lists: readonly [Lines, Lines]): readonly [Uint32Array, Uint32Array] {
  const numbers = new Map<string, number>();
  const numberOf = (line: string) => {
    const known = numbers.get(line);
    if (known !== undefined) return known;
    numbers.set(line, numbers.size);
    return numbers.size - 1;
  };
  return [Uint32Array.from(lists[0], numberOf), Uint32Array.from(lists[1], numberOf)];
}

/** `kept[i]`: which new line the old line i is. */
function changesBetween(kept: Uint32Array, newLength: number): readonly LineChange[] {
  const changes: LineChange[] = [];
  let oldStart = 0;
  let newStart = 0;
  const end = (oldEnd: number, newEnd: number) => {
    if (oldEnd > oldStart || newEnd > newStart) changes.push({ oldStart, oldEnd, newStart, newEnd });
  };
  for (const [index, target] of kept.entries()) {
    if (target === gone) continue;
    end(index, target);
    oldStart = index + 1;
    newStart = target + 1;
  }
  end(kept.length, newLength);
  return changes;
}

function match(olds: Uint32Array, news: Uint32Array, within: LineChange, kept: Uint32Array): void {
  let { oldStart, oldEnd, newStart, newEnd } = within;
  while (oldStart < oldEnd && newStart < newEnd && olds[oldStart] === news[newStart]) kept[oldStart++] = newStart++;
  while (oldStart < oldEnd && newStart < newEnd && olds[oldEnd - 1] === news[newEnd - 1]) kept[--oldEnd] = --newEnd;
  if (oldStart === oldEnd || newStart === newEnd) return;
  const rest = { oldStart, oldEnd, newStart, newEnd };
  const anchors = uniqueInBoth(olds, news, rest);
  if (anchors.length === 0) return matchShortest(olds, news, rest, kept);
  for (const [oldAt, newAt] of anchors) {
    match(olds, news, { oldStart, oldEnd: oldAt, newStart, newEnd: newAt }, kept);
    kept[oldAt] = newAt;
    oldStart = oldAt + 1;
    newStart = newAt + 1;
  }
  match(olds, news, { oldStart, oldEnd, newStart, newEnd }, kept);
}

/** Lines that occur once on either side, the longest list of them that is in order on both. */
function uniqueInBoth(
  olds: Uint32Array,
  news: Uint32Array,
  within: LineChange,
): readonly (readonly [number, number])[] {
  const places = new Map<number, { oldAt: number; newAt: number; count: number }>();
  for (let at = within.oldStart; at < within.oldEnd; at++) {
    const known = places.get(olds[at] ?? 0);
    if (known) known.count++;
    else places.set(olds[at] ?? 0, { oldAt: at, newAt: -1, count: 1 });
  }
  for (let at = within.newStart; at < within.newEnd; at++) {
    const known = places.get(news[at] ?? 0);
    if (!known) continue;
    if (known.newAt >= 0) known.count++;
    known.newAt = at;
  }
  const unique = [...places.values()].filter(({ count, newAt }) => count === 1 && newAt >= 0);
  return longestRising(unique.map(({ oldAt, newAt }) => [oldAt, newAt] as const));
}

/** Of pairs in the order of their first numbers: the most of them whose second numbers rise too. */
function longestRising(pairs: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] {
  const ends: number[] = [];
  const before: (number | undefined)[] = [];
  for (const [index, [, value]] of pairs.entries()) {
    let low = 0;
    for (let high = ends.length; low < high;) {
      const middle = (low + high) >> 1;
      if ((pairs[ends[middle] ?? 0]?.[1] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    before.push(low > 0 ? ends[low - 1] : undefined);
    ends[low] = index;
  }
  const rising: (readonly [number, number])[] = [];
  for (let index = ends.at(-1); index !== undefined; index = before[index]) {
    const pair = pairs[index];
    if (pair) rising.unshift(pair);
  }
  return rising;
}

/** More steps than this, and what is left is shown as replaced: nobody reads such a diff line by line, and time grows with their square. */
const mostSteps = 1000;

/** Myers: An O(ND) Difference Algorithm and Its Variations (1986), forwards, with all steps remembered. */
function matchShortest(olds: Uint32Array, news: Uint32Array, within: LineChange, kept: Uint32Array): void {
  const { oldStart, oldEnd, newStart, newEnd } = within;
  const [oldLength, newLength] = [oldEnd - oldStart, newEnd - newStart];
  const most = Math.min(oldLength + newLength, mostSteps);
  const reach = new Int32Array(2 * most + 3);
  const trail: Int32Array[] = [];
  for (let steps = 0; steps <= most; steps++) {
    trail.push(reach.slice(most - steps, most + steps + 3));
    for (let diagonal = -steps; diagonal <= steps; diagonal += 2) {
      const at = diagonal + most + 1;
      const down = diagonal === -steps || (diagonal !== steps && (reach[at - 1] ?? 0) < (reach[at + 1] ?? 0));
      let x = down ? (reach[at + 1] ?? 0) : (reach[at - 1] ?? 0) + 1;
      while (x < oldLength && x - diagonal < newLength && olds[oldStart + x] === news[newStart + x - diagonal]) x++;
      reach[at] = x;
      if (x >= oldLength && x - diagonal >= newLength) return walkBack(trail, within, kept);
    }
  }
}

function walkBack(trail: readonly Int32Array[], within: LineChange, kept: Uint32Array): void {
  let x = within.oldEnd - within.oldStart;
  let y = within.newEnd - within.newStart;
  for (let steps = trail.length - 1; steps >= 0; steps--) {
    // As it was before the step: from diagonal -steps - 1 to steps + 1.
    const reach = trail[steps] ?? new Int32Array();
    const diagonal = x - y;
    const at = diagonal + steps + 1;
    const down = diagonal === -steps || (diagonal !== steps && (reach[at - 1] ?? 0) < (reach[at + 1] ?? 0));
    const fromX = (down ? reach[at + 1] : reach[at - 1]) ?? 0;
    const fromY = fromX - (down ? diagonal + 1 : diagonal - 1);
    const [afterX, afterY] = down ? [fromX, fromY + 1] : [fromX + 1, fromY];
    while (x > afterX && y > afterY) kept[within.oldStart + --x] = within.newStart + --y;
    x = fromX;
    y = fromY;
  }
}
