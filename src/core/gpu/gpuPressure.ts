import type { GpuState } from './gpuReading.ts';
import { cpuShare, leastCpuShare, type ServerUse } from './serverUse.ts';

/** How much a user should care: `low`, and what is loaded next or grows will not fit; `critical`, and what is loaded suffers now. */
export type GpuPressure = 'none' | 'low' | 'critical';

const mebibyte = 1024 ** 2;

/** llama.cpp's and vLLM's own buffers grow by some hundred MiB while they answer. */
const leastWithModelBytes = 300 * mebibyte;
const leastBytes = 100 * mebibyte;
/** Without a model: less leaves no room for any. */
const leastWithoutModelShare = 0.1;

/**
 * A model that fills the GPU is what a GPU is for, so that little free memory counts only where it is too little for what runs, or where nothing of the
 * server's is in it. `server`: that whose GPUs these are.
 */
export function gpuPressure(gpus: readonly GpuState[], server: ServerUse | undefined): GpuPressure {
  const models = server?.models ?? [];
  const isSpilt = models.some((model) => (cpuShare(model) ?? 0) >= leastCpuShare);
  const hasModel =
    models.length > 0 || gpus.some(({ processes }) => processes.some(({ name }) => servers.includes(name)));
  // One card with room is room.
  const roomiest = gpus.reduce<GpuState | undefined>(
    (best, gpu) => (gpu.freeBytes !== undefined && gpu.freeBytes >= (best?.freeBytes ?? 0) ? gpu : best),
    undefined,
  );
  const { freeBytes, totalBytes = 0 } = roomiest ?? {};
  if (freeBytes !== undefined && freeBytes < leastBytes) return 'critical';
  if (isSpilt) return 'low';
  if (freeBytes === undefined) return 'none';
  const least = hasModel ? leastWithModelBytes : totalBytes * leastWithoutModelShare;
  return freeBytes < least ? 'low' : 'none';
}

const servers = ['Ollama', 'vLLM', 'LM Studio', 'SGLang', 'llama-server', 'KoboldCpp'];
