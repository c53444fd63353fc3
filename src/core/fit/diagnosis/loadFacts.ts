/** What a server printed of one load, as far as the log has it: bytes and counts; what was not printed is absent. Filled line by line. */
export interface LoadFacts {
  server?: ServerKind;
  /** Ollama and vLLM `0.12.3`, llama.cpp `b6699`. */
  version?: string;
  model?: string;
  /** `Q4_K - Medium`; of a checkpoint `awq`. */
  format?: string;
  dtype?: string;
  /** By the server's name of it: `CUDA0`; `GPU 0` where only a number was printed. */
  readonly devices: Map<string, DeviceFacts>;
  /** As Ollama counts them before a load, by ids of its own. */
  readonly inventory: Map<string, GpuMemory>;
  /** Of the model file, wherever its parts go. */
  fileBytes?: number;
  /** What Ollama expected, before anything was allocated. */
  expected?: { readonly fullBytes?: number; readonly partialBytes?: number; readonly availableBytes?: number };
  /** What the fit of llama.cpp counts with, all devices together. */
  projected?: { readonly needBytes: number; readonly freeBytes: number };
  /** The allocation that failed. */
  requested?: { readonly bytes: number; readonly device?: string };
  /** Free on that GPU at that moment. */
  leftBytes?: number;
  systemMemory?: { readonly totalBytes?: number; readonly freeBytes?: number };
  contextTokens?: number;
  parallel?: number;
  batchTokens?: number;
  cacheType?: string;
  flashAttention?: boolean;
  layers?: { readonly onGpu: number; readonly all: number };
  vllm: VllmFacts;
  /** Where the program was when it failed, by the functions of the last traceback. */
  phase?: Phase;
  /** The kinds of parts whose lines were seen, in order: what is printed after a part began to count anew. */
  lastPart?: Part;
}

export type ServerKind = 'ollama' | 'llama.cpp' | 'vllm';
export type Part = 'weights' | 'cache' | 'state' | 'compute' | 'output';
export type Phase = 'load' | 'profile' | 'capture' | 'warmUp' | 'run';

export interface GpuMemory {
  name?: string;
  totalBytes?: number;
  /** Before the load. */
  freeBytes?: number;
}

export interface DeviceFacts extends GpuMemory {
  readonly isHost: boolean;
  readonly parts: Map<Part, number>;
}

/** Bytes are of one GPU. */
export interface VllmFacts {
  weightsBytes?: number;
  activationBytes?: number;
  nonTorchBytes?: number;
  graphBytes?: number;
  budgetBytes?: number;
  utilization?: number;
  /** Left for keys and values; may be negative. */
  availableCacheBytes?: number;
  neededCacheBytes?: number;
  cacheTokens?: number;
  estimatedTokens?: number;
  /** By PyTorch, at the failure. */
  allocatedBytes?: number;
  unusedBytes?: number;
  processBytes?: number;
  maxSequences?: number;
  maxBatchedTokens?: number;
  tensorParallel?: number;
  eager?: boolean;
  modelContextTokens?: number;
  heads?: number;
}

/** `before`: the load of the same log that came before, whose machine and settings still hold. */
export function newLoadFacts(before?: LoadFacts): LoadFacts {
  const facts: LoadFacts = { devices: new Map(), inventory: new Map(), vllm: {} };
  if (!before) return facts;
  const { server, version, systemMemory, flashAttention, cacheType, parallel } = before;
  for (const [id, { isHost, name, totalBytes, freeBytes }] of before.devices) {
    const device = deviceOf(facts, id, isHost);
    set(device, 'name', name);
    set(device, 'totalBytes', totalBytes);
    set(device, 'freeBytes', freeBytes);
  }
  for (const [id, memory] of before.inventory) facts.inventory.set(id, { ...memory });
  set(facts, 'server', server);
  set(facts, 'version', version);
  set(facts, 'systemMemory', systemMemory);
  set(facts, 'flashAttention', flashAttention);
  set(facts, 'cacheType', cacheType);
  set(facts, 'parallel', parallel);
  return facts;
}

/** More are no machine, but a log that lies. */
const mostDevices = 64;

export function deviceOf(facts: LoadFacts, id: string, isHost = isHostBuffer(id)): DeviceFacts {
  const known = facts.devices.get(id);
  if (known) return known;
  const made: DeviceFacts = { isHost, parts: new Map() };
  if (facts.devices.size < mostDevices) facts.devices.set(id, made);
  return made;
}

/** Metal's mapped buffers are the GPU's. */
function isHostBuffer(id: string): boolean {
  return /^(CPU|BLAS|Host|RPC_Host)/i.test(id) || /_Host$/i.test(id);
}

/** Several buffers of one part (split files, sliding windows) add up; the same part printed anew after another one takes its place. */
export function addPart(facts: LoadFacts, id: string, part: Part, bytes: number): void {
  const { parts } = deviceOf(facts, id);
  if (facts.lastPart !== part && (part === 'weights' || part === 'cache')) {
    for (const device of facts.devices.values()) device.parts.delete(part);
  }
  facts.lastPart = part;
  const isSum = part === 'weights' || part === 'cache';
  parts.set(part, (isSum ? (parts.get(part) ?? 0) : 0) + bytes);
}

/** Leaves a field out where there is nothing to write. */
export function set<Facts, Key extends keyof Facts>(facts: Facts, key: Key, value: Facts[Key] | undefined): void {
  if (value !== undefined) facts[key] = value;
}

/** Of one GPU, or of all; undefined: nothing of it was printed. */
export function partBytes(facts: LoadFacts, part: Part, device?: string): number | undefined {
  return sumOf(facts, (id, one) =>
    one.isHost || (device !== undefined && id !== device) ? undefined : one.parts.get(part),
  );
}

export function hostPartBytes(facts: LoadFacts, part: Part): number | undefined {
  return sumOf(facts, (_, one) => (one.isHost ? one.parts.get(part) : undefined));
}

function sumOf(facts: LoadFacts, bytesOf: (id: string, device: DeviceFacts) => number | undefined): number | undefined {
  let sum: number | undefined;
  for (const [id, device] of facts.devices) {
    const bytes = bytesOf(id, device);
    if (bytes !== undefined) sum = (sum ?? 0) + bytes;
  }
  return sum;
}

export function gpusOf(facts: LoadFacts): readonly (readonly [id: string, device: DeviceFacts])[] {
  return [...facts.devices].filter(([, { isHost }]) => !isHost);
}

/** The GPU that the failure is about: the one that was named, else the only one. */
export function failingGpu(facts: LoadFacts): readonly [id: string, device: DeviceFacts] | undefined {
  const gpus = gpusOf(facts);
  const named = facts.requested?.device;
  const found =
    named === undefined
      ? undefined
      : gpus.find(([id]) => id === named || id.replace(/\D+/g, '') === named.replace(/\D+/g, ''));
  return found ?? (gpus.length === 1 ? gpus[0] : undefined);
}

/** Free before the load, and in all, on the GPU that the failure is about. */
export function gpuMemory(facts: LoadFacts): GpuMemory {
  const [, device] = failingGpu(facts) ?? [];
  const [only] = facts.inventory.size === 1 ? facts.inventory.values() : [];
  const found: GpuMemory = {};
  set(found, 'name', device?.name ?? only?.name);
  // A GPU without memory is a line that was cut.
  set(found, 'totalBytes', device?.totalBytes || only?.totalBytes || undefined);
  set(
    found,
    'freeBytes',
    device?.freeBytes ?? only?.freeBytes ?? facts.projected?.freeBytes ?? facts.expected?.availableBytes,
  );
  return found;
}

const kibibyte = 1024;
const powers: Readonly<Record<string, number>> = { b: 0, k: 1, m: 2, g: 3, t: 4 };

/** The logs of these servers mean powers of 1024, also where they write MB and GB. NaN never: a size that is none is undefined. */
export function sizeOf(amount: string | undefined, unit: string | undefined): number | undefined {
  // `11,53` is how a program writes it that took over the machine's language; `16,384` are thousands.
  const number = Number(/^-?\d+,\d{1,2}$/.test(amount ?? '') ? amount?.replace(',', '.') : amount?.replaceAll(',', ''));
  const power = powers[(unit ?? 'b').charAt(0).toLowerCase()];
  return amount === undefined || amount === '' || !Number.isFinite(number) || power === undefined
    ? undefined
    : Math.round(number * kibibyte ** power);
}

/** `"11.5 GiB"`, `[22.8 GiB]`, `457.0 MiB`, `0 B`; of a list the sum. */
export function sizeText(text: string | undefined): number | undefined {
  let sum: number | undefined;
  for (const [, amount, unit] of (text ?? '').matchAll(/(-?\d[\d.,]*) ?([KMGT]i?B|B)\b/g)) {
    const bytes = sizeOf(amount, unit);
    if (bytes !== undefined) sum = (sum ?? 0) + bytes;
  }
  return sum;
}

/** A part of the GPU, above 0 and at most 1. */
export function shareOf(text: string | undefined): number | undefined {
  const share = Number(text ?? NaN);
  return share > 0 && share <= 1 ? share : undefined;
}

export function countOf(text: string | undefined): number | undefined {
  const number = Number(text?.replaceAll(',', ''));
  return text === undefined || text === '' || !Number.isSafeInteger(number) ? undefined : number;
}
