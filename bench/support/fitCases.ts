import { knownModel, modelShapedLike, ollamaFileType } from '../../src/core/fit/catalogue.ts';
import { schemeNamed, type Scheme } from '../../src/core/fit/checkpoint.ts';
import { cudaBytesOfCard, cudaBytesOfTotal, isHeadlessCard } from '../../src/core/fit/gpus.ts';
import { mixtureNamed, weightsAs, type Mixture } from '../../src/core/fit/ggufMixtures.ts';
import type { CacheType } from '../../src/core/fit/kvCache.ts';
import {
  buildOfMonth,
  buildOfOllama,
  buildTraits,
  runsOnOllamaEngine,
  type LlamaCppBuild,
} from '../../src/core/fit/llamaCppBuild.ts';
import type { GpuRoom } from '../../src/core/fit/inequality.ts';
import type { LlamaCppSettings } from '../../src/core/fit/llamaCpp.ts';
import type { Layer, Mixer, ModelFacts, WeightBytes } from '../../src/core/fit/modelFacts.ts';
import { vllmDefaults, type VllmGpu, type VllmSettings, type VllmVersion } from '../../src/core/fit/vllm.ts';

/** One logged run of a server, without what it reported. */
export interface FitCase {
  readonly id: string;
  readonly backend: 'ollama' | 'llama.cpp' | 'vllm';
  readonly backend_version: string | null;
  readonly gpu: string | null;
  readonly gpu_total_mib: number | readonly number[] | null;
  readonly gpu_free_mib: number | readonly number[] | null;
  readonly n_gpus: number | null;
  readonly model: string | null;
  readonly quant_or_dtype: string | null;
  readonly arch: Readonly<Record<string, unknown>> | null;
  readonly context: number | null;
  readonly num_parallel: number | null;
  readonly ubatch: number | null;
  readonly batch: number | null;
  readonly max_num_seqs: number | null;
  readonly max_num_batched_tokens: number | null;
  readonly kv_cache_type: string | null;
  readonly flash_attention: boolean | string | null;
  readonly gpu_memory_utilization: number | null;
  readonly tensor_parallel: number | null;
  readonly enforce_eager: boolean | null;
  readonly other_flags: string | null;
}

const mebibyte = 1024 ** 2;

/** The catalogue knows the model, or the record states its shape. */
export function factsOf(run: FitCase): ModelFacts | undefined {
  const name = (run.model ?? '').replace(/(\d\.\d)\/(\d\.\d)/, '$2');
  const known = knownModel(name) ?? shapedLike(run);
  return shapeOf(run, known) ?? known;
}

/** By the architecture, the number of layers and the size in the name, for example `9B`. */
function shapedLike({ arch, model }: FitCase): ModelFacts | undefined {
  const billions = /(\d+(?:\.\d+)?)B\b/i.exec(model ?? '')?.[1];
  if (billions === undefined || typeof arch?.['n_layer'] !== 'number' || typeof arch['arch'] !== 'string')
    return undefined;
  return modelShapedLike(arch['arch'], arch['n_layer'], Number(billions) * 1e9);
}

/** From the hyper-parameters that llama.cpp prints. Where they say less than the catalogue, the catalogue's. */
function shapeOf(run: FitCase, known: ModelFacts | undefined): ModelFacts | undefined {
  const { arch } = run;
  const number = (key: string) => (typeof arch?.[key] === 'number' ? arch[key] : undefined);
  const [layers, embedding, vocabulary] = [number('n_layer'), number('n_embd'), number('n_vocab')];
  if (known && (layers === undefined || known.layers.length === layers)) return known;
  if (!arch || layers === undefined) return known;
  if (embedding === undefined || vocabulary === undefined) {
    const keys =
      number('n_embd_k_gqa') ?? (number('n_head_kv') ?? 0) * (number('n_embd_head_k') ?? number('head_dim') ?? 0);
    if (!known && keys > 0 && arch['hybrid'] !== true)
      return cacheOnly(run, layers, keys, number('n_embd_v_gqa') ?? keys);
    // A stated number of layers that is not the model's: the name meant another one.
    return known && layers !== undefined
      ? { ...known, layers: known.layers.slice(0, 0), doubts: ['another model'] }
      : undefined;
  }
  const at = (key: string, index: number): number => {
    const value = arch[key];
    return Number(Array.isArray(value) ? value[index] : (value ?? 0));
  };
  const architecture = typeof arch['arch'] === 'string' ? arch['arch'] : 'unknown';
  return {
    architecture,
    name: run.model ?? architecture,
    origin: 'header',
    doubts: [],
    embeddingLength: embedding,
    vocabularySize: vocabulary,
    contextTokens: number('n_ctx_train') ?? 4096,
    tiedEmbeddings: /^gemma/.test(architecture),
    layers: Array.from({ length: layers }, (_, index): Layer => {
      const kvHeads = at('n_head_kv', index);
      const head = at('n_embd_head_k', index) || embedding / Math.max(1, at('n_head', index));
      const width = at('n_ff', index);
      const expertCount = at('n_expert', index);
      return {
        mixer:
          kvHeads === 0
            ? { kind: 'none' }
            : {
                kind: 'attention',
                heads: at('n_head', index),
                kvHeads,
                keyLength: head,
                valueLength: at('n_embd_head_v', index) || head,
              },
        feedForward:
          expertCount > 0
            ? {
                kind: 'experts',
                count: expertCount,
                used: at('n_expert_used', index),
                width: at('n_ff_exp', index) || width,
                gated: true,
                sharedWidth: 0,
              }
            : width > 0
              ? { kind: 'dense', width, gated: true }
              : { kind: 'none' },
      };
    }),
  };
}

/** Enough for keys and values, for nothing else. */
function cacheOnly(run: FitCase, layers: number, keys: number, values: number): ModelFacts {
  const mixer = { kind: 'attention', heads: 1, kvHeads: 1, keyLength: keys, valueLength: values } as const;
  return {
    architecture: 'unknown',
    name: run.model ?? '',
    origin: 'header',
    doubts: ['only the cache is known'],
    embeddingLength: 0,
    vocabularySize: 0,
    tiedEmbeddings: false,
    layers: Array.from({ length: layers }, () => ({ mixer, feedForward: { kind: 'none' } })),
  };
}

/** `Q4_K - Medium` → `Q4_K_M`; makers that choose the types themselves have no rule. */
export function mixtureOf(run: FitCase): Mixture | undefined {
  const text = `${run.quant_or_dtype ?? ''}`;
  if (/UD-|XL|_R4|exact type/i.test(text)) return undefined;
  const sizes: Readonly<Record<string, string>> = { small: '_S', medium: '_M', large: '_L' };
  const match = /\b(I?Q\d_[0K](?:_[SML])?|IQ\d_\w+|BF16|F16|Q8_0|MXFP4)(?:\s*-\s*(Small|Medium|Large))?/i.exec(text);
  const suffix = match?.[2] === undefined ? '' : (sizes[match[2].toLowerCase()] ?? '');
  return match?.[1] === undefined ? undefined : mixtureNamed(match[1].toUpperCase() + suffix);
}

/** The size that the record states for the file, in bytes. */
export function fileBytesOf(run: FitCase): number | undefined {
  const texts = [run.arch?.['file_size'], run.quant_or_dtype, run.other_flags];
  const size = texts
    .map((text) => (typeof text === 'string' ? /([\d.]+) GiB/.exec(text)?.[1] : undefined))
    .find(Boolean);
  return size === undefined ? undefined : Number(size) * 1024 ** 3;
}

/** Bytes by layer, and how far off they may be where the file type was not stated and the commonest one was taken. */
export interface GgufWeights {
  readonly bytes: WeightBytes;
  readonly spread?: readonly [low: number, high: number];
}

export function ggufWeightsOf(run: FitCase, facts: ModelFacts): GgufWeights | undefined {
  const file = fileBytesOf(run);
  const stated = mixtureOf(run);
  const mixture = stated ?? usualMixture(run, facts);
  if (!mixture) return undefined;
  const ruled = weightsAs(mixture, facts);
  const whole = ruled.tokenEmbedding + ruled.output + layerSum(ruled);
  if (file !== undefined) {
    // A size of two decimals says less than a rule that agrees with it.
    if (stated && Math.abs(whole / file - 1) < 0.003) return { bytes: ruled };
    return { bytes: isForkMix(run) ? forkMix(file, facts) : scaledTo(file, ruled) };
  }
  const spread = stated ? undefined : spreadOf(run);
  return { bytes: ruled, ...(spread ? { spread } : {}) };
}

/** What is given under a name without a file type. Google's models trained for quantization are Q4_0 throughout. */
function usualMixture(run: FitCase, facts: ModelFacts): Mixture | undefined {
  if (run.backend === 'ollama') return mixtureNamed(ollamaFileType(run.model ?? ''));
  if (facts.architecture === 'gpt-oss') return mixtureNamed('MXFP4');
  const q40 = mixtureNamed('Q4_0');
  if (q40 && /QAT/.test(`${run.model} ${run.quant_or_dtype}`)) return { ...q40, pure: true };
  return mixtureNamed('Q4_K_M');
}

/** Ollama's library gives Q4_K_M under a plain name. Elsewhere a file without a type may have from 2 to 16 bits a weight. */
function spreadOf(run: FitCase): readonly [number, number] | undefined {
  const text = `${run.model} ${run.quant_or_dtype}`;
  if (run.backend === 'ollama' && !run.quant_or_dtype && !/not stated/.test(text)) return undefined;
  if (/4-bit|Q4/i.test(text)) return [0.9, 1.12];
  const bits = /I?Q([2-8])/.exec(text)?.[1];
  if (bits === undefined) return [0.55, 3.45];
  return [Number(bits) / 5, (Number(bits) + 1.5) / 4.5];
}

function layerSum({ layers }: WeightBytes): number {
  return layers.reduce((total, { dense, experts }) => total + dense + experts, 0);
}

/** File types of ik_llama.cpp, for which its users keep everything but the experts in 8 bits. */
function isForkMix(run: FitCase): boolean {
  return /^IQ\d_K|_R4/.test(run.quant_or_dtype ?? '');
}

/** It also stores the up-projections of latent attention a second time, as they are multiplied into queries and outputs. */
function forkMix(fileBytes: number, facts: ModelFacts): WeightBytes {
  const eightBits = mixtureNamed('Q8_0');
  if (!eightBits) throw new TypeError('there is no Q8_0');
  const { tokenEmbedding, output, layers, ...rest } = weightsAs(eightBits, facts);
  const dense = layers.map((layer, index) => layer.dense + absorbedBytes(facts.layers[index]?.mixer));
  const experts = layers.filter((layer) => layer.experts > 0).length;
  const left = fileBytes - tokenEmbedding - output - dense.reduce((sum, bytes) => sum + bytes, 0);
  if (experts === 0) return scaledTo(fileBytes, { tokenEmbedding, output, layers, ...rest });
  return {
    ...rest,
    tokenEmbedding,
    output,
    layers: layers.map((layer, index) => ({
      dense: dense[index] ?? 0,
      experts: layer.experts > 0 ? left / experts : 0,
    })),
  };
}

function absorbedBytes(mixer: Mixer | undefined): number {
  if (mixer?.kind !== 'latent') return 0;
  return (mixer.kvRank * mixer.heads * (mixer.nopeLength + mixer.valueLength) * 34) / 32;
}

/** What stays on the GPU when the command line says which tensors do not; undefined: the command is cut, or that of another run. */
export function weightsLeftOnGpu(run: FitCase, facts: ModelFacts, weights: WeightBytes): number | undefined {
  const flags = run.other_flags ?? '';
  const context = /(?:--ctx-size|-c) (\d+)/.exec(flags)?.[1];
  const layers = /(?:-ngl|--n-gpu-layers) (\d+)/.exec(flags)?.[1];
  if (
    context === undefined ||
    Number(context) !== run.context ||
    layers === undefined ||
    Number(layers) <= facts.layers.length
  ) {
    return undefined;
  }
  const patterns = [...flags.matchAll(/(?:-ot|--override-tensor) "?([^\s"]+)"?/g)].flatMap(([, list = '']) =>
    list.split(',').map((entry) => entry.split('=')),
  );
  const isOnCpu = (name: string) => patterns.find(([pattern = '']) => new RegExp(pattern).test(name))?.[1] === 'CPU';
  const kept = weights.layers.map(
    ({ dense, experts }, index) => dense + (isOnCpu(`blk.${index}.ffn_gate_exps.weight`) ? 0 : experts),
  );
  return kept.reduce((sum, bytes) => sum + bytes, 0) + weights.output;
}

function scaledTo(fileBytes: number, weights: WeightBytes): WeightBytes {
  const factor = (fileBytes - weights.tokenEmbedding - weights.output) / layerSum(weights);
  return {
    ...weights,
    layers: weights.layers.map(({ dense, experts }) => ({ dense: dense * factor, experts: experts * factor })),
  };
}

/** In the flags: the experts stay in RAM. */
export function keepsExpertsOnCpu(run: FitCase): boolean {
  return /exps=CPU|ffn\S*=CPU|--n-cpu-moe|-ncmoe/.test(run.other_flags ?? '');
}

/** Tensors or layers were placed by hand, so what is where does not follow from the memory. */
export function isPlacedByHand(run: FitCase): boolean {
  return /(^|\s)(-ot|--override-tensor|-ncmoe|--n-cpu-moe|n_gpu_layers=)/.test(run.other_flags ?? '');
}

/** Fewer layers were asked for than there are. */
export function asksForFewerLayers(run: FitCase, facts: ModelFacts): boolean {
  const stated = /(?:n_gpu_layers=|--n-gpu-layers |-ngl )(\d+)/.exec(run.other_flags ?? '')?.[1];
  return stated !== undefined && !/cmd:/.test(run.other_flags ?? '') && Number(stated) < facts.layers.length;
}

/** Until the end of 2025 llama.cpp left everything on the CPU unless it was told otherwise. */
export function staysOnCpu(run: FitCase, { number, fork }: LlamaCppBuild): boolean {
  if (run.n_gpus === 0) return true;
  const flags = run.other_flags ?? '';
  const isOld = fork === 'ik' || (number !== undefined && number < 6600);
  return run.backend === 'llama.cpp' && isOld && /cmd:/.test(flags) && !/-ngl|n-gpu-layers/.test(flags);
}

export function llamaCppBuildOf(run: FitCase, facts: ModelFacts): LlamaCppBuild {
  const version = run.backend_version ?? '';
  if (/ik_llama/.test(version) && !/mainline/.test(version)) return { fork: 'ik' };
  if (run.backend === 'ollama') {
    const [, release] = /(\d+\.\d+(?:\.\d+)?)/.exec(version.replaceAll('x', '0')) ?? [];
    const month = monthOf(version);
    const named = release !== undefined && !month ? release : month ? ollamaOfMonth(...month) : undefined;
    const number = named === undefined ? undefined : buildOfOllama(named);
    const ollamaEngine = named !== undefined && runsOnOllamaEngine(named, facts.architecture);
    return { ...(number === undefined ? {} : { number }), ...(ollamaEngine ? { ollamaEngine } : {}) };
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
  const gpuBytes = cudaBytesOf(run);
  const isOllama = run.backend === 'ollama';
  const contextTokens = run.context ?? (isOllama ? ollamaContext(build, gpuBytes) : contextIfUnknown);
  if (contextTokens === undefined) return undefined;
  const [keyType, valueType] = cacheTypesOf(run.kv_cache_type);
  const sequences = run.num_parallel ?? (isOllama ? 1 : buildTraits(build).usualSlots);
  const automatic = isOllama && (build.number ?? 0) >= 9452;
  const batchTokens = run.ubatch ?? (isOllama ? (run.batch ?? (automatic ? ollamaBatch(contextTokens) : 512)) : 512);
  const stated = run.flash_attention;
  const flashAttention =
    stated === null
      ? valueType !== 'f16' || buildTraits(build).flashAttentionByDefault
      : stated === true || /auto|enabled|on/i.test(String(stated));
  return {
    build,
    contextTokens,
    sequences,
    batchTokens,
    keyType,
    valueType,
    flashAttention,
    latentAsHeads: !buildTraits(build).latentCache,
    stateCopies: buildTraits(build).stateCopies,
    expertsOnCpu: keepsExpertsOnCpu(run),
    fullWindow: /swa_full|swa-full/.test(run.other_flags ?? '') || build.fork === 'ik',
    gpus: /-sm none/.test(run.other_flags ?? '') ? 1 : (run.n_gpus ?? 1),
    withEncoder: isOllama && facts.encoder !== undefined && facts.encoder.anySize === undefined,
    mapsWholeFile: /Metal|Apple/.test(run.gpu ?? ''),
  };
}

/** Ollama from 0.2 to 0.10 made room for four requests of the context that was asked for, where that fitted. */
export function triesFourSlots(run: FitCase, { number }: LlamaCppBuild): boolean {
  return (
    run.backend === 'ollama' && run.num_parallel === null && number !== undefined && number >= 3400 && number < 6000
  );
}

function ollamaContext({ number }: LlamaCppBuild, gpuBytes: number | undefined): number {
  if (number !== undefined && number < 5000) return 2048;
  const gibibytes = (gpuBytes ?? 0) / 1024 ** 3;
  if (number !== undefined && number < 8000) return 4096;
  return gibibytes >= 47 ? 262_144 : gibibytes >= 23 ? 32_768 : 4096;
}

function ollamaBatch(contextTokens: number): number {
  return contextTokens > 32_768 ? 2048 : contextTokens > 4096 ? 1024 : 512;
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
