interface LinePosition {
  /** Counted from 0, as editors do. */
  readonly line: number;
  readonly character: number;
}

/** `lines 3 to 9`, for people and for the model. A range of whole lines ends at the beginning of the next one, of which nothing is in it. */
export function lineLabel({ start, end }: { readonly start: LinePosition; readonly end: LinePosition }): string {
  const first = start.line + 1;
  const last = end.character === 0 && end.line > start.line ? end.line : end.line + 1;
  return first === last ? `line ${first}` : `lines ${first} to ${last}`;
}
