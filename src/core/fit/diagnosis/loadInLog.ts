import type { MeasuredLoad } from '../calibration.ts';
import { gpusOf, partBytes } from './loadFacts.ts';
import { LogReader } from './logReader.ts';

/** What the last load in a log took on the GPU, by the buffers that the server printed. */
export interface LoadInLog {
  readonly contextTokens: number;
  readonly parallel: number;
  /** `f16` where the log does not say another. */
  readonly cacheType: string;
  readonly load: MeasuredLoad;
}

/** Undefined: the last load in it failed, is partly in RAM, on several GPUs, or not told with its buffers (Ollama until 0.11 only guesses). */
export function loadInLog(text: string): LoadInLog | undefined {
  const reader = new LogReader();
  reader.push(text);
  const { last } = reader.end();
  if (!last?.isLoaded || last.failures.length > 0) return undefined;
  const { facts } = last;
  const { contextTokens, layers, expected, parallel = 1, cacheType = 'f16' } = facts;
  const [weights, compute] = [partBytes(facts, 'weights'), partBytes(facts, 'compute')];
  const withBuffers = gpusOf(facts).filter(([, { parts }]) => parts.size > 0);
  const isWhole = layers !== undefined && layers.onGpu === layers.all;
  if (!contextTokens || !isWhole || expected || withBuffers.length !== 1) return undefined;
  if (weights === undefined || compute === undefined) return undefined;
  return { contextTokens: Math.floor(contextTokens / parallel), parallel, cacheType, load: { weights, compute } };
}
