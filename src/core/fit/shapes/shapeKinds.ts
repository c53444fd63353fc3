import { madeLayers } from '../layers.ts';
import type { Attention, Encoder, FeedForward, LatentAttention, Mixer, Layer, ModelFacts } from '../modelFacts.ts';

/**
 * Shapes of published models, as their `config.json` states them. Plain data: what each family has in common stands once, above its rows. Checked against
 * the parameter counts that their makers publish.
 */
export type Shape = Omit<ModelFacts, 'origin' | 'doubts'> & {
  readonly name: string;
  readonly doubts?: readonly string[];
};

/** Models of one kind of layer. Head length 128 and an untied embedding where a row says nothing else. */
type Row = readonly [
  name: string,
  layers: number,
  embedding: number,
  heads: number,
  kvHeads: number,
  width: number,
  vocabulary: number,
  context: number,
  traits?: Traits,
];

export interface Traits {
  readonly head?: number;
  readonly tied?: boolean;
  readonly bias?: Attention['bias'];
  readonly qkNorm?: boolean;
  readonly norms?: number;
  readonly gated?: boolean;
  readonly feedForwardBias?: boolean;
  /** Every `period`-th layer sees everything, the others this far back. */
  readonly window?: { readonly tokens: number; readonly period: number };
  readonly encoder?: Encoder;
  readonly rotations?: number;
  /** Rows of a learned table of positions. */
  readonly positions?: number;
  readonly doubt?: string;
}

export function family(architecture: string, common: Traits, rows: readonly Row[]): Shape[] {
  return rows.map(([name, layers, embedding, heads, kvHeads, width, vocabulary, context, own]) => {
    const traits = { ...common, ...own };
    return shape(
      architecture,
      name,
      [embedding, vocabulary, context],
      traits,
      madeLayers(layers, (index) => ({
        mixer: attention(heads, kvHeads, traits, index),
        feedForward: dense(width, traits),
        ...(traits.norms === undefined ? {} : { norms: traits.norms }),
      })),
    );
  });
}

export function shape(
  architecture: string,
  name: string,
  [embeddingLength, vocabularySize, contextTokens]: readonly [number, number, number],
  { tied, encoder, rotations, positions, doubt }: Traits,
  layers: readonly Layer[],
): Shape {
  return {
    architecture,
    name,
    embeddingLength,
    vocabularySize,
    contextTokens,
    tiedEmbeddings: tied ?? false,
    layers,
    ...(encoder === undefined ? {} : { encoder }),
    ...(rotations === undefined ? {} : { rotationTokens: rotations }),
    ...(positions === undefined ? {} : { learnedPositions: positions }),
    ...(doubt === undefined ? {} : { doubts: [doubt] }),
  };
}

export function attention(heads: number, kvHeads: number, traits: Traits, index: number): Attention {
  const { head = 128, bias, qkNorm, window } = traits;
  return {
    kind: 'attention',
    heads,
    kvHeads,
    keyLength: head,
    valueLength: head,
    ...(bias === undefined ? {} : { bias }),
    ...(qkNorm === undefined ? {} : { qkNorm }),
    ...(window && (index + 1) % window.period !== 0 ? { windowTokens: window.tokens } : {}),
  };
}

export function dense(width: number, { gated = true, feedForwardBias }: Traits = {}): FeedForward {
  return { kind: 'dense', width, gated, ...(feedForwardBias ? { bias: true } : {}) };
}

export function experts(count: number, used: number, width: number, sharedWidth = 0): FeedForward {
  return { kind: 'experts', count, used, width, gated: true, sharedWidth };
}

/** Mixtures of experts whose first layers are dense. */
type ExpertRow = readonly [
  name: string,
  layers: number,
  embedding: number,
  mixer: Mixer,
  experts: FeedForward,
  dense: readonly [layers: number, width: number],
  vocabulary: number,
  context: number,
  traits?: Traits,
];

export function expertFamily(architecture: string, rows: readonly ExpertRow[]): Shape[] {
  return rows.map(
    ([name, layers, embedding, mixer, feedForward, [denseLayers, width], vocabulary, context, traits = {}]) =>
      shape(
        architecture,
        name,
        [embedding, vocabulary, context],
        traits,
        madeLayers(layers, (index) => ({
          mixer,
          feedForward: index < denseLayers ? dense(width) : feedForward,
          ...(traits.norms === undefined ? {} : { norms: traits.norms }),
        })),
      ),
  );
}

export function gqa(heads: number, kvHeads: number, traits: Traits = {}): Attention {
  return attention(heads, kvHeads, traits, 0);
}

export function latent(
  heads: number,
  queryRank: number | undefined,
  nopeLength = 128,
  valueLength = 128,
): LatentAttention {
  return {
    kind: 'latent',
    heads,
    kvRank: 512,
    ropeLength: 64,
    nopeLength,
    valueLength,
    ...(queryRank === undefined ? {} : { queryRank }),
  };
}

/** Gemma 3's and Granite's: 27 layers, pictures of one size. Ollama's figure: heads of 16 over 4096 patches, squared, in 32 bits. */
export function siglip(projector: number): Encoder {
  return { parameters: 412_000_000 + projector, ollamaGraphBytes: 4 * 4096 ** 2 * 16 };
}

/** Mistral's: pictures up to 1540 by 1540 in patches of 14. */
export function pixtral(parameters = 439_000_000): Encoder {
  return { parameters, ollamaGraphBytes: 4 * 110 ** 4 * 16 };
}

/** Qwen's: at most 16384 tokens a picture, of four patches each. */
export function qwenVision(parameters: number, embeddingLength: number, width: number): Encoder {
  return { parameters, anySize: { patches: 65_536, embeddingLength, width } };
}

export function encoderOf(parameters: number): Encoder {
  return { parameters };
}

/** InternVL's smaller encoder, over twelve tiles of 448 by 448 and a thumbnail, and the two layers that lead to the model's embedding. */
export function internVit(embedding: number): Encoder {
  const parameters = 304_012_288 + 4096 * 2 + (4096 + embedding + 2) * embedding;
  return { parameters, anySize: { patches: 13 * 1025, embeddingLength: 1024, width: 4096 } };
}

/** Its larger one, of 45 layers. */
export function internVit6b(embedding: number): Encoder {
  const parameters = 5_537_000_000 + 12_800 * 2 + (12_800 + embedding + 2) * embedding;
  return { parameters, anySize: { patches: 13 * 1025, embeddingLength: 3200, width: 12_800 } };
}
