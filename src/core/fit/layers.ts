import type { Layer } from './modelFacts.ts';

/** So many layers; those that are alike are one object. */
export function madeLayers(count: number, make: (index: number) => Layer): readonly Layer[] {
  const known = new Map<string, Layer>();
  return Array.from({ length: count }, (_, index) => {
    const made = make(index);
    const key = JSON.stringify(made);
    const same = known.get(key) ?? made;
    known.set(key, same);
    return same;
  });
}

const counted = new WeakMap<readonly Layer[], readonly LayerKind[]>();

export interface LayerKind {
  readonly layer: Layer;
  readonly count: number;
}

/** A model has two or three kinds of layers, and a plan looks at all of them again and again. */
export function layerKinds(layers: readonly Layer[]): readonly LayerKind[] {
  const before = counted.get(layers);
  if (before) return before;
  const counts = new Map<Layer, number>();
  for (const layer of layers) counts.set(layer, (counts.get(layer) ?? 0) + 1);
  const kinds = [...counts].map(([layer, count]) => ({ layer, count }));
  counted.set(layers, kinds);
  return kinds;
}
