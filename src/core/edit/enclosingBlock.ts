import type { LineRange } from './editSession.ts';
import { indentationOf, isBlank } from './lines.ts';

/** Around a line, where no language service knows the symbol: up to the line that is less indented and opens the block, down to the one that closes it. */
export function enclosingBlock(lines: readonly string[], line: number): LineRange {
  if (isBlank(lines[line] ?? '')) return { start: line, end: Math.min(line + 1, lines.length) };
  const depth = (at: number) => indentationOf(lines[at] ?? '').length;
  let start = line;
  const own = depth(line);
  // From within a block to its head; at the margin the paragraph is the block.
  if (own > 0) while (start > 0 && (isBlank(lines[start] ?? '') || depth(start) >= own)) start--;
  else while (start > 0 && !isBlank(lines[start - 1] ?? '') && depth(start - 1) === 0) start--;
  const head = depth(start);
  let end = line + 1;
  while (
    end < lines.length &&
    (isBlank(lines[end] ?? '') ? own > 0 || depthAfter(lines, end) > head : depth(end) > head)
  )
    end++;
  while (end > line + 1 && isBlank(lines[end - 1] ?? '')) end--;
  if (end < lines.length && depth(end) === head && /^\s*(?:[}\])]|end\b|fi\b|done\b|esac\b)/.test(lines[end] ?? ''))
    end++;
  return { start, end };
}

function depthAfter(lines: readonly string[], blank: number): number {
  const next = lines.slice(blank).find((line) => !isBlank(line));
  return next === undefined ? 0 : indentationOf(next).length;
}
