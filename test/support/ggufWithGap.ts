import { readFile, writeFile } from 'node:fs/promises';

/** Magic, version, and the counts of tensors and of keys; little-endian. */
const headBytes = 24;
const keyCountAt = 16;
/** Tensors begin at multiples of it: what is inserted has to be one as well. */
const alignmentBytes = 32;
const uint32Type = 4;
const stringType = 8;

/** Tokens of SmolLM2 that no text has: of repositories and files. */
const gapTokens = { pre: 3, suf: 4, mid: 5 };

/**
 * A copy of the test's model that says of itself that it fills gaps. It was not trained to, so that what it fills in is worth nothing; every engine and server
 * takes the way of a model that was.
 */
export async function writeGgufWithGap(source: string, target: string): Promise<void> {
  const file = await readFile(source);
  const keys = Object.entries(gapTokens).map(([name, id]) =>
    Buffer.concat([text(`tokenizer.ggml.fim_${name}_token_id`), uint32(uint32Type), uint32(id)]),
  );
  const filler = (length: number) =>
    Buffer.concat([text('general.comment'), uint32(stringType), text('-'.repeat(length))]);
  const unfilledBytes = Buffer.concat([...keys, filler(0)]).length;
  const inserted = [...keys, filler(alignmentBytes - (unfilledBytes % alignmentBytes))];
  const head = Buffer.from(file.subarray(0, headBytes));
  head.writeBigUInt64LE(head.readBigUInt64LE(keyCountAt) + BigInt(inserted.length), keyCountAt);
  await writeFile(target, Buffer.concat([head, ...inserted, file.subarray(headBytes)]));
}

function text(value: string): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(value.length));
  return Buffer.concat([length, Buffer.from(value)]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
