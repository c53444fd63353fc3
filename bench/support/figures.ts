/** Figures and how they are printed. Every bench writes Markdown to standard output and its progress to standard error. */

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** Of the sorted values the one below which `percent` of them lie, between two neighbours by proportion. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const position = ((sorted.length - 1) * percent) / 100;
  const below = sorted[Math.floor(position)] ?? NaN;
  const above = sorted[Math.ceil(position)] ?? NaN;
  return below + (above - below) * (position - Math.floor(position));
}

/** Three significant digits, or all of a whole number. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return Math.abs(value) >= 100 ? whole(value) : String(Number(value.toPrecision(3)));
}

/** A count: `200,000`. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function printTable(header: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? figure(cell) : cell)));
  const columns = header.map((title, column) => ({
    width: Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)),
    isNumeric: rows.every((row) => typeof row[column] === 'number'),
  }));
  const line = (row: readonly string[]) =>
    `| ${columns.map(({ width, isNumeric }, column) => (isNumeric ? row[column]?.padStart(width) : row[column]?.padEnd(width))).join(' | ')} |`;
  const rule = columns.map(({ width, isNumeric }) => (isNumeric ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  console.log(['', line(header), line(rule), ...cells.map(line), ''].join('\n'));
}

/** `scripts/bench.mjs` counts the lines that begin with ✘. */
export function printRequirement(text: string, holds: boolean, measured: string): void {
  console.log(`- ${holds ? '✔' : '✘'} ${text}: ${measured}`);
}

export function progress(text: string): void {
  process.stderr.write(`  ${text}\n`);
}
