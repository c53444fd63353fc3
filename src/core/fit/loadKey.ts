import type { FitModel, FitRequest } from './fitRequest.ts';
import { fileBytes } from './modelWeights.ts';

/** What two loads have in common that take the same beyond their plans. */
export interface LoadKey {
  readonly server: 'ollama' | 'llama-server' | 'vllm';
  /** Empty: not known. */
  readonly serverVersion: string;
  /** By its content where the server tells a digest of it, since a name may be given to another model; else by name and size. */
  readonly model: string;
  /** The driver's id of it. */
  readonly gpu: string;
  /** What the compute buffer depends on: the batch as it was given, else the range of contexts for which servers choose the same one. */
  readonly batch: string;
  readonly sequences: number;
  readonly cacheType: string;
}

/** `gpu` as the driver identifies it. */
export function keyOf({ server, model, draft }: FitRequest, contextTokens: number, gpu: string): LoadKey {
  const isVllm = server.kind === 'vllm';
  const batch = isVllm ? server.maxBatchedTokens : server.batchTokens;
  const usual = isVllm ? 'usual' : rangeOf(contextTokens);
  return {
    server: server.kind,
    serverVersion: versionOf(server),
    model: [model, ...(draft ? [draft] : [])].map((one) => identityOf(one, server.kind)).join(' + '),
    gpu,
    batch: `${batch ?? usual}${isVllm && server.eager ? ', eager' : ''}`,
    sequences: (isVllm ? server.maxSequences : server.parallel) ?? 0,
    cacheType: `${server.cacheType ?? 'auto'}${flashOf(server)}`,
  };
}

export const keyFields = ['server', 'serverVersion', 'model', 'gpu', 'batch', 'sequences', 'cacheType'] as const;

export function isSameLoad(one: LoadKey, other: LoadKey): boolean {
  return keyFields.every((field) => one[field] === other[field]);
}

/** The process beside its buffers takes the same, whatever model is in it. */
export function isSameProcess(one: LoadKey, other: LoadKey): boolean {
  return one.server === other.server && one.serverVersion === other.serverVersion && one.gpu === other.gpu;
}

function identityOf({ name, digest, fileType, scheme, weights, facts, checkpointBytes }: FitModel, server: string) {
  const type = server === 'vllm' ? (scheme?.kind ?? fileType ?? 'plain') : (fileType ?? 'as it is');
  if (digest !== undefined) return `${digest} ${type}`;
  const read = weights ?? facts.weights;
  const size = checkpointBytes ?? (read ? fileBytes(read) : 0);
  // Ollama lists a model with its tag, also where it was asked for without.
  const listed = server === 'ollama' && !name.includes(':') ? `${name}:latest` : name;
  return `${listed} ${type} ${Math.round(size)}`;
}

/** Without it the compute buffer grows with the context. */
function flashOf(server: FitRequest['server']): string {
  if (server.kind === 'vllm' || server.flashAttention === undefined) return '';
  return server.flashAttention ? ', flash attention' : ', no flash attention';
}

function versionOf(server: FitRequest['server']): string {
  if (server.kind === 'vllm') return server.version?.join('.') ?? '';
  return String((server.kind === 'ollama' ? server.version : server.build) ?? '');
}

/** Ollama takes 512 up to 4096 tokens, 1024 up to 32k, then 2048. */
function rangeOf(contextTokens: number): string {
  if (contextTokens <= 4096) return 'up to 4k';
  return contextTokens <= 32_768 ? 'up to 32k' : 'over 32k';
}
