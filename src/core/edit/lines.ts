/** The lines of a text without their ends. A text that ends with a line end has an empty last line, as in an editor. */
export function linesOf(text: string): readonly string[] {
  return text.split(/\r\n|\n|\r/);
}

/** The line end that most lines have; of a text in one line, `\n`. */
export function lineEndOf(text: string): '\n' | '\r\n' | '\r' {
  const counts = { '\r\n': 0, '\n': 0, '\r': 0 };
  for (const [end] of text.matchAll(/\r\n|\n|\r/g)) counts[end as keyof typeof counts]++;
  if (counts['\r\n'] > counts['\n'] && counts['\r\n'] >= counts['\r']) return '\r\n';
  return counts['\r'] > counts['\n'] ? '\r' : '\n';
}

/** How many code units the line end at this offset takes; 0 where there is none. */
export function lineEndLength(text: string, offset: number): number {
  const unit = text[offset];
  if (unit === '\n') return 1;
  if (unit !== '\r') return 0;
  return text[offset + 1] === '\n' ? 2 : 1;
}

export function indentationOf(line: string): string {
  return /^[ \t]*/.exec(line)?.[0] ?? '';
}

export function isBlank(line: string): boolean {
  return line.trim() === '';
}

/** A line that says nothing of where it belongs: empty, or only brackets and the like. */
export function isCommon(line: string): boolean {
  return !/[\p{L}\p{N}]{2}/u.test(line) || /^\s*(else|end|do|try|fi|done|pass|return;?|break;?)\s*[{:]?\s*$/.test(line);
}
