/** So many runs of each property; `npm run test:fuzz` makes 20,000. A2IA_FUZZ_SEED repeats a run. */
const numRuns = Number(process.env['A2IA_FUZZ_INPUTS'] ?? 600);
const seed = Number(process.env['A2IA_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);

/** A test of what holds for all of them, under the name by which `npm run test:fuzz` finds it. */
export function fuzz(what: string, check: (options: { numRuns: number; seed: number }) => void): void {
  it(`${what}: ${numRuns} random inputs (A2IA_FUZZ_SEED=${seed})`, function () {
    this.timeout(600_000);
    check({ numRuns, seed });
  });
}
