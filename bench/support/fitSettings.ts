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
import type { FitCase } from './fitCases.ts';
import { keepsExpertsOnCpu } from './fitWeights.ts';

const mebibyte = 1024 ** 2;

export function llamaCppBuildOf(run: FitCase, facts: ModelFacts): LlamaCppBuild {
  const version = run.backend_version ?? '';
  if (/ik_llama/i.test(version) && !/mainline/.test(version)) return { fork: 'ik' };
  if (run.backend === 'ollama') {
    const [, release] = /(\d+\.\d+(?:\.\d+)?)/.exec(version.replaceAll('x', '0')) ?? [];
    const month = monthOf(version);
    const dated = month ? ollamaOfMonth(...month) : undefined;
    const named = (release !== undefined && !month ? release : dated) ?? plannedByFormula(run, facts);
    return named === undefined ? {} : buildOfOllamaFor(named, facts);
  }
  const tag = /\b(?:b|(?:build|version):? ?(?!202\d))(\d{4,5})\b/i.exec(version)?.[1];
  if (tag !== undefined) return { number: Number(tag) };
  const month = monthOf(version);
  if (month) return { number: buildOfMonth(...month) };
  return /2026/.test(version) ? { number: buildOfMonth(2026, 3) } : {};
}

/** A version that prints which layers it plans for: those that decide by formulas. */
function plannedByFormula({ other_flags: flags }: FitCase, { architecture }: ModelFacts): string | undefined {
  if (!/layers\.(requested|split)/.test(flags ?? '')) return undefined;
  return architecture === 'gpt-oss' ? '0.11.2' : '0.9.0';
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
  return [named(/k=(\w+)/.exec(text ?? '')?.[1]) ?? both, named(/v=(\w+)/.exec(text ?? '')?.[1]) ?? both];
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
  const [keyType, valueType] = cacheTypesOf(run.kv_cache_type?.toLowerCase() ?? null);
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
    mapsWholeFile: /Metal|Apple/i.test(run.gpu ?? ''),
  };
}

export function serverOf(run: FitCase): LlamaCppServer {
  return run.backend === 'ollama' ? 'ollama' : 'llama-server';
}

export function isUnifiedMemory(run: FitCase): boolean {
  // Of the RAM beside an AMD or Intel GPU, its driver keeps a part for it, and that is what is stated.
  return /Jetson|Spark|GB10|unified/i.test(run.gpu ?? '');
}

/** Every GPU of the machine; empty: not known. */
export function roomsOf(run: FitCase): readonly GpuRoom[] {
  if (run.n_gpus === 0) return [];
  const free = freeBytesOf(run);
  const count = run.n_gpus ?? 1;
  const totals = totalsOf(run, Math.max(1, count));
  // One number for several GPUs is that of each: it is what a log prints for the first.
  const each = free?.length === 1 ? Array.from({ length: Math.max(1, count) }, () => free[0] ?? 0) : free;
  if (each) return each.map((freeBytes, gpu) => ({ totalBytes: totals[gpu] ?? freeBytes, freeBytes }));
  const isUnified = isUnifiedMemory(run);
  return totals.every((bytes) => bytes !== undefined)
    ? totals.map((totalBytes) => ({ totalBytes, isUnified, isHeadless: isHeadlessCard(run.gpu ?? '') }))
    : [];
}

/** The first GPU, as CUDA sees it. */
export function cudaBytesOf(run: FitCase): number | undefined {
  return totalsOf(run, 1)[0];
}

/** So many GPUs, as CUDA sees them: as stated for each or for all, else by their names, one for each or one for all. */
function totalsOf(run: FitCase, count: number): readonly (number | undefined)[] {
  const { gpu_total_mib: stated, gpu, backend } = run;
  // Logs print CUDA's total with decimals of a GiB; whole MiB come from nvidia-smi.
  const asCuda = (mib: number) =>
    Number.isInteger(mib) && backend === 'vllm' ? cudaBytesOfTotal(mib * mebibyte) : mib * mebibyte;
  if (stated !== null) {
    const each = [stated].flat();
    return Array.from({ length: count }, (_, index) => asCuda(Number(each[index] ?? each[0])));
  }
  const names = (gpu ?? '').split(/[;,]| \+ | and /);
  const [all = ''] = (gpu ?? '').split(';');
  return Array.from({ length: count }, (_, index) =>
    cudaBytesOfCard(names.length === count ? (names[index] ?? '') : all),
  );
}

/** Free memory of every GPU, before the load. */
export function freeBytesOf(run: FitCase): readonly number[] | undefined {
  const free = run.gpu_free_mib;
  if (free === null) return undefined;
  return (Array.isArray(free) ? free : [free]).map((mib) => Number(mib) * mebibyte);
}
