/**
 * Reads the head of a safetensors file: a length, and so many bytes of JSON (the format: `README.md` of the safetensors project). Pure; whatever the head claims is
 * checked against itself and the size of the file.
 */
export type SafetensorsReading =
  | { readonly outcome: 'read'; readonly head: SafetensorsHead }
  /** A clause for the user: "its tensors overlap". */
  | { readonly outcome: 'invalid'; readonly problem: string };

export interface SafetensorsHead {
  readonly tensors: readonly SafetensorsTensor[];
  /** Of all tensors together. */
  readonly tensorBytes: number;
}

export interface SafetensorsTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** Before the JSON. */
export const lengthBytes = 8;
/** The format allows 100 MB; a shard of the largest models has some MB. */
const longestHeadBytes = 32 * 1024 ** 2;
const mostTensors = 200_000;

/** By the number of bits, since some types are smaller than a byte. A type that is newer than the table is taken at its word. */
const bitsByType: Readonly<Record<string, number>> = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E8M0: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U16: 16,
  I16: 16,
  F16: 16,
  BF16: 16,
  U32: 32,
  I32: 32,
  F32: 32,
  U64: 64,
  I64: 64,
  F64: 64,
  C64: 64,
};

/** How long the JSON is, from the first eight bytes; undefined: no head of a safetensors file. */
export function headLength(start: Buffer): number | undefined {
  if (start.length < lengthBytes) return undefined;
  const length = start.readBigUInt64LE(0);
  return length >= 2n && length <= BigInt(longestHeadBytes) ? Number(length) : undefined;
}

/** `json`: the bytes after the length. `fileBytes`: of the whole file; undefined: not known. */
export function readSafetensors(json: Buffer, fileBytes?: number): SafetensorsReading {
  try {
    return { outcome: 'read', head: headOf(json, fileBytes) };
  } catch (error) {
    if (error instanceof Invalid) return { outcome: 'invalid', problem: error.message };
    throw error;
  }
}

class Invalid extends Error {}

function headOf(json: Buffer, fileBytes: number | undefined): SafetensorsHead {
  const entries = Object.entries(parsed(json)).filter(([name]) => name !== '__metadata__');
  if (entries.length > mostTensors) throw new Invalid('it has more tensors than any model');
  const placed = entries.map(([name, entry]) => tensorOf(name, entry));
  placed.sort((one, other) => one.from - other.from || one.to - other.to);
  let end = 0;
  for (const { name, from, to } of placed) {
    if (from < end) throw new Invalid(`its tensors overlap at “${shortened(name)}”`);
    if (from > end) throw new Invalid(`it has a gap before “${shortened(name)}”`);
    end = to;
  }
  if (fileBytes !== undefined && lengthBytes + json.length + end > fileBytes) {
    throw new Invalid(`it is cut short: it has ${fileBytes} bytes and needs ${lengthBytes + json.length + end}`);
  }
  return {
    tensors: placed.map(({ name, dtype, shape, from, to }) => ({ name, dtype, shape, bytes: to - from })),
    tensorBytes: end,
  };
}

function parsed(json: Buffer): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(json.toString('utf8'));
  } catch {
    throw new Invalid('its head is not JSON');
  }
  if (!isRecord(value)) throw new Invalid('its head is not a list of tensors');
  return value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface PlacedTensor extends Omit<SafetensorsTensor, 'bytes'> {
  readonly from: number;
  readonly to: number;
}

function tensorOf(name: string, entry: unknown): PlacedTensor {
  const wrong = (what: string) => new Invalid(`its tensor “${shortened(name)}” ${what}`);
  if (!isRecord(entry)) throw wrong('is not described');
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string' || dtype.length > 32) throw wrong('has no type');
  if (!isLengths(shape) || shape.length > 16) throw wrong('has no shape');
  if (!isLengths(offsets) || offsets.length !== 2) throw wrong('is nowhere in the file');
  const [from = 0, to = 0] = offsets;
  if (to < from) throw wrong('ends before it begins');
  const elements = shape.reduce((product, length) => product * length, 1);
  const bits = bitsByType[dtype];
  if (bits !== undefined && Math.ceil((elements * bits) / 8) !== to - from)
    throw wrong('has another size than its shape');
  return { name, dtype, shape, from, to };
}

function isLengths(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((length) => Number.isSafeInteger(length) && length >= 0);
}

function shortened(name: string): string {
  return name.length > 80 ? `${name.slice(0, 80)}…` : name;
}
