/** Columns of the white space at the beginning; a tab goes to the next multiple of 4. */
export function indentOf(line: string): number {
  let columns = 0;
  for (const character of line) {
    if (character === ' ') columns++;
    else if (character === '\t') columns += 4 - (columns % 4);
    else break;
  }
  return columns;
}

/** The line without so many columns of white space, or as many as there are. */
export function dropIndent(line: string, columns: number): string {
  let column = 0;
  let index = 0;
  while (column < columns && (line[index] === ' ' || line[index] === '\t')) {
    column += line[index] === '\t' ? 4 - (column % 4) : 1;
    index++;
  }
  return ' '.repeat(Math.max(0, column - columns)) + line.slice(index);
}

export function isBlank(line: string): boolean {
  return !/\S/.test(line);
}
