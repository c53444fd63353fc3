import type { LoadedModel } from '../clients/llmClient.ts';
import type { FitGpu } from '../fit/fitRequest.ts';
import type { Rooms } from '../fit/unloading.ts';
import type { GpuState } from './gpuReading.ts';

/** What Ollama has in memory, and which of it would go. */
export interface Unloading {
  readonly loaded: readonly LoadedModel[];
  readonly unloaded: readonly LoadedModel[];
}

/**
 * The cards for the planner: those whose memory is known, of a split one its parts; with what `unloading` would free, where it is known on which of them that is.
 */
export function fitGpus(gpus: readonly GpuState[], unloading?: Unloading): readonly FitGpu[] {
  const usable = gpus.filter(({ totalBytes, isSplit }) => totalBytes !== undefined && !isSplit);
  const freed = unloading && freedOn(usable, unloading);
  return usable.map(({ id, name, totalBytes = 0, freeBytes, isUnified, spills }, index): FitGpu => ({
    id,
    name,
    totalBytes,
    ...(freeBytes === undefined ? {} : { freeBytes: Math.min(totalBytes, freeBytes + (freed?.[index] ?? 0)) }),
    isUnified,
    ...(spills ? { spills } : {}),
  }));
}

/**
 * What unloading would free of each card. On an only card all of it; of several the driver says what each of Ollama's processes has there, one for each model. Undefined
 * where it does not, or where the processes are not as many as the models.
 */
function freedOn(gpus: readonly GpuState[], { loaded, unloaded }: Unloading): readonly number[] | undefined {
  const onGpu = (models: readonly LoadedModel[]) => models.filter(({ vramBytes = 0 }) => vramBytes > 0);
  if (onGpu(unloaded).length === 0) return undefined;
  if (gpus.length === 1) return [unloaded.reduce((total, { vramBytes = 0 }) => total + vramBytes, 0)];
  const processes = gpus.flatMap((gpu) => gpu.processes.filter(({ name }) => name === 'Ollama'));
  const sizes = new Map<number, number>();
  for (const { pid, usedBytes } of processes) {
    if (usedBytes === undefined) return undefined;
    sizes.set(pid, (sizes.get(pid) ?? 0) + usedBytes);
  }
  const models = onGpu(loaded).toSorted((one, other) => (other.vramBytes ?? 0) - (one.vramBytes ?? 0));
  const pids = [...sizes].sort(([, one], [, other]) => other - one).map(([pid]) => pid);
  if (pids.length !== models.length) return undefined;
  // The largest process has the largest model.
  const going = new Set(pids.filter((_, index) => unloaded.some(({ id }) => id === models[index]?.id)));
  return gpus.map((gpu) =>
    gpu.processes.reduce((total, { pid, usedBytes = 0 }) => total + (going.has(pid) ? usedBytes : 0), 0),
  );
}

/** `models`: what shall be loaded. It is loaded anew where it is there already, so that its own memory is free. */
export function roomsFor(models: readonly string[], gpus: readonly GpuState[], loaded: readonly LoadedModel[]): Rooms {
  const own = loaded.filter(({ id }) => models.some((name) => id === name || id === `${name}:latest`));
  const others = loaded.filter((one) => !own.includes(one) && (one.vramBytes ?? 0) > 0);
  return {
    beside: fitGpus(gpus, { loaded, unloaded: own }),
    alone: fitGpus(gpus, { loaded, unloaded: loaded }),
    others: others.map(({ id }) => id),
  };
}

/** The cards without what a program has there, for when it is started anew. As they are, where the driver does not tell what that is. */
export function without(program: string, gpus: readonly GpuState[]): readonly GpuState[] {
  return gpus.map((gpu) => {
    const held = gpu.processes.reduce(
      (total, { name, usedBytes = 0 }) => total + (name === program ? usedBytes : 0),
      0,
    );
    return gpu.freeBytes === undefined ? gpu : { ...gpu, freeBytes: gpu.freeBytes + held };
  });
}
