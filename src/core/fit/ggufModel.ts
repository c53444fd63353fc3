import { foreignFormat } from '../embedded/gguf.ts';
import { ggufFileTypes } from '../gguf/ggufFileTypes.ts';
import { readGguf, type GgufFile } from '../gguf/ggufReader.ts';
import { SourceFailure, type ByteSource } from './byteSource.ts';
import type { FitModel } from './fitRequest.ts';
import { factsOfGguf, type GgufPart } from './ggufFacts.ts';

const mebibyte = 1024 ** 2;
/** The head is nearly all vocabulary: 1 to 12 MB, rarely 25. So much is read, one size after the other, until it is whole. */
const headSizesBytes: readonly number[] = [1, 4, 16, 32, 64, 128].map((size) => size * mebibyte);
const mostParts = 512;

/** The model of a GGUF file, or of the first of several. @throws SourceFailure, or the reason of the signal */
export async function readGgufModel(source: ByteSource, name: string, signal: AbortSignal): Promise<FitModel> {
  const place = partOf(name);
  if (place && place.index !== 1) {
    const first = source.beside(place.fileName(1));
    try {
      return await readGgufModel(first, first.name, signal);
    } finally {
      await first.close();
    }
  }
  const file = await readHead(source, signal);
  const architecture = file.values.get('general.architecture');
  if (architecture?.kind === 'text' && architecture.value === 'clip') {
    throw new SourceFailure('is the part of a model that sees pictures, not the model itself');
  }
  const parts = await readParts(source, name, file, signal);
  const reading = factsOfGguf(file, source.sizeBytes, parts);
  if (reading.outcome === 'unusable') throw new SourceFailure(reading.problem);
  const type = file.values.get('general.file_type');
  const fileType = type?.kind === 'number' ? ggufFileTypes[type.value] : undefined;
  const { facts } = reading;
  return {
    name,
    facts,
    ...(facts.weights === undefined ? {} : { weights: facts.weights }),
    ...(fileType === undefined ? {} : { fileType }),
  };
}

/** What has been read is not read again. */
async function readHead(source: ByteSource, signal: AbortSignal): Promise<GgufFile> {
  let head: Buffer = Buffer.alloc(0);
  for (const sizeBytes of headSizesBytes) {
    const more = await source.read(head.length, sizeBytes - head.length, signal);
    if (more.length === 0) throw new SourceFailure(`is cut short: it ends after ${head.length} bytes`);
    const foreign = head.length === 0 ? foreignFormat(more.subarray(0, 4096)) : undefined;
    if (foreign) throw new SourceFailure(foreign.replace(/\.$/, ''));
    head = Buffer.concat([head, more]);
    const reading = readGguf(head);
    if (reading.outcome === 'invalid') throw new SourceFailure(`is not a usable GGUF file: ${reading.problem}`);
    if (reading.outcome === 'read') return checked(reading.file, source.sizeBytes);
  }
  throw new SourceFailure('is not a usable GGUF file: its head is larger than that of any known model');
}

/** A file has room for its tensors, each in a place of its own. */
function checked(file: GgufFile, sizeBytes: number | undefined): GgufFile {
  if (file.tensors.length === 0) throw new SourceFailure('holds a vocabulary but no model');
  if (sizeBytes === undefined) return file;
  if (sizeBytes < file.neededBytes) {
    throw new SourceFailure(`is cut short: it has ${sizeBytes} bytes and needs ${file.neededBytes}`);
  }
  const all = file.tensors.reduce((total, { bytes }) => total + (bytes ?? 0), 0);
  if (all > sizeBytes) throw new SourceFailure('is not a usable GGUF file: its tensors overlap');
  return file;
}

interface PartPlace {
  readonly index: number;
  readonly count: number;
  fileName(index: number): string;
}

/** `model-00001-of-00003.gguf`. */
function partOf(name: string): PartPlace | undefined {
  const match = /([^/\\]+)-(\d{5})-of-(\d{5})\.gguf$/i.exec(name);
  if (!match) return undefined;
  const [, base = '', index, count = ''] = match;
  return {
    index: Number(index),
    count: Number(count),
    fileName: (other) => `${base}-${String(other).padStart(5, '0')}-of-${count}.gguf`,
  };
}

async function readParts(
  source: ByteSource,
  name: string,
  first: GgufFile,
  signal: AbortSignal,
): Promise<readonly GgufPart[]> {
  const stated = first.values.get('split.count');
  const count = stated?.kind === 'number' ? stated.value : 1;
  if (count <= 1) return [];
  const place = partOf(name);
  if (!place || place.count !== count || count > mostParts) {
    throw new SourceFailure(`says that it is one of ${count} files, and is not called so`);
  }
  const parts: GgufPart[] = [];
  for (let index = 2; index <= count; index++) {
    const part = source.beside(place.fileName(index));
    try {
      parts.push({ file: await readHead(part, signal), sizeBytes: part.sizeBytes });
    } catch (error) {
      if (!(error instanceof SourceFailure)) throw error;
      throw new SourceFailure(`is one of ${count} files, and ${place.fileName(index)} ${error.message}`, false, error);
    } finally {
      await part.close();
    }
  }
  return parts;
}
