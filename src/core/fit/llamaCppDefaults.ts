import type { CacheType } from './kvCache.ts';
import { layerKinds } from './layers.ts';
import type { LlamaCppSettings } from './llamaCpp.ts';
import { buildTraits, runsOnOllamaEngine, buildOfOllama, type LlamaCppBuild } from './llamaCppBuild.ts';
import type { ModelFacts } from './modelFacts.ts';
import type { OffloadPolicy } from './plan.ts';

/** Ollama and llama-server run the same library, and decide different things by themselves. */
export type LlamaCppServer = 'ollama' | 'llama-server';

/** What such a server was told; what is left out it decides. */
export interface LlamaCppOrders {
  readonly server: LlamaCppServer;
  readonly build: LlamaCppBuild;
  /** Of all slots together. */
  readonly contextTokens: number;
  readonly sequences?: number | undefined;
  readonly batchTokens?: number | undefined;
  readonly keyType?: CacheType | undefined;
  readonly valueType?: CacheType | undefined;
  readonly flashAttention?: boolean | undefined;
  readonly gpus: number;
  /** What Ollama makes the batch smaller by, where memory is short. */
  readonly room?: BatchRoom | undefined;
}

const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;

/** Since then Ollama starts a llama-server for every model; before, it planned by itself. */
const ollamaServerSince = 9452;

export function isServerEra({ number = 0 }: LlamaCppBuild): boolean {
  return number >= ollamaServerSince;
}

export function buildOfOllamaFor(version: string, facts: ModelFacts): LlamaCppBuild {
  const number = buildOfOllama(version);
  return {
    ...(number === undefined ? {} : { number }),
    ...(runsOnOllamaEngine(version, facts.architecture) ? { ollamaEngine: true } : {}),
  };
}

export function llamaCppSettings(orders: LlamaCppOrders): LlamaCppSettings {
  const { server, build, contextTokens, gpus } = orders;
  const traits = buildTraits(build);
  const keyType = orders.keyType ?? 'f16';
  const valueType = orders.valueType ?? keyType;
  // Values that are quantized need it, so whoever has such a cache has switched it on.
  const flashAttention = orders.flashAttention ?? (valueType !== 'f16' || traits.flashAttentionByDefault);
  return {
    build,
    contextTokens,
    sequences: orders.sequences ?? (server === 'ollama' ? 1 : traits.usualSlots),
    batchTokens: orders.batchTokens ?? usualBatchTokens(orders, flashAttention),
    keyType,
    valueType,
    flashAttention,
    latentAsHeads: !traits.latentCache,
    stateCopies: traits.stateCopies,
    gpus,
  };
}

/** For what Ollama guesses that a model takes, and what is free on its GPUs. */
export interface BatchRoom {
  readonly guessedBytes: number;
  readonly freeBytes: number;
}

/** Ollama 0.30 and later choose the batch by the context, smaller where that leaves too little of the GPU (`llm/llama_server.go`). */
function usualBatchTokens({ server, build, contextTokens, room }: LlamaCppOrders, flashAttention: boolean): number {
  if (server === 'llama-server' || !isServerEra(build)) return 512;
  if (!flashAttention) return 512;
  const allows = (share: number, beside: number) =>
    room === undefined ||
    (room.guessedBytes <= share * room.freeBytes && room.guessedBytes + beside <= 0.8 * room.freeBytes);
  if (contextTokens > 32_768 && allows(0.6, 2 * gibibyte)) return 2048;
  if (contextTokens > 4096 && allows(0.75, 768 * mebibyte)) return 1024;
  return 512;
}

/** Ollama's guess of what a token of context takes, by which it chooses batch and GPUs: full attention in every layer, heads of the usual length. */
export function ollamaGuessPerToken(facts: ModelFacts): number {
  const attentions = layerKinds(facts.layers).flatMap(({ layer }) =>
    layer.mixer.kind === 'attention' ? [layer.mixer] : [],
  );
  if (attentions.length === 0) return 0;
  const kvHeads = Math.min(...attentions.map((mixer) => mixer.kvHeads));
  const heads = Math.max(...attentions.map((mixer) => mixer.heads));
  return 2 * facts.layers.length * kvHeads * (facts.embeddingLength / heads) * 2;
}

/** The context that Ollama gives a model when nobody asks for one; `gpuBytes`: of all GPUs together. Since 0.15.5 it depends on them. */
export function ollamaContextTokens({ number }: LlamaCppBuild, gpuBytes: number | undefined): number {
  if (number !== undefined && number < 5000) return 2048;
  if (number !== undefined && number < 8000) return 4096;
  const gibibytes = (gpuBytes ?? 0) / gibibyte;
  return gibibytes >= 47 ? 262_144 : gibibytes >= 23 ? 32_768 : 4096;
}

/** Ollama from 0.2 to 0.10 made room for four requests of the context that was asked for, where that fitted. */
export function triesFourSlots(server: LlamaCppServer, { number }: LlamaCppBuild): boolean {
  return server === 'ollama' && number !== undefined && number >= 3400 && number < 6000;
}

/** `isTold`: the number of layers on the GPU was given, so nothing is fitted. */
export function offloadPolicy(server: LlamaCppServer, build: LlamaCppBuild, isTold = false): OffloadPolicy {
  if (server === 'ollama') {
    const isServer = isServerEra(build);
    return {
      marginBytes: (isServer ? 1024 : 457) * mebibyte,
      ...(buildTraits(build).measures ? {} : { ownPlan: build.number === undefined ? 'perhaps' : 'formula' }),
      whenFull: 'offload',
      expertsFirst: isServer,
    };
  }
  const fits = fitsByItself(build) && !isTold;
  return { marginBytes: (fits ? 1024 : 0) * mebibyte, whenFull: fits ? 'offload' : 'asTold', expertsFirst: fits };
}

/** llama-server leaves layers on the CPU by itself, where they do not fit, since the end of 2025. */
export function fitsByItself({ number = 0 }: LlamaCppBuild): boolean {
  return number >= 7400;
}
