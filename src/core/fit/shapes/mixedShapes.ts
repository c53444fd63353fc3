import { madeLayers } from '../layers.ts';
import type { Attention, Encoder, FeedForward, Layer, Mamba2 } from '../modelFacts.ts';
import {
  attention,
  dense,
  encoderOf,
  experts,
  gqa,
  latent,
  qwenVision,
  shape,
  type Shape,
  type Traits,
} from './shapeKinds.ts';

/** Models whose layers differ: attention beside a recurrent state, experts in some, heads of two lengths. */
export const mixedShapes: readonly Shape[] = [
  qwenHybrid('qwen3next', 'qwen3-next-80b-a3b', [48, 2048, 16, 2, 151_936], 32, experts(512, 10, 512, 512)),
  qwenHybrid('qwen35', 'qwen3.5-0.8b', [24, 1024, 8, 2, 248_320], 16, dense(3584), {
    tied: true,
    encoder: qwenVision(100_000_000, 768, 3072),
  }),
  qwenHybrid('qwen35', 'qwen3.5-2b', [24, 2048, 8, 2, 248_320], 16, dense(6144), {
    tied: true,
    encoder: qwenVision(330_000_000, 1024, 4096),
  }),
  qwenHybrid('qwen35', 'qwen3.5-4b', [32, 2560, 16, 4, 248_320], 32, dense(9216), {
    tied: true,
    encoder: qwenVision(334_000_000, 1024, 4096),
  }),
  qwenHybrid('qwen35', 'qwen3.5-9b', [32, 4096, 16, 4, 248_320], 32, dense(12_288), {
    encoder: qwenVision(456_000_000, 1152, 4304),
  }),
  qwenHybrid('qwen35', 'qwen3.5-27b', [64, 5120, 24, 4, 248_320], 48, dense(17_408), {
    encoder: qwenVision(461_000_000, 1152, 4304),
  }),
  qwenHybrid('qwen35moe', 'qwen3.5-35b-a3b', [40, 2048, 16, 2, 248_320], 32, experts(256, 8, 512, 512), {
    encoder: qwenVision(446_000_000, 1152, 4304),
  }),
  qwenHybrid('qwen35moe', 'qwen3.5-122b-a10b', [48, 3072, 32, 2, 248_320], 64, experts(256, 8, 1024, 1024), {
    encoder: qwenVision(450_000_000, 1152, 4304),
  }),
  qwenHybrid('qwen35moe', 'qwen3.5-397b-a17b', [60, 4096, 32, 2, 248_320], 64, experts(512, 10, 1024, 1024), {
    encoder: qwenVision(455_000_000, 1152, 4304),
  }),
  gemma3n('gemma-3n-e2b', 30, 8192, 10),
  gemma3n('gemma-3n-e4b', 35, 16_384, 15),
  gemma4(
    'gemma-4-12b',
    [48, 3840, 16, 262_144],
    { kvHeads: 8, tokens: 1024, period: 6 },
    { kvHeads: 1, valuesAreKeys: true },
    () => dense(15_360),
  ),
  gemma4(
    'gemma-4-31b',
    [60, 5376, 32, 262_144],
    { kvHeads: 16, tokens: 1024, period: 6 },
    { kvHeads: 4, valuesAreKeys: true },
    () => dense(21_504),
    { encoder: encoderOf(550_000_000) },
  ),
  gemma4(
    'gemma-4-26b-a4b',
    [30, 2816, 16, 262_144],
    { kvHeads: 8, tokens: 1024, period: 6 },
    { kvHeads: 2, valuesAreKeys: true },
    () => experts(128, 8, 704, 2112),
    { encoder: encoderOf(550_000_000) },
  ),
  gemma4(
    'gemma-4-e4b',
    [42, 2560, 8, 131_072],
    { kvHeads: 2, tokens: 512, period: 6 },
    { kvHeads: 2, valuesAreKeys: false },
    () => dense(10_240),
    { sharedCaches: 18, perLayer: 256, encoder: encoderOf(470_000_000) },
  ),
  gemma4(
    'gemma-4-e2b',
    [35, 1536, 8, 131_072],
    { kvHeads: 1, tokens: 512, period: 5 },
    { kvHeads: 1, valuesAreKeys: false },
    (index) => dense(index < 15 ? 6144 : 12_288),
    { sharedCaches: 20, perLayer: 256, encoder: encoderOf(470_000_000) },
  ),
  glm5(),
  llama4Maverick(),
  gptOss('gpt-oss-20b', 24, 32),
  gptOss('gpt-oss-120b', 36, 128),
  nemotronH(
    'nemotron-3-nano-30b-a3b',
    'MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME',
    [2688, 262_144],
    { heads: 64, innerLength: 4096 },
    gqa(32, 2),
    { kind: 'experts', count: 128, used: 6, width: 1856, gated: false, sharedWidth: 3712 },
  ),
  nemotronH(
    'nemotron-nano-9b-v2',
    'M-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-M-M-',
    [4480, 131_072],
    { heads: 128, innerLength: 10_240 },
    gqa(40, 8),
    dense(15_680, { gated: false }),
  ),
  nemotronH(
    'nemotron-nano-12b-v2',
    'M-M-M-M*-M-M-M-M*-M-M-M-M*-M-M-M-M*-M-M-M-M*-M-M-M-M*-M-M-M-M-',
    [5120, 131_072],
    { heads: 128, innerLength: 10_240 },
    gqa(40, 8),
    dense(20_480, { gated: false }),
  ),
  nemotronH(
    'nemotron-h-8b',
    'M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-',
    [4096, 8192],
    { heads: 128, innerLength: 8192 },
    gqa(32, 8),
    dense(21_504, { gated: false }),
  ),
  graniteHybrid('granite-4.0-h-1b', 1536, { heads: 48, innerLength: 3072 }, gqa(12, 4), dense(4096)),
  graniteHybrid('granite-4.0-h-micro', 2048, { heads: 64, innerLength: 4096 }, gqa(32, 8, { head: 64 }), dense(8192)),
  graniteHybrid('granite-4.0-h-tiny', 1536, { heads: 48, innerLength: 3072 }, gqa(12, 4), experts(64, 6, 512, 1024)),
  graniteHybrid('granite-4.0-h-small', 4096, { heads: 128, innerLength: 8192 }, gqa(32, 8), experts(72, 10, 768, 1536)),
  trinity('trinity-nano-6b', 56, [1024, 3072], gqa(8, 2, { qkNorm: true }), experts(128, 8, 256, 256)),
  trinity('trinity-mini-26b', 32, [2048, 6144], gqa(32, 4, { qkNorm: true }), experts(128, 8, 1024, 1024)),
  exaoneMoe(),
  lfm2Moe(),
  lfm2('lfm2-350m', 16, 1024, 16, 4608),
  lfm2('lfm2-700m', 16, 1536, 24, 6912),
  lfm2('lfm2-1.2b', 16, 2048, 32, 8192),
  lfm2('lfm2-2.6b', 30, 2048, 32, 10_752),
];

/** Qwen3-Next and Qwen3.5: three layers of linear attention, then a full one. */
function qwenHybrid(
  architecture: string,
  name: string,
  [layers, embedding, heads, kvHeads, vocabulary]: readonly [number, number, number, number, number],
  valueHeads: number,
  feedForward: FeedForward,
  traits: Traits = {},
): Shape {
  return shape(
    architecture,
    name,
    [embedding, vocabulary, 262_144],
    traits,
    madeLayers(layers, (index) => ({
      mixer:
        index % 4 === 3
          ? { ...gqa(heads, kvHeads, { head: 256, qkNorm: true }), gated: true }
          : { kind: 'deltaNet', keyHeads: 16, valueHeads, headLength: 128, convKernel: 4 },
      feedForward,
    })),
  );
}

/** Gemma 4: sliding layers with heads of 256, full ones with fewer heads of 512, whose keys serve as values in the larger models. */
function gemma4(
  name: string,
  [layers, embedding, heads, context]: readonly [number, number, number, number],
  sliding: { readonly kvHeads: number; readonly tokens: number; readonly period: number },
  full: { readonly kvHeads: number; readonly valuesAreKeys: boolean },
  feedForward: (index: number) => FeedForward,
  extra: { readonly sharedCaches?: number; readonly perLayer?: number; readonly encoder?: Encoder } = {},
): Shape {
  const { sharedCaches = 0, perLayer = 0, encoder } = extra;
  return {
    ...shape(
      'gemma4',
      name,
      [embedding, 262_144, context],
      { tied: true, ...(encoder ? { encoder } : {}) },
      madeLayers(layers, (index) => {
        const isFull = (index + 1) % sliding.period === 0;
        const head = isFull ? 512 : 256;
        return {
          mixer: {
            ...gqa(heads, isFull ? full.kvHeads : sliding.kvHeads, { head, qkNorm: true }),
            ...(isFull ? {} : { windowTokens: sliding.tokens }),
            ...(isFull && full.valuesAreKeys ? { valuesAreKeys: true } : {}),
            ...(index >= layers - sharedCaches ? { sharesCache: true } : {}),
          },
          feedForward: feedForward(index),
          norms: 4,
          ...(perLayer > 0 ? { sideRows: 2 * perLayer } : {}),
        };
      }),
    ),
    ...(perLayer > 0 ? { perLayerInputs: 262_144 * perLayer * layers } : {}),
  };
}

/** Gemma 3n: every fifth layer sees everything, the last ones read the caches of earlier ones, and each has an embedding of its own and a low-rank detour. */
function gemma3n(name: string, layers: number, width: number, sharedCaches: number): Shape {
  const traits: Traits = { head: 256, qkNorm: true, window: { tokens: 512, period: 5 } };
  return {
    ...shape(
      'gemma3n',
      name,
      [2048, 262_400, 32_768],
      { tied: true, encoder: encoderOf(980_000_000) },
      madeLayers(layers, (index) => ({
        mixer: {
          ...attention(8, 2, traits, index),
          ...(index >= layers - sharedCaches ? { sharesCache: true } : {}),
        },
        feedForward: dense(width),
        norms: 5,
        sideRows: 2 * (256 + 64),
      })),
    ),
    perLayerInputs: 262_144 * 256 * layers,
  };
}

function gptOssLayer(mixer: Attention, count: number): Layer {
  return {
    mixer,
    feedForward: { kind: 'experts', count, used: 4, width: 2880, gated: true, bias: true, sharedWidth: 0 },
  };
}

function gptOss(name: string, layers: number, count: number): Shape {
  const traits: Traits = { head: 64, bias: 'all', window: { tokens: 128, period: 2 } };
  return shape(
    'gpt-oss',
    name,
    [2880, 201_088, 131_072],
    {},
    madeLayers(layers, (index) => gptOssLayer(attention(64, 8, traits, index), count)),
  );
}

/** Nemotron-H: one character a layer, M Mamba-2, - feed-forward, E experts, * attention. */
function nemotronH(
  name: string,
  pattern: string,
  [embedding, context]: readonly [number, number],
  mamba: Pick<Mamba2, 'heads' | 'innerLength'>,
  full: Attention,
  feedForward: FeedForward,
): Shape {
  const none = { kind: 'none' } as const;
  return shape(
    'nemotron_h',
    name,
    [embedding, 131_072, context],
    {},
    [...pattern].map((letter) => ({
      mixer:
        letter === 'M'
          ? { kind: 'mamba2', ...mamba, stateLength: 128, groups: 8, convKernel: 4 }
          : letter === '*'
            ? full
            : none,
      feedForward: letter === 'E' || letter === '-' ? feedForward : none,
      norms: 1,
    })),
  );
}

/** Granite 4's hybrids: four attention layers of 40 without positions, Mamba-2 in the others. */
function graniteHybrid(
  name: string,
  embedding: number,
  mamba: Pick<Mamba2, 'heads' | 'innerLength'>,
  full: Attention,
  feedForward: FeedForward,
): Shape {
  return shape(
    'granitehybrid',
    name,
    [embedding, 100_352, 131_072],
    { tied: true },
    madeLayers(40, (index) => ({
      mixer: index % 10 === 5 ? full : { kind: 'mamba2', ...mamba, stateLength: 128, groups: 1, convKernel: 4 },
      feedForward,
    })),
  );
}

/** Arcee's: two dense layers, and every fourth sees everything. */
function trinity(
  name: string,
  layers: number,
  [embedding, width]: readonly [number, number],
  heads: Attention,
  feedForward: FeedForward,
): Shape {
  return shape(
    'afmoe',
    name,
    [embedding, 200_192, 131_072],
    {},
    madeLayers(layers, (index) => ({
      mixer: { ...heads, gated: true, ...((index + 1) % 4 === 0 ? {} : { windowTokens: 2048 }) },
      feedForward: index < 2 ? dense(width) : feedForward,
      norms: 4,
    })),
  );
}

/** K-EXAONE: one dense layer, and every fourth sees everything. */
function exaoneMoe(): Shape {
  const traits: Traits = { qkNorm: true, window: { tokens: 128, period: 4 } };
  return shape(
    'exaone-moe',
    'k-exaone-236b-a23b',
    [6144, 153_600, 262_144],
    {},
    madeLayers(48, (index) => ({
      mixer: attention(64, 8, traits, index),
      feedForward: index < 1 ? dense(18_432) : experts(128, 8, 2048, 2048),
    })),
  );
}

/** Dense ones: six attention layers of 16, eight of 30. */
function lfm2(name: string, layers: number, embedding: number, heads: number, width: number): Shape {
  const attentionLayers = new Set(layers === 16 ? [2, 5, 8, 10, 12, 14] : [2, 5, 9, 12, 15, 18, 21, 25]);
  return shape(
    'lfm2',
    name,
    [embedding, 65_536, 128_000],
    { tied: true },
    madeLayers(layers, (index) => ({
      mixer: attentionLayers.has(index) ? gqa(heads, 8, { head: 64, qkNorm: true }) : { kind: 'shortConv', kernel: 3 },
      feedForward: dense(width),
    })),
  );
}

/** Every other layer has experts. */
function llama4Maverick(): Shape {
  return shape(
    'llama4',
    'llama-4-maverick-17b-128e',
    [5120, 202_048, 1_048_576],
    { encoder: encoderOf(900_000_000) },
    madeLayers(48, (index) => ({
      mixer: gqa(40, 8),
      feedForward: index % 2 === 1 ? experts(128, 1, 8192, 8192) : dense(16_384),
    })),
  );
}

function lfm2Moe(): Shape {
  const attentionLayers = new Set([2, 6, 10, 14, 18, 21]);
  return shape(
    'lfm2moe',
    'lfm2-8b-a1b',
    [2048, 65_536, 128_000],
    { tied: true },
    madeLayers(24, (index) => ({
      mixer: attentionLayers.has(index) ? gqa(32, 8, { head: 64, qkNorm: true }) : { kind: 'shortConv', kernel: 3 },
      feedForward: index < 2 ? dense(7168) : experts(32, 4, 1792),
    })),
  );
}

/** GLM-5: latent attention in every layer, the sparse indexer in the first three and then in every fourth. */
function glm5(): Shape {
  return shape(
    'glm-dsa',
    'glm-5',
    [6144, 154_880, 1_048_576],
    {},
    madeLayers(78, (index) => ({
      mixer: {
        ...latent(64, 2048, 192, 256),
        ...(index < 3 || (index - 3) % 4 === 3 ? { indexerLength: 128 } : {}),
      },
      feedForward: index < 3 ? dense(12_288) : experts(256, 8, 2048, 2048),
    })),
  );
}
