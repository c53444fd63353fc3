import { plural } from '../util/plural.ts';
import { TokenRoom } from './tokenRoom.ts';

export interface ProblemLine {
  readonly path: string;
  /** Counted from 1. */
  readonly line: number;
  readonly severity: 'error' | 'warning' | 'note';
  readonly message: string;
  /** Who says so: `ts 2304`. */
  readonly source: string;
}

export interface ProblemsText {
  readonly text: string;
  /** `3 errors, 1 warning`; with `of 40 problems` when not all of them fitted. */
  readonly summary: string;
}

const severities = ['error', 'warning', 'note'] as const;

/** One line each, `src/app.ts:3: error: …`; errors first, so that what does not fit matters least. */
export function problemsText(problems: readonly ProblemLine[], roomTokens: number): ProblemsText {
  const sorted = [...problems].sort(
    (a, b) =>
      severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
      (a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line),
  );
  const lines = new TokenRoom(roomTokens).takeFirst(sorted.map(asLine));
  const leftOut = sorted.length - lines.length;
  return {
    text: [...lines, ...(leftOut > 0 ? [`(${plural(leftOut, 'more problem')} left out)`] : [])].join('\n'),
    summary:
      countBySeverity(sorted.slice(0, lines.length)) + (leftOut > 0 ? ` of ${plural(sorted.length, 'problem')}` : ''),
  };
}

export function countBySeverity(problems: readonly Pick<ProblemLine, 'severity'>[]): string {
  const counts = severities
    .map((severity) => ({ severity, count: problems.filter((problem) => problem.severity === severity).length }))
    .filter(({ count }) => count > 0);
  return counts.length === 0 ? 'none' : counts.map(({ severity, count }) => plural(count, severity)).join(', ');
}

function asLine({ path, line, severity, message, source }: ProblemLine): string {
  return `${path}:${line}: ${severity}: ${message.replace(/\s*\n\s*/g, ' ')}${source ? ` [${source}]` : ''}`;
}
