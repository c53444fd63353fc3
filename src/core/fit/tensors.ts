import type { Attention, FeedForward, LatentAttention, Layer, Mixer, ModelFacts } from './modelFacts.ts';

/** What a matrix is for: quantizations treat the roles differently. */
export type TensorRole =
  | 'tokenEmbedding'
  | 'positions'
  | 'output'
  | 'query'
  | 'key'
  | 'value'
  | 'attentionOutput'
  | 'gate'
  | 'up'
  | 'down'
  | 'expertGate'
  | 'expertUp'
  | 'expertDown'
  | 'latentDown'
  | 'latentUp'
  | 'recurrent'
  | 'recurrentQkv'
  | 'side'
  | 'router'
  | 'vector';

/** Matrices that a server with tensor parallelism keeps whole on every GPU. */
export const replicatedRoles: ReadonlySet<TensorRole> = new Set(['latentDown', 'positions', 'router', 'vector']);

export interface Tensor {
  readonly role: TensorRole;
  /** Absent: belongs to no layer. */
  readonly layer?: number;
  /** Input length: one row of the file has this many elements. */
  readonly columns: number;
  /** Output length, times the number of experts. */
  readonly rows: number;
}

export type TensorPart = Omit<Tensor, 'layer'>;

type TensorFacts = Pick<
  ModelFacts,
  'embeddingLength' | 'vocabularySize' | 'tiedEmbeddings' | 'learnedPositions' | 'layers'
>;

/** Every tensor of a model of these facts, without its encoder. */
export function tensorsOf(facts: TensorFacts): readonly Tensor[] {
  const tensors: Tensor[] = [];
  eachTensor(facts, ({ role, columns, rows }, layer) =>
    tensors.push({ role, columns, rows, ...(layer === undefined ? {} : { layer }) }),
  );
  return tensors;
}

/** The same, one after the other, without an object for each. */
export function eachTensor(facts: TensorFacts, visit: (part: TensorPart, layer: number | undefined) => void): void {
  const { embeddingLength: columns, vocabularySize: rows, tiedEmbeddings, layers } = facts;
  visit({ role: 'tokenEmbedding', columns, rows }, undefined);
  if (facts.learnedPositions !== undefined)
    visit({ role: 'positions', columns, rows: facts.learnedPositions }, undefined);
  if (!tiedEmbeddings) visit({ role: 'output', columns, rows }, undefined);
  // Most layers of a model are one and the same object.
  const known = new Map<Layer, readonly TensorPart[]>();
  layers.forEach((shape, layer) => {
    const parts = known.get(shape) ?? layerParts(shape, columns);
    known.set(shape, parts);
    for (const part of parts) visit(part, layer);
  });
}

function layerParts({ mixer, feedForward, norms, sideRows = 0 }: Layer, embedding: number): readonly TensorPart[] {
  const parts: TensorPart[] = [
    ...mixerTensors(mixer, embedding),
    ...feedForwardTensors(feedForward, embedding),
    { role: 'side', columns: embedding, rows: sideRows },
    vector(embedding * (norms ?? 2)),
  ];
  return parts.filter(({ columns, rows }) => columns * rows > 0);
}

function vector(length: number): TensorPart {
  return { role: 'vector', columns: length, rows: 1 };
}

function mixerTensors(mixer: Mixer, embedding: number): TensorPart[] {
  switch (mixer.kind) {
    case 'attention':
      return attentionTensors(mixer, embedding);
    case 'latent':
      return latentTensors(mixer, embedding);
    case 'deltaNet': {
      const inner = mixer.valueHeads * mixer.headLength;
      const channels = inner + 2 * mixer.keyHeads * mixer.headLength;
      return [
        { role: 'recurrentQkv', columns: embedding, rows: channels },
        { role: 'recurrent', columns: embedding, rows: inner },
        { role: 'recurrent', columns: embedding, rows: 2 * mixer.valueHeads },
        { role: 'recurrent', columns: inner, rows: embedding },
        vector(channels * mixer.convKernel + 2 * mixer.valueHeads + mixer.headLength),
      ];
    }
    case 'mamba2': {
      const channels = mixer.innerLength + 2 * mixer.groups * mixer.stateLength;
      return [
        { role: 'recurrent', columns: embedding, rows: mixer.innerLength + channels + mixer.heads },
        { role: 'recurrent', columns: mixer.innerLength, rows: embedding },
        vector(channels * (mixer.convKernel + 1) + 3 * mixer.heads + mixer.innerLength),
      ];
    }
    case 'shortConv':
      return [
        { role: 'recurrent', columns: embedding, rows: 3 * embedding },
        { role: 'recurrent', columns: embedding, rows: embedding },
        vector(embedding * mixer.kernel),
      ];
    case 'none':
      return [];
  }
}

function attentionTensors(mixer: Attention, embedding: number): TensorPart[] {
  const queries = mixer.heads * mixer.keyLength;
  const keys = mixer.sharesCache ? 0 : mixer.kvHeads * mixer.keyLength;
  const values = mixer.sharesCache || mixer.valuesAreKeys ? 0 : mixer.kvHeads * mixer.valueLength;
  const queryRows = queries * (mixer.gated ? 2 : 1);
  const biases = mixer.bias === 'qkv' || mixer.bias === 'all' ? queryRows + keys + values : 0;
  return [
    { role: 'query', columns: embedding, rows: queryRows },
    { role: 'key', columns: embedding, rows: keys },
    { role: 'value', columns: embedding, rows: values },
    { role: 'attentionOutput', columns: mixer.heads * mixer.valueLength, rows: embedding },
    vector(biases + (mixer.bias === 'all' ? embedding : 0) + (mixer.qkNorm ? 2 * mixer.keyLength : 0)),
  ];
}

function latentTensors(mixer: LatentAttention, embedding: number): TensorPart[] {
  const queries = mixer.heads * (mixer.nopeLength + mixer.ropeLength);
  const query: TensorPart[] =
    mixer.queryRank === undefined
      ? [{ role: 'query', columns: embedding, rows: queries }]
      : [
          { role: 'latentDown', columns: embedding, rows: mixer.queryRank },
          { role: 'latentUp', columns: mixer.queryRank, rows: queries },
        ];
  return [
    ...query,
    { role: 'latentDown', columns: embedding, rows: mixer.kvRank + mixer.ropeLength },
    { role: 'latentUp', columns: mixer.kvRank, rows: mixer.heads * (mixer.nopeLength + mixer.valueLength) },
    { role: 'attentionOutput', columns: mixer.heads * mixer.valueLength, rows: embedding },
    vector((mixer.queryRank ?? 0) + mixer.kvRank),
  ];
}

function feedForwardTensors(feedForward: FeedForward, embedding: number): TensorPart[] {
  if (feedForward.kind === 'none') return [];
  if (feedForward.kind === 'dense')
    return denseTensors(feedForward.width, feedForward.gated, embedding, feedForward.bias);
  const { count, width, gated, sharedWidth, bias } = feedForward;
  return [
    ...(gated ? [{ role: 'expertGate' as const, columns: embedding, rows: width * count }] : []),
    { role: 'expertUp', columns: embedding, rows: width * count },
    { role: 'expertDown', columns: width, rows: embedding * count },
    { role: 'router', columns: embedding, rows: count },
    ...(sharedWidth > 0 ? denseTensors(sharedWidth, gated, embedding) : []),
    vector(bias ? count * (width * (gated ? 2 : 1) + embedding + 1) : 0),
  ];
}

function denseTensors(width: number, gated: boolean, embedding: number, bias = false): TensorPart[] {
  return [
    ...(gated ? [{ role: 'gate' as const, columns: embedding, rows: width }] : []),
    { role: 'up', columns: embedding, rows: width },
    { role: 'down', columns: width, rows: embedding },
    vector(bias ? width * (gated ? 2 : 1) + embedding : 0),
  ];
}
