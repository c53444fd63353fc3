import { open, stat, type FileHandle } from 'node:fs/promises';
import { BackendError } from '../clients/errors.ts';
import { parseGgufHead, type GgufHead } from './ggufHead.ts';

/** What the head of a GGUF file says about its model. */
export interface GgufFacts {
  readonly architecture: string;
  readonly name?: string;
  /** What the model was trained for, in tokens. */
  readonly contextLength?: number;
  /** The quantization most of the weights have, for example `Q4_K_M`. */
  readonly fileType?: string;
  readonly tensorCount: number;
  readonly sizeBytes: number;
  readonly hasChatTemplate: boolean;
  readonly canReason: boolean;
  readonly canFillGaps: boolean;
}

const mebibyte = 1024 * 1024;
/** The head is mostly the vocabulary: 1.8 MB for 49,000 tokens, about 10 MB for the largest vocabularies (262,000 tokens). */
const headSizesBytes: readonly number[] = [2 * mebibyte, 16 * mebibyte, 64 * mebibyte];

/**
 * Reads the head of a model file and refuses, in a sentence, whatever the engine could not load: llama.cpp itself answers such a file with a line on
 * stderr or with a crash.
 * @throws BackendError of kind `modelFile`, and nothing else
 */
export async function checkGgufFile(path: string): Promise<GgufFacts> {
  try {
    // Before open(), which waits for ever on a named pipe.
    const stats = await stat(path);
    if (stats.isDirectory()) throw unusable(path, 'is a folder, not a model file.');
    if (!stats.isFile()) throw unusable(path, 'is not a regular file.');
    if (stats.size === 0) throw unusable(path, 'is empty.', downloadAgain);
    const file = await open(path, 'r');
    try {
      return await checkHead(path, file, stats.size);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof BackendError ? error : unreadable(path, error as NodeJS.ErrnoException);
  }
}

async function checkHead(path: string, file: FileHandle, sizeBytes: number): Promise<GgufFacts> {
  const start = await readHead(file, Math.min(sizeBytes, 4096));
  const foreign = foreignFormat(start);
  if (foreign) throw unusable(path, foreign);
  for (const limitBytes of headSizesBytes) {
    const head = parseGgufHead(await readHead(file, Math.min(sizeBytes, limitBytes)));
    if (head.outcome === 'invalid') throw unusable(path, `is not a usable GGUF file: ${head.problem}.`);
    if (head.outcome === 'parsed') return factsOf(path, head.head, sizeBytes);
    if (sizeBytes <= limitBytes) throw cutShort(path, sizeBytes);
  }
  throw unusable(path, 'is not a usable GGUF file: its head is larger than that of any known model.');
}

function factsOf(path: string, head: GgufHead, sizeBytes: number): GgufFacts {
  if (head.architecture === undefined) throw unusable(path, 'does not say which architecture its model has.');
  if (head.tensorCount === 0) throw unusable(path, 'holds a vocabulary but no model.');
  if (sizeBytes < head.neededBytes) throw cutShort(path, sizeBytes, head.neededBytes);
  return {
    architecture: head.architecture,
    ...(head.name === undefined ? {} : { name: head.name }),
    ...(head.contextLength === undefined ? {} : { contextLength: head.contextLength }),
    ...(head.fileType === undefined ? {} : { fileType: head.fileType }),
    tensorCount: head.tensorCount,
    sizeBytes,
    hasChatTemplate: head.hasChatTemplate,
    canReason: head.canReason,
    canFillGaps: head.canFillGaps,
  };
}

async function readHead(file: FileHandle, lengthBytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(lengthBytes);
  let filled = 0;
  while (filled < lengthBytes) {
    const { bytesRead } = await file.read(buffer, filled, lengthBytes - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** What people give instead of a model file, recognised by its first bytes. Undefined: it starts like a GGUF file. */
export function foreignFormat(start: Buffer): string | undefined {
  const text = start.toString('latin1');
  if (text.startsWith('GGUF')) return undefined;
  if ('GGUF'.startsWith(text)) return 'is cut short: it ends inside its first word.';
  if (text.startsWith('version https://git-lfs')) {
    return 'is a Git LFS pointer: the repository was cloned without the large files (git lfs pull fetches them).';
  }
  if (/^\s*<(!doctype|html|\?xml|head|body)/i.test(text))
    return 'is a web page, not a model: the download got an error or a login page.';
  if (text.startsWith('PK\x03\x04')) return 'is a zip archive or a PyTorch checkpoint; A2IA needs a GGUF file.';
  if (/^\x80[\x02-\x05]/.test(text)) return 'is a Python pickle (a PyTorch checkpoint); A2IA needs a GGUF file.';
  if (/^[^]{8}\{\s*"/.test(text)) return 'is a safetensors file; A2IA needs a GGUF file.';
  if (/^(tjgg|lmgg|fmgg|algg)/.test(text))
    return 'is in the GGML format of before 2023, which current engines no longer read.';
  if (/^\s*[{[]/.test(text)) return 'is a JSON document, not a model.';
  return 'is not a GGUF file.';
}

const downloadAgain = 'Download it again, or choose another file in a2ia.embedded.modelPath.';

function cutShort(path: string, sizeBytes: number, neededBytes?: number): BackendError {
  const figures = neededBytes === undefined ? '' : `: it has ${sizeBytes} bytes and needs ${neededBytes}`;
  return unusable(path, `is cut short${figures}.`, downloadAgain);
}

function unreadable(path: string, error: NodeJS.ErrnoException): BackendError {
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return unusable(
        path,
        'is not there.',
        'Check a2ia.embedded.modelPath, or leave it empty to use a model of the catalogue.',
        error,
      );
    case 'EACCES':
    case 'EPERM':
      return unusable(path, 'may not be read.', 'Check the rights of the file.', error);
    default:
      return unusable(
        path,
        `cannot be read (${error.code ?? error.message}).`,
        'Check the disk, or choose another file.',
        error,
      );
  }
}

function unusable(path: string, problem: string, hint?: string, cause?: unknown): BackendError {
  return new BackendError({
    kind: 'modelFile',
    backend: 'embedded',
    message: `${path} ${problem}`,
    hint:
      hint ??
      'Choose a model in GGUF format in a2ia.embedded.modelPath, or leave it empty to use a model of the catalogue.',
    nextStep: { do: 'openSetting', key: 'a2ia.embedded.modelPath' },
    ...(cause === undefined ? {} : { cause }),
  });
}
