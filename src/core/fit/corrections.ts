import type { Figure } from './figure.ts';

/** What a load of this machine took beyond the plan, or less: what the formulas cannot know of a driver, a card and a version. */
export interface Corrections {
  /** When it was measured, in milliseconds since 1970. */
  readonly atMs: number;
  readonly bytes: Readonly<Partial<Record<CorrectedPart, number>>>;
}

/** By the rows of a plan. */
export type CorrectedPart = 'weights' | 'compute' | 'graphs' | 'overhead';

export const correctedParts: readonly CorrectedPart[] = ['weights', 'compute', 'graphs', 'overhead'];

const mebibyte = 1024 ** 2;

/** What two loads of one kind differ by. */
const repeatBytes = 32 * mebibyte;

/** The figure as it was measured on this machine, which is known better than any formula is. As it was where nothing was measured. */
export function corrected(figure: Figure, corrections: Corrections | undefined, part: CorrectedPart): Figure {
  const difference = corrections?.bytes[part];
  if (corrections === undefined || difference === undefined) return figure;
  const bytes = Math.max(0, figure.bytes + difference);
  return {
    bytes,
    lowBytes: Math.max(0, bytes - repeatBytes),
    highBytes: bytes + repeatBytes,
    origin: 'formula',
    because: `${figure.because}; ${calibrationText(corrections)}`,
  };
}

/** `calibrated on this machine, 24 November 2026`. */
export function calibrationText({ atMs }: Pick<Corrections, 'atMs'>): string {
  const date = new Date(atMs).toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric' });
  return `calibrated on this machine, ${date}`;
}
