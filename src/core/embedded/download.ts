import { createHash, type Hash } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import type { Agent } from 'node:http';
import { dirname } from 'node:path';
import { fileSize } from '../util/fileSize.ts';
import { BackendError } from '../clients/errors.ts';
import type { EmbeddedModel } from './catalogue.ts';
import { openSource, SourceProblem } from './downloadSource.ts';
import { claimPart, finishPart, leavePart, writeOrigin, type OpenFile, type PartFile } from './partFile.ts';

export interface DownloadRequest {
  readonly model: EmbeddedModel;
  readonly targetPath: string;
  readonly signal: AbortSignal;
  proxyAgentFor(url: URL): Promise<Agent | undefined>;
  /** Of the whole file, what an earlier attempt left included. */
  onProgress(receivedBytes: number): void;
  readonly idleTimeoutMs?: number;
  /** For tests, as the next: a disk that is full. */
  freeBytes?(folder: string): Promise<number>;
  readonly openFile?: OpenFile;
}

/** A cut connection is taken up again at once, so long as it brings something, this many times at each source. */
const attemptsPerSource = 3;
const defaultIdleTimeoutMs = 60_000;

/**
 * Downloads a model file, going on where an earlier attempt stopped. The target appears under its name only when its checksum is right.
 * @throws BackendError of kind `download` or `diskFull`; when the signal is aborted, its reason. What arrived is kept for the next attempt.
 */
export async function downloadModel(request: DownloadRequest): Promise<void> {
  request.signal.throwIfAborted();
  const part = await claimPart(request.targetPath, request.openFile).catch((error: unknown) => {
    throw cannotWrite(request, error);
  });
  let download: Download | undefined;
  try {
    download = await Download.resume(request, part);
    await requireSpace(request, download.receivedBytes);
    await fetchAndVerify(request, download);
  } catch (error) {
    await leavePart(part, request.targetPath).catch(() => undefined);
    throw error;
  }
  try {
    await finishPart(part, request.targetPath);
  } catch (error) {
    throw cannotWrite(request, error);
  }
}

/** The bytes so far and their running checksum. */
class Download {
  readonly part: PartFile;
  readonly #request: DownloadRequest;
  #hash: Hash = createHash('sha256');
  #receivedBytes = 0;
  origin: PartFile['origin'];

  private constructor(request: DownloadRequest, part: PartFile) {
    this.#request = request;
    this.part = part;
    this.origin = part.origin;
  }

  static async resume(request: DownloadRequest, part: PartFile): Promise<Download> {
    const download = new Download(request, part);
    if (part.sizeBytes > request.model.sizeBytes) await download.startOver();
    else if (part.sizeBytes > 0) await download.#readBack();
    return download;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  async append(chunk: Buffer): Promise<void> {
    let written = 0;
    try {
      while (written < chunk.length) {
        const { bytesWritten } = await this.part.handle.write(chunk, written, chunk.length - written);
        written += bytesWritten;
      }
    } catch (error) {
      throw cannotWrite(this.#request, error, this.#request.model.sizeBytes - this.#receivedBytes);
    } finally {
      this.#hash.update(chunk.subarray(0, written));
      this.#receivedBytes += written;
    }
    this.#request.onProgress(this.#receivedBytes);
  }

  async startOver(): Promise<void> {
    await this.part.handle.truncate(0);
    this.#hash = createHash('sha256');
    this.#receivedBytes = 0;
    this.origin = undefined;
    await writeOrigin(this.part, undefined);
  }

  checksum(): string {
    return this.#hash.copy().digest('hex');
  }

  async #readBack(): Promise<void> {
    const bytes = this.part.handle.createReadStream({ start: 0, autoClose: false, highWaterMark: 1024 * 1024 });
    for await (const chunk of bytes) {
      this.#request.signal.throwIfAborted();
      this.#hash.update(chunk as Buffer);
      this.#receivedBytes += (chunk as Buffer).length;
    }
  }
}

async function fetchAndVerify(request: DownloadRequest, download: Download): Promise<void> {
  const { model } = request;
  const problems: SourceProblem[] = [];
  for (const source of model.sources) {
    try {
      if (await deliver(request, download, source)) return;
      problems.push(
        new SourceProblem(`the checksum of what ${new URL(source).host} sent is wrong, and it was deleted`, true),
      );
    } catch (error) {
      if (!(error instanceof SourceProblem)) throw error;
      problems.push(error);
    }
  }
  throw noSource(request, problems);
}

/** False: all of it came, and it is not the file. */
async function deliver(request: DownloadRequest, download: Download, source: string): Promise<boolean> {
  const wasResumed = download.receivedBytes > 0;
  await fetchFrom(request, download, source);
  if (download.checksum() === request.model.sha256) return true;
  await download.startOver();
  // What an earlier attempt left may be to blame, not this source.
  return wasResumed && deliver(request, download, source);
}

async function fetchFrom(request: DownloadRequest, download: Download, source: string): Promise<void> {
  for (let attempt = 1; download.receivedBytes < request.model.sizeBytes; attempt++) {
    const before = download.receivedBytes;
    try {
      await fetchOnce(request, download, source);
    } catch (error) {
      const isWorthAnother =
        error instanceof SourceProblem && download.receivedBytes > before && attempt < attemptsPerSource;
      if (!isWorthAnother) throw error;
    }
  }
}

async function fetchOnce(request: DownloadRequest, download: Download, source: string): Promise<void> {
  const { model, signal } = request;
  const { host } = new URL(source);
  const answer = await openSource({
    url: source,
    fromBytes: download.receivedBytes,
    // Another source's version is not comparable; the checksum decides about a file of two sources.
    etag: download.origin?.source === source ? download.origin.etag : undefined,
    sizeBytes: model.sizeBytes,
    signal,
    idleTimeoutMs: request.idleTimeoutMs ?? defaultIdleTimeoutMs,
    proxyAgentFor: (url) => request.proxyAgentFor(url),
  });
  if (answer.fromBytes !== download.receivedBytes) await download.startOver();
  download.origin = answer.etag ? { source, etag: answer.etag } : undefined;
  await writeOrigin(download.part, download.origin).catch((error: unknown) => {
    throw cannotWrite(request, error, model.sizeBytes - download.receivedBytes);
  });
  for await (const chunk of answer.body) {
    signal.throwIfAborted();
    if (download.receivedBytes + chunk.length > model.sizeBytes)
      throw new SourceProblem(`${host} sends more than the file has`, true);
    await download.append(chunk);
  }
  if (download.receivedBytes < model.sizeBytes) throw new SourceProblem(`${host} ended the download early`, true);
}

async function requireSpace(request: DownloadRequest, receivedBytes: number): Promise<void> {
  const folder = dirname(request.targetPath);
  const neededBytes = request.model.sizeBytes - receivedBytes;
  const freeBytes = await (request.freeBytes ?? freeBytesOf)(folder);
  if (freeBytes < neededBytes) throw diskFull(request, neededBytes, freeBytes);
}

async function freeBytesOf(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    // Some network file systems do not tell; writing will.
    return Number.POSITIVE_INFINITY;
  }
}

const otherWays =
  'Or give a GGUF file of your own in a2ia.embedded.modelPath, or start Ollama or another server: A2IA uses it without a download.';

function noSource(request: DownloadRequest, problems: readonly SourceProblem[]): BackendError {
  const isOffline = problems.every((problem) => !problem.answered);
  const reasons = problems.map((problem) => problem.message).join('; ');
  return new BackendError({
    kind: 'download',
    backend: 'embedded',
    message: `${request.model.displayName} could not be downloaded: ${reasons || 'it has no source'}.`,
    hint: `${isOffline ? 'Check the network and the proxy' : 'Try again'}; what arrived is kept. ${otherWays}`,
    retryable: true,
    nextStep: { do: 'retry' },
    cause: problems.at(-1),
  });
}

function diskFull(request: DownloadRequest, neededBytes: number, freeBytes: number, cause?: unknown): BackendError {
  const free = Number.isFinite(freeBytes) ? `, and ${fileSize(freeBytes)} are free` : '';
  return new BackendError({
    kind: 'diskFull',
    backend: 'embedded',
    message: `The disk is full: ${request.model.displayName} needs ${fileSize(neededBytes)} more in ${dirname(request.targetPath)}${free}.`,
    hint: `Make room and try again; what arrived is kept. ${otherWays}`,
    retryable: true,
    nextStep: { do: 'retry' },
    ...(cause === undefined ? {} : { cause }),
  });
}

function cannotWrite(request: DownloadRequest, error: unknown, missingBytes = request.model.sizeBytes): unknown {
  if (request.signal.aborted) return request.signal.reason;
  if (error instanceof BackendError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(request, missingBytes, 0, error);
  return new BackendError({
    kind: 'download',
    backend: 'embedded',
    message: `A2IA cannot write to ${dirname(request.targetPath)} (${code ?? message}).`,
    hint: `Check the rights of that folder. ${otherWays}`,
    cause: error,
  });
}
