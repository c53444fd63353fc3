import type { FitGpu } from '../fit/fitRequest.ts';
import type { GpuState } from './gpuReading.ts';

/**
 * The cards for the planner: those whose memory is known, of a split one its parts. `evictedBytes`: what the server would take out of them before it loads
 * another model. With several cards it is not known from which, and they are taken as they are.
 */
export function fitGpus(gpus: readonly GpuState[], evictedBytes = 0): readonly FitGpu[] {
  const usable = gpus.flatMap(({ id, name, totalBytes, freeBytes, isUnified, isSplit }): readonly FitGpu[] => {
    if (totalBytes === undefined || isSplit) return [];
    return [{ id, name, totalBytes, ...(freeBytes === undefined ? {} : { freeBytes }), isUnified }];
  });
  const [only, ...others] = usable;
  if (only?.freeBytes === undefined || others.length > 0) return usable;
  return [{ ...only, freeBytes: Math.min(only.totalBytes, only.freeBytes + evictedBytes) }];
}
