import { ggmlTypesById } from './ggmlTypes.ts';

/**
 * Reads everything before the weights of a GGUF file (the format: `docs/gguf.md` of ggml). Pure: bytes in, a file's head or a problem out. Work and memory
 * are bounded by the length of the bytes, whatever counts and lengths they claim.
 */
export type GgufReading =
  | { readonly outcome: 'read'; readonly file: GgufFile }
  /** The bytes end before the head does. */
  | { readonly outcome: 'incomplete' }
  | { readonly outcome: 'invalid'; readonly problem: string };

export interface GgufFile {
  readonly values: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
  /** Where the weights start. */
  readonly dataStartByte: number;
  /** Where the last tensor ends, so the least that the file can have. */
  readonly neededBytes: number;
}

export type GgufValue =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'text'; readonly value: string }
  /** Short arrays of numbers and booleans, such as one number for each layer. */
  | { readonly kind: 'numbers'; readonly values: readonly number[] }
  /** Anything else: where it is, and how many elements it has. */
  | { readonly kind: 'skipped'; readonly count: number; readonly startByte: number; readonly endByte: number };

export interface GgufTensor {
  readonly name: string;
  /** The first is the length of a row. */
  readonly dimensions: readonly number[];
  readonly type: number;
  readonly offsetBytes: number;
  /** From its type; undefined where the type is newer than the table. */
  readonly bytes: number | undefined;
}

class Incomplete extends Error {}
class Invalid extends Error {}

export function readGguf(bytes: Buffer): GgufReading {
  try {
    return { outcome: 'read', file: readFile(new Cursor(bytes)) };
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

  u32(): number {
    return this.#bytes.readUInt32LE(this.skip(4));
  }

  /** A count, an offset or a length: exact up to 2^53, which none of a real file reaches. */
  u64(): number {
    const start = this.skip(8);
    // Without a BigInt: a vocabulary has a million lengths.
    const high = this.#bytes.readUInt32LE(start + 4);
    if (high >= 0x20_0000) throw new Invalid('it contains an impossible number');
    return high * 0x1_0000_0000 + this.#bytes.readUInt32LE(start);
  }

  text(lengthBytes: number): string {
    const start = this.skip(lengthBytes);
    return this.#bytes.toString('utf8', start, start + lengthBytes);
  }

  skipText(): void {
    this.skip(this.u64());
  }

  scalar(type: number): number | boolean {
    const start = this.skip(scalarBytes[type] ?? 0);
    switch (type) {
      case 0:
        return this.#bytes.readUInt8(start);
      case 1:
        return this.#bytes.readInt8(start);
      case 2:
        return this.#bytes.readUInt16LE(start);
      case 3:
        return this.#bytes.readInt16LE(start);
      case 4:
        return this.#bytes.readUInt32LE(start);
      case 5:
        return this.#bytes.readInt32LE(start);
      case 6:
        return this.#bytes.readFloatLE(start);
      case 7:
        return this.#bytes.readUInt8(start) !== 0;
      case 10:
        return Number(this.#bytes.readBigUInt64LE(start));
      case 11:
        return Number(this.#bytes.readBigInt64LE(start));
      default:
        return this.#bytes.readDoubleLE(start);
    }
  }
}

const textType = 8;
const arrayType = 9;
/** By the number of the value type: uint8, int8, uint16, int16, uint32, int32, float32, bool, text, array, uint64, int64, float64. */
const scalarBytes: readonly (number | undefined)[] = [1, 1, 2, 2, 4, 4, 4, 1, undefined, undefined, 8, 8, 8];
const longestKeyBytes = 65_535;
/** Names and the like. Chat templates are longer, and only looked for. */
const longestTextBytes = 4096;
const longestKeptArray = 1024;
const deepestArray = 4;
/** The largest models have some thousands. */
const mostEntries = 200_000;

function readFile(cursor: Cursor): GgufFile {
  cursor.skip('GGUF'.length);
  checkVersion(cursor.u32());
  const tensorCount = cursor.u64();
  const values = readValues(cursor, cursor.u64());
  const tensors = readTensors(cursor, tensorCount);
  const alignment = values.get('general.alignment');
  const alignmentBytes = alignment?.kind === 'number' ? alignment.value : 32;
  if (!(alignmentBytes > 0)) throw new Invalid(`its alignment is ${alignmentBytes}`);
  const dataBytes = tensors.reduce((end, { offsetBytes, bytes }) => Math.max(end, offsetBytes + (bytes ?? 0)), 0);
  if (!Number.isSafeInteger(dataBytes)) throw new Invalid('a tensor in it has an impossible size');
  const dataStartByte = Math.ceil(cursor.at / alignmentBytes) * alignmentBytes;
  return { values, tensors, dataStartByte, neededBytes: dataStartByte + dataBytes };
}

function checkVersion(version: number): void {
  if (version === 2 || version === 3) return;
  if (version !== 0 && version % 0x1_0000 === 0) throw new Invalid('it is for big-endian machines');
  throw new Invalid(`its format version ${version} is not supported (2 and 3 are)`);
}

function readValues(cursor: Cursor, count: number): ReadonlyMap<string, GgufValue> {
  const values = new Map<string, GgufValue>();
  for (let index = 0; index < count; index++) {
    const keyBytes = cursor.u64();
    if (keyBytes > longestKeyBytes) throw new Invalid('a key in it is longer than the format allows');
    if (index >= mostEntries) throw new Invalid('it has more keys than any model');
    const key = cursor.text(keyBytes);
    values.set(key, readValue(cursor, cursor.u32()));
  }
  return values;
}

function readValue(cursor: Cursor, type: number): GgufValue {
  if (type === textType) {
    const lengthBytes = cursor.u64();
    if (lengthBytes <= longestTextBytes) return { kind: 'text', value: cursor.text(lengthBytes) };
    const startByte = cursor.skip(lengthBytes);
    return { kind: 'skipped', count: 1, startByte, endByte: cursor.at };
  }
  if (type === arrayType) return readArray(cursor);
  if (scalarBytes[type] === undefined) throw new Invalid(`it contains a value of an unknown type (${type})`);
  const value = cursor.scalar(type);
  return typeof value === 'boolean' ? { kind: 'boolean', value } : { kind: 'number', value };
}

function readArray(cursor: Cursor): GgufValue {
  const elementType = cursor.u32();
  const count = cursor.u64();
  const startByte = cursor.at;
  if (scalarBytes[elementType] !== undefined && count <= longestKeptArray) {
    return { kind: 'numbers', values: Array.from({ length: count }, () => Number(cursor.scalar(elementType))) };
  }
  skipElements(cursor, elementType, count, 0);
  return { kind: 'skipped', count, startByte, endByte: cursor.at };
}

function skipElements(cursor: Cursor, type: number, count: number, depth: number): void {
  if (depth >= deepestArray) throw new Invalid('it contains arrays inside arrays beyond measure');
  const size = scalarBytes[type];
  if (size !== undefined) {
    cursor.skip(size * count);
    return;
  }
  // Each element takes at least 8 bytes, so the end of the bytes ends this loop soon, whatever the count.
  for (let index = 0; index < count; index++) {
    if (type === textType) cursor.skipText();
    else if (type === arrayType) skipElements(cursor, cursor.u32(), cursor.u64(), depth + 1);
    else throw new Invalid(`it contains a value of an unknown type (${type})`);
  }
}

function readTensors(cursor: Cursor, count: number): readonly GgufTensor[] {
  const tensors: GgufTensor[] = [];
  for (let index = 0; index < count; index++) {
    const nameBytes = cursor.u64();
    if (nameBytes > longestKeyBytes) throw new Invalid('a tensor in it has a longer name than the format allows');
    if (index >= mostEntries) throw new Invalid('it has more tensors than any model');
    const name = cursor.text(nameBytes);
    const dimensionCount = cursor.u32();
    if (dimensionCount > 8) throw new Invalid('a tensor in it has too many dimensions');
    const dimensions = Array.from({ length: dimensionCount }, () => cursor.u64());
    const type = cursor.u32();
    const offsetBytes = cursor.u64();
    tensors.push({ name, dimensions, type, offsetBytes, bytes: tensorBytes(dimensions, type) });
  }
  return tensors;
}

function tensorBytes(dimensions: readonly number[], type: number): number | undefined {
  const known = ggmlTypesById.get(type);
  const elements = dimensions.reduce((product, length) => product * length, 1);
  return known && Math.ceil(elements / known.blockElements) * known.blockBytes;
}
