import { memoryText, tokensText } from './bytesText.ts';
import { checkpointBytes, type Scheme } from './checkpoint.ts';
import { between, exact, sum, type Figure } from './figure.ts';
import { vllmCommand } from './fitCommand.ts';
import type { FitFailure, FitGpu, FitModel, FitPlan, FitRequest, FitRow, FitServer } from './fitRequest.ts';
import { isHeadlessCard } from './gpus.ts';
import { freeFigure, type Inequality } from './inequality.ts';
import type { ModelFacts } from './modelFacts.ts';
import { roomOf } from './llamaCppFit.ts';
import { publishedScheme } from './publishedModels.ts';
import { largestVllmContext, ownContext, planVllm, type VllmPlan } from './plan.ts';
import { contextError, freeMemoryError, noCacheError, samplerError, torchError } from './serverErrors.ts';
import { tensorsOf } from './tensors.ts';
import { graphsInBudget, vllmDefaults, type VllmGpu, type VllmSettings } from './vllm.ts';
import type { VllmVersion } from './vllmVersion.ts';

export type VllmFitServer = Extract<FitServer, { kind: 'vllm' }>;

/** What a version that was not given is taken for. */
const currentVllm: VllmVersion = [0, 29];

export function planOnVllm(request: FitRequest, server: VllmFitServer): FitPlan {
  const { model } = request;
  const doubts: string[] = [...model.facts.doubts, ...(request.draft?.facts.doubts ?? [])];
  const parallel = server.tensorParallel ?? 1;
  const gpus = usedGpus(request.gpus, parallel);
  const gpu = gpus.at(-1);
  const scheme = schemeOf(model, doubts);
  const { corrections } = request;
  const alone = {
    ...vllmSettings(model, server, scheme, gpu, doubts),
    ...(corrections === undefined ? {} : { corrections }),
  };
  const { facts, settings } = withDraft(model.facts, alone, request.draft, doubts);
  const problem = parallelProblem(facts, parallel, request.gpus.length);
  if (problem !== undefined) doubts.push(problem);
  // Sizes do not depend on the card but for a little, so they are said without one.
  const card = vllmGpu(gpu ?? { name: '', totalBytes: 0 });
  const plan = planVllm(facts, settings, card);
  const isKnown = gpu !== undefined && problem === undefined;
  const verdict = isKnown ? plan.verdict : 'unknown';
  const largest = isKnown ? largestContext(facts, settings, card, plan) : undefined;
  const failure = verdict === 'fails' ? failureOf(facts, settings, card, plan, largest) : undefined;
  if (gpu === undefined) doubts.push('No GPU was given, so only sizes are said.');
  else if (gpus.some(({ freeBytes }) => freeBytes === undefined)) {
    doubts.push('What is free on the GPU is not known: an idle card is assumed, with or without a desktop on it.');
  }
  return {
    verdict,
    rows: rowsOf(plan, parallel),
    ...(gpu === undefined
      ? {}
      : {
          free: sum(
            gpus.map((used) => freeFigure(roomOf(used))),
            'free on the GPUs that vLLM uses',
          ),
          total: exact(
            gpus.reduce((bytes, { totalBytes }) => bytes + totalBytes, 0),
            'what a process can have of the GPUs',
          ),
        }),
    conditions: gpu === undefined ? [] : plan.conditions,
    ...(failure === undefined ? {} : { failure }),
    contextTokens: settings.maxModelTokens,
    ...(largest === undefined ? {} : { largestContextTokens: largest }),
    command: vllmCommand(request, server, settings.maxModelTokens, gpu, visibleDevices(request.gpus, gpus)),
    doubts,
  };
}

interface Planned {
  readonly facts: ModelFacts;
  readonly settings: VllmSettings;
}

/** A draft model's weights lie beside the model's, and a token has a place in the caches of both. */
function withDraft(facts: ModelFacts, settings: VllmSettings, draft: FitModel | undefined, doubts: string[]): Planned {
  if (!draft) return { facts, settings };
  const whole = { tensor: 1, pipeline: 1 };
  const own = settings.checkpointBytes ?? checkpointBytes(facts, settings.scheme, whole);
  const theirs = draft.checkpointBytes ?? checkpointBytes(draft.facts, schemeOf(draft, doubts), whole);
  return {
    facts: {
      ...facts,
      layers: [...facts.layers, ...draft.facts.layers],
      doubts: [...facts.doubts, ...draft.facts.doubts],
    },
    settings: { ...settings, checkpointBytes: own + theirs },
  };
}

/** Those with the most room; the last has the least, and decides for all. */
function usedGpus(gpus: readonly FitGpu[], parallel: number): readonly FitGpu[] {
  const free = (gpu: FitGpu) => freeFigure(roomOf(gpu)).bytes;
  return [...gpus].sort((one, other) => free(other) - free(one)).slice(0, parallel);
}

/** Undefined: the first ones, which vLLM takes by itself. */
function visibleDevices(all: readonly FitGpu[], used: readonly FitGpu[]): string | undefined {
  const indexes = used.map((gpu) => all.indexOf(gpu)).sort((one, other) => one - other);
  return indexes.every((index, place) => index === place) ? undefined : indexes.join(',');
}

function parallelProblem(facts: ModelFacts, parallel: number, gpus: number): string | undefined {
  if (gpus > 0 && parallel > gpus)
    return `A tensor parallelism of ${parallel} needs as many GPUs, and there are ${gpus}.`;
  const heads = facts.layers.flatMap(({ mixer }) =>
    mixer.kind === 'attention' || mixer.kind === 'latent' ? [mixer.heads] : [],
  );
  const odd = heads.find((count) => count % parallel !== 0);
  return odd === undefined ? undefined : `vLLM cannot share ${odd} attention heads among ${parallel} GPUs.`;
}

/** How vLLM finds the model stored: as given, as the GGUF file it is, or in 16 bits. */
export function schemeOf({ name, scheme, facts, weights, fileType }: FitModel, doubts: string[]): Scheme {
  if (scheme) return scheme;
  if ((weights ?? facts.weights) && fileType !== undefined) return { kind: 'gguf', mixture: fileType };
  const published = publishedScheme(name, facts);
  if (published.kind === 'plain') doubts.push('No quantisation was given: planned with 16 bits for each weight.');
  return published;
}

function vllmSettings(
  { facts, checkpointBytes }: FitModel,
  server: VllmFitServer,
  scheme: Scheme,
  gpu: FitGpu | undefined,
  doubts: string[],
): VllmSettings {
  if (server.version === undefined)
    doubts.push(`No version of vLLM was given: planned for the current one (${currentVllm.join('.')}).`);
  const version = server.version ?? currentVllm;
  const defaults = vllmDefaults(version, gpu?.totalBytes, /A100/.test(gpu?.name ?? ''));
  const trained = facts.contextTokens;
  const asked = Math.max(1, Math.floor(server.contextTokens ?? trained ?? 4096));
  if (trained !== undefined && asked > trained) {
    doubts.push(
      `The model was made for ${tokensText(trained)} tokens, and vLLM refuses more (${tokensText(asked)} asked for): planned with those.`,
    );
  }
  const maxSequences = server.maxSequences ?? defaults.maxSequences;
  return {
    version,
    scheme,
    dtypeBytes: scheme.kind === 'plain' ? scheme.bytes : 2,
    cacheElementBytes: server.cacheType === 'fp8' ? 1 : scheme.kind === 'plain' ? scheme.bytes : 2,
    maxModelTokens: Math.min(asked, trained ?? asked),
    maxSequences,
    maxBatchedTokens: server.maxBatchedTokens ?? Math.max(defaults.maxBatchedTokens, maxSequences),
    utilization: server.utilization ?? defaults.utilization,
    tensorParallel: server.tensorParallel ?? 1,
    pipelineParallel: 1,
    eager: server.eager ?? false,
    graphSizes: capturedSizes(facts, maxSequences),
    ...(checkpointBytes === undefined ? {} : { checkpointBytes }),
  };
}

/** CUDA graphs are captured for 1, 2, 4 and then multiples of 8 up to twice the sequences, at most 512; 1024 for gpt-oss. */
export function capturedSizes({ architecture }: ModelFacts, maxSequences: number): number {
  return Math.min(/^gpt-?oss/i.test(architecture) ? 83 : 51, 4 + Math.floor(maxSequences / 4));
}

export function vllmGpu({ name, totalBytes, freeBytes, isUnified, spills }: FitGpu): VllmGpu {
  const hopper = /\bG?H(100|200|800|20)\b/i.test(name);
  // Only data-centre cards have 80 GB, and those come joined.
  const joined = /A[18]00|G?B[23]00|V100-SXM|NVLink|SXM|\b80\s?GB\b/i.test(name);
  return {
    totalBytes,
    ...(freeBytes === undefined ? {} : { freeBytes }),
    ...(isUnified === undefined ? {} : { isUnified }),
    ...(spills ? { spills } : {}),
    isHeadless: isHeadlessCard(name),
    multiprocessors: hopper ? 132 : 100,
    nvlink: hopper || joined,
    hopper,
  };
}

const [atStart, weightsAlone, oneRequest] = [0, 1, 2];

/** By what is left for keys and values, where nothing else fails. */
function largestContext(
  facts: ModelFacts,
  settings: VllmSettings,
  gpu: VllmGpu,
  { conditions }: VllmPlan,
): number | undefined {
  if (facts.doubts.length > 0) return undefined;
  const others = conditions.filter((_, index) => index !== oneRequest);
  return others.some(({ holds }) => holds === 'no') ? undefined : largestVllmContext(facts, settings, gpu);
}

/** All GPUs together. */
function rowsOf({ estimate }: VllmPlan, parallel: number): readonly FitRow[] {
  const { weights, cacheNeeded, activation, graphs, nonTorch } = estimate;
  const context = between(ownContext.low, ownContext.usual, ownContext.high, 'assumed', 'CUDA context');
  const rows: readonly FitRow[] = [
    { part: 'weights', label: 'Weights', figure: weights },
    { part: 'cache', label: 'KV cache', figure: cacheNeeded },
    { part: 'compute', label: 'Activations', figure: activation },
    { part: 'graphs', label: 'CUDA graphs', figure: graphs },
    {
      part: 'overhead',
      label: 'CUDA context and kernels',
      figure: sum([nonTorch, context], `${nonTorch.because}, and the CUDA context`),
    },
  ];
  return rows
    .filter(({ figure }) => figure.highBytes > 0)
    .map((row) => ({ ...row, figure: times(row.figure, parallel) }));
}

function times(figure: Figure, factor: number): Figure {
  if (factor === 1) return figure;
  return {
    ...figure,
    bytes: figure.bytes * factor,
    lowBytes: figure.lowBytes * factor,
    highBytes: figure.highBytes * factor,
    because: `${figure.because}; ${factor} GPUs together`,
  };
}

function failureOf(
  facts: ModelFacts,
  settings: VllmSettings,
  gpu: VllmGpu,
  { conditions, estimate }: VllmPlan,
  largest: number | undefined,
): FitFailure | undefined {
  const index = conditions.findIndex(({ holds }) => holds === 'no');
  const condition = conditions[index];
  if (!condition) return undefined;
  const { utilization, version, maxModelTokens } = settings;
  const { need, have } = condition;
  const onEach = settings.tensorParallel > 1 ? ' on each GPU' : '';
  switch (index) {
    case atStart:
      return {
        condition,
        serverError: freeMemoryError(have.bytes, gpu.totalBytes, utilization),
        explanation: `vLLM takes ${utilization} of ${memoryText(gpu.totalBytes)} = ${memoryText(need.bytes)} > ${memoryText(have.bytes)} free${onEach}, because other programs hold the rest.`,
      };
    case weightsAlone:
      return {
        condition,
        serverError: torchError(largestBlockBytes(facts, settings), gpu.totalBytes),
        explanation: `Weights ${memoryText(need.bytes)} > ${memoryText(have.bytes)} free${onEach}, because they are larger than the GPU: no context, utilization or number of sequences makes them smaller.`,
      };
    case oneRequest:
      return {
        condition,
        serverError:
          have.bytes <= 0 ? noCacheError : contextError(version, maxModelTokens, need.bytes, have.bytes, largest),
        explanation: poolExplanation(settings, gpu, estimate, condition, onEach),
      };
    default:
      return {
        condition,
        serverError:
          estimate.graphs.bytes > have.bytes
            ? torchError(estimate.graphs.bytes, gpu.totalBytes)
            : samplerError(settings.maxSequences),
        explanation: `CUDA graphs ${memoryText(need.bytes)} > ${memoryText(have.bytes)} that the utilization of ${utilization} leaves${onEach}, because this vLLM makes them beside its budget.`,
      };
  }
}

function poolExplanation(
  settings: VllmSettings,
  { totalBytes }: VllmGpu,
  { weights, activation, nonTorch, graphs, budget, cacheNeeded, cachePool }: VllmPlan['estimate'],
  { need, have }: Inequality,
  onEach: string,
): string {
  const { utilization, maxModelTokens } = settings;
  const parts: readonly (readonly [string, Figure])[] = [
    ['Weights', weights],
    ['KV cache', cacheNeeded],
    ['activations', activation],
    ['kernels', nonTorch],
    ...(graphsInBudget(settings) && graphs.bytes > 0 ? [['CUDA graphs', graphs] as const] : []),
  ];
  const all = parts.reduce((total, [, { bytes }]) => total + bytes, 0);
  const listed = parts.map(([label, { bytes }]) => `${label} ${memoryText(bytes)}`).join(' + ');
  const reason =
    weights.bytes > budget.bytes
      ? `the weights alone are larger than the ${utilization} of ${memoryText(totalBytes)} that vLLM may use`
      : cachePool.bytes <= 0
        ? 'nothing is left for keys and values'
        : `one request of ${tokensText(maxModelTokens)} needs ${memoryText(need.bytes)} of keys and values, and ${memoryText(have.bytes)} are left for them`;
  return `${listed} = ${memoryText(all)} > ${memoryText(budget.bytes)} that a utilization of ${utilization} allows${onEach}, because ${reason}.`;
}

/** The largest matrix of a layer, as vLLM fuses it: what it tries to allocate when the weights do not fit. */
function largestBlockBytes(facts: ModelFacts, { scheme, tensorParallel, dtypeBytes }: VllmSettings): number {
  const blocks = new Map<string, number>();
  for (const { layer, role, columns, rows } of tensorsOf(facts)) {
    if (layer !== 0 && layer !== facts.layers.length - 1) continue;
    const block = /^(gate|up)$/.test(role) ? 'gateUp' : /^expert(Gate|Up)$/.test(role) ? 'expertsIn' : role;
    const key = `${layer} ${block}`;
    blocks.set(key, (blocks.get(key) ?? 0) + columns * rows);
  }
  const perElement = scheme.kind === 'plain' ? dtypeBytes : scheme.kind === 'fp8' || scheme.kind === 'int8' ? 1 : 0.5;
  return (Math.max(0, ...blocks.values()) * perElement) / tensorParallel;
}
