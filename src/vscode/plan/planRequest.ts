import { checkpointBytes, schemeNamed, type Scheme } from '../../core/fit/checkpoint.ts';
import type { FitGpu, FitModel, FitRequest, FitServer } from '../../core/fit/fitRequest.ts';
import { vllmVersionNamed } from '../../core/fit/vllmVersion.ts';
import type { OllamaEnvironment } from '../../core/fit/ollamaEnvironment.ts';
import type { CacheType } from '../../core/fit/kvCache.ts';
import type { ModelFacts, WeightBytes } from '../../core/fit/modelFacts.ts';
import { fileBytes, ruledWeights } from '../../core/fit/modelWeights.ts';
import type { PlanBackend, PlanChoice, PlanFlags } from '../../protocol/planState.ts';

/** A model to plan with, wherever it was read. */
export interface PlanModel {
  readonly id: string;
  readonly name: string;
  /** What it is and where its figures come from, in a sentence or two. */
  readonly detail: string;
  /** Without the bytes of a file, so that other quantisations of it can be planned. */
  readonly facts: ModelFacts;
  /** Of its files, where its server tells it. */
  readonly digest?: string;
  /** The file that it was read from. */
  readonly file?: { readonly weights: WeightBytes; readonly fileType: string };
  /** What its server gives when no quantisation is named. */
  readonly usualFileType: string;
  /** The checkpoint that it was read from: as its server finds it stored. */
  readonly scheme?: string;
  /** As that server calls it. */
  readonly nameFor: (backend: PlanBackend, format: string) => string;
}

export interface Format {
  readonly id: string;
  readonly label: string;
  readonly bytes: number;
}

const fileTypes = ['BF16', 'Q8_0', 'Q6_K', 'Q5_K_M', 'Q4_K_M', 'Q4_K_S', 'Q4_0', 'IQ4_XS', 'Q3_K_M', 'Q2_K'] as const;
const schemes: readonly (readonly [id: string, label: string])[] = [
  ['bf16', '16 bits'],
  ['fp8', 'FP8'],
  ['awq', 'AWQ'],
  ['gptq', 'GPTQ'],
  ['w4a16', 'W4A16'],
  ['nvfp4', 'NVFP4'],
];
const nativeScheme: readonly [id: string, label: string] = ['mxfp4', 'MXFP4'];

const known = new WeakMap<PlanModel, Map<PlanBackend, readonly Format[]>>();

/**
 * What the weights can be on such a server, the largest first, each with what it takes. A file's own type stands first. Remembered: to size a large model takes
 * some milliseconds for each.
 */
export function formatsOf(model: PlanModel, backend: PlanBackend): readonly Format[] {
  const ofModel = known.get(model) ?? new Map<PlanBackend, readonly Format[]>();
  known.set(model, ofModel);
  const formats = ofModel.get(backend) ?? sizedFormats(model, backend);
  ofModel.set(backend, formats);
  return formats;
}

function sizedFormats(model: PlanModel, backend: PlanBackend): readonly Format[] {
  if (backend === 'vllm') {
    const offered = isMxfp4(model.facts) ? [nativeScheme] : schemes;
    return offered.map(([id, label]) => ({ id, label, bytes: schemeBytes(model.facts, id) }));
  }
  const own = model.file && {
    id: model.file.fileType,
    label: model.file.fileType,
    bytes: fileBytes(model.file.weights),
  };
  const others = (isMxfp4(model.facts) ? ['MXFP4'] : fileTypes).flatMap((id): Format[] => {
    const weights = id === own?.id ? undefined : ruledWeights(model.facts, id);
    return weights ? [{ id, label: id, bytes: fileBytes(weights) }] : [];
  });
  return own ? [own, ...others] : others;
}

/** `wanted`, where there is such a thing on this server. */
export function formatFor(model: PlanModel, backend: PlanBackend, wanted: string | undefined): string {
  const formats = formatsOf(model, backend);
  if (wanted !== undefined && formats.some(({ id }) => id === wanted)) return wanted;
  const usual = backend === 'vllm' ? (model.scheme ?? 'bf16') : (model.file?.fileType ?? model.usualFileType);
  return (formats.find(({ id }) => id === usual) ?? formats[0])?.id ?? usual;
}

export function fitModelOf(model: PlanModel, backend: PlanBackend, format: string): FitModel {
  const { facts, file, digest } = model;
  const name = model.nameFor(backend, format);
  if (backend === 'vllm') return { name, facts, scheme: schemeFor(format) };
  if (file?.fileType === format)
    return { name, facts, weights: file.weights, fileType: format, ...(digest === undefined ? {} : { digest }) };
  return { name, facts, fileType: format };
}

/** What is known of the server that runs here, for what was not chosen. */
export interface KnownServer {
  readonly version?: string;
  /** What Ollama was told by its environment. */
  readonly environment?: OllamaEnvironment;
  /** With which it has the model loaded. */
  readonly contextTokens?: number;
}

export function requestOf(
  model: PlanModel,
  choice: PlanChoice,
  gpus: readonly FitGpu[],
  known: KnownServer = {},
  draft?: PlanModel,
): FitRequest {
  const { backend } = choice;
  const ofDraft = draft && { draft: fitModelOf(draft, backend, formatFor(draft, backend, undefined)) };
  return {
    model: fitModelOf(model, backend, formatFor(model, backend, choice.format)),
    server: serverOf(choice, gpus, known),
    gpus,
    ...(backend === 'ollama' ? {} : ofDraft),
  };
}

/** A second model at the same time, as its server takes it by itself. */
export function besideRequest(
  model: PlanModel,
  { backend }: PlanChoice,
  { version, environment }: KnownServer,
): FitRequest {
  const choice: PlanChoice = { backend, gpuId: '', vramGib: 0, gpuCount: 1 };
  return requestOf(model, choice, [], {
    ...(version === undefined ? {} : { version }),
    ...(environment === undefined ? {} : { environment }),
  });
}

function serverOf(
  { backend, cacheType, contextTokens, flags = {} }: PlanChoice,
  gpus: readonly FitGpu[],
  known: KnownServer,
): FitServer {
  const { parallel, flashAttention, batchTokens, ...ofVllm } = flags;
  const contextChosen = contextTokens === undefined ? {} : { contextTokens };
  const ofLlamaCpp = withoutUndefined({ parallel, flashAttention, batchTokens });
  const kind = cacheTypesOf(backend).find((one) => one === cacheType);
  switch (backend) {
    case 'ollama': {
      const { version, environment } = known;
      const loaded = known.contextTokens === undefined ? {} : { contextTokens: known.contextTokens };
      const running = { ...environment, ...loaded };
      const { cacheType: told, ...others } = running;
      const cache = kind === undefined ? withoutUndefined({ cacheType: told }) : cacheChosen(kind, told);
      return {
        kind: 'ollama',
        ...withoutUndefined({ version }),
        ...(Object.keys(running).length === 0 ? {} : { running }),
        ...others,
        ...contextChosen,
        ...cache,
        ...ofLlamaCpp,
      };
    }
    case 'llama-server':
      return { kind: 'llama-server', ...contextChosen, ...cacheOf(kind), ...ofLlamaCpp };
    case 'vllm': {
      const tensorParallel = alike(gpus);
      const cache = kind === 'fp8' ? { cacheType: 'fp8' as const } : {};
      const version = known.version === undefined ? undefined : vllmVersionNamed(known.version);
      return {
        kind: 'vllm',
        ...withoutUndefined({ version }),
        ...contextChosen,
        ...(tensorParallel > 1 ? { tensorParallel } : {}),
        ...cache,
        ...ofVllm,
      };
    }
  }
}

/** The usual one is what a server takes by itself, so it is no part of the command. */
function cacheOf(cacheType: string | undefined): { readonly cacheType?: CacheType } {
  return cacheType === 'q8_0' || cacheType === 'q4_0' ? { cacheType } : {};
}

/** Where the server that runs was told another, the usual one has to be said. */
function cacheChosen(chosen: string, told: CacheType | undefined): { readonly cacheType?: CacheType } {
  return chosen === 'f16' && told !== undefined ? { cacheType: 'f16' } : cacheOf(chosen);
}

/** GPUs that vLLM can share a model among: as many as the first, a power of two. */
function alike(gpus: readonly FitGpu[]): number {
  const same = gpus.filter(
    ({ name, totalBytes }) => name === gpus[0]?.name && totalBytes === gpus[0].totalBytes,
  ).length;
  return 2 ** Math.floor(Math.log2(Math.max(1, same)));
}

/** What a keys-and-values cache can be made of, the usual one first. */
export function cacheTypesOf(backend: PlanBackend): readonly string[] {
  return backend === 'vllm' ? ['auto', 'fp8'] : ['f16', 'q8_0', 'q4_0'];
}

const flagNames: readonly string[] = [
  'parallel',
  'flashAttention',
  'batchTokens',
  'maxSequences',
  'maxBatchedTokens',
  'utilization',
  'tensorParallel',
  'eager',
] satisfies readonly (keyof PlanFlags)[];

/** The choice that leads to a request that was proposed instead of another. */
export function choiceOf(proposed: FitRequest, instead: FitRequest, before: PlanChoice, modelId: string): PlanChoice {
  const { model, server, gpus } = proposed;
  const { kind, contextTokens, cacheType } = server;
  const format = model.scheme ? nameOfScheme(model.scheme) : model.fileType;
  const flags: PlanFlags = Object.fromEntries(Object.entries(server).filter(([name]) => flagNames.includes(name)));
  const isOnSame = gpus.length === instead.gpus.length;
  return {
    modelId,
    backend: kind,
    ...(format === undefined ? {} : { format }),
    ...(cacheType === undefined ? {} : { cacheType }),
    ...(contextTokens === undefined ? {} : { contextTokens }),
    ...(Object.keys(flags).length === 0 ? {} : { flags }),
    ...(isOnSame ? cardsOf(before) : moreOf(gpus, before)),
    ...(proposed.draft && before.draftId !== undefined ? { draftId: before.draftId } : {}),
    ...(before.besideId === undefined ? {} : { besideId: before.besideId }),
  };
}

type CardChoice = Pick<PlanChoice, 'gpuId' | 'vramGib' | 'gpuCount'>;

function cardsOf({ gpuId, vramGib, gpuCount }: PlanChoice): CardChoice {
  return { gpuId, vramGib, gpuCount };
}

/** More cards than this machine has are no longer this machine. */
function moreOf(gpus: readonly FitGpu[], before: PlanChoice): CardChoice {
  const gpuCount = gpus.length;
  if (before.gpuId !== 'machine') return { ...cardsOf(before), gpuCount };
  const gibibytes = (gpus[0]?.totalBytes ?? 0) / 1024 ** 3;
  return { gpuId: 'size', vramGib: Math.round(gibibytes * 10) / 10, gpuCount };
}

/** Positions of a slider from 1k to what the model was made for, each about 9 % more than the one before it. */
export function contextStepsOf({
  contextTokens: trained = 131_072,
}: Pick<ModelFacts, 'contextTokens'>): readonly number[] {
  const first = Math.min(1024, trained);
  const count = Math.ceil(8 * Math.log2(trained / first));
  const steps = Array.from({ length: count }, (_, index) => Math.round((first * 2 ** (index / 8)) / 256) * 256);
  return [...new Set([...steps.filter((tokens) => tokens > 0 && tokens < trained), trained])];
}

function isMxfp4({ architecture }: ModelFacts): boolean {
  return /^gpt-?oss/i.test(architecture);
}

function schemeFor(id: string): Scheme {
  return schemeNamed(id) ?? { kind: 'plain', bytes: 2 };
}

export function nameOfScheme(scheme: Scheme): string {
  return scheme.kind === 'plain' ? 'bf16' : scheme.kind;
}

function schemeBytes(facts: ModelFacts, id: string): number {
  return checkpointBytes(facts, schemeFor(id), { tensor: 1, pipeline: 1 });
}

export function withoutUndefined<Fields extends object>(
  fields: Fields,
): { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Key in keyof Fields]?: Exclude<Fields[Key], undefined>;
  };
}
