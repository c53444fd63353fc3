import { mixtureNamed, weightsAs } from './ggufMixtures.ts';
import type { Mixer, ModelFacts } from './modelFacts.ts';
import { replicatedRoles, tensorsOf, type Tensor, type TensorRole } from './tensors.ts';

/** How the matrices of a checkpoint are stored. Everything else (embedding, output, norms, routers, pictures) stays in 16 bits. */
export type Scheme =
  | { readonly kind: 'plain'; readonly bytes: 2 | 4 }
  | { readonly kind: 'fp8' | 'int8' | 'awq' | 'gptq' | 'gptq8' | 'w4a16' | 'nf4' | 'nvfp4' | 'mxfp4' }
  | { readonly kind: 'gguf'; readonly mixture: string };

export interface Parallelism {
  readonly tensor: number;
  readonly pipeline: number;
  /** vLLM 0.7 multiplied the up-projections of latent attention into the matrices beside them, and kept the products too. */
  readonly keepsProducts?: boolean;
}

/** Names that people and configurations use. Undefined: none of them. */
export function schemeNamed(text: string): Scheme | undefined {
  const name = text.toLowerCase();
  const gguf = /gguf\s+(\w+)/i.exec(text)?.[1];
  if (gguf !== undefined) return { kind: 'gguf', mixture: gguf.toUpperCase() };
  const isEight = /int8|8[-_ ]?bits?|w8a16/.test(name);
  if (/awq/.test(name)) return { kind: isEight ? 'gptq8' : 'awq' };
  if (/w4a16|w4a8|wna16|auto-?round/.test(name)) return { kind: 'w4a16' };
  if (/gptq/.test(name)) return { kind: isEight ? 'gptq8' : 'gptq' };
  if (/mxfp4/.test(name)) return { kind: 'mxfp4' };
  if (/fp4/.test(name)) return { kind: 'nvfp4' };
  if (/w8a8|w8a16|int8/.test(name)) return { kind: 'int8' };
  if (/fp8/.test(name)) return { kind: 'fp8' };
  if (/bnb|nf4|bitsandbytes/.test(name)) return { kind: 'nf4' };
  if (/float32|fp32/.test(name)) return { kind: 'plain', bytes: 4 };
  if (/b?f(loat)?16|half/.test(name)) return { kind: 'plain', bytes: 2 };
  return undefined;
}

/** Bytes per element of a matrix, and of its scales and zero points, which are tensors of their own. Groups of 128 unless the scheme fixes them. */
function storage(scheme: Scheme, columns: number): { readonly packed: number; readonly scales: number } {
  switch (scheme.kind) {
    case 'plain':
      return { packed: scheme.bytes, scales: 0 };
    case 'fp8':
    case 'int8':
      return { packed: 1, scales: 4 / columns };
    case 'awq':
    case 'gptq':
      return { packed: 0.5, scales: 2.5 / 128 };
    case 'gptq8':
      return { packed: 1, scales: 3 / 128 };
    case 'w4a16':
    case 'nf4':
      return { packed: 0.5, scales: 2 / 128 };
    case 'nvfp4':
      return { packed: 0.5, scales: 1 / 16 };
    case 'mxfp4':
      return { packed: 0.5, scales: 1 / 32 };
    case 'gguf':
      return { packed: 2, scales: 0 };
  }
}

const plainRoles: ReadonlySet<TensorRole> = new Set(['tokenEmbedding', 'positions', 'output', 'router', 'vector']);
const expertRoles: ReadonlySet<TensorRole> = new Set(['expertGate', 'expertUp', 'expertDown']);

const mebibyte = 1024 ** 2;

/**
 * PyTorch's allocator rounds a block of 10 MiB or more up to a multiple of 2 MiB when at most 1 MiB would be left over; smaller remainders go on being
 * used.
 */
export function allocated(bytes: number): number {
  if (bytes < 10 * mebibyte) return bytes;
  const rounded = Math.ceil(bytes / (2 * mebibyte)) * 2 * mebibyte;
  return rounded - bytes <= mebibyte ? rounded : bytes;
}

/** What vLLM's "Model loading took" is, on the first GPU of the first stage. */
export function checkpointBytes(facts: ModelFacts, scheme: Scheme, parallelism: Parallelism): number {
  const { tensor, pipeline, keepsProducts = false } = parallelism;
  if (scheme.kind === 'gguf') return ggufBytes(facts, scheme.mixture) / tensor;
  const layersHere = Math.ceil(facts.layers.length / pipeline);
  const blocks = new Map<string, number>();
  let total = 0;
  for (const part of tensorsOf(facts)) {
    if (part.layer !== undefined && part.layer >= layersHere) continue;
    if (part.role === 'output' && pipeline > 1) continue;
    const share = replicatedRoles.has(part.role) ? 1 : tensor;
    const elements = storedElements(part, facts, tensor) / share;
    const { packed, scales } = storageOf(part, scheme);
    const block = blockOf(part);
    blocks.set(block, (blocks.get(block) ?? 0) + elements * packed);
    total += elements * scales;
  }
  for (const bytes of blocks.values()) total += allocated(bytes);
  const encoder = ((facts.encoder?.parameters ?? 0) * plainBytes(scheme)) / tensor;
  const perLayerInputs = (facts.perLayerInputs ?? 0) * plainBytes(scheme);
  // The products were quantized like the matrices that they are made of.
  const productBytes = scheme.kind === 'fp8' ? 1 : 2;
  const absorbed = absorbedBytes(facts, layersHere, keepsProducts ? productBytes : undefined) / tensor;
  return total + encoder + perLayerInputs + absorbed + ropeBytes(facts, plainBytes(scheme));
}

/** Latent attention multiplies its up-projections into queries and outputs: vLLM keeps them a second time, in 16 bits, laid out for that. */
function absorbedBytes(facts: ModelFacts, layers: number, productBytes: 1 | 2 | undefined): number {
  return facts.layers.slice(0, layers).reduce((sum, { mixer }) => {
    if (mixer.kind !== 'latent') return sum;
    const { kvRank, ropeLength, nopeLength, valueLength } = mixer;
    const inputs = mixer.queryRank ?? facts.embeddingLength;
    const perHead =
      productBytes === undefined
        ? 2 * kvRank * (nopeLength + valueLength)
        : productBytes * (inputs * (kvRank + ropeLength) + kvRank * facts.embeddingLength);
    return sum + mixer.heads * perHead;
  }, 0);
}

function plainBytes(scheme: Scheme): 2 | 4 {
  return scheme.kind === 'plain' ? scheme.bytes : 2;
}

function storageOf(part: Tensor, scheme: Scheme): { readonly packed: number; readonly scales: number } {
  // The makers of MXFP4 checkpoints quantize the experts and nothing else.
  const isPlain = plainRoles.has(part.role) || (scheme.kind === 'mxfp4' && !expertRoles.has(part.role));
  return isPlain ? { packed: plainBytes(scheme), scales: 0 } : storage(scheme, part.columns);
}

/** The vocabulary is padded to a multiple of 64; a KV head is never split, so with many GPUs each has a whole one. */
function storedElements(part: Tensor, facts: ModelFacts, tensor: number): number {
  if (part.role === 'tokenEmbedding' || part.role === 'output') {
    return Math.ceil(facts.vocabularySize / 64) * 64 * part.columns;
  }
  if (part.role === 'key' || part.role === 'value') {
    const mixer = part.layer === undefined ? undefined : facts.layers[part.layer]?.mixer;
    const kvHeads = mixer?.kind === 'attention' ? mixer.kvHeads : tensor;
    return part.rows * part.columns * Math.max(1, tensor / kvHeads);
  }
  return part.rows * part.columns;
}

/** vLLM fuses query, key and value, gate and up, and the matrices of all experts of a layer. */
function blockOf({ role, layer }: Tensor): string {
  const fused: Partial<Record<TensorRole, string>> = {
    query: 'qkv',
    key: 'qkv',
    value: 'qkv',
    gate: 'gateUp',
    up: 'gateUp',
    recurrentQkv: 'recurrent',
    expertGate: 'expertsIn',
    expertUp: 'expertsIn',
  };
  return `${layer ?? ''} ${fused[role] ?? role}`;
}

/** The table of rotations has a row for every position that the model was made for, whatever context is asked for. */
function ropeBytes(facts: ModelFacts, bytes: number): number {
  const rotated = (mixer: Mixer) =>
    mixer.kind === 'attention' ? mixer.keyLength : mixer.kind === 'latent' ? mixer.ropeLength : 0;
  const length = Math.max(0, ...facts.layers.map(({ mixer }) => rotated(mixer)));
  return (facts.rotationTokens ?? facts.contextTokens ?? 0) * length * bytes;
}

function ggufBytes(facts: ModelFacts, name: string): number {
  const mixture = mixtureNamed(name);
  if (!mixture) return NaN;
  const { tokenEmbedding, perLayerInputs, output, layers } = weightsAs(mixture, facts);
  return (
    tokenEmbedding + perLayerInputs + output + layers.reduce((sum, { dense, experts }) => sum + dense + experts, 0)
  );
}
