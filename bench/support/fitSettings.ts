import { schemeNamed, type Scheme } from '../../src/core/fit/checkpoint.ts';
import { cudaBytesOfCard, cudaBytesOfTotal, isHeadlessCard } from '../../src/core/fit/gpus.ts';
import type { GpuRoom } from '../../src/core/fit/inequality.ts';
import type { CacheType } from '../../src/core/fit/kvCache.ts';
import type { LlamaCppSettings } from '../../src/core/fit/llamaCpp.ts';
import { buildOfMonth, type LlamaCppBuild } from '../../src/core/fit/llamaCppBuild.ts';
import {
  buildOfOllamaFor,
  llamaCppSettings,
  ollamaContextTokens,
  type LlamaCppServer,
} from '../../src/core/fit/llamaCppDefaults.ts';
import type { ModelFacts } from '../../src/core/fit/modelFacts.ts';
import { vllmDefaults, type VllmGpu, type VllmSettings, type VllmVersion } from '../../src/core/fit/vllm.ts';
import type { FitCase } from './fitCases.ts';
import { keepsExpertsOnCpu } from './fitWeights.ts';

const mebibyte = 1024 ** 2;

export function llamaCppBuildOf(run: FitCase, facts: ModelFacts): LlamaCppBuild {
  const version = run.backend_version ?? '';
  if (/ik_llama/.test(version) && !/mainline/.test(version)) return { fork: 'ik' };
  if (run.backend === 'ollama') {
    const [, release] = /(\d+\.\d+(?:\.\d+)?)/.exec(version.replaceAll('x', '0')) ?? [];
    const month = monthOf(version);
    const named = release !== undefined && !month ? release : month ? ollamaOfMonth(...month) : undefined;
    return named === undefined ? {} : buildOfOllamaFor(named, facts);
  }
  const tag = /\bb(?:uild )?(\d{4,5})\b/.exec(version)?.[1];
  if (tag !== undefined) return { number: Number(tag) };
  const month = monthOf(version);
  if (month) return { number: buildOfMonth(...month) };
  return /2026/.test(version) ? { number: buildOfMonth(2026, 3) } : {};
}

function monthOf(version: string): [number, number] | undefined {
  const match = /(20\d\d)-(\d\d)/.exec(version);
  return match ? [Number(match[1]), Number(match[2])] : undefined;
}

function ollamaOfMonth(year: number, month: number): string {
  if (year <= 2024) return month < 7 ? '0.1.30' : '0.3.0';
  if (year === 2025)
    return (
      [
        '0.5.0',
        '0.5.0',
        '0.5.12',
        '0.6.0',
        '0.6.8',
        '0.9.0',
        '0.9.6',
        '0.11.0',
        '0.12.0',
        '0.12.5',
        '0.13.0',
        '0.13.0',
      ][month - 1] ?? '0.13.0'
    );
  return month < 6 ? '0.20.0' : '0.32.0';
}

const cacheTypes: readonly CacheType[] = ['q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0', 'iq4_nl', 'bf16', 'f16', 'f32'];

/** `K=q8_0/V=f16`, `c^KV=q8_0`, `q8_0`. */
function cacheTypesOf(text: string | null): readonly [CacheType, CacheType] {
  const named = (part: string | undefined) => cacheTypes.find((type) => part?.includes(type));
  const both = named(text ?? '') ?? 'f16';
  return [named(/K=(\w+)/.exec(text ?? '')?.[1]) ?? both, named(/V=(\w+)/.exec(text ?? '')?.[1]) ?? both];
}

export function llamaCppSettingsOf(
  run: FitCase,
  facts: ModelFacts,
  contextIfUnknown?: number,
): LlamaCppSettings | undefined {
  const build = llamaCppBuildOf(run, facts);
  const server = serverOf(run);
  const isOllama = server === 'ollama';
  const contextTokens = run.context ?? (isOllama ? ollamaContextTokens(build, cudaBytesOf(run)) : contextIfUnknown);
  if (contextTokens === undefined) return undefined;
  const [keyType, valueType] = cacheTypesOf(run.kv_cache_type);
  const stated = run.flash_attention;
  return {
    ...llamaCppSettings({
      server,
      build,
      contextTokens,
      sequences: run.num_parallel ?? undefined,
      batchTokens: run.ubatch ?? (isOllama ? run.batch : null) ?? undefined,
      keyType,
      valueType,
      flashAttention: stated === null ? undefined : stated === true || /auto|enabled|on/i.test(String(stated)),
      gpus: /-sm none/.test(run.other_flags ?? '') ? 1 : (run.n_gpus ?? 1),
    }),
    expertsOnCpu: keepsExpertsOnCpu(run),
    fullWindow: /swa_full|swa-full/.test(run.other_flags ?? '') || build.fork === 'ik',
    withEncoder: isOllama && facts.encoder !== undefined && facts.encoder.anySize === undefined,
    mapsWholeFile: /Metal|Apple/.test(run.gpu ?? ''),
  };
}

export function serverOf(run: FitCase): LlamaCppServer {
  return run.backend === 'ollama' ? 'ollama' : 'llama-server';
}

function isUnifiedMemory(run: FitCase): boolean {
  return /Jetson|Spark|GB10|unified|iGPU/i.test(run.gpu ?? '');
}

/** Every GPU of the machine; empty: not known. */
export function roomsOf(run: FitCase): readonly GpuRoom[] {
  if (run.n_gpus === 0) return [];
  const free = freeBytesOf(run);
  const total = cudaBytesOf(run);
  const count = run.n_gpus ?? 1;
  if (free) return free.map((freeBytes) => ({ totalBytes: total ?? freeBytes, freeBytes }));
  const names = (run.gpu ?? '').split(/;| \+ /);
  const totals =
    names.length === count
      ? names.map((name) => total ?? cudaBytesOfCard(name))
      : Array<number | undefined>(count).fill(total);
  const isUnified = isUnifiedMemory(run);
  return totals.every((bytes) => bytes !== undefined)
    ? totals.map((totalBytes) => ({ totalBytes, isUnified, isHeadless: isHeadlessCard(run.gpu ?? '') }))
    : [];
}

/** One GPU, as CUDA sees it. */
export function cudaBytesOf(run: FitCase): number | undefined {
  const total = Array.isArray(run.gpu_total_mib) ? Number(run.gpu_total_mib[0]) : (run.gpu_total_mib as number | null);
  if (total !== null && total !== undefined) {
    const bytes = total * mebibyte;
    // Logs print CUDA's total with decimals of a GiB; whole MiB come from nvidia-smi.
    return Number.isInteger(total) && run.backend === 'vllm' ? cudaBytesOfTotal(bytes) : bytes;
  }
  return cudaBytesOfCard((run.gpu ?? '').split(/[;,]/)[0] ?? '');
}

/** Free memory of every GPU, before the load. */
export function freeBytesOf(run: FitCase): readonly number[] | undefined {
  const free = run.gpu_free_mib;
  if (free === null) return undefined;
  return (Array.isArray(free) ? free : [free]).map((mib) => Number(mib) * mebibyte);
}

export function vllmVersionOf(run: FitCase): VllmVersion | undefined {
  const text = run.backend_version ?? '';
  const match = /\b(\d)\.(\d+)/.exec(text);
  if (match) return [Number(match[1]), Number(match[2])];
  const month = monthOf(text);
  if (!month) return undefined;
  const [year, number] = month;
  if (year <= 2024) return [0, 5];
  if (year === 2025) return [0, Math.min(13, 6 + Math.floor(number / 1.7))];
  return [0, number <= 2 ? 15 : number <= 4 ? 18 : number <= 6 ? 21 : 27];
}

/** 16 bits where nothing else is said; undefined where something is said that is not enough. */
export function schemeOf(run: FitCase): Scheme | undefined {
  const text = `${run.quant_or_dtype ?? ''}`;
  const byName = schemeNamed(run.model ?? '');
  const byText = schemeNamed(text);
  if (byText && byText.kind !== 'plain') return byText;
  if (byName && byName.kind !== 'plain') return byName;
  const isVague = /\b\d-?bit\b|gguf|int4|quant/i.test(`${run.model} ${text}`);
  return byText ?? (isVague ? undefined : { kind: 'plain', bytes: 2 });
}

export function vllmSettingsOf(run: FitCase, facts: ModelFacts, scheme: Scheme): VllmSettings {
  const version = vllmVersionOf(run);
  const defaults = vllmDefaults(version, cudaBytesOf(run), /A100/.test(run.gpu ?? ''));
  const flags = run.other_flags ?? '';
  const maxModelTokens = run.context ?? facts.contextTokens ?? 4096;
  const pipeline = Number(/pipeline_parallel=(\d+)/.exec(flags)?.[1] ?? 1);
  const maxSequences = run.max_num_seqs ?? defaults.maxSequences;
  const isV0 = version !== undefined && version[0] === 0 && version[1] < 9 && !/V1/.test(run.backend_version ?? '');
  // The old engine profiled a whole context unless it was longer than 32768.
  const batched = isV0 && maxModelTokens <= 32_768 ? Math.max(maxModelTokens, 2048) : defaults.maxBatchedTokens;
  const listed = /sizes? \[([\d,]+)\]/.exec(flags)?.[1]?.split(',').length ?? captured(flags);
  const checkpoint = /checkpoint ([\d.]+) GiB/.exec(flags)?.[1];
  return {
    ...(version === undefined ? {} : { version }),
    scheme,
    dtypeBytes: scheme.kind === 'plain' ? scheme.bytes : 2,
    // NVIDIA's NVFP4 checkpoints come with scales for an fp8 cache, which is then taken.
    cacheElementBytes:
      /fp8/.test(run.kv_cache_type ?? '') || (scheme.kind === 'nvfp4' && run.kv_cache_type === null)
        ? 1
        : scheme.kind === 'plain'
          ? scheme.bytes
          : 2,
    maxModelTokens,
    maxSequences,
    maxBatchedTokens: run.max_num_batched_tokens ?? batched,
    utilization: run.gpu_memory_utilization ?? defaults.utilization,
    tensorParallel: tensorParallelOf(run) ?? 1,
    pipelineParallel: pipeline,
    eager: run.enforce_eager ?? false,
    // vLLM itself captures up to 1024 sequences for gpt-oss, up to 512 for others.
    graphSizes: listed ?? Math.min(facts.architecture === 'gpt-oss' ? 83 : 51, 4 + Math.floor(maxSequences / 4)),
    ...(checkpoint === undefined ? {} : { checkpointBytes: Number(checkpoint) * 1024 ** 3 }),
  };
}

function captured(flags: string): number | undefined {
  const sizes = /PIECEWISE=?\s?(\d+)/.exec(flags)?.[1];
  return sizes === undefined ? undefined : Number(sizes);
}

/** Undefined: over how many GPUs the model is spread was not said. */
export function tensorParallelOf(run: FitCase): number | undefined {
  return run.tensor_parallel ?? (run.n_gpus === 1 ? 1 : undefined);
}

/** The constants are those of CUDA; what is known of other makers' GPUs is too little. */
export function vllmGpuOf(run: FitCase): VllmGpu | undefined {
  if (/\b(AMD|Intel|Radeon|Instinct|MI\d+)\b/.test(run.gpu ?? '')) return undefined;
  const totalBytes = cudaBytesOf(run);
  if (totalBytes === undefined) return undefined;
  const free = freeBytesOf(run)?.[0];
  const name = run.gpu ?? '';
  const isHopper = /H100|H200|H800/.test(name);
  return {
    totalBytes,
    ...(free === undefined ? {} : { freeBytes: free }),
    multiprocessors: isHopper ? 132 : 100,
    isFreeInside: free !== undefined,
    isUnified: isUnifiedMemory(run),
    isHeadless: isHeadlessCard(name),
    nvlink: isHopper || /A100|B200|V100-SXM/.test(name),
    hopper: isHopper,
  };
}
