/** A number of bytes that says where it comes from and how far it may be off. */
export interface Figure {
  readonly bytes: number;
  readonly lowBytes: number;
  readonly highBytes: number;
  readonly origin: FigureOrigin;
  /** In a few words, for the user: the formula with its numbers, or what was assumed. */
  readonly because: string;
}

/**
 * `exact`: sums of what a file or a configuration states. `formula`: follows from what the server allocates. `assumed`: a constant or a setting that was
 * not given. `bound`: at most this, for what is not known.
 */
export type FigureOrigin = 'exact' | 'formula' | 'assumed' | 'bound';

export function exact(bytes: number, because: string): Figure {
  return { bytes, lowBytes: bytes, highBytes: bytes, origin: 'exact', because };
}

/** `spread` 0.05: between 5 % less and 5 % more. */
export function about(bytes: number, spread: number, origin: FigureOrigin, because: string): Figure {
  return { bytes, lowBytes: bytes * (1 - spread), highBytes: bytes * (1 + spread), origin, because };
}

export function between(
  lowBytes: number,
  bytes: number,
  highBytes: number,
  origin: FigureOrigin,
  because: string,
): Figure {
  return { bytes, lowBytes, highBytes, origin, because };
}

/** The sum is no better known than its worst part. */
export function sum(figures: readonly Figure[], because: string): Figure {
  const ranks: readonly FigureOrigin[] = ['exact', 'formula', 'assumed', 'bound'];
  const worst = Math.max(0, ...figures.map(({ origin }) => ranks.indexOf(origin)));
  return {
    bytes: total(figures, 'bytes'),
    lowBytes: total(figures, 'lowBytes'),
    highBytes: total(figures, 'highBytes'),
    origin: ranks[worst] ?? 'bound',
    because,
  };
}

function total(figures: readonly Figure[], key: 'bytes' | 'lowBytes' | 'highBytes'): number {
  return figures.reduce((so, figure) => so + figure[key], 0);
}
