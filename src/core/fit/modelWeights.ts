import { ollamaFileType } from './catalogue.ts';
import type { FitModel } from './fitRequest.ts';
import { mixtureNamed, weightsAs } from './ggufMixtures.ts';
import type { ModelFacts, WeightBytes } from './modelFacts.ts';

/** The bytes of a model's file by layer, with the file type that they are of where it was not read but ruled. */
export interface ModelWeights {
  readonly bytes: WeightBytes;
  readonly fileType?: string;
  /** By the rule of its file type, no file was read. */
  readonly isRuled?: boolean;
  /** Nobody said the file type: it is what the server's library gives under such a name. */
  readonly isUsual?: boolean;
}

/** As llama.cpp loads it: by its tensors, else by the rule of its file type. Undefined for file types that follow no rule. */
export function ggufWeights(model: FitModel): ModelWeights | undefined {
  const { facts, fileType } = model;
  const read = model.weights ?? facts.weights;
  if (read) return { bytes: read, ...(fileType === undefined ? {} : { fileType }) };
  const wanted = fileType ?? ollamaFileType(model.name);
  const bytes = ruledWeights(facts, wanted);
  return bytes && { bytes, fileType: wanted, isRuled: true, ...(fileType === undefined ? { isUsual: true } : {}) };
}

const ruled = new WeakMap<ModelFacts, Map<string, WeightBytes>>();

/** Undefined: the file type follows no rule that is known here. Remembered, since a plan is made anew for each move of a slider. */
export function ruledWeights(facts: ModelFacts, fileType: string): WeightBytes | undefined {
  const known = ruled.get(facts) ?? new Map<string, WeightBytes>();
  ruled.set(facts, known);
  const before = known.get(fileType);
  if (before) return before;
  const mixture = mixtureNamed(fileType);
  if (!mixture) return undefined;
  const bytes = weightsAs(mixture, facts);
  known.set(fileType, bytes);
  return bytes;
}

/** What the file has on the disk, without its head. */
export function fileBytes(weights: WeightBytes): number {
  const { tokenEmbedding, perLayerInputs, output, encoder } = weights;
  return tokenEmbedding + perLayerInputs + output + encoder + layerBytes(weights);
}

/** Where the size of a file is known and its tensors are not: the layers have what the rule makes too much or too little. */
export function scaledTo(bytes: number, weights: WeightBytes): WeightBytes {
  const layers = layerBytes(weights);
  const factor = (bytes - (fileBytes(weights) - layers)) / layers;
  return {
    ...weights,
    layers: weights.layers.map(({ dense, experts }) => ({ dense: dense * factor, experts: experts * factor })),
  };
}

function layerBytes({ layers }: WeightBytes): number {
  return layers.reduce((total, { dense, experts }) => total + dense + experts, 0);
}

const shapes = new WeakMap<ModelFacts, ModelFacts>();

/** The model as it would be in another file: what was read of this one's tensors says nothing of it. The same object each time. */
export function shapeOnly(facts: ModelFacts): ModelFacts {
  if (!facts.weights) return facts;
  const known = shapes.get(facts);
  if (known) return known;
  const shape: { -readonly [key in keyof ModelFacts]: ModelFacts[key] } = { ...facts };
  delete shape.weights;
  shapes.set(facts, shape);
  return shape;
}
