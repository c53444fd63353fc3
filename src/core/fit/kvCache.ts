import { ggmlType } from '../gguf/ggmlTypes.ts';
import { layerKinds } from './layers.ts';
import { cacheRow, stateElements, type Layer, type ModelFacts } from './modelFacts.ts';

/** What a cache can be made of. */
export type CacheType = 'f32' | 'f16' | 'bf16' | 'q8_0' | 'q5_1' | 'q5_0' | 'q4_1' | 'q4_0' | 'iq4_nl';

export interface CacheSettings {
  /** Of all slots together. */
  readonly contextTokens: number;
  readonly sequences: number;
  readonly batchTokens: number;
  readonly keyType: CacheType;
  readonly valueType: CacheType;
  /** Sliding-window layers keep the whole context too (`--swa-full`). */
  readonly fullWindow?: boolean;
  readonly latentAsHeads?: boolean;
  /** Of the recurrent state of each sequence. */
  readonly stateCopies?: number;
}

const padding = 256;

export function padded(cells: number): number {
  return Math.ceil(cells / padding) * padding;
}

/** Tokens that one layer's cache has room for. */
export function cacheCells({ mixer }: Layer, settings: CacheSettings): number {
  const all = padded(settings.contextTokens);
  if (mixer.kind !== 'attention' || mixer.windowTokens === undefined || settings.fullWindow) return all;
  return Math.min(all, padded(mixer.windowTokens * settings.sequences + settings.batchTokens));
}

/** Bytes of keys and values of one layer. */
export function layerCacheBytes(layer: Layer, settings: CacheSettings): number {
  const { keys, values } = cacheRow(layer.mixer, settings.latentAsHeads);
  if (keys + values === 0) return 0;
  const cells = cacheCells(layer, settings);
  const indexer = layer.mixer.kind === 'latent' ? (layer.mixer.indexerLength ?? 0) * 2 : 0;
  return cells * (rowBytes(keys, settings.keyType) + rowBytes(values, settings.valueType) + indexer);
}

/** Bytes of the recurrent state of one layer, always in 32 bits, a state for every sequence. */
export function layerStateBytes(
  { mixer }: Layer,
  embeddingLength: number,
  { sequences, stateCopies = 1 }: CacheSettings,
): number {
  const { conv, state } = stateElements(mixer, embeddingLength);
  return sequences * stateCopies * 4 * (conv + state);
}

export function cacheBytes(facts: ModelFacts, settings: CacheSettings): number {
  return layerKinds(facts.layers).reduce((sum, { layer, count }) => sum + count * layerCacheBytes(layer, settings), 0);
}

export function stateBytes(facts: ModelFacts, settings: CacheSettings): number {
  return layerKinds(facts.layers).reduce(
    (sum, { layer, count }) => sum + count * layerStateBytes(layer, facts.embeddingLength, settings),
    0,
  );
}

const cacheTypes: readonly CacheType[] = ['f32', 'f16', 'bf16', 'q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0', 'iq4_nl'];

export function isCacheType(text: string): text is CacheType {
  return cacheTypes.some((type) => type === text);
}

const blocks = new Map(cacheTypes.map((type) => [type, ggmlType(type)]));

function rowBytes(elements: number, type: CacheType): number {
  const { blockElements, blockBytes } = blocks.get(type) ?? { blockElements: 1, blockBytes: 2 };
  return (elements * blockBytes) / blockElements;
}
