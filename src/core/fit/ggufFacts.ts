import type { GgufFile } from '../gguf/ggufReader.ts';
import { reading, Unusable, type FactsReading } from './factsReading.ts';
import { architectureName, shapeOfKeys } from './ggufKeys.ts';
import type { ModelFacts, WeightBytes } from './modelFacts.ts';

/**
 * What the head of a GGUF file says of its model's memory: the shape from its keys, the bytes from its list of tensors. `parts`: where a model is split into several
 * files, the others with the size of each; only the first has the keys.
 */
export function factsOfGguf(file: GgufFile, sizeBytes?: number, parts: readonly GgufPart[] = []): FactsReading {
  return reading(() => {
    const value = file.values.get('general.architecture');
    const architecture = architectureName(value?.kind === 'text' ? value.value : undefined);
    const tokens = file.values.get('tokenizer.ggml.tokens');
    const embedding = file.tensors.find(({ name }) => name === 'token_embd.weight');
    const shape = shapeOfKeys(
      architecture,
      (key) => {
        const found = file.values.get(key);
        if (found?.kind === 'number' || found?.kind === 'boolean') return found.value;
        return found?.kind === 'numbers' ? found.values : undefined;
      },
      embedding?.dimensions[1] ?? (tokens?.kind === 'skipped' ? tokens.count : undefined),
    );
    const name = file.values.get('general.name');
    return {
      ...shape,
      ...(name?.kind === 'text' ? { name: name.value } : {}),
      ...factsOfTensors(
        [{ file, sizeBytes }, ...parts].flatMap((part) => sizedTensors(part)),
        shape.layers.length,
      ),
      origin: 'header',
    };
  });
}

export interface GgufPart {
  readonly file: GgufFile;
  /** Absent: not known. */
  readonly sizeBytes?: number | undefined;
}

export interface SizedTensor {
  readonly name: string;
  readonly bytes: number;
}

/** A type that is newer than the table: the distance to the next tensor, or to the end of the file, is its size, padding included. */
function sizedTensors({ file: { tensors, dataStartByte }, sizeBytes }: GgufPart): readonly SizedTensor[] {
  const offsets = [...new Set(tensors.map(({ offsetBytes }) => offsetBytes))].sort((one, other) => one - other);
  const next = new Map(offsets.map((offset, index) => [offset, offsets[index + 1]]));
  const end = sizeBytes === undefined ? undefined : sizeBytes - dataStartByte;
  return tensors.map(({ name, bytes, offsetBytes }) => {
    if (bytes !== undefined) return { name, bytes };
    const after = next.get(offsetBytes) ?? end;
    if (after === undefined || after < offsetBytes) throw new Unusable('has a tensor of an unknown type, and size');
    return { name, bytes: after - offsetBytes };
  });
}

/** Where llama.cpp puts each tensor goes by its name. Layers beyond the last one are drafts, which are loaded only where they are used. */
export function factsOfTensors(
  tensors: readonly SizedTensor[],
  layerCount: number,
): Pick<ModelFacts, 'tiedEmbeddings'> & { readonly weights: WeightBytes } {
  const layers = Array.from({ length: layerCount }, () => ({ dense: 0, experts: 0 }));
  let tokenEmbedding = 0;
  let perLayerInputs = 0;
  let output = 0;
  let encoder = 0;
  let largestTensor = 0;
  let tiedEmbeddings = true;
  for (const { name, bytes } of tensors) {
    const layer = layers[Number(/^blk\.(\d{1,4})\./.exec(name)?.[1] ?? -1)];
    if (layer) {
      layer[/_(?:ch)?exps\b/.test(name) ? 'experts' : 'dense'] += bytes;
      largestTensor = Math.max(largestTensor, bytes);
    } else if (/^blk\./.test(name)) continue;
    else if (/^(token_embd|token_types|position_embd)/.test(name)) tokenEmbedding += bytes;
    else if (/^per_layer_token_embd/.test(name)) perLayerInputs += bytes;
    else if (/^(v|mm|a|resampler)\./.test(name)) encoder += bytes;
    else output += bytes;
    if (name === 'output.weight') tiedEmbeddings = false;
  }
  return { tiedEmbeddings, weights: { tokenEmbedding, perLayerInputs, output, layers, encoder, largestTensor } };
}
