import { diffLines, type LineChange } from './lineDiff.ts';
import { isCommon } from './lines.ts';

/** As much of a partial answer as is certain: its first `lines` stand for the first `reach` lines of what was asked about. */
export interface Settled {
  readonly lines: number;
  readonly reach: number;
}

/**
 * How far an answer that has not ended, or was cut off, is complete: up to the last lines that it has taken over unchanged. What comes after may yet become
 * anything. The more lines would go, the more lines have to agree behind them: a lone `return result;` is no proof that the fifty lines before it are meant
 * to go.
 */
export function settledPart(oldLines: readonly string[], newLines: readonly string[]): Settled {
  // A line far below is rather another one that looks like it.
  const near = oldLines.slice(0, 2 * newLines.length + 40);
  const changes = diffLines(near, newLines);
  let settled: Settled = { lines: newLines.length, reach: near.length };
  for (let index = changes.length - 1; index >= 0; index--) {
    const change = changes[index];
    if (!change) break;
    const isAtEnd = settled.lines === change.newEnd && settled.reach === change.oldEnd;
    if (!isAtEnd && agreement(newLines.slice(change.newEnd, settled.lines)) >= agreementWanted(change)) break;
    settled = { lines: change.newStart, reach: change.oldStart };
  }
  return settled;
}

function agreement(lines: readonly string[]): number {
  return lines.filter((line) => !isCommon(line)).length;
}

function agreementWanted({ oldStart, oldEnd, newStart, newEnd }: LineChange): number {
  return 1 + Math.max(0, oldEnd - oldStart - (newEnd - newStart)) / 3;
}
