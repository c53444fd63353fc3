import type { Figure } from './figure.ts';

/** What a load of this machine took beyond the plan, or less: what the formulas cannot know of a driver, a card and a version. */
export interface Corrections extends MeasuredBy {
  readonly bytes: Readonly<Partial<Record<CorrectedPart, number>>>;
  /** The load was of another model: how far that carries is less certain. */
  readonly isOfAnother?: boolean;
}

export interface MeasuredBy {
  /** When it was measured, in milliseconds since 1970. */
  readonly atMs: number;
  /** The model that was loaded, as its server calls it. */
  readonly of: string;
}

/** By the rows of a plan; `pool`: all that vLLM has for keys and values. */
export type CorrectedPart = 'weights' | 'compute' | 'graphs' | 'overhead' | 'pool';

export const correctedParts: readonly CorrectedPart[] = ['weights', 'compute', 'graphs', 'overhead', 'pool'];

const mebibyte = 1024 ** 2;

/** What two loads of one kind differ by. */
const repeatBytes = 32 * mebibyte;
/** Kernels are loaded when they are used, and models use different ones. */
const anotherBytes = 128 * mebibyte;

/** The figure as it was measured on this machine, which is known better than any formula is. As it was where nothing was measured. */
export function corrected(figure: Figure, corrections: Corrections | undefined, part: CorrectedPart): Figure {
  const difference = corrections?.bytes[part];
  if (corrections === undefined || difference === undefined) return figure;
  const bytes = Math.max(0, figure.bytes + difference);
  const spread = corrections.isOfAnother ? anotherBytes : repeatBytes;
  return {
    bytes,
    lowBytes: Math.max(0, bytes - spread),
    highBytes: bytes + spread,
    origin: 'formula',
    because: `${figure.because}; as measured here on ${dateText(corrections)}`,
  };
}

/** `Corrected by what this machine’s load of llama3.1:8b took on 24 November 2026.` */
export function calibrationText(measured: MeasuredBy): string {
  return `Corrected by what this machine’s load of ${measured.of} took on ${dateText(measured)}.`;
}

export function dateText({ atMs }: Pick<MeasuredBy, 'atMs'>): string {
  return new Date(atMs).toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric' });
}
