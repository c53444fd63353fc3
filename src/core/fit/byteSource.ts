import { open, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { BackendError } from '../clients/errors.ts';
import { send, type TransportOptions, type TransportResponse } from '../clients/transport.ts';
import { redirectTarget, SourceProblem } from '../embedded/downloadSource.ts';
import type { CoreHost } from '../host.ts';

/** A file of which parts can be had, on this machine or behind an address. */
export interface ByteSource {
  /** For the user: a path or an address. */
  readonly name: string;
  /** Of the whole file; undefined until something was read, and where the server does not say. */
  readonly sizeBytes: number | undefined;
  /** So many bytes, or as many as there are. @throws SourceFailure, or the reason of the signal */
  read(fromByte: number, lengthBytes: number, signal: AbortSignal): Promise<Buffer>;
  /** Another file beside it. */
  beside(fileName: string): ByteSource;
  close(): Promise<void>;
}

/** Why nothing could be read: a clause that follows the name of the file. */
export class SourceFailure extends Error {
  readonly isMissing: boolean;

  constructor(message: string, isMissing = false, cause?: unknown) {
    super(message, { cause });
    this.isMissing = isMissing;
  }
}

export function fileSource(file: string): ByteSource {
  let handle: FileHandle | undefined;
  let sizeBytes: number | undefined;
  const opened = async (): Promise<FileHandle> => {
    if (handle) return handle;
    // Before open(), which waits for ever on a named pipe.
    const stats = await stat(file);
    if (!stats.isFile()) throw new SourceFailure('is not a file');
    sizeBytes = stats.size;
    return (handle = await open(file, 'r'));
  };
  return {
    name: file,
    get sizeBytes() {
      return sizeBytes;
    },
    async read(fromByte, lengthBytes, signal) {
      signal.throwIfAborted();
      try {
        const from = await opened();
        const wanted = Math.max(0, Math.min(lengthBytes, (sizeBytes ?? 0) - fromByte));
        const buffer = Buffer.alloc(wanted);
        let filled = 0;
        while (filled < wanted) {
          const { bytesRead } = await from.read(buffer, filled, wanted - filled, fromByte + filled);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return buffer.subarray(0, filled);
      } catch (error) {
        throw fileFailure(error);
      }
    },
    beside: (fileName) => fileSource(path.join(path.dirname(file), fileName)),
    close: async () => {
      await handle?.close();
      handle = undefined;
    },
  };
}

function fileFailure(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof SourceFailure || code === undefined) return error;
  if (code === 'ENOENT' || code === 'ENOTDIR') return new SourceFailure('is not there', true, error);
  if (code === 'EACCES' || code === 'EPERM') return new SourceFailure('may not be read', false, error);
  return new SourceFailure(`cannot be read (${code})`, false, error);
}

const mostRedirects = 5;

/**
 * Reads ranges only: a server that would send the whole file instead is refused. Redirects are followed, since model hubs keep their files elsewhere; each origin on
 * the way is asked for as any other (`CoreHost.mayContact`), and gets its own key or none.
 */
export function urlSource(address: URL, host: CoreHost): ByteSource {
  let sizeBytes: number | undefined;
  return {
    // Without what only signs the request.
    name: address.origin + address.pathname,
    get sizeBytes() {
      return sizeBytes;
    },
    async read(fromByte, lengthBytes, signal) {
      if (lengthBytes <= 0 || (sizeBytes !== undefined && fromByte >= sizeBytes)) return Buffer.alloc(0);
      try {
        const response = await range(address, host, fromByte, lengthBytes, signal);
        sizeBytes ??= statedSize(response);
        return await bodyOf(response, lengthBytes);
      } catch (error) {
        throw urlFailure(error);
      }
    },
    beside: (fileName) => urlSource(new URL(encodeURIComponent(fileName), address), host),
    close: () => Promise.resolve(),
  };
}

async function range(
  address: URL,
  host: CoreHost,
  fromByte: number,
  lengthBytes: number,
  signal: AbortSignal,
): Promise<TransportResponse> {
  const options: TransportOptions = {
    backend: 'vllm',
    host,
    firstByteTimeoutMs: 30_000,
    idleTimeoutMs: 30_000,
    urlSetting: 'a2ia.vllmUrl',
  };
  let url = address;
  for (let hop = 0; hop <= mostRedirects; hop++) {
    const headers = { accept: '*/*', range: `bytes=${fromByte}-${fromByte + lengthBytes - 1}` };
    const response = await send(options, { url: url.href, method: 'GET', headers, takesRedirects: true, signal });
    if (response.status === 206) return checkedRange(response, url, fromByte);
    await discard(response);
    if (response.status < 300) {
      throw new SourceFailure(`cannot be read in parts: ${url.host} would send the whole file`);
    }
    url = redirectTarget(url, response.headers.location);
  }
  throw new SourceFailure(`cannot be read: ${address.host} redirects without end`);
}

function checkedRange(response: TransportResponse, url: URL, fromByte: number): TransportResponse {
  const stated = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '')?.[1];
  if (Number(stated) === fromByte) return response;
  throw new SourceFailure(`cannot be read: ${url.host} sent another part than asked for`);
}

function statedSize({ headers }: TransportResponse): number | undefined {
  const stated = Number(/\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1]);
  return Number.isSafeInteger(stated) ? stated : undefined;
}

/** Leaving the loop closes the socket. */
async function discard({ body }: TransportResponse): Promise<void> {
  for await (const chunk of body) if (chunk.length > 0) return;
}

async function bodyOf({ body }: TransportResponse, lengthBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let got = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    got += chunk.length;
    if (got >= lengthBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, lengthBytes);
}

function urlFailure(error: unknown): unknown {
  if (error instanceof SourceProblem) return new SourceFailure(`cannot be read: ${error.message}`, false, error);
  if (!(error instanceof BackendError)) return error;
  const isMissing = error.status === 404;
  // Hubs answer 401 for what does not exist as well as for what is not open to everybody.
  const words = isMissing
    ? 'is not there'
    : error.status === 401 || error.status === 403
      ? 'is not there, or not open to everybody'
      : error.status !== undefined
        ? `cannot be read: the server answered with status ${error.status}`
        : `cannot be read: ${error.message}`;
  return new SourceFailure(words, isMissing, error);
}
