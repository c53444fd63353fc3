import { lowBitBases, lowBitType } from './ggufLowBits.ts';
import { ggmlBytes, ggmlType, type GgmlType } from '../gguf/ggmlTypes.ts';
import type { ModelFacts, WeightBytes } from './modelFacts.ts';
import { eachTensor, tensorsOf, type Tensor, type TensorPart } from './tensors.ts';

/**
 * File types such as Q4_K_M are mixtures: which tensor gets which type is decided by llama.cpp's quantizer (`src/llama-quant.cpp`) from its role, its
 * layer and the model. Repeating its rules gives the size of a file that nobody has downloaded yet, to the byte for the plain types and most mixtures.
 * Makers who choose types tensor by tensor ("UD", "XL", "QAT", ik_llama's `_R4`) follow no rule: those are not known here.
 */
export interface Mixture {
  readonly name: string;
  readonly base: GgmlType;
  /** Every matrix has the base type, embedding and output too: Google's files of models trained for 4 bits. */
  readonly pure?: boolean;
}

const bases: Readonly<Record<string, string>> = {
  F32: 'F32',
  F16: 'F16',
  BF16: 'BF16',
  Q8_0: 'Q8_0',
  Q6_K: 'Q6_K',
  Q5_0: 'Q5_0',
  Q5_1: 'Q5_1',
  Q5_K_S: 'Q5_K',
  Q5_K_M: 'Q5_K',
  Q4_0: 'Q4_0',
  Q4_1: 'Q4_1',
  Q4_K_S: 'Q4_K',
  Q4_K_M: 'Q4_K',
  IQ4_NL: 'IQ4_NL',
  IQ4_XS: 'IQ4_XS',
  Q3_K_S: 'Q3_K',
  Q3_K_M: 'Q3_K',
  Q3_K_L: 'Q3_K',
  Q2_K: 'Q2_K',
  MXFP4: 'MXFP4',
  ...lowBitBases,
};

/** Undefined: made by no rule that is known here. */
export function mixtureNamed(name: string): Mixture | undefined {
  // The quantizer takes these for the middle size.
  const full = /^Q[345]_K$/i.test(name) ? `${name}_M` : name;
  const base = bases[full.toUpperCase()];
  const type = base === undefined ? undefined : ggmlType(base);
  return type && { name: full.toUpperCase(), base: type };
}

/** Every tensor of the model with its type in a file of this mixture. */
export function typedTensors(mixture: Mixture, facts: ModelFacts): readonly (readonly [Tensor, GgmlType])[] {
  const situation = situationOf(facts);
  return tensorsOf(facts).map((tensor) => [tensor, typeOf(tensor, tensor.layer, mixture, situation)]);
}

/** What the model takes as a file of this mixture. The encoder, which is a file of its own, is not in it. */
export function weightsAs(mixture: Mixture, facts: ModelFacts): WeightBytes {
  const layers = facts.layers.map(() => ({ dense: 0, experts: 0 }));
  let tokenEmbedding = 0;
  let output = facts.embeddingLength * 4;
  let largestTensor = 0;
  const isQuantized = mixture.base.blockElements > 1;
  const situation = situationOf(facts);
  eachTensor(facts, (part, index) => {
    const bytes = ggmlBytes(typeOf(part, index, mixture, situation), part.columns * part.rows);
    const layer = index === undefined ? undefined : layers[index];
    // Matrices in 16 bits are multiplied where they are, not copied.
    if (layer && isQuantized) largestTensor = Math.max(largestTensor, bytes);
    if (layer) layer[part.role.startsWith('expert') ? 'experts' : 'dense'] += bytes;
    else if (part.role === 'output') output += bytes;
    else tokenEmbedding += bytes;
  });
  const perLayerInputs = ggmlBytes(mixture.base, facts.perLayerInputs ?? 0);
  return { tokenEmbedding, perLayerInputs, output, layers, encoder: 0, largestTensor };
}

interface Situation {
  readonly architecture: string;
  readonly layers: number;
  /** Layers that have values of their own, and their number among those: the quantizer counts no others. */
  readonly valueLayers: ReadonlyMap<number, number>;
  readonly queriesPerKey: number;
  readonly experts: number;
  readonly tied: boolean;
  /** llama.cpp's class "70B": 80 layers of Llama or Qwen 2 with few KV heads. */
  readonly is70B: boolean;
}

function situationOf(facts: ModelFacts): Situation {
  const attentions = facts.layers.flatMap(({ mixer }) => (mixer.kind === 'attention' ? [mixer] : []));
  const first = attentions[0];
  const queriesPerKey = first && first.kvHeads > 0 ? first.heads / first.kvHeads : 1;
  const withValues = facts.layers.flatMap(({ mixer }, index) =>
    mixer.kind === 'attention' && !mixer.valuesAreKeys && !mixer.sharesCache ? [index] : [],
  );
  return {
    architecture: facts.architecture,
    layers: facts.layers.length,
    valueLayers: new Map(withValues.map((layer, index) => [layer, index])),
    queriesPerKey,
    experts: Math.max(
      0,
      ...facts.layers.map(({ feedForward }) => (feedForward.kind === 'experts' ? feedForward.count : 0)),
    ),
    tied: facts.tiedEmbeddings,
    is70B: facts.layers.length === 80 && queriesPerKey > 1 && /^(llama|qwen2)/i.test(facts.architecture),
  };
}

function typeOf(tensor: TensorPart, layer: number | undefined, mixture: Mixture, situation: Situation): GgmlType {
  if (tensor.role === 'vector' || tensor.role === 'router' || tensor.role === 'positions') return known('F32');
  if (mixture.base.blockElements === 1 || mixture.pure) return mixture.base;
  const wanted = wantedType(tensor, layer ?? 0, mixture, situation);
  return tensor.columns % wanted.blockElements === 0 ? wanted : (fallback(wanted, tensor.columns) ?? known('F16'));
}

/** The first and the last eighth of the layers, and every third in between, get more bits. */
export function getsMoreBits(index: number, count: number): boolean {
  const eighth = Math.floor(count / 8);
  return index < eighth || index >= Math.floor((7 * count) / 8) || (index - eighth) % 3 === 2;
}

function wantedType(tensor: TensorPart, layer: number, mixture: Mixture, situation: Situation): GgmlType {
  const { name, base } = mixture;
  // MXFP4 is for experts alone; the rest of such a file is Q8_0.
  if (base.name === 'MXFP4') return tensor.role.startsWith('expert') ? base : known('Q8_0');
  if (
    lowBitBases[name] !== undefined &&
    tensor.role !== 'output' &&
    !(tensor.role === 'tokenEmbedding' && situation.tied)
  ) {
    const { queriesPerKey, experts, layers } = situation;
    const place = { role: tensor.role, layer, layers, fewKeys: queriesPerKey >= 4, experts };
    return known(lowBitType(name, place) ?? base.name);
  }
  switch (tensor.role) {
    case 'output':
      return outputType(base);
    case 'tokenEmbedding':
      return situation.tied ? outputType(base) : base;
    case 'recurrentQkv':
      return fusedType(name, base);
    case 'query':
    case 'key':
    case 'value':
      if (fusesQkv.test(situation.architecture)) return fusedType(name, base);
      return separateType(tensor.role, mixture, situation, layer);
    case 'attentionOutput':
      return attentionOutputType(mixture, situation);
    case 'down':
    case 'expertDown':
      return downType(name, base, layer, situation.layers);
    case 'expertGate':
    case 'expertUp':
      return base;
    default:
      return base;
  }
}

function outputType(base: GgmlType): GgmlType {
  const small = /^IQ2|^IQ3_XXS/.test(base.name);
  return known(base.name === 'Q8_0' ? 'Q8_0' : small ? 'Q5_K' : 'Q6_K');
}

/** Their files have queries, keys and values in one matrix. */
const fusesQkv = /^(phi3|chatglm|mpt|falcon|dbrx)$/;

function fusedType(name: string, base: GgmlType): GgmlType {
  const raised: Readonly<Record<string, string>> = { Q3_K_M: 'Q4_K', Q3_K_L: 'Q4_K', Q4_K_M: 'Q5_K', Q5_K_M: 'Q6_K' };
  return known(raised[name] ?? base.name);
}

function separateType(
  role: 'query' | 'key' | 'value',
  mixture: Mixture,
  situation: Situation,
  layer: number,
): GgmlType {
  if (role === 'value') return valueType(mixture, situation, situation.valueLayers.get(layer) ?? 0);
  return role === 'key' && situation.experts === 8 ? known('Q8_0') : mixture.base;
}

function valueType({ name, base }: Mixture, situation: Situation, index: number): GgmlType {
  if (situation.experts === 8) return known('Q8_0');
  const fewKeys = situation.queriesPerKey >= 4;
  const type = ((): string => {
    switch (name) {
      case 'Q2_K':
        return fewKeys ? 'Q4_K' : 'Q3_K';
      case 'Q3_K_M':
        return index < 2 ? 'Q5_K' : 'Q4_K';
      case 'Q3_K_L':
        return 'Q5_K';
      case 'IQ4_NL':
      case 'IQ4_XS':
        return fewKeys ? 'Q5_K' : base.name;
      case 'Q4_K_S':
        return index < 4 ? 'Q5_K' : 'Q4_K';
      case 'Q4_K_M':
      case 'Q5_K_M':
        return getsMoreBits(index, situation.valueLayers.size) ? 'Q6_K' : base.name;
      default:
        return base.name;
    }
  })();
  return known(situation.is70B && (type === 'Q3_K' || type === 'Q4_K') ? 'Q5_K' : type);
}

function attentionOutputType({ name, base }: Mixture, { experts }: Situation): GgmlType {
  if (experts === 8 && /^(Q2_K|Q3_K_[SM]|IQ4_NL|IQ4_XS|Q4_K_[SM])$/.test(name)) return known('Q5_K');
  const raised: Readonly<Record<string, string>> = { Q2_K: 'Q3_K', Q3_K_M: 'Q4_K', Q3_K_L: 'Q5_K' };
  return known(experts === 8 ? base.name : (raised[name] ?? base.name));
}

function downType(name: string, base: GgmlType, layer: number, layers: number): GgmlType {
  const early = layer < Math.floor(layers / 8);
  switch (name) {
    case 'Q2_K':
      return known('Q3_K');
    case 'Q3_K_M':
      return known(layer < Math.floor(layers / 16) ? 'Q5_K' : 'Q4_K');
    case 'Q3_K_L':
      return known('Q5_K');
    // The IQ types would get them too, but only without an importance matrix, which nobody leaves out.
    case 'Q4_K_S':
      return early ? known('Q5_K') : base;
    case 'Q4_K_M':
    case 'Q5_K_M':
      return getsMoreBits(layer, layers) ? known('Q6_K') : base;
    default:
      return base;
  }
}

/** K-quants need rows of a multiple of 256; the quantizer then takes the next larger type of blocks of 32. */
function fallback(type: GgmlType, columns: number): GgmlType | undefined {
  if (columns % 32 !== 0) return undefined;
  const names: Readonly<Record<string, string>> = {
    Q2_K: 'IQ4_NL',
    Q3_K: 'IQ4_NL',
    IQ4_XS: 'IQ4_NL',
    Q4_K: 'Q5_0',
    Q5_K: 'Q5_1',
    Q6_K: 'Q8_0',
  };
  return known(names[type.name] ?? (/^IQ[123]/.test(type.name) ? 'IQ4_NL' : 'Q8_0'));
}

function known(name: string): GgmlType {
  const type = ggmlType(name);
  if (!type) throw new TypeError(`ggml has no type ${name}`);
  return type;
}
