import http from 'node:http';
import type { LookupFunction } from 'node:net';
import type { CoreHost } from '../host.ts';
import { abortable } from '../util/abortable.ts';
import type { TlsOptions } from './certificates.ts';
import { BackendError } from './errors.ts';
import { connectionError, speaksHttps } from './connectionFailures.ts';
import { responseError } from './failures.ts';
import type { BackendId } from './llmClient.ts';
import { Watchdog } from './timeLimits.ts';

/**
 * One HTTP transport for every backend, over node:http and node:https.
 *
 * Why not the global `fetch`: it gives up after 300 s without headers and after 300 s of silence in a body, which a cold load and a long prompt exceed,
 * and inside VS Code its limits cannot be raised (VS Code replaces the dispatcher). node:http has no such limits, and VS Code patches it in place with
 * the user's proxy and certificates, provided it is called as `http.request` at run time, as it is here.
 */

export interface TransportOptions {
  readonly backend: BackendId;
  readonly host: CoreHost;
  /** 0: no limit. From sending the request to the first byte of the answer's body. */
  readonly firstByteTimeoutMs: number;
  /** 0: no limit. The longest silence inside a body, while somebody is reading it. */
  readonly idleTimeoutMs: number;
  /** The setting that holds the address, for error texts. */
  readonly urlSetting: string;
  /** How the server takes its key; `Authorization: Bearer` where it is left out. */
  readonly keyHeaders?: readonly ('authorization' | 'x-api-key')[];
}

export interface TransportRequest {
  readonly url: string;
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whoever asks looks at redirects himself: they are answers, not errors. */
  readonly takesRedirects?: boolean;
  readonly signal: AbortSignal;
}

export interface TransportResponse {
  readonly status: number;
  readonly contentType: string;
  readonly headers: http.IncomingHttpHeaders;
  /**
   * The body as it arrives. Reading one chunk at a time holds the server back by TCP. Leaving the loop early closes the socket.
   * @throws BackendError of kind `streamCut`, `firstByteTimeout` or `idleTimeout`
   */
  readonly body: AsyncIterable<Buffer>;
  /** For whatever of the answer goes into an error: some servers quote the key that they were sent. */
  readonly withoutKey: (text: string) => string;
}

/** More than any error text; a web page is cut here. */
const errorBodyLimitBytes = 64 * 1024;
/** A server that has failed can say so at once. */
const errorBodyLimitMs = 5_000;
/** A whole JSON answer (a model list, a version). The largest seen is an Ollama `show` of 2 MB. */
const jsonBodyLimitBytes = 32 * 1024 * 1024;

/**
 * Sends one request and answers once the headers are there. Statuses other than 2xx are thrown.
 * @throws BackendError; when `signal` is aborted, the signal's reason
 */
export async function send(options: TransportOptions, request: TransportRequest): Promise<TransportResponse> {
  request.signal.throwIfAborted();
  const url = new URL(request.url);
  if (!(await abortable(options.host.mayContact(url.origin), request.signal))) throw notAgreed(options, url);
  const key = await keyFor(options, url);
  const headers = outgoingHeaders(options, request, key);
  const agent = await options.host.proxyAgentFor(url);
  const trust = url.protocol === 'https:' ? await trustOf(options.host) : {};
  const connection = { ...trust, ...(agent === undefined ? {} : { agent }) };
  let exchange: Exchange;
  try {
    exchange = await exchangeHeaders(options, url, request, headers, connection);
  } catch (error) {
    // A kept-alive socket that the server closed while our request was on its way carries no answer: one more try, on a new socket.
    if (!(error instanceof StaleSocket)) throw await explained(options, url, error, request.signal);
    exchange = await exchangeHeaders(options, url, request, headers, { agent: false, ...connection });
  }
  const { response, body } = exchange;
  const withoutKey = keyRemover(key);
  const status = response.statusCode ?? 0;
  const encoding = response.headers['content-encoding'] ?? 'identity';
  const isTaken = request.takesRedirects === true && status >= 300 && status < 400;
  if ((status < 200 || status > 299) && !isTaken) {
    const text = encoding === 'identity' ? await errorText(exchange, request.signal) : '';
    throw responseError({
      ...responseContext(options, url),
      status,
      headers: response.headers,
      text: withoutKey(text),
    });
  }
  if (encoding !== 'identity') {
    response.destroy();
    throw compressed(options, url, encoding);
  }
  const { headers: answered } = response;
  return { status, contentType: answered['content-type'] ?? '', headers: answered, body, withoutKey };
}

/**
 * Sends one request and reads its JSON answer whole.
 * @throws BackendError, of kind `notAModelServer` when the answer is not JSON
 */
export async function sendJson(options: TransportOptions, request: TransportRequest): Promise<unknown> {
  const response = await send(options, request);
  const text = (await readUpTo(response.body, jsonBodyLimitBytes)).toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    throw responseError({
      ...responseContext(options, new URL(request.url)),
      status: response.status,
      headers: response.headers,
      text: response.withoutKey(text),
    });
  }
}

/** For error texts. */
function responseContext(options: TransportOptions, url: URL) {
  return { backend: options.backend, url, urlSetting: options.urlSetting };
}

function notAgreed({ backend, urlSetting }: TransportOptions, url: URL): BackendError {
  return new BackendError({
    kind: 'declined',
    backend,
    message: `Nothing was sent to ${url.origin}: this workspace names it, and you have not agreed.`,
    hint: `Ask again to be asked again, or change ${urlSetting}.`,
    nextStep: { do: 'openSetting', key: urlSetting },
  });
}

/** The user's proxies are asked not to compress: what does anyway may hide any size in a few bytes, and holds a stream back until a block is full. */
function compressed({ backend, urlSetting }: TransportOptions, url: URL, encoding: string): BackendError {
  return new BackendError({
    kind: 'protocol',
    backend,
    message: `${url.host} sent a compressed answer (${encoding}), though it was asked not to.`,
    hint: `Turn compression off in the proxy in front of the model server, or change ${urlSetting} to the server itself.`,
    nextStep: { do: 'openSetting', key: urlSetting },
  });
}

/** Looked up by origin, at the last moment, so that no redirect, proxy or setting can carry a key elsewhere. */
async function keyFor({ host, backend }: TransportOptions, url: URL): Promise<string | undefined> {
  const key = (await host.credentialFor(url.origin))?.trim();
  if (!key || /^[\x21-\x7e]+$/.test(key)) return key;
  throw new BackendError({
    kind: 'config',
    backend,
    message: `The API key for ${url.origin} contains characters that a key cannot have.`,
    hint: 'Enter the key again, without spaces or line breaks.',
    nextStep: { do: 'enterKey', origin: url.origin },
  });
}

/** Finds the key as it is and as JSON may escape it, also in JSON inside a JSON text. */
function keyRemover(key: string | undefined): (text: string) => string {
  if (!key) return (text) => text;
  const letters = [...key].map((letter) => {
    const hex = letter.charCodeAt(0).toString(16);
    return `\\\\*(?:\\x${hex}|u00${hex})`;
  });
  return (text) => text.replace(new RegExp(letters.join(''), 'gi'), '…');
}

/** An allow-list: what the packages add (identification headers, keys and headers from the environment) never leaves this function. */
function outgoingHeaders(options: TransportOptions, request: TransportRequest, key: string | undefined) {
  const headers: Record<string, string> = {
    accept: 'application/json, text/event-stream, application/x-ndjson',
    // Compressed event streams are buffered by proxies, and we would have to inflate them.
    'accept-encoding': 'identity',
    'user-agent': 'a2ia',
    ...request.headers,
  };
  if (request.body !== undefined) {
    headers['content-type'] = 'application/json';
    headers['content-length'] = String(Buffer.byteLength(request.body));
  }
  if (key) {
    for (const name of options.keyHeaders ?? ['authorization'])
      headers[name] = name === 'authorization' ? `Bearer ${key}` : key;
  }
  return headers;
}

interface Exchange {
  readonly response: http.IncomingMessage;
  readonly body: AsyncIterable<Buffer>;
}

/**
 * A certificate that is not trusted is named, so that the user can compare it with the server's. A connection that was closed before an answer is either a
 * server that ended or one that speaks TLS: which one, a certificate tells.
 */
async function explained(options: TransportOptions, url: URL, error: unknown, signal: AbortSignal): Promise<unknown> {
  if (!(error instanceof BackendError)) return error;
  const mayBeTls = error.kind === 'streamCut' && url.protocol === 'http:';
  if (error.kind !== 'tls' && !mayBeTls) return error;
  const { readCertificate } = await import('./certificates.ts');
  const certificate = await readCertificate(url, signal);
  if (!certificate) return error;
  if (mayBeTls) return speaksHttps(responseContext(options, url), error);
  const { subject, issuer, isSelfSigned, validTo, fingerprint } = certificate;
  const { kind, backend, hint, nextStep, message } = error;
  const by = isSelfSigned ? 'signed by itself' : `signed by ${issuer}`;
  return new BackendError({
    kind,
    hint,
    nextStep,
    message: `${message} It is ${subject}, ${by}, valid to ${validTo}, SHA-256 ${fingerprint}.`,
    cause: error,
    ...(backend ? { backend } : {}),
  });
}

async function trustOf(host: CoreHost): Promise<TlsOptions> {
  const { trustAlso } = await import('./certificates.ts');
  return trustAlso(host.caFile());
}

class StaleSocket extends Error {}

async function exchangeHeaders(
  options: TransportOptions,
  url: URL,
  request: TransportRequest,
  headers: Record<string, string>,
  /** `agent: false`: none, and so no kept-alive socket. */
  connection: TlsOptions & { readonly agent?: http.Agent | false },
): Promise<Exchange> {
  const { signal } = request;
  // Loaded when it is needed: it takes as long as all of the clients together, and most servers are spoken to in plain http.
  const protocol = url.protocol === 'https:' ? (await import('node:https')).default : http;
  // Looking up the key and the proxy took time.
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const outgoing = protocol.request(url, {
      method: request.method,
      headers,
      ...connection,
      ...(url.hostname === 'localhost' ? { lookup: lookupLoopback } : {}),
    });
    const fail = (error: Error) => {
      stopWatching();
      reject(error);
    };
    const limit = new Watchdog(outgoing);
    const onAbort = () => {
      outgoing.destroy();
      fail(abortReason(signal));
    };
    const stopWatching = () => {
      limit.stop();
      signal.removeEventListener('abort', onAbort);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    // `close` always comes, on every path: nothing of this request outlives it on a long-lived signal.
    outgoing.once('close', stopWatching);
    outgoing.once('socket', (socket) => {
      if (!socket.connecting) return limit.firstByte(options, url);
      limit.connect(options, url);
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => limit.firstByte(options, url));
    });
    outgoing.once('response', (response) => {
      // Headers are not yet an answer: vLLM sends them at once and then reads the prompt. The first-byte limit goes on until the body's first byte.
      resolve({ response, body: readBody(options, url, response, limit, signal) });
    });
    outgoing.once('error', (error: NodeJS.ErrnoException) => {
      if (outgoing.reusedSocket && error.code === 'ECONNRESET' && !signal.aborted) return fail(new StaleSocket());
      fail(limit.error ?? connectionError(responseContext(options, url), error));
    });
    outgoing.end(request.body);
  });
}

/**
 * `localhost` is both loopback addresses, whatever the system's list of hosts says: servers listen on one of them, and Node takes the other when the
 * first refuses.
 */
const lookupLoopback: LookupFunction = (_hostname, options, callback) => {
  if (!options.all) return callback(null, '127.0.0.1', 4);
  callback(null, [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]);
};

async function* readBody(
  options: TransportOptions,
  url: URL,
  response: http.IncomingMessage,
  limit: Watchdog,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  try {
    // No silence is counted while the consumer works on a chunk: only while it waits for one.
    for await (const chunk of response.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      limit.stop();
      yield chunk;
      limit.idle(options, url);
    }
    if (!response.complete) throw new Error('The body ended early.');
  } catch (error) {
    signal.throwIfAborted();
    if (limit.error) throw limit.error;
    throw new BackendError({
      kind: 'streamCut',
      backend: options.backend,
      message: `The connection to ${url.host} broke in the middle of the answer.`,
      hint: 'What arrived is kept. Ask again; if it happens again, look at the server’s log.',
      retryable: true,
      nextStep: { do: 'retry' },
      cause: error,
    });
  } finally {
    limit.stop();
    // An early end by the consumer must reach the server, or it goes on generating. A body that arrived whole leaves its socket for the next request.
    if (response.complete) response.resume();
    else response.destroy();
  }
}

function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('Aborted.');
}

/** What can be had of it soon: also half an error text tells more than none, and the status stands in any case. */
async function errorText({ response, body }: Exchange, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  const tooSlow = setTimeout(() => response.destroy(), errorBodyLimitMs);
  try {
    for await (const chunk of upTo(body, errorBodyLimitBytes)) chunks.push(chunk);
  } catch {
    signal.throwIfAborted();
  } finally {
    clearTimeout(tooSlow);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A short body whole, for an error text: cut at 64 KiB. */
export async function readAll(body: AsyncIterable<Buffer>, limitBytes = errorBodyLimitBytes): Promise<string> {
  return (await readUpTo(body, limitBytes)).toString('utf8');
}

async function readUpTo(body: AsyncIterable<Buffer>, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of upTo(body, limitBytes)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* upTo(body: AsyncIterable<Buffer>, limitBytes: number): AsyncGenerator<Buffer> {
  let leftBytes = limitBytes;
  for await (const chunk of body) {
    yield chunk.subarray(0, leftBytes);
    leftBytes -= chunk.length;
    if (leftBytes <= 0) return;
  }
}
