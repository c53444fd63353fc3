import { ggufFileTypes } from '../gguf/ggufFileTypes.ts';
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
      fileType: fileType === undefined ? undefined : ggufFileTypes[fileType],
      hasChatTemplate: template !== undefined,
      canReason: holds(bytes, template, thinkingMarks),
      canFillGaps:
        gapKeys.some((key) => values.has(key)) || holds(bytes, values.get('tokenizer.ggml.tokens'), gapTokens),
      tensorCount: tensors.length,
      neededBytes,
    },
  };
}

/** Where a file names the token before a gap, now and before October 2024: `LLM_KV_TOKENIZER_FIM_PRE_ID` and `…_PREFIX_ID` of llama.cpp. */
const gapKeys = ['tokenizer.ggml.fim_pre_token_id', 'tokenizer.ggml.prefix_token_id'];
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
