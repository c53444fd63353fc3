import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { estimateLlamaCpp, gpuWeightBytes, hostComputeBytes } from '../src/core/fit/llamaCpp.ts';
import { estimateVllm } from '../src/core/fit/vllm.ts';
import {
  factsOf,
  ggufWeightsOf,
  llamaCppSettingsOf,
  schemeOf,
  vllmGpuOf,
  vllmSettingsOf,
  type FitCase,
} from './support/fitCases.ts';

interface Prediction {
  readonly id: string;
  readonly weights_mib: number | null;
  readonly kv_mib: number | null;
  readonly compute_mib: number | null;
  readonly total_mib: number | null;
  readonly available_kv_mib: number | null;
  readonly verdict: string;
  readonly confidence: number;
}

const { values } = parseArgs({ options: { cases: { type: 'string' }, out: { type: 'string' } } });
if (values.cases === undefined || values.out === undefined) {
  console.error('usage: npm run --silent bench:fit -- --cases FILE --out FILE');
  process.exit(2);
}
const cases = readFileSync(values.cases, 'utf8')
  .split('\n')
  .filter(Boolean)
  .map((line) => JSON.parse(line) as FitCase);
writeFileSync(values.out, cases.map((run) => `${JSON.stringify(predict(run))}\n`).join(''));

function predict(run: FitCase): Prediction {
  const nothing: Prediction = {
    id: run.id,
    weights_mib: null,
    kv_mib: null,
    compute_mib: null,
    total_mib: null,
    available_kv_mib: null,
    verdict: 'unknown',
    confidence: 0,
  };
  const facts = factsOf(run);
  if (!facts || facts.layers.length === 0) return nothing;
  return run.backend === 'vllm' ? predictVllm(run, nothing) : predictLlamaCpp(run, nothing);
}

function mib(bytes: number): number | null {
  return Number.isFinite(bytes) ? Math.round((bytes / 1024 ** 2) * 100) / 100 : null;
}

function predictLlamaCpp(run: FitCase, nothing: Prediction): Prediction {
  const facts = factsOf(run)!;
  const weights = ggufWeightsOf(run, facts);
  const settings = llamaCppSettingsOf(run, facts);
  if (!settings) return { ...nothing, weights_mib: weights ? mib(gpuWeightBytes(facts, weights)) : null };
  const estimate = estimateLlamaCpp(facts, settings, weights);
  return {
    ...nothing,
    weights_mib: weights ? mib(estimate.weights.bytes) : null,
    kv_mib: mib(estimate.cache.bytes),
    compute_mib: mib(estimate.compute.bytes),
    total_mib: weights ? mib(estimate.total.bytes) : null,
  };
}

function predictVllm(run: FitCase, nothing: Prediction): Prediction {
  const facts = factsOf(run)!;
  const scheme = schemeOf(run) ?? { kind: 'plain', bytes: 2 };
  const settings = vllmSettingsOf(run, facts, scheme);
  const gpu = vllmGpuOf(run);
  const estimate = estimateVllm(facts, settings, gpu ?? { totalBytes: NaN, multiprocessors: 100, nvlink: false });
  return {
    ...nothing,
    weights_mib: mib(estimate.weights.bytes),
    kv_mib: mib(estimate.cachePool.bytes),
    available_kv_mib: mib(estimate.cachePool.bytes),
  };
}
void hostComputeBytes;
