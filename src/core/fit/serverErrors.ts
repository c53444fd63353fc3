import type { LlamaCppEstimate } from './llamaCpp.ts';
import { isAtLeast, type VllmVersion } from './vllmVersion.ts';

/**
 * What servers print when a load fails, with the numbers of a plan in it. The texts are those of llama.cpp (`ggml-cuda`, `common/fit.cpp`), Ollama
 * (`llm/server.go`) and vLLM (`gpu_worker.py`, `kv_cache_utils.py`, `gpu_model_runner.py`).
 */

const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;

function mib(bytes: number): string {
  return (bytes / mebibyte).toFixed(2);
}

function gib(bytes: number): string {
  return (bytes / gibibyte).toFixed(2);
}

/** The first buffer that finds no room: weights, then the cache, then the compute buffer. */
export function bufferError({ weights, cache, state, compute }: LlamaCppEstimate, freeBytes: number): string {
  const inUse = weights?.bytes ?? 0;
  if (inUse > freeBytes) return allocationError(inUse, 'unable to allocate CUDA0 buffer');
  if (inUse + cache.bytes + state.bytes > freeBytes)
    return allocationError(cache.bytes + state.bytes, 'failed to allocate buffer for kv cache');
  return allocationError(compute.bytes, 'failed to allocate compute pp buffers');
}

function allocationError(bytes: number, then: string): string {
  return `allocating ${mib(bytes)} MiB on device 0: cudaMalloc failed: out of memory\n${then}`;
}

/** llama.cpp's `--fit`, which goes on and leaves layers on the CPU. */
export function projectionLine(needBytes: number, freeBytes: number): string {
  return `projected to use ${(needBytes / mebibyte).toFixed(0)} MiB of device memory vs. ${(freeBytes / mebibyte).toFixed(0)} MiB of free device memory`;
}

export function systemMemoryError(needBytes: number, haveBytes: number): string {
  const text = (bytes: number) => `${(bytes / gibibyte).toFixed(1)} GiB`;
  return `model requires more system memory (${text(needBytes)}) than is available (${text(haveBytes)})`;
}

export function freeMemoryError(freeBytes: number, totalBytes: number, utilization: number): string {
  const wanted = `(${utilization}, ${gib(totalBytes * utilization)} GiB)`;
  return (
    `Free memory on device cuda:0 (${gib(freeBytes)}/${gib(totalBytes)} GiB) on startup is less than desired GPU memory utilization ${wanted}. ` +
    'Decrease GPU memory utilization or reduce GPU memory used by other processes.'
  );
}

/** How much was free at that moment depends on which layer it was, so the text ends there. */
export function torchError(blockBytes: number, totalBytes: number): string {
  return `torch.OutOfMemoryError: CUDA out of memory. Tried to allocate ${mib(blockBytes)} MiB. GPU 0 has a total capacity of ${gib(totalBytes)} GiB of which …`;
}

export const noCacheError =
  'No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.';

export function samplerError(sequences: number): string {
  return (
    `CUDA out of memory occurred when warming up sampler with ${sequences} dummy requests. ` +
    'Please try lowering `max_num_seqs` or `gpu_memory_utilization` when initializing the engine.'
  );
}

/** `longest`: the context that would fit, in tokens; undefined: not known, or none, and then the text leaves it out. */
export function contextError(
  version: VllmVersion | undefined,
  contextTokens: number,
  needBytes: number,
  poolBytes: number,
  longest: number | undefined,
): string {
  const remedy = 'Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine.';
  if (version !== undefined && !isAtLeast(version, 9)) {
    const stored = longest === undefined ? '' : ` (${longest})`;
    return (
      `The model's max seq len (${contextTokens}) is larger than the maximum number of tokens that can be stored in KV cache${stored}. ` +
      remedy
    );
  }
  const [whose, open] = isAtLeast(version, 17) ? ["model's", ''] : ["models's", '('];
  const estimated =
    longest === undefined ? '' : `Based on the available memory, the estimated maximum model length is ${longest}. `;
  return (
    `To serve at least one request with the ${whose} max seq len (${contextTokens}), ${open}${gib(needBytes)} GiB KV cache is needed, ` +
    `which is larger than the available KV cache memory (${gib(poolBytes)} GiB). ${estimated}${remedy}`
  );
}
