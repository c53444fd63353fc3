import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { CoreHost } from '../host.ts';
import { fileSource, SourceFailure, urlSource, type ByteSource } from './byteSource.ts';
import { readCheckpoint } from './checkpointModel.ts';
import type { FitModel } from './fitRequest.ts';
import { readGgufModel } from './ggufModel.ts';
import { modelNamed, namesLike } from './modelNames.ts';

/** What came of looking for a model. Nothing of it is made up: what cannot be read is not planned. */
export type FitModelReading =
  | { readonly outcome: 'model'; readonly model: FitModel }
  /** Two sentences for the user: what is wrong, and what to do. */
  | { readonly outcome: 'unusable'; readonly problem: string; readonly hint: string };

/**
 * A model from whatever names it: a GGUF file or a checkpoint's folder on this machine, the address of one, or a name of the catalogue. Reads heads only.
 * @throws the reason of the signal, nothing else
 */
export async function readFitModel(text: string, host: CoreHost, signal: AbortSignal): Promise<FitModelReading> {
  const address = addressOf(text);
  if (address) return readAt(address, host, signal);
  const kind = await kindOf(text);
  if (kind === 'folder') return readFrom(fileSource(path.join(text, 'config.json')), readCheckpoint, signal, text);
  if (kind === 'file' || /\.(gguf|safetensors)$/i.test(text)) return readFile(text, signal);
  const model = modelNamed(text);
  if (model) return { outcome: 'model', model };
  return unknownName(text);
}

/** Only http and https; a drive letter of Windows is no scheme. */
function addressOf(text: string): URL | undefined {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text);
}

async function readAt(address: URL, host: CoreHost, signal: AbortSignal): Promise<FitModelReading> {
  const file = rawAddress(address);
  if (/\.gguf$/i.test(file.pathname))
    return readFrom(urlSource(file, host), readGgufModel, signal, file.origin + file.pathname);
  return readFrom(urlSource(configAddress(file), host), readCheckpoint, signal, address.origin + address.pathname);
}

/** The page of a file on Hugging Face shows it; `resolve` gives it. */
function rawAddress(address: URL): URL {
  const raw = new URL(address);
  raw.pathname = raw.pathname.replace(/^(\/[^/]+\/[^/]+)\/(blob|tree)\//, '$1/resolve/');
  return raw;
}

/** A repository, a folder in it, or the file itself. */
function configAddress(address: URL): URL {
  const config = new URL(address);
  const folder = config.pathname.replace(/\/(config\.json|model[^/]*\.safetensors(\.index\.json)?)?$/, '');
  const isRepository = /^\/[^/]+\/[^/]+$/.test(folder);
  config.pathname = `${folder}${isRepository ? '/resolve/main' : ''}/config.json`;
  return config;
}

function readFile(file: string, signal: AbortSignal): Promise<FitModelReading> {
  const name = path.basename(file);
  if (/\.safetensors$/i.test(name) || name === 'config.json') {
    const folder = path.dirname(file);
    return readFrom(fileSource(path.join(folder, 'config.json')), readCheckpoint, signal, folder);
  }
  return readFrom(fileSource(file), readGgufModel, signal);
}

type Reader = (source: ByteSource, name: string, signal: AbortSignal) => Promise<FitModel>;

/** `name`: as a server is told it. */
async function readFrom(
  source: ByteSource,
  reader: Reader,
  signal: AbortSignal,
  name = source.name,
): Promise<FitModelReading> {
  try {
    return { outcome: 'model', model: await reader(source, name, signal) };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof SourceFailure)) throw error;
    return {
      outcome: 'unusable',
      problem: `${source.name} ${error.message}.`,
      hint: 'Check the path or the address, or name a model of the catalogue.',
    };
  } finally {
    await source.close();
  }
}

async function kindOf(text: string): Promise<'file' | 'folder' | undefined> {
  try {
    const stats = await stat(text);
    return stats.isDirectory() ? 'folder' : 'file';
  } catch {
    return undefined;
  }
}

function unknownName(name: string): FitModelReading {
  const alike = namesLike(name);
  const isRepository = /^[\w.-]+\/[\w.-]+$/.test(name);
  const read = isRepository
    ? `Give its address (https://huggingface.co/${name}), and its description is read from there.`
    : 'Give a GGUF file, a folder with a checkpoint, or the address of one.';
  return {
    outcome: 'unusable',
    problem: `No model called ${name} is in the catalogue.`,
    hint: alike.length > 0 ? `Of that kind it has ${alike.join(', ')}. ${read}` : read,
  };
}
