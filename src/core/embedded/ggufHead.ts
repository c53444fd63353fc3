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

class Incomplete extends Error {}
class Invalid extends Error {}

/** Work and memory are bounded by the length of `bytes`, whatever counts and lengths they claim. */
export function parseGgufHead(bytes: Buffer): GgufParse {
  try {
    return { outcome: 'parsed', head: readHead(new Cursor(bytes)) };
  } catch (error) {
    if (error instanceof Incomplete) return { outcome: 'incomplete' };
    if (error instanceof Invalid) return { outcome: 'invalid', problem: error.message };
    throw error;
  }
}

class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get at(): number {
    return this.#at;
  }

  /** Returns where the skipped bytes start. */
  skip(lengthBytes: number): number {
    const start = this.#at;
    if (lengthBytes > this.#bytes.length - start) throw new Incomplete();
    this.#at = start + lengthBytes;
    return start;
  }

  /** Whether one of the texts is among the bytes from there to here. */
  hasSince(start: number, texts: readonly string[]): boolean {
    const bytes = this.#bytes.subarray(start, this.#at);
    return texts.some((text) => bytes.includes(text));
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.skip(4));
  }

  /** Exact up to 2^53, which no count, offset or length of a real file reaches. */
  u64(): number {
    const start = this.skip(8);
    const high = this.#bytes.readUInt32LE(start + 4);
    if (high >= 0x20_0000) throw new Invalid('it contains an impossible number');
    return high * 0x1_0000_0000 + this.#bytes.readUInt32LE(start);
  }

  slice(lengthBytes: number): string {
    const start = this.skip(lengthBytes);
    return this.#bytes.toString('utf8', start, start + lengthBytes);
  }

  text(): string {
    return this.slice(this.u64());
  }

  skipText(): void {
    this.skip(this.u64());
  }
}

const valueTypes = { uint32: 4, text: 8, array: 9, uint64: 10 } as const;
/** By the number of the value type: uint8, int8, uint16, int16, uint32, int32, float32, bool, text, array, uint64, int64, float64. */
const scalarBytes: readonly (number | undefined)[] = [1, 1, 2, 2, 4, 4, 4, 1, undefined, undefined, 8, 8, 8];
const longestKeyBytes = 65_535;
const deepestArray = 4;

function readHead(cursor: Cursor): GgufHead {
  cursor.skip('GGUF'.length);
  checkVersion(cursor.u32());
  const tensorCount = cursor.u64();
  const values = readKeyValues(cursor, cursor.u64());
  const dataBytes = measureTensors(cursor, tensorCount);
  const alignmentBytes = values.numbers.get('general.alignment') ?? 32;
  if (alignmentBytes === 0) throw new Invalid('its alignment is 0');
  const architecture = values.texts.get('general.architecture');
  const fileType = values.numbers.get('general.file_type');
  return {
    architecture,
    name: values.texts.get('general.name'),
    contextLength: values.numbers.get(`${architecture}.context_length`),
    fileType: fileType === undefined ? undefined : fileTypeNames[fileType],
    hasChatTemplate: values.hasChatTemplate,
    canReason: values.canReason,
    canFillGaps: values.canFillGaps,
    tensorCount,
    neededBytes: Math.ceil(cursor.at / alignmentBytes) * alignmentBytes + dataBytes,
  };
}

function checkVersion(version: number): void {
  if (version === 2 || version === 3) return;
  if (version !== 0 && version % 0x1_0000 === 0) throw new Invalid('it is for big-endian machines');
  throw new Invalid(`its format version ${version} is not supported (2 and 3 are)`);
}

interface KeyValues {
  readonly texts: Map<string, string>;
  readonly numbers: Map<string, number>;
  hasChatTemplate: boolean;
  canReason: boolean;
  canFillGaps: boolean;
}

/** As the model families write the token before a gap: Qwen, StarCoder, CodeGemma and others, Granite, DeepSeek, CodeLlama. */
const gapTokens = ['<|fim_prefix|>', '<fim_prefix>', '<fim-prefix>', '<｜fim▁begin｜>', '▁<PRE>'];
const thinkingMarks = ['<think>', 'enable_thinking', 'reasoning_content'];

function readKeyValues(cursor: Cursor, count: number): KeyValues {
  const values: KeyValues = {
    texts: new Map(),
    numbers: new Map(),
    hasChatTemplate: false,
    canReason: false,
    canFillGaps: false,
  };
  for (let index = 0; index < count; index++) {
    const keyBytes = cursor.u64();
    if (keyBytes > longestKeyBytes) throw new Invalid('a key in it is longer than the format allows');
    const key = cursor.slice(keyBytes);
    const type = cursor.u32();
    if (key === 'general.architecture' || key === 'general.name') {
      if (type !== valueTypes.text) throw new Invalid(`${key} is not text`);
      values.texts.set(key, cursor.text());
    } else if (isWantedNumber(key) && (type === valueTypes.uint32 || type === valueTypes.uint64)) {
      values.numbers.set(key, type === valueTypes.uint32 ? cursor.u32() : cursor.u64());
    } else {
      const start = cursor.at;
      skipValue(cursor, type, 0);
      if (key === 'tokenizer.chat_template') {
        values.hasChatTemplate = true;
        values.canReason = cursor.hasSince(start, thinkingMarks);
      }
      if (key === 'tokenizer.ggml.tokens') values.canFillGaps = cursor.hasSince(start, gapTokens);
    }
  }
  return values;
}

function isWantedNumber(key: string): boolean {
  return key === 'general.alignment' || key === 'general.file_type' || key.endsWith('.context_length');
}

function skipValue(cursor: Cursor, type: number, depth: number): void {
  if (type === valueTypes.text) return cursor.skipText();
  if (type === valueTypes.array) return skipArray(cursor, depth);
  const size = scalarBytes[type];
  if (size === undefined) throw new Invalid(`it contains a value of an unknown type (${type})`);
  cursor.skip(size);
}

function skipArray(cursor: Cursor, depth: number): void {
  if (depth >= deepestArray) throw new Invalid('it contains arrays inside arrays beyond measure');
  const elementType = cursor.u32();
  const count = cursor.u64();
  const size = scalarBytes[elementType];
  if (size !== undefined) {
    cursor.skip(size * count);
    return;
  }
  // Each element takes at least 8 bytes, so the end of the bytes ends this loop soon, whatever the count.
  for (let index = 0; index < count; index++) skipValue(cursor, elementType, depth + 1);
}

/** The bytes from the first tensor's start to the last one's end. */
function measureTensors(cursor: Cursor, count: number): number {
  let endBytes = 0;
  for (let index = 0; index < count; index++) {
    cursor.skipText();
    const dimensions = cursor.u32();
    if (dimensions > 8) throw new Invalid('a tensor in it has too many dimensions');
    let elements = 1;
    for (let dimension = 0; dimension < dimensions; dimension++) elements *= cursor.u64();
    const type = cursor.u32();
    const offsetBytes = cursor.u64();
    // A type that is newer than this table counts as 0 bytes: the check is weaker then, and refuses nothing that is whole.
    const [blockElements, blockBytes] = tensorTypes.get(type) ?? [1, 0];
    endBytes = Math.max(endBytes, offsetBytes + Math.ceil(elements / blockElements) * blockBytes);
  }
  if (!Number.isSafeInteger(endBytes)) throw new Invalid('a tensor in it has an impossible size');
  return endBytes;
}

/** ggml's tensor types: elements and bytes of one block. */
const tensorTypes: ReadonlyMap<number, readonly [blockElements: number, blockBytes: number]> = new Map([
  [0, [1, 4]], // F32
  [1, [1, 2]], // F16
  [2, [32, 18]], // Q4_0
  [3, [32, 20]], // Q4_1
  [6, [32, 22]], // Q5_0
  [7, [32, 24]], // Q5_1
  [8, [32, 34]], // Q8_0
  [9, [32, 36]], // Q8_1
  [10, [256, 84]], // Q2_K
  [11, [256, 110]], // Q3_K
  [12, [256, 144]], // Q4_K
  [13, [256, 176]], // Q5_K
  [14, [256, 210]], // Q6_K
  [15, [256, 292]], // Q8_K
  [16, [256, 66]], // IQ2_XXS
  [17, [256, 74]], // IQ2_XS
  [18, [256, 98]], // IQ3_XXS
  [19, [256, 50]], // IQ1_S
  [20, [32, 18]], // IQ4_NL
  [21, [256, 110]], // IQ3_S
  [22, [256, 82]], // IQ2_S
  [23, [256, 136]], // IQ4_XS
  [24, [1, 1]], // I8
  [25, [1, 2]], // I16
  [26, [1, 4]], // I32
  [27, [1, 8]], // I64
  [28, [1, 8]], // F64
  [29, [256, 56]], // IQ1_M
  [30, [1, 2]], // BF16
  [34, [256, 54]], // TQ1_0
  [35, [256, 66]], // TQ2_0
  [39, [32, 17]], // MXFP4
]);

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
