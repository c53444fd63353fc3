import type { GgufFile, GgufTensor } from '../gguf/ggufReader.ts';
import { reading, type FactsReading } from './factsReading.ts';
import { architectureName, shapeOfKeys } from './ggufKeys.ts';
import type { ModelFacts, WeightBytes } from './modelFacts.ts';

/** What the head of a GGUF file says of its model's memory: the shape from its keys, the bytes from its list of tensors. */
export function factsOfGguf(file: GgufFile): FactsReading {
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
      ...factsOfTensors(file.tensors.map(withBytes(file.tensors)), shape.layers.length),
      origin: 'header',
    };
  });
}

export interface SizedTensor {
  readonly name: string;
  readonly bytes: number;
}

/** A type that is newer than the table: the distance to the next tensor is its size, padding included. */
function withBytes(tensors: readonly GgufTensor[]): (tensor: GgufTensor) => SizedTensor {
  const offsets = tensors.map(({ offsetBytes }) => offsetBytes).sort((one, other) => one - other);
  return ({ name, bytes, offsetBytes }) => {
    const next = bytes === undefined ? offsets.find((offset) => offset > offsetBytes) : undefined;
    return { name, bytes: bytes ?? (next === undefined ? 0 : next - offsetBytes) };
  };
}

/** Where llama.cpp puts each tensor goes by its name. */
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
    } else if (/^(token_embd|token_types|position_embd)/.test(name)) tokenEmbedding += bytes;
    else if (/^per_layer_token_embd/.test(name)) perLayerInputs += bytes;
    else if (/^(v|mm|a|resampler)\./.test(name)) encoder += bytes;
    else output += bytes;
    if (name === 'output.weight') tiedEmbeddings = false;
  }
  return { tiedEmbeddings, weights: { tokenEmbedding, perLayerInputs, output, layers, encoder, largestTensor } };
}
