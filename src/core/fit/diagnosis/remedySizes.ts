import { failingGpu, gpuMemory, partBytes, type LoadFacts } from './loadFacts.ts';

/** What llama.cpp leaves free on every GPU. */
const marginBytes = 1024 ** 3;

/** On the GPU that is full; where just that buffer was refused, the size that was asked for. */
export function cacheOnGpu(facts: LoadFacts): number | undefined {
  const loaded = partBytes(facts, 'cache', failingGpu(facts)?.[0]);
  return loaded ?? (partBytes(facts, 'weights') === undefined ? undefined : facts.requested?.bytes);
}

export function cacheBytes(facts: LoadFacts, tokens: number): number {
  const bytes = cacheOnGpu(facts);
  return bytes === undefined || !facts.contextTokens ? NaN : (bytes / facts.contextTokens) * tokens;
}

/** Where all is on one GPU, and the log has every size: a multiple of 256. Models whose cache does not grow in proportion have room for more. */
export function contextThatFits(facts: LoadFacts): number | undefined {
  const gpu = failingGpu(facts)?.[0];
  const { freeBytes } = gpuMemory(facts);
  const weights = partBytes(facts, 'weights', gpu);
  const { contextTokens, layers } = facts;
  const isWhole = !layers || layers.onGpu >= layers.all;
  if (freeBytes === undefined || weights === undefined || !contextTokens || !isWhole) return undefined;
  const isComputeRefused = partBytes(facts, 'cache', gpu) !== undefined;
  const compute = partBytes(facts, 'compute', gpu) ?? (isComputeRefused ? facts.requested?.bytes : undefined) ?? 0;
  const room = freeBytes - weights - compute - marginBytes;
  const fitting = Math.floor(room / cacheBytes(facts, 1) / 256) * 256;
  return Number.isFinite(fitting) && fitting < contextTokens ? fitting : undefined;
}

/** By the average size of a layer. */
export function layersThatFit(facts: LoadFacts): number | undefined {
  const { freeBytes } = gpuMemory(facts);
  const { layers, fileBytes } = facts;
  const asked = facts.requested?.bytes;
  if (freeBytes === undefined || !layers || layers.all === 0 || fileBytes === undefined || asked === undefined)
    return undefined;
  const fitting = Math.floor((freeBytes - marginBytes) / (fileBytes / layers.all));
  return fitting > 0 && fitting < layers.onGpu ? fitting : undefined;
}

/** What the cache that is left holds. */
export function shareOfContext({
  contextTokens,
  vllm: { neededCacheBytes, availableCacheBytes },
}: LoadFacts): number | undefined {
  if (!contextTokens || !neededCacheBytes || availableCacheBytes === undefined) return undefined;
  // A log that was put together from several.
  if (availableCacheBytes >= neededCacheBytes) return undefined;
  return Math.max(0, Math.floor((contextTokens * availableCacheBytes) / neededCacheBytes / 16) * 16);
}

/** Copies of the scores that the sampler keeps; it sorted them until 0.16. */
export function bytesPerScore(version: string | undefined): number {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version ?? '') ?? [];
  return major === '0' && Number(minor) <= 16 ? 38 : 14;
}
