export type VllmVersion = readonly [major: number, minor: number];

export function isAtLeast(version: VllmVersion | undefined, minor: number): boolean {
  return version !== undefined && (version[0] > 0 || version[1] >= minor);
}

/** Months of the releases, by vLLM's release page: what a log without a version was written by at the latest. */
const releases: readonly (readonly [year: number, month: number, minor: number])[] = [
  [2023, 6, 1],
  [2023, 9, 2],
  [2024, 1, 3],
  [2024, 4, 4],
  [2024, 6, 5],
  [2024, 9, 6],
  [2025, 2, 7],
  [2025, 4, 8],
  [2025, 6, 9],
  [2025, 8, 10],
  [2025, 10, 11],
  [2025, 12, 13],
  [2026, 1, 14],
  [2026, 2, 15],
  [2026, 3, 17],
  [2026, 4, 18],
  [2026, 5, 20],
  [2026, 6, 22],
  [2026, 7, 25],
  [2026, 8, 27],
  [2026, 9, 29],
];

/**
 * `0.19.0`, `v0.10.2`, `0.8.x (V0)`, `2025-09`, and NVIDIA's container `26.01`. Builds between releases (`0.20.1rc1.dev91`) have what the next release has.
 * Undefined: the text says none of these.
 */
export function vllmVersionNamed(text: string): VllmVersion | undefined {
  const named = /(?<![\d.])v?([0-3])\.(\d{1,2})(?![\d])(?:\.[\dx]+)?((?:\.?(?:rc|dev)\d*|\+g)\S*)?/.exec(text);
  if (named) return [Number(named[1]), Number(named[2]) + (/dev/.test(named[3] ?? '') ? 1 : 0)];
  const month = /(20\d\d)[-/.](\d\d)/.exec(text) ?? /(?<![\d.])(2\d)\.(\d\d)(?![\d.])/.exec(text);
  if (!month) return undefined;
  const [year, number] = [Number(month[1]) % 100, Number(month[2])];
  const before = releases.filter(([y, m]) => y % 100 < year || (y % 100 === year && m <= number)).at(-1);
  return before && [0, before[2]];
}

/**
 * Version 0 of the engine, which profiles a whole context at once. The first version with the new engine by default, 0.8, falls back to it on cards before
 * Ampere; a log says which it was by the file that wrote a line (`worker.py`, `gpu_worker.py`).
 */
export function isOldEngine(version: VllmVersion | undefined, text: string, beforeAmpere: boolean): boolean {
  if (/\bV1\b|gpu_worker|gpu_model_runner/.test(text)) return false;
  if (/\bV0\b|(?<!gpu_)worker\.py/.test(text)) return true;
  if (version === undefined || isAtLeast(version, 11)) return false;
  return !isAtLeast(version, 8) || beforeAmpere;
}
