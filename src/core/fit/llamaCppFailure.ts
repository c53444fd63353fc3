import { memoryText } from './bytesText.ts';
import type { FitFailure, FitRow } from './fitRequest.ts';
import type { GpuRoom, Inequality } from './inequality.ts';
import type { LlamaCppEstimate } from './llamaCpp.ts';
import { freeOnAll, type LlamaCppPlan } from './plan.ts';
import { bufferError, projectionLine, systemMemoryError } from './serverErrors.ts';

export interface FailureSituation {
  /** GPUs that the server uses. */
  readonly rooms: readonly GpuRoom[];
  /** Of all that are there. */
  readonly gpuBytes: number;
  /** What the server leaves free on all of them together. */
  readonly marginBytes: number;
  /** Whether it is llama.cpp's `--fit` that leaves layers on the CPU, and says so. */
  readonly printsProjection: boolean;
  /** Where the RAM is what is short. */
  readonly inRam: Inequality | undefined;
}

/** Why not everything is on the GPU, in the server's words and in ours. Undefined: it is, or nobody can say. */
export function llamaCppFailure(
  { verdict, estimate, conditions, placement }: LlamaCppPlan,
  rows: readonly FitRow[],
  { rooms, gpuBytes, marginBytes, printsProjection, inRam }: FailureSituation,
): FitFailure | undefined {
  if (inRam) {
    const { need, have } = inRam;
    return {
      condition: inRam,
      serverError: systemMemoryError(need.bytes, have.bytes),
      explanation: `What is not on the GPU needs ${memoryText(need.bytes)} > ${memoryText(have.bytes)} of RAM that is free.`,
    };
  }
  const [condition] = conditions;
  if (!condition || (verdict !== 'fails' && verdict !== 'partial')) return undefined;
  const free = freeOnAll(rooms).bytes;
  const serverError =
    verdict === 'partial' && printsProjection
      ? projectionLine(condition.need.bytes - estimate.overhead.bytes, free)
      : placement
        ? `offloaded ${placement.gpuLayers}/${placement.layers} layers to GPU`
        : bufferError(estimate, free);
  const because = reasonOf(estimate, condition.have.bytes, free, gpuBytes);
  return { condition, serverError, explanation: explanationOf(rows, condition, free, marginBytes, because) };
}

function explanationOf(
  rows: readonly FitRow[],
  { need, have }: Inequality,
  free: number,
  marginBytes: number,
  because: string,
): string {
  const parts = rows.filter(({ part }) => part !== 'ram');
  const listed = parts.map(
    ({ label, figure }, index) => `${index === 0 ? label : lower(label)} ${memoryText(figure.bytes)}`,
  );
  const all = parts.reduce((total, { figure }) => total + figure.bytes, 0);
  // Older versions of Ollama go by formulas of their own, not by what they will take.
  const planned =
    memoryText(all) === memoryText(need.bytes) ? '' : `, for which it sets aside ${memoryText(need.bytes)}`;
  const margin = marginBytes > 0 ? ` (${memoryText(free)} less the margin that the server keeps)` : '';
  return `${listed.join(' + ')} = ${memoryText(all)}${planned} > ${memoryText(have.bytes)} free${margin}, because ${because}.`;
}

function reasonOf(
  { weights, cache, compute, total }: LlamaCppEstimate,
  have: number,
  free: number,
  gpuBytes: number,
): string {
  const need = total?.bytes ?? 0;
  if (weights && weights.bytes > gpuBytes) return 'the weights alone are larger than the GPU';
  if (need <= have) return 'the server sets aside more than the model will take';
  if (need - cache.bytes <= have) return `the KV cache of this context is ${memoryText(need - have)} too large`;
  if (need <= have + gpuBytes - free && gpuBytes > free)
    return `other programs hold ${memoryText(gpuBytes - free)} of the GPU`;
  if (weights && weights.bytes > have) return 'the weights alone are larger than that';
  if (compute.bytes > 0.25 * need) return 'the compute buffer for so many tokens at once is large';
  return `${memoryText(need - have)} are missing`;
}

/** Inside a sentence; abbreviations stay. */
function lower(text: string): string {
  return /^[A-Z]{2}/.test(text) ? text : text.charAt(0).toLowerCase() + text.slice(1);
}
