import { hostname, networkInterfaces } from 'node:os';
import type { BackendId, LLMClient, LoadedModel } from '../clients/llmClient.ts';
import { errorText } from '../util/errorText.ts';
import { isLoopback } from '../util/loopback.ts';
import type { GpuState } from './gpuReading.ts';

/** What a model server has in memory now. */
export interface ServerUse {
  readonly backend: BackendId;
  readonly endpoint: string;
  /** Whether it runs on this machine, so that the GPUs here are its GPUs. */
  readonly isHere: boolean;
  readonly models: readonly LoadedModel[];
  /** Why the models are not known. */
  readonly problem?: string;
}

/** Undefined for a backend that tells nothing of its memory. Rejects only when `signal` is aborted, with its reason. */
export async function readServerUse(client: LLMClient, signal: AbortSignal): Promise<ServerUse | undefined> {
  const { backend, endpoint } = client;
  if (!client.loadedModels) return undefined;
  const isHere = backend === 'embedded' || isThisMachine(new URL(endpoint).hostname);
  try {
    return { backend, endpoint, isHere, models: await client.loadedModels(signal) };
  } catch (error) {
    signal.throwIfAborted();
    return { backend, endpoint, isHere, models: [], problem: errorText(error) };
  }
}

/** Names of the machine around a container: its GPUs are those that the container sees. */
const surrounding = ['host.docker.internal', 'host.containers.internal'];

/** Of a URL's `hostname`. */
export function isThisMachine(name: string): boolean {
  if (isLoopback(name) || surrounding.includes(name) || name.toLowerCase() === hostname().toLowerCase()) return true;
  const address = name.replace(/^\[|\]$/g, '');
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some((one) => one.address === address));
}

/** More than the desktop’s coming and going between the two looks. */
const slackBytes = 512 * 1024 ** 2;

/**
 * A port of this machine may lead to another (`ssh -L`). Then the server has more on its GPU than all GPUs here have in use together. False where that is
 * not known.
 */
export function isForwarded({ isHere, models }: ServerUse, gpus: readonly GpuState[]): boolean {
  const whole = gpus.filter(({ isSplit }) => !isSplit);
  if (!isHere || whole.length === 0 || whole.some(({ usedBytes, isUnified }) => usedBytes === undefined || isUnified))
    return false;
  const used = sum(whole.map(({ usedBytes = 0 }) => usedBytes));
  return sum(models.map(({ vramBytes = 0 }) => vramBytes)) > used + slackBytes;
}

/** 0 to 1; undefined where the server does not tell both sizes. */
export function cpuShare({ sizeBytes, vramBytes }: LoadedModel): number | undefined {
  if (!sizeBytes || vramBytes === undefined) return undefined;
  return Math.min(1, Math.max(0, 1 - vramBytes / sizeBytes));
}

/** As `ollama ps` rounds: of a few buffers that are always in RAM nothing is to be said. */
export const leastCpuShare = 0.005;

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
