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
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}

export function printTable(header: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? figure(cell) : cell)));
  const widths = header.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  console.log(['', line(header), `| ${rule.join(' | ')} |`, ...cells.map(line), ''].join('\n'));
}

/** `run.mjs` counts the lines that begin with ✘. */
export function printRequirement(text: string, holds: boolean, measured: string): void {
  console.log(`- ${holds ? '✔' : '✘'} ${text}: ${measured}`);
}

export function progress(text: string): void {
  process.stderr.write(`  ${text}\n`);
}
