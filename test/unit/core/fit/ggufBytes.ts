/** Makes heads of GGUF files, tensor by tensor; the weights themselves are left out. */
export interface GgufTensorSpec {
  readonly name: string;
  readonly dimensions: readonly number[];
  readonly type: number;
}

type Value =
  string | number | boolean | readonly number[] | { readonly tokens: number } | { readonly flags: readonly boolean[] };

/** The keys of a model of two layers. */
export const tinyLlama = {
  'general.architecture': 'llama',
  'general.file_type': 15,
  'llama.block_count': 2,
  'llama.context_length': 8192,
  'llama.embedding_length': 256,
  'llama.feed_forward_length': 512,
  'llama.attention.head_count': 8,
  'llama.attention.head_count_kv': 2,
} as const;

export function ggufBytes(values: Readonly<Record<string, Value>>, tensors: readonly GgufTensorSpec[]): Buffer {
  const entries = Object.entries(values);
  let offset = 0;
  return Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(entries.length),
    ...entries.map(([key, value]) => Buffer.concat([text(key), encoded(value)])),
    ...tensors.map(({ name, dimensions, type }) => {
      const info = Buffer.concat([text(name), u32(dimensions.length), ...dimensions.map(u64), u32(type), u64(offset)]);
      offset += 64 * 1024;
      return info;
    }),
  ]);
}

function encoded(value: Value): Buffer {
  if (typeof value === 'string') return Buffer.concat([u32(8), text(value)]);
  if (typeof value === 'boolean') return Buffer.concat([u32(7), Buffer.from([Number(value)])]);
  if (typeof value === 'number') return Buffer.concat([u32(4), u32(value)]);
  if (isFlags(value)) {
    return Buffer.concat([u32(9), u32(7), u64(value.flags.length), Buffer.from(value.flags.map(Number))]);
  }
  if (!Array.isArray(value)) {
    const { tokens } = value as { tokens: number };
    return Buffer.concat([u32(9), u32(8), u64(tokens), ...Array.from({ length: tokens }, () => text('a'))]);
  }
  const numbers = value as readonly number[];
  return Buffer.concat([u32(9), u32(4), u64(numbers.length), ...numbers.map(u32)]);
}

function isFlags(value: object): value is { readonly flags: readonly boolean[] } {
  return 'flags' in value;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

export function text(value: string): Buffer {
  return Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
}
