import http, { type Agent, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isLoopback } from '../util/loopback.ts';

/** Why one source did not deliver; the next one may. */
export class SourceProblem extends Error {
  /** False: no connection came about, so it may be the network. */
  readonly answered: boolean;

  constructor(message: string, answered: boolean, cause?: unknown) {
    super(message, { cause });
    this.answered = answered;
  }
}

export interface SourceRequest {
  readonly url: string;
  /** Bytes that are there already; the source is asked for the rest. */
  readonly fromBytes: number;
  /** Of the bytes that are there. When the source has another version by now, it sends that whole. */
  readonly etag: string | undefined;
  readonly sizeBytes: number;
  readonly signal: AbortSignal;
  readonly idleTimeoutMs: number;
  proxyAgentFor(url: URL): Promise<Agent | undefined>;
}

export interface SourceAnswer {
  /** 0 although a rest was asked for: the source sends the whole file. */
  readonly fromBytes: number;
  /** Strong ones only: a weak one says nothing about the bytes. */
  readonly etag: string | undefined;
  /** @throws SourceProblem, or the reason of the signal */
  readonly body: AsyncIterable<Buffer>;
}

const mostRedirects = 5;

/**
 * Asks one source for the file, or for the rest of it, following redirects: model hubs redirect to a content network.
 * @throws SourceProblem, or the reason of the signal
 */
export async function openSource(request: SourceRequest): Promise<SourceAnswer> {
  let url = new URL(request.url);
  for (let hop = 0; hop <= mostRedirects; hop++) {
    const response = await ask(request, url);
    const status = response.statusCode ?? 0;
    if (status < 300 || status > 399) return checkAnswer(request, url, response);
    response.destroy();
    url = redirectTarget(url, response.headers.location);
  }
  throw new SourceProblem(`${new URL(request.url).host} redirects without end`, true);
}

async function ask(request: SourceRequest, url: URL): Promise<IncomingMessage> {
  const agent = await request.proxyAgentFor(url);
  request.signal.throwIfAborted();
  const headers: Record<string, string> = { 'user-agent': 'a2ia', accept: '*/*', 'accept-encoding': 'identity' };
  if (request.fromBytes > 0) headers['range'] = `bytes=${request.fromBytes}-`;
  if (request.fromBytes > 0 && request.etag) headers['if-range'] = request.etag;
  return new Promise((resolve, reject) => {
    // Called as a member of the module: VS Code replaces the function there, with one that knows the user's proxy and certificates.
    const send = url.protocol === 'https:' ? https.request : http.request;
    const outgoing = send(url, { headers, signal: request.signal, ...(agent ? { agent } : {}) });
    const silence = setTimeout(() => outgoing.destroy(silent(request, url)), request.idleTimeoutMs);
    outgoing.once('response', (response) => {
      clearTimeout(silence);
      resolve(response);
    });
    outgoing.on('error', (error) => {
      clearTimeout(silence);
      reject(problemOf(request, url, error, false));
    });
    outgoing.end();
  });
}

/** Where a redirect leads. Encryption is never given up on the way, except on this machine. */
export function redirectTarget(from: URL, location: string | undefined): URL {
  if (!location || !URL.canParse(location, from.href))
    throw new SourceProblem(`${from.host} redirects to nowhere`, true);
  const target = new URL(location, from);
  if (
    target.protocol === 'https:' ||
    (target.protocol === 'http:' && (from.protocol === 'http:' || isLoopback(target.hostname)))
  )
    return target;
  throw new SourceProblem(`${from.host} redirects to an address without encryption`, true);
}

function checkAnswer(request: SourceRequest, url: URL, response: IncomingMessage): SourceAnswer {
  const refuse = (problem: string): SourceProblem => {
    response.destroy();
    return new SourceProblem(`${url.host} ${problem}`, true);
  };
  const { statusCode: status, headers } = response;
  if (status !== 200 && status !== 206) throw refuse(`answered with status ${status}`);
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
  if (status === 206 && Number(range?.[1]) !== request.fromBytes)
    throw refuse('sent another part of the file than asked for');
  const announced = status === 206 ? range?.[2] : headers['content-length'];
  // A login page of a network answers 200 as well; this keeps it out of the file.
  if (announced !== undefined && announced !== '*' && Number(announced) !== request.sizeBytes) {
    throw refuse(`has a file of ${announced} bytes instead of ${request.sizeBytes}`);
  }
  if (headers['content-encoding'] && headers['content-encoding'] !== 'identity')
    throw refuse('sent the file in an encoding that was not asked for');
  const etag = headers.etag?.startsWith('"') ? headers.etag : undefined;
  return { fromBytes: status === 206 ? request.fromBytes : 0, etag, body: readBody(request, url, response) };
}

async function* readBody(request: SourceRequest, url: URL, response: IncomingMessage): AsyncGenerator<Buffer> {
  const silence = setTimeout(() => response.destroy(silent(request, url)), request.idleTimeoutMs);
  try {
    for await (const chunk of response) {
      silence.refresh();
      yield chunk as Buffer;
    }
  } catch (error) {
    throw problemOf(request, url, error, true);
  } finally {
    clearTimeout(silence);
    response.destroy();
  }
}

function silent(request: SourceRequest, url: URL): SourceProblem {
  return new SourceProblem(`${url.host} sent nothing for ${request.idleTimeoutMs / 1000} s`, true);
}

function problemOf(request: SourceRequest, url: URL, error: unknown, answered: boolean): Error {
  if (request.signal.aborted) return request.signal.reason as Error;
  if (error instanceof SourceProblem) return error;
  const code = codeOf(error);
  if (answered) return new SourceProblem(`the connection to ${url.host} broke (${code})`, true, error);
  return new SourceProblem(`${url.host} cannot be reached (${code})`, false, error);
}

function codeOf(error: unknown): string {
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const { code, message } = first as NodeJS.ErrnoException;
  return code ?? message;
}
