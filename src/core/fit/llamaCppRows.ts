import type { Figure } from './figure.ts';
import type { FitRow } from './fitRequest.ts';
import type { LlamaCppEstimate } from './llamaCpp.ts';
import type { ModelWeights } from './modelWeights.ts';

/** In the order in which they are drawn. */
export function rowsOf(estimate: LlamaCppEstimate, read?: ModelWeights, draft?: Figure): readonly FitRow[] {
  const { cache, state, compute, encoder, overhead, host } = estimate;
  const weights = estimate.weights && { ...estimate.weights, ...(read?.isRuled ? ruled(read) : {}) };
  const rows: readonly (FitRow | undefined)[] = [
    weights && { part: 'weights', label: 'Weights', figure: weights },
    { part: 'cache', label: 'KV cache', figure: cache },
    { part: 'state', label: 'Recurrent state', figure: state },
    { part: 'encoder', label: 'Picture encoder', figure: encoder },
    draft && { part: 'weights', label: 'Draft model', figure: draft },
    { part: 'compute', label: 'Compute buffer', figure: compute },
    { part: 'overhead', label: 'CUDA context', figure: overhead },
    { part: 'ram', label: 'In RAM', figure: host },
  ];
  return rows.filter((row) => row !== undefined && row.figure.highBytes > 0) as readonly FitRow[];
}

function ruled({ fileType }: ModelWeights): Pick<Figure, 'origin' | 'because'> {
  return { origin: 'formula', because: `the matrices as llama.cpp’s rules for ${fileType} quantise them` };
}
