import { between, exact, type Figure } from './figure.ts';

/** One condition that a load has to meet. */
export interface Inequality {
  readonly name: string;
  readonly need: Figure;
  readonly have: Figure;
  /** `maybe`: the intervals overlap, so it depends on what was not known. */
  readonly holds: 'yes' | 'maybe' | 'no';
  /** What is left over by the middle values; negative: missing. */
  readonly slackBytes: number;
}

export function inequality(name: string, need: Figure, have: Figure): Inequality {
  const holds = need.highBytes <= have.lowBytes ? 'yes' : need.lowBytes > have.highBytes ? 'no' : 'maybe';
  return { name, need, have, holds, slackBytes: have.bytes - need.bytes };
}

/** Memory of one GPU before the load. */
export interface GpuRoom {
  readonly totalBytes: number;
  /** Absent: not known. */
  readonly freeBytes?: number;
  /** A card without a socket for a screen: no desktop runs on it. */
  readonly isHeadless?: boolean;
  /** The CPU has its memory there too, so what is free is not the GPU's alone. */
  readonly isUnified?: boolean;
  /** Windows pages before everything that is free is taken. */
  readonly spills?: boolean;
}

const mebibyte = 1024 ** 2;

/** What a new process finds free. An idle card has 0.1 GiB in use on a server, up to 1.5 GiB where a desktop runs on it. */
export function freeFigure({ totalBytes, freeBytes, isUnified, isHeadless, spills }: GpuRoom): Figure {
  if (freeBytes !== undefined && spills)
    return between(
      0.9 * freeBytes,
      freeBytes,
      freeBytes,
      'assumed',
      'free before the load; Windows lets a process have perhaps a tenth less',
    );
  if (freeBytes !== undefined) return exact(freeBytes, 'free before the load');
  const inUse = (isHeadless ? 640 : 1536) * mebibyte;
  return between(
    Math.max(0, isUnified ? totalBytes / 2 : totalBytes - inUse),
    totalBytes - 400 * mebibyte,
    totalBytes - 64 * mebibyte,
    'assumed',
    'an idle card: what others use was not known',
  );
}

export function minus(figure: Figure, bytes: number): Figure {
  return {
    ...figure,
    bytes: figure.bytes - bytes,
    lowBytes: figure.lowBytes - bytes,
    highBytes: figure.highBytes - bytes,
  };
}
