import { SourceFailure, type ByteSource } from './byteSource.ts';
import { checkpointBytes, type Scheme } from './checkpoint.ts';
import type { FitModel } from './fitRequest.ts';
import { checkpointBytesOfIndex, factsOfConfig, schemeOfConfig } from './huggingFaceFacts.ts';
import type { ModelFacts } from './modelFacts.ts';
import { headLength, lengthBytes, readSafetensors } from './safetensors.ts';

const mebibyte = 1024 ** 2;
const longestConfigBytes = 4 * mebibyte;
const longestIndexBytes = 32 * mebibyte;

/**
 * The model of a checkpoint: its shape by `config.json`, which is `source`, and its bytes by the index of its shards or the heads of its files.
 * @throws SourceFailure, or the reason of the signal
 */
export async function readCheckpoint(source: ByteSource, name: string, signal: AbortSignal): Promise<FitModel> {
  const config = await readJson(source, longestConfigBytes, signal);
  const reading = factsOfConfig(config);
  if (reading.outcome === 'unusable') throw new SourceFailure(reading.problem);
  const { facts } = reading;
  const scheme = schemeOfConfig(config);
  const bytes = await tensorBytes(source, signal);
  const isWorkedOut = scheme !== undefined && bytes !== undefined && agrees(facts, scheme, bytes);
  return {
    name: serverName(name),
    facts,
    ...(scheme === undefined ? {} : { scheme }),
    // What the scheme says counts the layout on the GPU too; where both differ, the files are right.
    ...(bytes === undefined || isWorkedOut ? {} : { checkpointBytes: bytes }),
  };
}

function agrees(facts: ModelFacts, scheme: Scheme, bytes: number): boolean {
  const workedOut = checkpointBytes(facts, scheme, { tensor: 1, pipeline: 1 });
  return Math.abs(workedOut / bytes - 1) < 0.03;
}

/** vLLM takes the name of a repository, not its address. */
function serverName(name: string): string {
  return /^https:\/\/huggingface\.co\/([\w.-]+\/[\w.-]+)/.exec(name)?.[1] ?? name;
}

async function readJson(source: ByteSource, limitBytes: number, signal: AbortSignal): Promise<unknown> {
  const bytes = await source.read(0, limitBytes, signal);
  if (bytes.length >= limitBytes) throw new SourceFailure(`is longer than ${limitBytes / mebibyte} MiB`);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new SourceFailure('is not JSON', false, error);
  }
}

/** Undefined: there are no safetensors beside the configuration. */
async function tensorBytes(config: ByteSource, signal: AbortSignal): Promise<number | undefined> {
  const index = await ifThere(config.beside('model.safetensors.index.json'), async (file) =>
    readJson(file, longestIndexBytes, signal),
  );
  const stated = checkpointBytesOfIndex(index);
  if (stated !== undefined) return stated;
  const shards = index === undefined ? ['model.safetensors'] : shardNames(index);
  let total: number | undefined;
  for (const shard of shards) {
    const bytes = await ifThere(config.beside(shard), (file) => shardBytes(file, signal));
    if (bytes === undefined && index !== undefined) throw new SourceFailure(`names ${shard}, which is not there`);
    if (bytes !== undefined) total = (total ?? 0) + bytes;
  }
  return total;
}

const mostShards = 512;

/** An index without a sum: the files that it names. */
function shardNames(index: unknown): readonly string[] {
  const map = (index as { weight_map?: unknown } | null)?.weight_map;
  const names = typeof map === 'object' && map !== null ? [...new Set(Object.values(map))] : [];
  const files = names.filter((name) => typeof name === 'string' && /^[\w.-]+\.safetensors$/.test(name)) as string[];
  if (files.length === 0 || files.length !== names.length || files.length > mostShards)
    throw new SourceFailure('has an index beside it that names no files');
  return files;
}

async function shardBytes(file: ByteSource, signal: AbortSignal): Promise<number> {
  const length = headLength(await file.read(0, lengthBytes, signal));
  if (length === undefined) throw new SourceFailure('has a shard that is not a safetensors file');
  const json = await file.read(lengthBytes, length, signal);
  if (json.length < length) throw new SourceFailure('has a shard that is cut short');
  const reading = readSafetensors(json, file.sizeBytes);
  if (reading.outcome === 'invalid') throw new SourceFailure(`has a shard that cannot be used: ${reading.problem}`);
  return reading.head.tensorBytes;
}

/** Undefined: it is not there. */
async function ifThere<T>(source: ByteSource, read: (source: ByteSource) => Promise<T>): Promise<T | undefined> {
  try {
    return await read(source);
  } catch (error) {
    if (error instanceof SourceFailure && error.isMissing) return undefined;
    throw error;
  } finally {
    await source.close();
  }
}
