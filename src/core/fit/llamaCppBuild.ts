/**
 * What changed over time in the memory that llama.cpp takes. Builds are numbered by llama.cpp's own tags (b9500); Ollama's versions and dates are turned
 * into them.
 */
export interface LlamaCppBuild {
  /** Absent: not known, and then the larger of the possible sizes is planned with. */
  readonly number?: number;
  /** Ollama's own engine (0.7 to 0.24), for the models that it ran. */
  readonly ollamaEngine?: boolean;
  /** The fork ik_llama.cpp: gate and up are one operation, and the attention mask is 16 bits wide. */
  readonly fork?: 'ik';
}

/** The attention mask became 16 bits wide, and only the rows that are sampled get logits. */
export const narrowMaskSince = 9500;
/** Latent attention was kept as full heads before: 30 to 60 times as much. */
const latentCacheSince = 5130;
/** llama-server has four slots that share one cache, unless it is told otherwise. */
const fourSlotsSince = 7200;
/** Flash attention is chosen by itself. */
const automaticFlashAttentionSince = 6330;
const engineFlashAttentionSince = 6100;
/** Ollama's engine lays memory out by measuring; before, and for other models until 0.12.11, by formulas that say up to a third too much. */
const engineMeasuresSince = 6100;
const engineCopiesSince = 7000;

export interface BuildTraits {
  /** Bytes of one cell of the mask, with and without flash attention. */
  readonly maskBytes: { readonly flash: number; readonly plain: number };
  /** Of the feed-forward width: gate and up, and their product unless it takes the place of one of them. */
  readonly gluCopies: 2 | 3;
  readonly logitsPerBatch: boolean;
  readonly flashAttentionByDefault: boolean;
  /** Keys and values of one layer are copied to 16 bits when the cache is quantized. */
  readonly copiesQuantizedCache: boolean;
  readonly latentCache: boolean;
  /** Ollama: what is loaded is measured, not estimated. */
  readonly measures: boolean;
  /** Matrices of layers on the CPU are copied to the GPU for long prompts. */
  readonly copiesLayers: boolean;
  readonly stateCopies: number;
  readonly usualSlots: 1 | 4;
}

export function buildTraits({ number, ollamaEngine = false, fork }: LlamaCppBuild): BuildTraits {
  const since = (first: number) => number !== undefined && number >= first;
  const narrow = since(narrowMaskSince);
  return {
    maskBytes: { flash: narrow || fork === 'ik' ? 2 : 6, plain: 4 },
    gluCopies: number === undefined || narrow || ollamaEngine ? 3 : 2,
    logitsPerBatch: !narrow && !ollamaEngine,
    flashAttentionByDefault: since(ollamaEngine ? engineFlashAttentionSince : automaticFlashAttentionSince),
    copiesQuantizedCache: narrow,
    latentCache: fork === 'ik' || since(latentCacheSince),
    measures: since(narrowMaskSince) || (ollamaEngine && since(engineMeasuresSince)),
    copiesLayers: !ollamaEngine || since(engineCopiesSince),
    // Ollama's engine keeps snapshots of the recurrent state, to go back to when a prompt changes.
    stateCopies: ollamaEngine ? 25 : 1,
    usualSlots: since(fourSlotsSince) ? 4 : 1,
  };
}

/** The tags of llama.cpp by the day they were made, as its release page has them. */
const tagDates: readonly (readonly [year: number, month: number, number: number])[] = [
  [2023, 9, 1200],
  [2024, 1, 1800],
  [2024, 7, 3300],
  [2025, 1, 4400],
  [2025, 4, 5020],
  [2025, 7, 5800],
  [2025, 10, 6650],
  [2026, 1, 7600],
  [2026, 6, 9450],
  [2026, 8, 10_200],
];

/** The newest tag that is older than the month, or about as old. */
export function buildOfMonth(year: number, month: number): number {
  const before = tagDates.filter(([y, m]) => y < year || (y === year && m <= month)).at(-1);
  return before?.[2] ?? 1000;
}

/** Which llama.cpp Ollama brought along: since 0.30 as a server of its own, before as a library. `0.30.5` → 9509. */
export function buildOfOllama(version: string): number | undefined {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  if (![major, minor, patch].every(Number.isFinite)) return undefined;
  const steps: readonly (readonly [minor: number, patch: number, number: number])[] = [
    [0, 0, 1200],
    [1, 30, 2500],
    [3, 0, 3440],
    [5, 0, 4300],
    [7, 0, 5400],
    [11, 0, 6000],
    [11, 11, 6100],
    [13, 0, 7000],
    [15, 5, 8000],
    [30, 0, 9452],
    [30, 5, 9509],
    [31, 2, 9888],
    [32, 5, 10_091],
    [32, 15, 10_488],
  ];
  if (major > 0) return steps.at(-1)?.[2];
  return steps.filter(([m, p]) => m < minor || (m === minor && p <= patch)).at(-1)?.[2];
}

const engineArchitectures =
  /^(gemma3n?|gemma4|gpt-?oss|qwen3(moe|next|vl|vlmoe)?|qwen35(moe)?|qwen25vl|mistral3|llama4|mllama|lfm2(moe)?)$/i;

/** Whether Ollama of this version ran a model of this architecture by its own engine, not by llama.cpp. */
export function runsOnOllamaEngine(version: string, architecture: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 0 || minor < 7 || minor >= 30) return false;
  const newer = /^qwen3|^qwen35|^lfm2|^gemma4|^gpt/i.test(architecture);
  return engineArchitectures.test(architecture) && (!newer || minor >= 11);
}
