import { tokensText } from './bytesText.ts';
import type { Corrections } from './corrections.ts';
import { exact, sum, type Figure } from './figure.ts';
import { ollamaCommand, llamaServerCommand } from './fitCommand.ts';
import type { FitGpu, FitModel, FitPlan, FitRequest, FitServer } from './fitRequest.ts';
import { isHeadlessCard } from './gpus.ts';
import { inequality, type GpuRoom, type Inequality } from './inequality.ts';
import { cacheBytes } from './kvCache.ts';
import { estimateLlamaCpp, gpuWeightBytes, type LlamaCppSettings } from './llamaCpp.ts';
import { buildTraits, type LlamaCppBuild } from './llamaCppBuild.ts';
import {
  buildOfOllamaFor,
  fitsByItself,
  isServerEra,
  llamaCppSettings,
  offloadPolicy,
  ollamaContextTokens,
  ollamaGuessPerToken,
  triesFourSlots,
} from './llamaCppDefaults.ts';
import { llamaCppFailure } from './llamaCppFailure.ts';
import { rowsOf } from './llamaCppRows.ts';
import type { ModelFacts } from './modelFacts.ts';
import { fileBytes, ggufWeights, type ModelWeights } from './modelWeights.ts';
import { freeOnAll, largestMultiple, planLlamaCpp, type LlamaCppPlan, type OffloadPolicy } from './plan.ts';

export type LlamaCppFitServer = Extract<FitServer, { kind: 'ollama' | 'llama-server' }>;

/** What a version that was not given is taken for. */
const currentOllama = '0.33.0';
const currentBuild = 10_488;

/** Shorter contexts than this are of no use to anybody, so nobody is offered them. */
const contextStep = 256;

export function planOnLlamaCpp(request: FitRequest, told: LlamaCppFitServer): FitPlan {
  const { model, gpus } = request;
  const { facts } = model;
  const doubts: string[] = [...facts.doubts];
  const build = buildOf(told, facts, doubts);
  const server = withPossibleCache(told, build, doubts);
  const weights = ggufWeights(model);
  if (!weights) {
    doubts.push(
      `Files of the type ${model.fileType} follow no rule, so the weights of ${model.name} are not known: give the file itself.`,
    );
  } else if (weights.isUsual) {
    doubts.push(`No quantisation was given: planned with ${weights.fileType}, which is usual under this name.`);
  }
  const asked = contextOf(server, build, facts, gpus, doubts);
  const draft = draftOf(request, server, doubts);
  const situation = {
    ...situationOf(server, build, facts, weights, gpus, draft),
    ...(request.corrections === undefined ? {} : { corrections: request.corrections }),
  };
  const largest = gpus.length === 0 ? undefined : largestContext(situation);
  const { contextTokens, plan, settings, rooms } = withChosenContext(
    situation,
    withSlots(situation, asked),
    largest,
    doubts,
  );
  const inRam = ramInequality(facts, weights, plan, settings, request.freeRamBytes);
  const isShort = inRam?.holds === 'no';
  const conditions = inRam && isShort ? [...plan.conditions, inRam] : plan.conditions;
  const rows = rowsOf(plan.estimate, weights, settings.draft);
  const failure = llamaCppFailure(plan, rows, {
    rooms,
    gpuBytes: gpus.reduce((bytes, { totalBytes }) => bytes + totalBytes, 0),
    marginBytes: situation.policy.marginBytes * rooms.length,
    printsProjection: server.kind === 'llama-server' || isServerEra(build),
    inRam: isShort ? inRam : undefined,
  });
  if (gpus.length === 0) doubts.push('No GPU was given, so only sizes are said.');
  if (gpus.some(({ freeBytes }) => freeBytes === undefined)) {
    doubts.push('What is free on the GPU is not known: an idle card is assumed, with or without a desktop on it.');
  }
  return {
    verdict: isShort ? 'fails' : plan.verdict,
    rows,
    ...(rooms.length > 0 ? { free: freeOnAll(rooms), total: totalOf(rooms) } : {}),
    conditions,
    ...(failure === undefined ? {} : { failure }),
    ...(plan.placement === undefined ? {} : { placement: plan.placement }),
    contextTokens,
    ...(largest === undefined ? {} : { largestContextTokens: largest }),
    command:
      server.kind === 'ollama'
        ? ollamaCommand(model, server, contextTokens)
        : llamaServerCommand(model, server, settings, draft?.model),
    doubts,
  };
}

/** Values are quantised with flash attention only: Ollama then keeps 16 bits, llama-server refuses. */
function withPossibleCache(server: LlamaCppFitServer, build: LlamaCppBuild, doubts: string[]): LlamaCppFitServer {
  const { cacheType, flashAttention } = server;
  const isQuantized = cacheType !== undefined && !['f16', 'bf16', 'f32'].includes(cacheType);
  // A server that runs is not told once more, and older ones switch it on only when they are told.
  const isRunning = server.kind === 'ollama' && server.running?.cacheType === cacheType;
  const isOff =
    flashAttention === undefined ? isRunning && !buildTraits(build).flashAttentionByDefault : !flashAttention;
  if (!isOff || !isQuantized) return server;
  doubts.push(`A KV cache in ${cacheType} needs flash attention, which is switched off: planned with f16.`);
  return { ...server, cacheType: 'f16' };
}

function buildOf(server: LlamaCppFitServer, facts: ModelFacts, doubts: string[]): LlamaCppBuild {
  if (server.kind === 'llama-server') {
    if (server.build !== undefined) return { number: server.build };
    doubts.push(`No build of llama.cpp was given: planned for the current one (b${currentBuild}).`);
    return { number: currentBuild };
  }
  const given = server.version === undefined ? {} : buildOfOllamaFor(server.version, facts);
  if (given.number !== undefined) return given;
  doubts.push(
    server.version === undefined
      ? `No version of Ollama was given: planned for the current one (${currentOllama}).`
      : `The version “${server.version}” of Ollama is not known: planned for the current one (${currentOllama}).`,
  );
  return buildOfOllamaFor(currentOllama, facts);
}

/** For one request of Ollama, of all slots of llama-server: as asked for or by default, but no longer than the model was made for. */
function contextOf(
  server: LlamaCppFitServer,
  build: LlamaCppBuild,
  facts: ModelFacts,
  gpus: readonly FitGpu[],
  doubts: string[],
): number {
  const all = gpus.reduce((total, { totalBytes }) => total + totalBytes, 0);
  const trained = facts.contextTokens;
  const usual = server.kind === 'ollama' ? ollamaContextTokens(build, all) : (trained ?? 4096);
  const asked = Math.max(4, Math.floor(server.contextTokens ?? usual));
  if (server.kind === 'ollama' && trained !== undefined && asked > trained) {
    if (server.contextTokens !== undefined) {
      doubts.push(
        `The model was made for ${tokensText(trained)} tokens, so Ollama gives it no more than those (${tokensText(asked)} asked for).`,
      );
    }
    return trained;
  }
  return asked;
}

/** All that stays the same while a context is looked for. */
interface Situation {
  readonly server: LlamaCppFitServer;
  readonly build: LlamaCppBuild;
  readonly facts: ModelFacts;
  readonly weights: ModelWeights | undefined;
  /** The GPU with the most room first. */
  readonly rooms: readonly GpuRoom[];
  readonly policy: OffloadPolicy;
  readonly mapsWholeFile: boolean;
  /** Ollama's own, by which it chooses batch and GPUs. */
  readonly guess: { readonly bytes: number; readonly perToken: number };
  readonly draft: DraftModel | undefined;
  readonly corrections?: Corrections;
}

interface DraftModel {
  readonly model: FitModel;
  readonly weights: ModelWeights;
}

/** Only llama-server takes one; a draft whose weights are not known is not planned, and that is said. */
function draftOf({ draft }: FitRequest, { kind }: LlamaCppFitServer, doubts: string[]): DraftModel | undefined {
  if (!draft) return undefined;
  const weights = kind === 'llama-server' ? ggufWeights(draft) : undefined;
  if (weights) return { model: draft, weights };
  doubts.push(
    kind === 'ollama'
      ? 'Ollama takes no draft model: planned without.'
      : `The weights of the draft model ${draft.name} are not known: planned without it.`,
  );
  return undefined;
}

/** Weights, a cache of the same context in 16 bits, and a compute buffer of its own. */
function draftFigure({ model: { facts }, weights }: DraftModel, settings: LlamaCppSettings): Figure {
  const own: LlamaCppSettings = { ...settings, keyType: 'f16', valueType: 'f16', gpus: 1, withEncoder: false };
  const estimate = estimateLlamaCpp(facts, own, weights.bytes);
  const { weights: matrices, cache, state, compute } = estimate;
  return sum(
    [...(matrices ? [matrices] : []), cache, state, compute],
    'weights, KV cache and compute buffer of the draft model',
  );
}

function situationOf(
  server: LlamaCppFitServer,
  build: LlamaCppBuild,
  facts: ModelFacts,
  weights: ModelWeights | undefined,
  gpus: readonly FitGpu[],
  draft: DraftModel | undefined,
): Situation {
  const rooms = gpus.map(roomOf).sort((one, other) => freeOnAll([other]).bytes - freeOnAll([one]).bytes);
  const policy = offloadPolicy(server.kind, build);
  return {
    server,
    build,
    facts,
    weights,
    rooms,
    // Older ones are told to put every layer on the GPU: that is the command that the plan gives.
    policy: server.kind === 'llama-server' && !fitsByItself(build) ? { ...policy, whenFull: 'fail' } : policy,
    mapsWholeFile: gpus.some(({ name }) => /Apple|Metal/i.test(name)),
    guess: { bytes: weights ? fileBytes(weights.bytes) : 0, perToken: ollamaGuessPerToken(facts) },
    draft,
  };
}

export function roomOf({ name, totalBytes, freeBytes, isUnified, spills }: FitGpu): GpuRoom {
  return {
    totalBytes,
    ...(freeBytes === undefined ? {} : { freeBytes }),
    ...(isUnified === undefined ? {} : { isUnified }),
    ...(spills ? { spills } : {}),
    isHeadless: isHeadlessCard(name),
  };
}

interface Attempt {
  readonly contextTokens: number;
  readonly settings: LlamaCppSettings;
  readonly plan: LlamaCppPlan;
  /** Those that the server uses. */
  readonly rooms: readonly GpuRoom[];
}

function withSlots(situation: Situation, contextTokens: number): Attempt {
  const { server, build } = situation;
  if (server.parallel === undefined && triesFourSlots(server.kind, build)) {
    const four = attempt(situation, contextTokens, 4);
    if (four.plan.verdict === 'fits' || four.plan.verdict === 'tight') return four;
  }
  return attempt(situation, contextTokens, server.parallel);
}

/** llama-server shortens a context that nobody asked for until the model fits, and leaves layers on the CPU only where the shortest does not. */
function withChosenContext(
  situation: Situation,
  usual: Attempt,
  largest: number | undefined,
  doubts: string[],
): Attempt {
  const { server, build } = situation;
  const shortens = server.kind === 'llama-server' && server.contextTokens === undefined && fitsByItself(build);
  const contextTokens = Math.max(shortestFittedContext, largest ?? 0);
  if (!shortens || usual.plan.verdict !== 'partial' || contextTokens >= usual.contextTokens) return usual;
  doubts.push(
    `No context was given: llama-server takes as much as fits, about ${tokensText(contextTokens)} of the ${tokensText(usual.contextTokens)} that the model was made for.`,
  );
  return attempt(situation, contextTokens, server.parallel);
}

/** `--fit-ctx` of llama.cpp. */
const shortestFittedContext = 4096;

function attempt(situation: Situation, contextTokens: number, parallel: number | undefined): Attempt {
  const { server, build, facts, weights, rooms, policy, mapsWholeFile, corrections } = situation;
  const slots = server.kind === 'ollama' ? (parallel ?? 1) : 1;
  const guessed = situation.guess.bytes + situation.guess.perToken * contextTokens * slots;
  const plans = (used: readonly GpuRoom[]): Attempt => {
    const alone: LlamaCppSettings = {
      ...llamaCppSettings({
        server: server.kind,
        build,
        contextTokens: contextTokens * slots,
        sequences: parallel,
        batchTokens: server.batchTokens,
        keyType: server.cacheType,
        flashAttention: server.flashAttention,
        gpus: Math.max(1, used.length),
        ...(used.length === 0 ? {} : { room: { guessedBytes: guessed, freeBytes: freeOnAll(used).bytes } }),
      }),
      withEncoder: server.kind === 'ollama' && (facts.encoder !== undefined || (weights?.bytes.encoder ?? 0) > 0),
      mapsWholeFile,
    };
    const settings = {
      ...alone,
      ...(situation.draft ? { draft: draftFigure(situation.draft, alone) } : {}),
      ...(corrections === undefined ? {} : { corrections }),
    };
    const plan = planLlamaCpp(facts, weights?.bytes, settings, used, policy);
    return { contextTokens, settings, plan, rooms: used };
  };
  const [first] = rooms;
  if (first === undefined || rooms.length === 1 || server.kind === 'llama-server') return plans(rooms);
  // Ollama spreads a model only where one GPU does not take it: by its guess since 0.30, by its plan before.
  const one = plans([first]);
  const takesOne = isServerEra(build) ? guessed <= 0.8 * freeOnAll([first]).bytes : one.plan.verdict === 'fits';
  return takesOne ? one : plans(rooms);
}

function largestContext(situation: Situation): number | undefined {
  const limit = situation.facts.contextTokens ?? 131_072;
  // Where the layers would go that do not fit makes no difference here, and takes longest.
  const search: Situation = { ...situation, policy: { ...situation.policy, whenFull: 'fail' } };
  const fits = (tokens: number) => attempt(search, tokens, search.server.parallel).plan.verdict === 'fits';
  return largestMultiple(contextStep, limit, fits);
}

function totalOf(rooms: readonly GpuRoom[]): Figure {
  return sum(
    rooms.map(({ totalBytes }) => exact(totalBytes, '')),
    'what a process can have of the GPUs',
  );
}

/** What is in RAM when some of it is not on the GPU. Undefined: nobody said how much there is. */
function ramInequality(
  facts: ModelFacts,
  weights: ModelWeights | undefined,
  { estimate, placement }: LlamaCppPlan,
  settings: LlamaCppSettings,
  freeRamBytes: number | undefined,
): Inequality | undefined {
  if (freeRamBytes === undefined || !weights) return undefined;
  const notOnGpu = placement
    ? gpuWeightBytes(facts, weights.bytes) - placement.weightBytes + cacheBytes(facts, settings) - placement.cacheBytes
    : 0;
  const need = sum(
    [estimate.host, exact(Math.max(0, notOnGpu), 'layers that are not on the GPU')],
    'token embedding, and layers that are not on the GPU',
  );
  return inequality('RAM for what is not on the GPU', need, exact(freeRamBytes, 'free RAM'));
}
