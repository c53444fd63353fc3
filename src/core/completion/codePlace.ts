/** A file that belongs to the one with the gap: what was edited in it last. */
export interface NeighbourFile {
  /** Relative to the workspace, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** A gap in a file, as far as it goes into a prompt. Lines end with `\n`. */
export interface CodePlace {
  /** Relative to the workspace, with `/`. */
  readonly path: string;
  readonly prefix: string;
  readonly suffix: string;
  /** The one edited last is last: what changes most stands where a server's prefix cache loses least by it. */
  readonly neighbours: readonly NeighbourFile[];
}
