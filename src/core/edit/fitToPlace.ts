import { indentationOf, isBlank, isCommon } from './lines.ts';

/** Where the code stands: all lines of the document around it. */
export interface Place {
  readonly lines: readonly string[];
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** What a model gives back in its own way, in the way of the document: without the lines around it, with its indentation and its tabs. */
export function fitToPlace(newLines: readonly string[], place: Place): readonly string[] {
  const own = withoutNeighbours(newLines, place);
  return reindented(withTabsOf(own, place), place);
}

/** So many lines before and after are shown to the model. */
export const linesShownAround = 20;

/** A model that was shown the surroundings likes to repeat them: cut only where it repeats them to the letter. */
function withoutNeighbours(lines: readonly string[], { lines: oldLines, before, after }: Place): readonly string[] {
  const reversed = (list: readonly string[]) => [...list].reverse();
  const top = repeated(before.slice(-linesShownAround), lines, oldLines);
  const bottom = repeated(reversed(after.slice(0, linesShownAround)), reversed(lines), reversed(oldLines));
  return top + bottom < lines.length ? lines.slice(top, lines.length - bottom) : lines;
}

/** How many of the first lines are the last of those before; 0 where the code itself begins like them. */
function repeated(before: readonly string[], lines: readonly string[], oldLines: readonly string[]): number {
  for (let count = Math.min(before.length, lines.length - 1); count > 0; count--) {
    const tail = before.slice(-count);
    const isRepeated = tail.every((line, index) => line.trimEnd() === lines[index]?.trimEnd());
    if (!isRepeated || tail.every(isCommon)) continue;
    const isOwn = tail.every((line, index) => line.trimEnd() === oldLines[index]?.trimEnd());
    return isOwn ? 0 : count;
  }
  return 0;
}

/** The code came without the indentation that all of it has. */
function reindented(lines: readonly string[], { lines: oldLines }: Place): readonly string[] {
  const wanted = commonIndentation(oldLines);
  const given = commonIndentation(lines);
  if (wanted === given || wanted === undefined || given === undefined) return lines;
  const first = (list: readonly string[]) => list.find((line) => !isBlank(line)) ?? '';
  // What begins at the margin on purpose begins with something else.
  const isSame = first(lines).trim() === first(oldLines).trim() || isShifted(lines, oldLines);
  if (!isSame || !(wanted.startsWith(given) || given.startsWith(wanted))) return lines;
  return lines.map((line) => (isBlank(line) ? line : wanted + line.slice(given.length)));
}

/** Lines that both have stand in the answer as far left of their place as its first. */
function isShifted(lines: readonly string[], oldLines: readonly string[]): boolean {
  const indentations = new Map(
    oldLines.filter((line) => !isCommon(line)).map((line) => [line.trim(), indentationOf(line).length]),
  );
  const shifts = new Set<number>();
  for (const line of lines) {
    const wanted = indentations.get(line.trim());
    if (wanted !== undefined) shifts.add(wanted - indentationOf(line).length);
  }
  return shifts.size === 1;
}

function commonIndentation(lines: readonly string[]): string | undefined {
  let common: string | undefined;
  for (const line of lines) {
    if (isBlank(line)) continue;
    const own = indentationOf(line);
    if (common === undefined) common = own;
    while (!own.startsWith(common)) common = common.slice(0, -1);
  }
  return common;
}

/** Spaces where the document has tabs. */
function withTabsOf(lines: readonly string[], { lines: oldLines, before, after }: Place): readonly string[] {
  const around = [...oldLines, ...before.slice(-20), ...after.slice(0, 20)];
  const usesTabs = around.some((line) => line.startsWith('\t')) && !around.some((line) => /^ {2,}\S/.test(line));
  const widths = lines.map((line) => /^ +(?=\S)/.exec(line)?.[0].length ?? 0).filter((width) => width > 1);
  if (!usesTabs || widths.length === 0 || lines.some((line) => line.startsWith('\t'))) return lines;
  const unit = Math.min(...widths);
  return lines.map((line) => {
    const spaces = /^ */.exec(line)?.[0].length ?? 0;
    return '\t'.repeat(Math.floor(spaces / unit)) + ' '.repeat(spaces % unit) + line.slice(spaces);
  });
}
