import { schemeNamed, type Scheme } from '../../src/core/fit/checkpoint.ts';
import { publishedScheme } from '../../src/core/fit/publishedModels.ts';
import type { Figure } from '../../src/core/fit/figure.ts';
import type { ModelFacts } from '../../src/core/fit/modelFacts.ts';
import { planVllm, type Verdict } from '../../src/core/fit/plan.ts';
import { estimateVllm, vllmDefaults, type VllmGpu, type VllmSettings } from '../../src/core/fit/vllm.ts';
import { capturedSizes, vllmGpu } from '../../src/core/fit/vllmFit.ts';
import { isOldEngine, vllmVersionNamed } from '../../src/core/fit/vllmVersion.ts';
import type { FitCase } from './fitCases.ts';
import { mib, nothing, type Prediction } from './fitPrediction.ts';
import { cudaBytesOf, freeBytesOf, isUnifiedMemory } from './fitSettings.ts';

/** vLLM starts only where its whole budget is free, and where a pool that was given in blocks has room for one request, whatever the model. */
export function failsAtTheGate(run: FitCase): boolean {
  if (poolTokensOf(run) < (run.context ?? 0)) return true;
  const gpu = vllmGpuOf(run);
  const budget = (gpu?.totalBytes ?? 0) * (utilizationOf(run) ?? 0.9);
  return gpu?.freeBytes !== undefined && budget > gpu.freeBytes;
}

/** Kernels for latent attention have blocks of 64 tokens, all others 16. */
function poolTokensOf(run: FitCase): number {
  const blocks = numberOf(run, 'num-gpu-blocks-override');
  return blocks === undefined ? Infinity : blocks * (numberOf(run, 'block-size') ?? 64);
}

export function predictVllm(run: FitCase, facts: ModelFacts): Prediction {
  const scheme = schemeOf(run, facts);
  if (!scheme) return nothing(run);
  const settings = vllmSettingsOf(run, facts, scheme);
  if (tensorParallelOf(run) === undefined && !mayBeAlone(run, facts, settings)) return nothing(run);
  const rough = isOtherMaker(run) ? { verdict: roughVerdict(run, facts, settings) } : {};
  // Other makers' kernels lay quantized weights out in ways of their own.
  if (isOtherMaker(run) && scheme.kind !== 'plain') return { ...nothing(run), ...rough };
  const gpu = vllmGpuOf(run);
  if (!gpu || facts.doubts.length > 0 || isSizedOtherwise(run)) {
    const { weights } = estimateVllm(facts, settings, gpu ?? { totalBytes: 0, multiprocessors: 100, nvlink: false });
    const weightsMib = facts.origin === 'catalogue' ? mib(weights.bytes) : null;
    return { ...nothing(run), ...rough, weights_mib: weightsMib, confidence: 0.5 };
  }
  const { verdict, estimate } = planVllm(facts, settings, gpu);
  const { weights, cachePool } = estimate;
  const confidence = confidenceOf(cachePool);
  const pool = confidence > 0 ? mib(cachePool.bytes) : null;
  return {
    ...nothing(run),
    weights_mib: mib(weights.bytes),
    kv_mib: pool,
    available_kv_mib: pool,
    verdict,
    confidence,
  };
}

/** vLLM takes one GPU unless it is told otherwise; where the weights do not fit on that, it was. */
function mayBeAlone(run: FitCase, facts: ModelFacts, settings: VllmSettings): boolean {
  const totalBytes = cudaBytesOf(run) ?? 0;
  const { weights } = estimateVllm(facts, settings, vllmGpu({ name: run.gpu ?? '', totalBytes }));
  return weights.bytes < 0.9 * totalBytes;
}

/** By CUDA's constants, and only where twice the activations, and of quantized weights half more, or a tenth less, would change nothing. */
function roughVerdict(run: FitCase, facts: ModelFacts, settings: VllmSettings): Verdict {
  const totalBytes = cudaBytesOf(run);
  if (totalBytes === undefined || facts.doubts.length > 0) return 'unknown';
  const { verdict, estimate } = planVllm(facts, settings, vllmGpu({ name: '', totalBytes }));
  const { weights, activation, cachePool, cacheNeeded } = estimate;
  if (0.9 * weights.bytes > totalBytes) return 'fails';
  const spare = cachePool.lowBytes - (settings.scheme.kind === 'plain' ? 0 : 0.5) * weights.bytes - activation.bytes;
  return verdict === 'fits' && spare > cacheNeeded.highBytes ? 'fits' : 'unknown';
}

/** Part of the weights is in RAM, or the pool was given in bytes. */
function isSizedOtherwise(run: FitCase): boolean {
  return /cpu[-_]offload|kv[-_]cache[-_]memory/i.test(run.other_flags ?? '');
}

/** 1: as narrow as a figure can be; 0: the interval is so wide beside the figure that it says nothing. */
export function confidenceOf({ bytes, lowBytes, highBytes }: Figure): number {
  const width = (highBytes - lowBytes) / Math.abs(bytes);
  return Number.isFinite(width) ? Math.max(0, Math.round(100 * (1 - width / 1.5)) / 100) : 0;
}

/** The value of a flag, `--max-num-seqs 16` or `max_num_seqs=16`, where the record has it among the others. */
function flagOf(run: FitCase, name: string): string | undefined {
  const pattern = new RegExp(`(?:^|[\\s;,-])${name.replaceAll('-', '[-_]')}(?:=|:?\\s+)["']?([\\w.]+)`, 'i');
  return pattern.exec(run.other_flags ?? '')?.[1];
}

function numberOf(run: FitCase, name: string): number | undefined {
  const value = Number(flagOf(run, name));
  return Number.isFinite(value) && value > 0 ? value : undefined;
}

function utilizationOf(run: FitCase): number | undefined {
  const stated = run.gpu_memory_utilization ?? numberOf(run, 'gpu-memory-utilization');
  return stated !== undefined && stated > 1 ? stated / 100 : stated;
}

/** As the maker publishes it where nothing else is said; undefined where something is said that is not enough. */
export function schemeOf(run: FitCase, facts: ModelFacts): Scheme | undefined {
  const text = run.quant_or_dtype ?? flagOf(run, 'quantization') ?? '';
  const byName = schemeNamed(run.model ?? '');
  const byText = schemeNamed(text);
  // `gptq` and `awq` are what vLLM calls those of 8 bits too.
  if (byName?.kind === 'gptq8') return byName;
  if (byText && byText.kind !== 'plain') return byText;
  if (byName && byName.kind !== 'plain') return byName;
  const isVague = /\b\d[- ]?bit\b|gguf|int[248]\b|quant|compressed|exl|mlx|\bQ\d/i.test(`${run.model} ${text}`);
  const published = publishedScheme(run.model ?? '', facts);
  if (isVague) return undefined;
  return published.kind === 'plain' ? (byText ?? published) : published;
}

export function vllmSettingsOf(run: FitCase, facts: ModelFacts, scheme: Scheme): VllmSettings {
  const text = run.backend_version ?? '';
  const version = vllmVersionNamed(text);
  const defaults = vllmDefaults(version, cudaBytesOf(run), /A100/i.test(run.gpu ?? ''));
  const flags = run.other_flags ?? '';
  const maxModelTokens = run.context ?? numberOf(run, 'max-model-len') ?? facts.contextTokens ?? 4096;
  const beforeAmpere = isBeforeAmpere(run.gpu ?? '');
  const isOld = isOldEngine(version, text, beforeAmpere);
  const stated = run.max_num_seqs ?? numberOf(run, 'max-num-seqs');
  const maxSequences = stated ?? sequencesOfGraphs(flags, isOld) ?? defaults.maxSequences;
  const isChunked = isOld && maxModelTokens > 32_768;
  // The old engine profiled a whole context unless it was longer than 32768.
  const batched = isOld && !isChunked ? Math.max(maxModelTokens, 2048) : defaults.maxBatchedTokens;
  const listed = /sizes? \[([\d, ]+)\]/.exec(flags)?.[1]?.split(',').length ?? captured(flags);
  const checkpoint = /checkpoint ([\d.]+) GiB/.exec(flags)?.[1];
  const cacheType = run.kv_cache_type ?? flagOf(run, 'kv-cache-dtype') ?? null;
  const statedTokens = run.max_num_batched_tokens ?? numberOf(run, 'max-num-batched-tokens');
  return {
    ...(version === undefined ? {} : { version }),
    scheme,
    dtypeBytes: scheme.kind === 'plain' ? scheme.bytes : 2,
    // NVIDIA's NVFP4 checkpoints come with scales for an fp8 cache, which is then taken.
    cacheElementBytes:
      /fp8/i.test(cacheType ?? '') || (scheme.kind === 'nvfp4' && cacheType === null)
        ? 1
        : scheme.kind === 'plain'
          ? scheme.bytes
          : 2,
    maxModelTokens,
    maxSequences,
    maxBatchedTokens: statedTokens ?? batched,
    utilization: utilizationOf(run) ?? defaults.utilization,
    tensorParallel: tensorParallelOf(run) ?? 1,
    pipelineParallel: pipelineParallelOf(run) ?? 1,
    eager: run.enforce_eager ?? /enforce[-_]eager(?!=false)/i.test(flags),
    graphSizes: listed ?? capturedSizes(facts, maxSequences),
    ...(checkpoint === undefined ? {} : { checkpointBytes: Number(checkpoint) * 1024 ** 3 }),
    ...(/graph profiling on/i.test(text) ? { profilesGraphs: true } : {}),
    oldEngine: isOld,
    ...(isOld && !beforeAmpere ? { oldFlashAttention: true } : {}),
    ...(isChunked && statedTokens === undefined ? { profilesNoSampler: true } : {}),
  };
}

/** Graphs are made up to as many requests as may run at once, twice as many in the new engine; 512 is its limit. */
function sequencesOfGraphs(flags: string, isOld: boolean): number | undefined {
  const list = /sizes? \[([\d, ]+)\]/.exec(flags)?.[1]?.split(',').map(Number);
  const largest = Math.max(...(list ?? [Number(/\((?:max|largest)[= ](\d+)\)/.exec(flags)?.[1] ?? NaN)]));
  if (!Number.isFinite(largest)) return undefined;
  if (isOld) return largest;
  return largest < 512 ? Math.max(1, largest / 2) : undefined;
}

function captured(flags: string): number | undefined {
  const sizes = /PIECEWISE=?\s?(\d+)/.exec(flags)?.[1];
  return sizes === undefined ? undefined : Number(sizes);
}

/** Undefined: over how many GPUs the model is spread was not said. Where only their number was, it is all of them. */
export function tensorParallelOf(run: FitCase): number | undefined {
  return run.tensor_parallel ?? numberOf(run, 'tensor-parallel-size') ?? numberOf(run, 'tp') ?? gpuCountOf(run);
}

/** GPUs that each have a part of vLLM's weights, by tensors and by layers; of the other servers everything is counted together. */
export function sharersOf(run: FitCase): number {
  if (run.backend !== 'vllm') return 1;
  return (tensorParallelOf(run) ?? 1) * (pipelineParallelOf(run) ?? 1);
}

function pipelineParallelOf(run: FitCase): number | undefined {
  return numberOf(run, 'pipeline_parallel') ?? numberOf(run, 'pipeline-parallel-size');
}

/** `4x RTX 3090`, `RTX 3090 x4`, or one after the other, where their number is not in its own field. */
function gpuCountOf({ n_gpus: count, gpu }: FitCase): number | undefined {
  if (count !== null) return count;
  const name = gpu ?? '';
  const times = /(?<![\w.])(\d{1,2})\s?x\s/i.exec(name)?.[1] ?? /\sx\s?(\d{1,2})(?![\w+])/i.exec(name)?.[1];
  if (times !== undefined) return Number(times);
  return name.includes(';') ? name.split(';').length : undefined;
}

function isOtherMaker(run: FitCase): boolean {
  return /\b(AMD|Intel|Radeon|Instinct|MI\d+X?|Arc|Gaudi|Ascend|TPU|XPU)\b/i.test(run.gpu ?? '');
}

/** Volta, Turing and older. */
function isBeforeAmpere(gpu: string): boolean {
  return /\b(V100|T4|P40|P100|TITAN|RTX 20\d0|GTX|Quadro)\b/i.test(gpu);
}

/** The constants are those of CUDA; what is known of other makers' GPUs is too little. */
export function vllmGpuOf(run: FitCase): VllmGpu | undefined {
  const totalBytes = isOtherMaker(run) ? undefined : cudaBytesOf(run);
  if (totalBytes === undefined) return undefined;
  const freeBytes = freeBytesOf(run)?.[0];
  return {
    ...vllmGpu({ name: run.gpu ?? '', totalBytes, isUnified: isUnifiedMemory(run) }),
    ...(freeBytes === undefined ? {} : { freeBytes }),
    isFreeInside: freeBytes !== undefined,
  };
}
