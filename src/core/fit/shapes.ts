import { madeLayers } from './layers.ts';
import type { Attention, Encoder, FeedForward, Layer, LatentAttention, Mixer, ModelFacts } from './modelFacts.ts';

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

interface Traits {
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
  readonly doubt?: string;
}

function family(architecture: string, common: Traits, rows: readonly Row[]): Shape[] {
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

function shape(
  architecture: string,
  name: string,
  [embeddingLength, vocabularySize, contextTokens]: readonly [number, number, number],
  { tied, encoder, rotations, doubt }: Traits,
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
    ...(doubt === undefined ? {} : { doubts: [doubt] }),
  };
}

function attention(heads: number, kvHeads: number, traits: Traits, index: number): Attention {
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

function dense(width: number, { gated = true, feedForwardBias }: Traits = {}): FeedForward {
  return { kind: 'dense', width, gated, ...(feedForwardBias ? { bias: true } : {}) };
}

function experts(count: number, used: number, width: number, sharedWidth = 0): FeedForward {
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

function expertFamily(architecture: string, rows: readonly ExpertRow[]): Shape[] {
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

function gqa(heads: number, kvHeads: number, traits: Traits = {}): Attention {
  return attention(heads, kvHeads, traits, 0);
}

function latent(heads: number, queryRank: number | undefined, nopeLength = 128, valueLength = 128): LatentAttention {
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

/** Gemma 3's and Granite's: 27 layers, pictures of one size. Ollama's figure: heads of 16 over 4096 patches, squared, in 32 bits. */
function siglip(projector: number): Encoder {
  return { parameters: 412_000_000 + projector, ollamaGraphBytes: 4 * 4096 ** 2 * 16 };
}

/** Mistral's: pictures up to 1540 by 1540 in patches of 14. */
function pixtral(parameters = 439_000_000): Encoder {
  return { parameters, ollamaGraphBytes: 4 * 110 ** 4 * 16 };
}

/** Qwen's: at most 16384 tokens a picture, of four patches each. */
function qwenVision(parameters: number, embeddingLength: number, width: number): Encoder {
  return { parameters, anySize: { patches: 65_536, embeddingLength, width } };
}

function encoderOf(parameters: number): Encoder {
  return { parameters };
}

/** Rotations are stretched eightfold for the full layers, and the sliding ones have a table of their own. */
const stretched = 131_072 * 9;

const gptOssLayer = (heads: Attention, count: number): Layer => ({
  mixer: heads,
  feedForward: { kind: 'experts', count, used: 4, width: 2880, gated: true, bias: true, sharedWidth: 0 },
});
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

/** Nemotron 3 Nano: one character a layer, M Mamba-2, E experts, * attention. */
function nemotronNano(): Shape {
  const pattern = 'MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME';
  const none = { kind: 'none' } as const;
  return shape(
    'nemotron_h',
    'nemotron-3-nano-30b-a3b',
    [2688, 131_072, 262_144],
    {},
    [...pattern].map((letter) => ({
      mixer:
        letter === 'M'
          ? { kind: 'mamba2', heads: 64, innerLength: 4096, stateLength: 128, groups: 8, convKernel: 4 }
          : letter === '*'
            ? gqa(32, 2)
            : none,
      feedForward:
        letter === 'E' ? { kind: 'experts', count: 128, used: 6, width: 1856, gated: false, sharedWidth: 3712 } : none,
      norms: 1,
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

export const shapes: readonly Shape[] = [
  ...family('llama', {}, [
    ['llama-7b', 32, 4096, 32, 32, 11_008, 32_000, 2048],
    ['llama-13b', 40, 5120, 40, 40, 13_824, 32_000, 2048],
    ['open-llama-3b', 26, 3200, 32, 32, 8640, 32_000, 2048, { head: 100 }],
    ['llama-2-7b', 32, 4096, 32, 32, 11_008, 32_000, 4096],
    ['llama-2-13b', 40, 5120, 40, 40, 13_824, 32_000, 4096],
    ['llama-30b', 60, 6656, 52, 52, 17_920, 32_000, 2048],
    ['llama-65b', 80, 8192, 64, 64, 22_016, 32_000, 2048],
    ['llama-2-70b', 80, 8192, 64, 8, 28_672, 32_000, 4096],
    ['codellama-7b', 32, 4096, 32, 32, 11_008, 32_016, 16_384],
    ['codellama-13b', 40, 5120, 40, 40, 13_824, 32_016, 16_384],
    ['codellama-34b', 48, 8192, 64, 8, 22_016, 32_000, 16_384],
    ['codellama-70b', 80, 8192, 64, 8, 28_672, 32_016, 16_384],
    ['llama-3-8b', 32, 4096, 32, 8, 14_336, 128_256, 8192],
    ['llama-3-70b', 80, 8192, 64, 8, 28_672, 128_256, 8192],
    ['llama-3.1-8b', 32, 4096, 32, 8, 14_336, 128_256, 131_072],
    ['llama-3.1-70b', 80, 8192, 64, 8, 28_672, 128_256, 131_072],
    ['llama-3.1-405b', 126, 16_384, 128, 8, 53_248, 128_256, 131_072],
    ['llama-3.2-1b', 16, 2048, 32, 8, 8192, 128_256, 131_072, { head: 64, tied: true }],
    ['llama-3.2-3b', 28, 3072, 24, 8, 8192, 128_256, 131_072, { tied: true }],
    ['llama-3.3-70b', 80, 8192, 64, 8, 28_672, 128_256, 131_072],
    ['tinyllama-1.1b', 22, 2048, 32, 4, 5632, 32_000, 2048, { head: 64 }],
    ['vicuna-7b', 32, 4096, 32, 32, 11_008, 32_000, 4096],
    ['vicuna-13b', 40, 5120, 40, 40, 13_824, 32_000, 4096],
    ['yi-6b', 32, 4096, 32, 4, 11_008, 64_000, 4096],
    ['yi-1.5-6b', 32, 4096, 32, 4, 11_008, 64_000, 4096],
    ['yi-9b', 48, 4096, 32, 4, 11_008, 64_000, 4096],
    ['yi-1.5-9b', 48, 4096, 32, 4, 11_008, 64_000, 4096],
    ['yi-34b', 60, 7168, 56, 8, 20_480, 64_000, 4096],
    ['yi-1.5-34b', 60, 7168, 56, 8, 20_480, 64_000, 4096],
    ['yi-coder-1.5b', 24, 2048, 16, 16, 5504, 64_000, 131_072],
    ['falcon3-1b', 18, 2048, 8, 4, 8192, 131_072, 8192, { head: 256 }],
    ['falcon3-3b', 22, 3072, 12, 4, 9216, 131_072, 32_768, { head: 256 }],
    ['falcon3-7b', 28, 3072, 12, 4, 23_040, 131_072, 32_768, { head: 256 }],
    ['falcon3-10b', 40, 3072, 12, 4, 23_040, 131_072, 32_768, { head: 256 }],
    ['granite-code-3b', 32, 2560, 32, 32, 10_240, 49_152, 131_072, { head: 80, tied: true, bias: 'all' }],
    ['solar-10.7b', 48, 4096, 32, 8, 14_336, 32_000, 4096],
    ['deepseek-coder-1.3b', 24, 2048, 16, 16, 5504, 32_256, 16_384],
    ['deepseek-coder-6.7b', 32, 4096, 32, 32, 11_008, 32_256, 16_384],
    ['deepseek-coder-33b', 62, 7168, 56, 8, 19_200, 32_256, 16_384],
    ['deepseek-llm-7b', 30, 4096, 32, 32, 11_008, 102_400, 4096],
    ['deepseek-llm-67b', 95, 8192, 64, 8, 22_016, 102_400, 4096],
    ['smollm2-135m', 30, 576, 9, 3, 1536, 49_152, 8192, { head: 64, tied: true }],
    ['smollm2-360m', 32, 960, 15, 5, 2560, 49_152, 8192, { head: 64, tied: true }],
    ['smollm2-1.7b', 24, 2048, 32, 32, 8192, 49_152, 8192, { head: 64, tied: true }],
    ['smollm3-3b', 36, 2048, 16, 4, 11_008, 128_256, 65_536, { tied: true }],
    ['internlm2-1.8b', 24, 2048, 16, 8, 8192, 92_544, 32_768],
    ['internlm3-8b', 48, 4096, 32, 2, 10_240, 128_512, 32_768],
    ['internlm2-7b', 32, 4096, 32, 8, 14_336, 92_544, 32_768],
    ['internlm2-20b', 48, 6144, 48, 8, 16_384, 92_544, 32_768],
    // The cross-attention layers and the encoder of the vision models are counted together.
    [
      'llama-3.2-11b-vision',
      32,
      4096,
      32,
      8,
      14_336,
      128_256,
      131_072,
      { encoder: encoderOf(2_640_000_000), doubt: 'Its attention to pictures is not planned.' },
    ],
  ]),
  ...family('mistral', {}, [
    ['mistral-7b', 32, 4096, 32, 8, 14_336, 32_000, 32_768],
    ['mistral-7b-v0.3', 32, 4096, 32, 8, 14_336, 32_768, 32_768],
    ['zephyr-7b', 32, 4096, 32, 8, 14_336, 32_000, 32_768],
    ['openhermes-2.5-mistral-7b', 32, 4096, 32, 8, 14_336, 32_002, 32_768],
    ['mistral-nemo', 40, 5120, 32, 8, 14_336, 131_072, 131_072],
    ['ministral-8b', 36, 4096, 32, 8, 12_288, 131_072, 32_768],
    ['ministral-3-3b', 26, 3072, 32, 8, 9216, 131_072, 262_144, { tied: true, encoder: pixtral(420_000_000) }],
    ['ministral-3-8b', 34, 4096, 32, 8, 14_336, 131_072, 262_144, { encoder: pixtral(420_000_000) }],
    ['ministral-3-14b', 40, 5120, 32, 8, 16_384, 131_072, 262_144, { encoder: pixtral(420_000_000) }],
    ['mistral-small-22b', 56, 6144, 48, 8, 16_384, 32_768, 32_768],
    ['codestral-22b', 56, 6144, 48, 8, 16_384, 32_768, 32_768],
    ['mistral-small-24b', 40, 5120, 32, 8, 32_768, 131_072, 32_768],
    ['mistral-small-3.1-24b', 40, 5120, 32, 8, 32_768, 131_072, 131_072, { encoder: pixtral() }],
    ['mistral-small-3.2-24b', 40, 5120, 32, 8, 32_768, 131_072, 131_072, { encoder: pixtral() }],
    ['devstral-small-24b', 40, 5120, 32, 8, 32_768, 131_072, 131_072],
    ['magistral-small-24b', 40, 5120, 32, 8, 32_768, 131_072, 40_960],
    ['mistral-large-123b', 88, 12_288, 96, 8, 28_672, 32_768, 131_072],
    ['devstral-2-123b', 88, 12_288, 96, 8, 28_672, 131_072, 262_144],
    ['pixtral-12b', 40, 5120, 32, 8, 14_336, 131_072, 131_072, { encoder: pixtral(405_000_000) }],
    ['llava-v1.6-mistral-7b', 32, 4096, 32, 8, 14_336, 32_064, 32_768, { encoder: encoderOf(325_000_000) }],
    ['llava-v1.5-7b', 32, 4096, 32, 32, 11_008, 32_064, 4096, { encoder: encoderOf(325_000_000) }],
    ['llava-v1.5-13b', 40, 5120, 40, 40, 13_824, 32_064, 4096, { encoder: encoderOf(335_000_000) }],
  ]),
  ...family('qwen2', { bias: 'qkv' }, [
    ['qwen1.5-0.5b', 24, 1024, 16, 16, 2816, 151_936, 32_768, { head: 64, tied: true }],
    ['qwen1.5-1.8b', 24, 2048, 16, 16, 5504, 151_936, 32_768],
    ['qwen1.5-4b', 40, 2560, 20, 20, 6912, 151_936, 32_768],
    ['qwen1.5-7b', 32, 4096, 32, 32, 11_008, 151_936, 32_768],
    ['qwen1.5-14b', 40, 5120, 40, 40, 13_696, 152_064, 32_768],
    ['qwen1.5-32b', 64, 5120, 40, 8, 27_392, 152_064, 32_768],
    ['qwen1.5-72b', 80, 8192, 64, 64, 24_576, 152_064, 32_768],
    ['qwen1.5-110b', 80, 8192, 64, 8, 49_152, 152_064, 32_768],
    ['qwen2-0.5b', 24, 896, 14, 2, 4864, 151_936, 131_072, { head: 64, tied: true }],
    ['qwen2-1.5b', 28, 1536, 12, 2, 8960, 151_936, 131_072, { tied: true }],
    ['qwen2-7b', 28, 3584, 28, 4, 18_944, 152_064, 131_072],
    ['qwen2-72b', 80, 8192, 64, 8, 29_568, 152_064, 131_072],
    ['qwen2.5-0.5b', 24, 896, 14, 2, 4864, 151_936, 32_768, { head: 64, tied: true }],
    ['qwen2.5-1.5b', 28, 1536, 12, 2, 8960, 151_936, 32_768, { tied: true }],
    ['qwen2.5-3b', 36, 2048, 16, 2, 11_008, 151_936, 32_768, { tied: true }],
    ['qwen2.5-7b', 28, 3584, 28, 4, 18_944, 152_064, 32_768],
    ['qwen2.5-14b', 48, 5120, 40, 8, 13_824, 152_064, 32_768],
    ['qwen2.5-32b', 64, 5120, 40, 8, 27_648, 152_064, 32_768],
    ['qwen2.5-72b', 80, 8192, 64, 8, 29_568, 152_064, 32_768],
    ['codeqwen1.5-7b', 32, 4096, 32, 4, 13_440, 92_416, 65_536],
    ['qwq-32b', 64, 5120, 40, 8, 27_648, 152_064, 131_072],
    ['kimi-dev-72b', 80, 8192, 64, 8, 29_568, 152_064, 131_072],
    [
      'qwen2-vl-2b',
      28,
      1536,
      12,
      2,
      8960,
      151_936,
      32_768,
      { tied: true, encoder: qwenVision(665_000_000, 1280, 5120) },
    ],
    ['qwen2-vl-7b', 28, 3584, 28, 4, 18_944, 152_064, 32_768, { encoder: qwenVision(676_000_000, 1280, 5120) }],
    ['qwen2-vl-72b', 80, 8192, 64, 8, 29_568, 152_064, 32_768, { encoder: qwenVision(699_000_000, 1280, 5120) }],
    [
      'qwen2.5-vl-3b',
      36,
      2048,
      16,
      2,
      11_008,
      151_936,
      128_000,
      { tied: true, encoder: qwenVision(668_000_000, 1280, 3420) },
    ],
    ['qwen2.5-vl-7b', 28, 3584, 28, 4, 18_944, 152_064, 128_000, { encoder: qwenVision(676_000_000, 1280, 3420) }],
    ['qwen2.5-vl-32b', 64, 5120, 40, 8, 27_648, 152_064, 128_000, { encoder: qwenVision(690_000_000, 1280, 3420) }],
    ['qwen2.5-vl-72b', 80, 8192, 64, 8, 29_568, 152_064, 128_000, { encoder: qwenVision(700_000_000, 1280, 3420) }],
  ]),
  ...family('qwen3', { qkNorm: true }, [
    ['qwen3-0.6b', 28, 1024, 16, 8, 3072, 151_936, 40_960, { tied: true }],
    ['qwen3-1.7b', 28, 2048, 16, 8, 6144, 151_936, 40_960, { tied: true }],
    ['qwen3-4b', 36, 2560, 32, 8, 9728, 151_936, 40_960, { tied: true }],
    ['qwen3-8b', 36, 4096, 32, 8, 12_288, 151_936, 40_960],
    ['qwen3-14b', 40, 5120, 40, 8, 17_408, 151_936, 40_960],
    ['qwen3-32b', 64, 5120, 64, 8, 25_600, 151_936, 40_960],
    [
      'qwen3-vl-2b',
      28,
      2048,
      16,
      8,
      6144,
      151_936,
      262_144,
      { tied: true, encoder: qwenVision(407_000_000, 1024, 4096) },
    ],
    [
      'qwen3-vl-4b',
      36,
      2560,
      32,
      8,
      9728,
      151_936,
      262_144,
      { tied: true, encoder: qwenVision(415_000_000, 1024, 4096) },
    ],
    ['qwen3-vl-8b', 36, 4096, 32, 8, 12_288, 151_936, 262_144, { encoder: qwenVision(576_000_000, 1152, 4304) }],
    ['qwen3-vl-32b', 64, 5120, 64, 8, 25_600, 151_936, 262_144, { encoder: qwenVision(580_000_000, 1152, 4304) }],
  ]),
  ...expertFamily('qwen2moe', [
    ['qwen1.5-moe-a2.7b', 24, 2048, gqa(16, 16, { bias: 'qkv' }), experts(60, 4, 1408, 5632), [0, 0], 151_936, 8192],
    ['qwen2-57b-a14b', 28, 3584, gqa(28, 4, { bias: 'qkv' }), experts(64, 8, 2560, 20_480), [0, 0], 151_936, 32_768],
  ]),
  ...expertFamily('qwen3moe', [
    ['qwen3-30b-a3b', 48, 2048, gqa(32, 4, { qkNorm: true }), experts(128, 8, 768), [0, 0], 151_936, 40_960],
    ['qwen3-coder-30b-a3b', 48, 2048, gqa(32, 4, { qkNorm: true }), experts(128, 8, 768), [0, 0], 151_936, 262_144],
    [
      'qwen3-vl-30b-a3b',
      48,
      2048,
      gqa(32, 4, { qkNorm: true }),
      experts(128, 8, 768),
      [0, 0],
      151_936,
      262_144,
      { encoder: qwenVision(540_000_000, 1152, 4304) },
    ],
    [
      'qwen3-vl-235b-a22b',
      94,
      4096,
      gqa(64, 4, { qkNorm: true }),
      experts(128, 8, 1536),
      [0, 0],
      151_936,
      262_144,
      { encoder: qwenVision(580_000_000, 1152, 4304) },
    ],
    ['qwen3-235b-a22b', 94, 4096, gqa(64, 4, { qkNorm: true }), experts(128, 8, 1536), [0, 0], 151_936, 40_960],
    ['qwen3-coder-480b-a35b', 62, 6144, gqa(96, 8, { qkNorm: true }), experts(160, 8, 2560), [0, 0], 151_936, 262_144],
  ]),
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
  ...expertFamily('mixtral', [
    ['mixtral-8x7b', 32, 4096, gqa(32, 8), experts(8, 2, 14_336), [0, 0], 32_000, 32_768],
    ['mixtral-8x22b', 56, 6144, gqa(48, 8), experts(8, 2, 16_384), [0, 0], 32_768, 65_536],
    ['dolphin-mixtral', 32, 4096, gqa(32, 8), experts(8, 2, 14_336), [0, 0], 32_002, 32_768],
  ]),
  ...family('gemma', { head: 256, tied: true }, [
    ['gemma-2b', 18, 2048, 8, 1, 16_384, 256_000, 8192],
    ['gemma-7b', 28, 3072, 16, 16, 24_576, 256_000, 8192],
  ]),
  ...family('gemma2', { head: 256, tied: true, norms: 4, window: { tokens: 4096, period: 2 } }, [
    ['gemma-2-2b', 26, 2304, 8, 4, 9216, 256_000, 8192],
    ['gemma-2-9b', 42, 3584, 16, 8, 14_336, 256_000, 8192],
    ['gemma-2-27b', 46, 4608, 32, 16, 36_864, 256_000, 8192, { head: 128 }],
  ]),
  ...family('gemma3', { head: 256, tied: true, norms: 4, qkNorm: true, window: { tokens: 1024, period: 6 } }, [
    ['gemma-3-270m', 18, 640, 4, 1, 2048, 262_144, 32_768, { window: { tokens: 512, period: 6 } }],
    ['gemma-3-1b', 26, 1152, 4, 1, 6912, 262_144, 32_768, { window: { tokens: 512, period: 6 } }],
    ['gemma-3-4b', 34, 2560, 8, 4, 10_240, 262_208, 131_072, { encoder: siglip(1152 * 2560), rotations: stretched }],
    ['gemma-3-12b', 48, 3840, 16, 8, 15_360, 262_208, 131_072, { encoder: siglip(1152 * 3840), rotations: stretched }],
    [
      'gemma-3-27b',
      62,
      5376,
      32,
      16,
      21_504,
      262_208,
      131_072,
      { head: 128, encoder: siglip(1152 * 5376), rotations: stretched },
    ],
  ]),
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
  ...family('phi2', { head: 80, bias: 'all', gated: false, feedForwardBias: true }, [
    ['phi-1.5', 24, 2048, 32, 32, 8192, 51_200, 2048, { head: 64 }],
    ['phi-2', 32, 2560, 32, 32, 10_240, 51_200, 2048],
  ]),
  ...family('phi3', {}, [
    ['phi-3-mini', 32, 3072, 32, 32, 8192, 32_064, 4096, { head: 96 }],
    ['phi-3-mini-128k', 32, 3072, 32, 32, 8192, 32_064, 131_072, { head: 96 }],
    ['phi-3.5-mini', 32, 3072, 32, 32, 8192, 32_064, 131_072, { head: 96 }],
    ['phi-3-medium', 40, 5120, 40, 10, 17_920, 32_064, 131_072],
    ['phi-4', 40, 5120, 40, 10, 17_920, 100_352, 16_384],
    ['phi-4-mini', 32, 3072, 24, 8, 8192, 200_064, 131_072, { tied: true }],
  ]),
  ...expertFamily('phimoe', [
    ['phi-3.5-moe', 32, 4096, gqa(32, 8, { bias: 'all' }), experts(16, 2, 6400), [0, 0], 32_064, 131_072],
  ]),
  ...family('granite', { head: 64, tied: true }, [
    ['granite-3-2b', 40, 2048, 32, 8, 8192, 49_155, 131_072],
    ['granite-3-8b', 40, 4096, 32, 8, 12_800, 49_155, 131_072, { head: 128 }],
    ['granite-4.0-micro', 40, 2560, 40, 8, 8192, 100_352, 131_072],
    ['granite-code-8b', 36, 4096, 32, 8, 14_336, 49_152, 131_072, { head: 128 }],
    ['granite-vision-3-2b', 40, 2048, 32, 8, 8192, 49_156, 131_072, { encoder: siglip(17_000_000) }],
  ]),
  ...expertFamily('granitemoe', [
    [
      'granite-3-1b-a400m',
      24,
      1024,
      gqa(16, 8, { head: 64 }),
      experts(32, 8, 512),
      [0, 0],
      49_155,
      131_072,
      { tied: true },
    ],
    [
      'granite-3-3b-a800m',
      32,
      1536,
      gqa(24, 8, { head: 64 }),
      experts(40, 8, 512),
      [0, 0],
      49_155,
      131_072,
      { tied: true },
    ],
  ]),
  ...family('chatglm', { bias: 'qkv' }, [
    ['chatglm2-6b', 28, 4096, 32, 2, 13_696, 65_024, 32_768],
    ['chatglm3-6b', 28, 4096, 32, 2, 13_696, 65_024, 32_768],
    ['glm-4-9b', 40, 4096, 32, 2, 13_696, 151_552, 131_072],
  ]),
  ...family('glm4', { norms: 4 }, [
    ['glm-4-32b', 61, 6144, 48, 2, 23_040, 151_552, 32_768],
    ['glm-z1-32b', 61, 6144, 48, 2, 23_040, 151_552, 32_768],
    ['glm-z1-9b', 40, 4096, 32, 2, 13_696, 151_552, 32_768, { bias: 'qkv' }],
  ]),
  ...family('commandr', { tied: true, norms: 1 }, [
    ['command-r-35b', 40, 8192, 64, 64, 22_528, 256_000, 131_072],
    ['command-r-08-2024', 40, 8192, 64, 8, 24_576, 256_000, 131_072],
    ['command-r-plus', 64, 12_288, 96, 8, 33_792, 256_000, 131_072],
    ['command-r7b', 32, 4096, 32, 8, 14_336, 256_000, 131_072, { window: { tokens: 4096, period: 4 } }],
    ['command-a', 64, 12_288, 96, 8, 36_864, 256_000, 262_144, { window: { tokens: 4096, period: 4 } }],
    ['aya-expanse-8b', 32, 4096, 32, 8, 14_336, 256_000, 8192],
    ['aya-expanse-32b', 40, 8192, 64, 8, 24_576, 256_000, 131_072],
  ]),
  ...family('starcoder2', { gated: false, bias: 'all', feedForwardBias: true, tied: true, norms: 4 }, [
    ['starcoder2-3b', 30, 3072, 24, 2, 12_288, 49_152, 16_384],
    ['starcoder2-7b', 32, 4608, 36, 4, 18_432, 49_152, 16_384],
    ['starcoder2-15b', 40, 6144, 48, 4, 24_576, 49_152, 16_384, { tied: false }],
  ]),
  ...family('olmo2', {}, [
    ['olmo-2-1b', 16, 2048, 16, 16, 8192, 100_352, 4096],
    ['olmo-2-7b', 32, 4096, 32, 32, 11_008, 100_352, 4096],
    ['olmo-2-13b', 40, 5120, 40, 40, 13_824, 100_352, 4096],
    ['olmo-2-32b', 64, 5120, 40, 8, 27_648, 100_352, 4096],
    ['olmo-3-7b', 32, 4096, 32, 32, 11_008, 100_278, 65_536, { window: { tokens: 4096, period: 4 } }],
    ['olmo-3-32b', 64, 5120, 40, 8, 27_648, 100_278, 65_536, { window: { tokens: 4096, period: 4 } }],
  ]),
  ...expertFamily('olmoe', [['olmoe-1b-7b', 16, 2048, gqa(16, 16), experts(64, 8, 1024), [0, 0], 50_304, 4096]]),
  ...family('exaone', {}, [
    ['exaone-3.5-2.4b', 30, 2560, 32, 8, 7168, 102_400, 32_768, { head: 80, tied: true }],
    ['exaone-3.5-7.8b', 32, 4096, 32, 8, 14_336, 102_400, 32_768],
    ['exaone-3.5-32b', 64, 5120, 40, 8, 27_392, 102_400, 32_768],
  ]),
  ...family('exaone4', { qkNorm: true }, [
    ['exaone-4.0-1.2b', 30, 2048, 32, 8, 4096, 102_400, 65_536, { head: 64, tied: true }],
    ['exaone-4.0-32b', 64, 5120, 40, 8, 27_392, 102_400, 131_072, { window: { tokens: 4096, period: 4 } }],
  ]),
  ...family('baichuan', {}, [
    ['baichuan2-7b', 32, 4096, 32, 32, 11_008, 125_696, 4096],
    ['baichuan2-13b', 40, 5120, 40, 40, 13_696, 125_696, 4096],
  ]),
  ...family('mpt', { gated: false, tied: true }, [
    ['mpt-7b', 32, 4096, 32, 32, 16_384, 50_432, 2048],
    ['mpt-30b', 48, 7168, 64, 64, 28_672, 50_432, 8192, { head: 112 }],
  ]),
  ...family('falcon', { head: 64, gated: false, tied: true }, [
    ['falcon-7b', 32, 4544, 71, 1, 18_176, 65_024, 2048],
    ['falcon-40b', 60, 8192, 128, 8, 32_768, 65_024, 2048, { norms: 4 }],
  ]),
  ...family('stablelm', { norms: 4 }, [
    ['stablelm-3b-4e1t', 32, 2560, 32, 32, 6912, 50_304, 4096, { head: 80 }],
    ['stablelm-2-1.6b', 24, 2048, 32, 32, 5632, 100_352, 4096, { head: 64, bias: 'qkv' }],
    ['stablelm-2-12b', 40, 5120, 32, 8, 13_824, 100_352, 4096, { head: 160 }],
  ]),
  ...family('nemotron', { gated: false, norms: 4 }, [['nemotron-mini-4b', 32, 3072, 24, 8, 9216, 256_000, 4096]]),
  ...family('opt', { head: 64, gated: false, bias: 'all', feedForwardBias: true, tied: true, norms: 4 }, [
    ['opt-1.3b', 24, 2048, 32, 32, 8192, 50_272, 2048],
    ['opt-2.7b', 32, 2560, 32, 32, 10_240, 50_272, 2048, { head: 80 }],
    ['opt-6.7b', 32, 4096, 32, 32, 16_384, 50_272, 2048, { head: 128 }],
    ['opt-13b', 40, 5120, 40, 40, 20_480, 50_272, 2048, { head: 128 }],
    ['opt-30b', 48, 7168, 56, 56, 28_672, 50_272, 2048, { head: 128 }],
  ]),
  ...family('ernie4_5', { tied: true }, [['ernie-4.5-0.3b', 18, 1024, 16, 2, 3072, 103_424, 131_072]]),
  ...expertFamily('ernie4_5-moe', [
    [
      'ernie-4.5-21b-a3b',
      28,
      2560,
      gqa(20, 4),
      experts(64, 6, 1536, 3072),
      [1, 12_288],
      103_424,
      131_072,
      { tied: true },
    ],
  ]),
  ...family('hunyuan-dense', { tied: true, qkNorm: true }, [
    ['hunyuan-1.8b', 32, 2048, 16, 4, 6144, 120_818, 262_144],
    ['hunyuan-7b', 32, 4096, 32, 8, 14_336, 128_167, 262_144],
  ]),
  ...expertFamily('hunyuan-moe', [
    [
      'hunyuan-a13b',
      32,
      4096,
      gqa(32, 8, { qkNorm: true }),
      experts(64, 8, 3072, 3072),
      [0, 0],
      128_167,
      262_144,
      { tied: true },
    ],
  ]),
  ...expertFamily('dots1', [
    ['dots.llm1', 62, 4096, gqa(32, 32, { qkNorm: true }), experts(128, 6, 1408, 2816), [1, 10_944], 152_064, 32_768],
  ]),
  ...expertFamily('dbrx', [['dbrx', 40, 6144, gqa(48, 8), experts(16, 4, 10_752), [0, 0], 100_352, 32_768]]),
  ...expertFamily('grok', [
    ['grok-1', 64, 6144, gqa(48, 8), experts(8, 2, 32_768), [0, 0], 131_072, 8192, { tied: true, norms: 4 }],
  ]),
  ...family('seed_oss', { bias: 'qkv' }, [['seed-oss-36b', 64, 5120, 80, 8, 27_648, 155_136, 524_288]]),
  ...expertFamily('deepseek2', [
    ['deepseek-v2-lite', 27, 2048, latent(16, undefined), experts(64, 6, 1408, 2816), [1, 10_944], 102_400, 163_840],
    ['deepseek-v2', 60, 5120, latent(128, 1536), experts(160, 6, 1536, 3072), [1, 12_288], 102_400, 163_840],
    ['deepseek-v3', 61, 7168, latent(128, 1536), experts(256, 8, 2048, 2048), [3, 18_432], 129_280, 163_840],
    ['moonlight-16b-a3b', 27, 2048, latent(16, undefined), experts(64, 6, 1408, 2816), [1, 11_264], 163_840, 8192],
    [
      'kimi-vl-a3b',
      27,
      2048,
      latent(16, undefined),
      experts(64, 6, 1408, 2816),
      [1, 11_264],
      163_840,
      131_072,
      { encoder: encoderOf(440_000_000) },
    ],
    ['kimi-k2', 61, 7168, latent(64, 1536), experts(384, 8, 2048, 2048), [1, 18_432], 163_840, 131_072],
    ['glm-4.7-flash', 47, 2048, latent(20, 768, 192, 256), experts(64, 4, 1536, 1536), [1, 10_240], 154_880, 202_752],
  ]),
  glm5(),
  ...expertFamily('glm4moe', [
    ['glm-4.5-air', 46, 4096, gqa(96, 8, { bias: 'qkv' }), experts(128, 8, 1408, 1408), [1, 10_944], 151_552, 131_072],
    [
      'glm-4.6',
      92,
      5120,
      gqa(96, 8, { bias: 'qkv', qkNorm: true }),
      experts(160, 8, 1536, 1536),
      [3, 12_288],
      151_552,
      202_752,
    ],
  ]),
  ...expertFamily('minimax-m2', [
    ['minimax-m2', 62, 3072, gqa(48, 8), experts(256, 8, 1536), [0, 0], 200_064, 204_800],
  ]),
  ...expertFamily('llama4', [
    [
      'llama-4-scout-17b-16e',
      48,
      5120,
      gqa(40, 8),
      experts(16, 1, 8192, 8192),
      [0, 0],
      202_048,
      10_485_760,
      { encoder: encoderOf(900_000_000) },
    ],
  ]),
  llama4Maverick(),
  gptOss('gpt-oss-20b', 24, 32),
  gptOss('gpt-oss-120b', 36, 128),
  nemotronNano(),
  lfm2Moe(),
  lfm2('lfm2-350m', 16, 1024, 16, 4608),
  lfm2('lfm2-700m', 16, 1536, 24, 6912),
  lfm2('lfm2-1.2b', 16, 2048, 32, 8192),
  lfm2('lfm2-2.6b', 30, 2048, 32, 10_752),
];

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
