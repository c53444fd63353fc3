import { readGguf, type GgufValue } from '../gguf/ggufReader.ts';

/** The head of a GGUF file, parsed without reading the weights. Pure: bytes in, facts or a problem out. */
export type GgufParse =
  | { readonly outcome: 'parsed'; readonly head: GgufHead }
  /** The bytes end before the head does. */
  | { readonly outcome: 'incomplete' }
  | { readonly outcome: 'invalid'; readonly problem: string };

export interface GgufHead {
  readonly architecture: string | undefined;
  readonly name: string | undefined;
  readonly contextLength: number | undefined;
  readonly fileType: string | undefined;
  readonly hasChatTemplate: boolean;
  /** The chat template knows of thinking. */
  readonly canReason: boolean;
  /** The vocabulary has tokens for a gap in a text. */
  readonly canFillGaps: boolean;
  readonly tensorCount: number;
  /** Where the last tensor ends, so the least that the file can have. */
  readonly neededBytes: number;
}

/** Work and memory are bounded by the length of `bytes`, whatever counts and lengths they claim. */
export function parseGgufHead(bytes: Buffer): GgufParse {
  const reading = readGguf(bytes);
  if (reading.outcome !== 'read') return reading;
  const { values, tensors, neededBytes } = reading.file;
  for (const key of ['general.architecture', 'general.name']) {
    const value = values.get(key);
    if (value && value.kind !== 'text' && value.kind !== 'skipped')
      return { outcome: 'invalid', problem: `${key} is not text` };
  }
  const architecture = textOf(values.get('general.architecture'));
  const fileType = numberOf(values.get('general.file_type'));
  const template = values.get('tokenizer.chat_template');
  return {
    outcome: 'parsed',
    head: {
      architecture,
      name: textOf(values.get('general.name')),
      contextLength: numberOf(values.get(`${architecture}.context_length`)),
      fileType: fileType === undefined ? undefined : fileTypeNames[fileType],
      hasChatTemplate: template !== undefined,
      canReason: holds(bytes, template, thinkingMarks),
      canFillGaps: holds(bytes, values.get('tokenizer.ggml.tokens'), gapTokens),
      tensorCount: tensors.length,
      neededBytes,
    },
  };
}

/** As the model families write the token before a gap: Qwen, StarCoder, CodeGemma and others, Granite, DeepSeek, CodeLlama. */
const gapTokens = ['<|fim_prefix|>', '<fim_prefix>', '<fim-prefix>', '<｜fim▁begin｜>', '▁<PRE>'];
const thinkingMarks = ['<think>', 'enable_thinking', 'reasoning_content'];

function textOf(value: GgufValue | undefined): string | undefined {
  return value?.kind === 'text' ? value.value : undefined;
}

function numberOf(value: GgufValue | undefined): number | undefined {
  return value?.kind === 'number' ? value.value : undefined;
}

function holds(bytes: Buffer, value: GgufValue | undefined, texts: readonly string[]): boolean {
  if (value?.kind === 'text') return texts.some((text) => value.value.includes(text));
  if (value?.kind !== 'skipped') return false;
  const part = bytes.subarray(value.startByte, value.endByte);
  return texts.some((text) => part.includes(text));
}

/** llama.cpp's file types, by number. */
const fileTypeNames: Readonly<Record<number, string>> = {
  0: 'F32',
  1: 'F16',
  2: 'Q4_0',
  3: 'Q4_1',
  7: 'Q8_0',
  8: 'Q5_0',
  9: 'Q5_1',
  10: 'Q2_K',
  11: 'Q3_K_S',
  12: 'Q3_K_M',
  13: 'Q3_K_L',
  14: 'Q4_K_S',
  15: 'Q4_K_M',
  16: 'Q5_K_S',
  17: 'Q5_K_M',
  18: 'Q6_K',
  19: 'IQ2_XXS',
  20: 'IQ2_XS',
  21: 'Q2_K_S',
  22: 'IQ3_XS',
  23: 'IQ3_XXS',
  24: 'IQ1_S',
  25: 'IQ4_NL',
  26: 'IQ3_S',
  27: 'IQ3_M',
  28: 'IQ2_S',
  29: 'IQ2_M',
  30: 'IQ4_XS',
  31: 'IQ1_M',
  32: 'BF16',
  36: 'TQ1_0',
  37: 'TQ2_0',
  38: 'MXFP4',
};
