/** Bytes cut at these positions, in any order. */
export function cutAt(bytes: Buffer, positions: readonly number[]): Buffer[] {
  const cuts = [0, ...[...new Set(positions)].sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end));
}

/** Up to 40 positions, the same for the same seed. */
export function seededCuts(seed: number, length: number): number[] {
  let state = seed >>> 0 || 1;
  return Array.from({ length: 1 + (seed % 40) }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % length;
  });
}
