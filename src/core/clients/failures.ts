import type { IncomingHttpHeaders } from 'node:http';
import { BackendError, type BackendErrorInit } from './errors.ts';
import { explain, type Explanation } from './failureRules.ts';
import type { BackendId } from './llmClient.ts';
import { serverWords, wordsInJson, type ServerWords } from './serverWords.ts';

/** From an answer that is an error to a `BackendError`: serverWords.ts finds the words, failureRules.ts what they mean. */

export interface FailureContext {
  readonly backend: BackendId;
  readonly url: URL;
  readonly urlSetting: string;
}

export interface ErrorResponse extends FailureContext {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The body, cut at 64 KiB. */
  readonly text: string;
}

export function responseError(response: ErrorResponse): BackendError {
  const { status, url, backend, headers, text, urlSetting } = response;
  const openSetting = { do: 'openSetting', key: urlSetting } as const;
  if (status >= 300 && status < 400) {
    return new BackendError({
      kind: 'redirected',
      backend,
      status,
      message: `${url.host} redirects to ${describeLocation(headers.location, url)}.`,
      hint: `If that is right, set ${urlSetting} to that address. A2IA follows no redirect by itself, so that prompts and keys go only where you say.`,
      nextStep: openSetting,
    });
  }
  const isWebPage = /^\s*(<!doctype|<html|<\?xml)/i.test(text) || headers['content-type']?.startsWith('text/html');
  // A page for "log in" still says 401, whatever is written on it.
  if (isWebPage && status !== 401) return webPage(response);
  const said = isWebPage ? undefined : status < 300 ? wordsInJson(text) : serverWords(text);
  // A 2xx that comes here is not what was asked for: if it is no error in JSON either, it is no model server's.
  if (status < 300 && said === undefined) {
    return new BackendError({
      kind: 'notAModelServer',
      backend,
      status,
      message: `What answers at ${url.origin} is not a model server.`,
      hint: `Check ${urlSetting}.`,
      nextStep: openSetting,
    });
  }
  const words = said ?? { message: '' };
  const waitMs = retryAfterMs(headers);
  const explanation = explain({ said: words, status: status < 300 ? statusOf(words) : status, context: response });
  return serverError(response, explanation, words, {
    status,
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });
}

/** An error that the server put into a stream, as its JSON text. It has no status, and so is never asked again by itself. */
export function streamedError(context: FailureContext, json: string): BackendError {
  const said = wordsInJson(json) ?? { message: '' };
  const explanation = explain({ said, status: statusOf(said), context });
  const inStream =
    explanation.kind === 'serverError' ? { message: `${context.url.host} failed in the middle of the answer.` } : {};
  return serverError(context, { ...explanation, ...inStream }, said, {});
}

function serverError(
  { backend }: FailureContext,
  explanation: Explanation,
  { message }: ServerWords,
  answer: Pick<BackendErrorInit, 'status' | 'retryAfterMs'>,
): BackendError {
  return new BackendError({
    backend,
    ...explanation,
    ...answer,
    ...(message ? { serverMessage: message.slice(0, 2000) } : {}),
  });
}

/** The status that an error would have had before the stream began. */
function statusOf({ code, type = '' }: ServerWords): number {
  const status = Number(code);
  return status >= 400 && status < 600 ? status : (statusOfType[type] ?? 500);
}

/** Anthropic's types, and OpenAI's where they differ. */
const statusOfType: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  timeout_error: 504,
  overloaded_error: 529,
};

/** `retry-after-ms` (OpenAI), else `retry-after` in seconds; its other form, a date, is rare and left out. */
function retryAfterMs(headers: IncomingHttpHeaders): number | undefined {
  const waitMs = Number(headers['retry-after-ms'] ?? NaN);
  const waitSeconds = Number(headers['retry-after'] ?? NaN);
  if (waitMs >= 0) return waitMs;
  return waitSeconds >= 0 ? waitSeconds * 1000 : undefined;
}

/** One event of a stream; undefined when it is no JSON object. */
export function parseEvent(data: string): object | undefined {
  try {
    const event: unknown = JSON.parse(data);
    return typeof event === 'object' && event !== null ? event : undefined;
  } catch {
    return undefined;
  }
}

/** In any of the ways in which servers report a failure inside a stream of events. */
export function isErrorEvent(name: string, event: object): boolean {
  const { type, object, error } = event as {
    readonly type?: unknown;
    readonly object?: unknown;
    readonly error?: unknown;
  };
  return name === 'error' || type === 'error' || object === 'error' || (error !== undefined && error !== null);
}

/** Without the event itself: it may hold the user's text. */
export function notJson({ backend, url }: FailureContext): BackendError {
  return new BackendError({
    kind: 'protocol',
    backend,
    message: `${url.host} sent an event that is not JSON.`,
    hint: 'What arrived is kept. If the server is up to date, please report it.',
  });
}

/** Whatever was thrown, as a `BackendError`: errors of the packages carry ours as `cause`. */
export function toBackendError(error: unknown, backend: BackendId | undefined): BackendError {
  for (let inner: unknown = error, depth = 0; inner instanceof Error && depth < 5; inner = inner.cause, depth++) {
    if (inner instanceof BackendError) return inner;
  }
  return new BackendError({
    kind: 'internal',
    ...(backend ? { backend } : {}),
    message: isOfTheSystem(error)
      ? `The system refused something that A2IA needs: ${error.message}.`
      : `A2IA made a mistake (${error instanceof Error ? error.name : typeof error}).`,
    hint: 'What arrived is kept. If it happens again, please report it with what the log says.',
    cause: error,
  });
}

/** Of a file, a pipe or a process: its words name what was refused. Those of any other error may quote what was read. */
function isOfTheSystem(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error;
}

function webPage({ status, url, backend, text, urlSetting }: ErrorResponse): BackendError {
  const words = pageWords(text);
  const named = words ? ` (“${words}”)` : '';
  const common = { backend, status, nextStep: { do: 'openSetting', key: urlSetting } } as const;
  if (status === 413) {
    return new BackendError({
      ...common,
      kind: 'gateway',
      message: `A proxy in front of ${url.host} takes no request of this size${named}.`,
      hint: 'Leave out context, or raise the proxy’s limit for the size of a request.',
    });
  }
  // A proxy of the network between refuses what it does not know, in its own page.
  const isProxy = status >= 500 || status === 403 || status === 407;
  return isProxy
    ? new BackendError({
        ...common,
        kind: 'gateway',
        message: `A proxy in front of ${url.host} answered with status ${status}${named}.`,
        hint: 'Check that the model server behind it runs, or exclude its address from the proxy (http.noProxy).',
        retryable: status >= 500,
      })
    : new BackendError({
        ...common,
        kind: 'notAModelServer',
        message: `A web page answers at ${url.origin}${named}, not a model server.`,
        hint: `Check the address and port in ${urlSetting}.`,
      });
}

/** What a page says of itself: its title, else the beginning of its text. */
function pageWords(html: string): string {
  const title = /<title[^>]*>([^<]+)/i.exec(html)?.[1] ?? '';
  const text = title.trim() || html.replace(/<(script|style)\b[^]*?<\/\1>/gi, ' ').replace(/<[^>]*>?/g, ' ');
  return text.replace(/\s+/g, ' ').trim().slice(0, 200);
}

function describeLocation(location: string | undefined, from: URL): string {
  if (!location || !URL.canParse(location, from.href)) return 'another address';
  const target = new URL(location, from);
  return target.protocol === 'http:' || target.protocol === 'https:' ? target.origin : `a ${target.protocol} address`;
}
