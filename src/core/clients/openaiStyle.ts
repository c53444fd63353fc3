import type { OpenAI } from 'openai';
import type {
  ChatCompletionCreateParamsStreaming,
  ChatCompletionMessageParam,
} from 'openai/resources/chat/completions';
import type { CompletionCreateParamsStreaming } from 'openai/resources/completions';
import type { ClientContext } from './clientContext.ts';
import { toBackendError } from './failures.ts';
import type { BackendError } from './errors.ts';
import type { BackendId } from './llmClient.ts';
import { streamFetch } from './packageFetch.ts';
import type { ServerMemory } from './serverMemory.ts';
import { sendJson, type TransportOptions, type TransportResponse } from './transport.ts';

/** What every server that speaks OpenAI's chat completions has in common: where it is, and how it is asked. */

export interface OpenAIStyleEndpoint {
  readonly backend: BackendId;
  /** Where the API is looked for first, with its `/v1`. What is remembered of the server is found by it. */
  readonly baseUrl: string;
  /** Where else it may be, if it is not there. */
  readonly otherBaseUrl: string | undefined;
  readonly transport: TransportOptions;
  readonly memory: ServerMemory;
}

export interface OpenAIStyleAddress {
  readonly backend: BackendId;
  /** As the user wrote it: with or without `/v1`, with or without a path before it, or with one of the API's own paths after it. */
  readonly url: string;
  readonly urlSetting: string;
}

export function openAIStyleEndpoint(address: OpenAIStyleAddress, context: ClientContext): OpenAIStyleEndpoint {
  const { backend, urlSetting } = address;
  const { settings, host, memory } = context;
  const { firstByteTimeoutMs, idleTimeoutMs } = settings;
  const url = address.url.replace(/\/+$/, '').replace(/\/(chat\/completions|completions|models)$/, '');
  const withV1 = /\/v1$/.test(url) ? url : `${url}/v1`;
  const hasOtherVersion = url !== withV1 && /\/v\d+\w*$/.test(url);
  const [baseUrl, otherBaseUrl] = hasOtherVersion ? [url, withV1] : [withV1, url === withV1 ? undefined : url];
  return {
    backend,
    baseUrl,
    otherBaseUrl,
    transport: { backend, host, firstByteTimeoutMs, idleTimeoutMs, urlSetting },
    memory,
  };
}

/** Where the API is, as far as it is known. */
export function knownBaseUrl(endpoint: OpenAIStyleEndpoint): string {
  return endpoint.memory.server(endpoint.baseUrl).baseUrl ?? endpoint.baseUrl;
}

/** The address of something beside `/v1`, such as `/health`. */
export function besideV1(endpoint: OpenAIStyleEndpoint, path: string): string {
  return knownBaseUrl(endpoint).replace(/\/v\d+$/, '') + path;
}

/**
 * Sends a request to where the API is: some put it under no `/v1` at all (`https://host/api/v3`, `https://host/openai`), which only asking shows. Nothing took
 * a request that is sent a second time.
 * @throws BackendError
 */
export async function atBaseUrl<T>(endpoint: OpenAIStyleEndpoint, send: (baseUrl: string) => Promise<T>): Promise<T> {
  const { backend, baseUrl, otherBaseUrl, memory, transport } = endpoint;
  const known = knownBaseUrl(endpoint);
  try {
    return await send(known);
  } catch (thrown) {
    const error = toBackendError(thrown, backend);
    const mayBeReplaced = error.kind === 'notAModelServer' || error.kind === 'notRunning';
    if (mayBeReplaced) memory.forget(baseUrl);
    if (error.kind !== 'notAModelServer' || known !== baseUrl || otherBaseUrl === undefined) throw error;
    const answer = await send(otherBaseUrl).catch((other: unknown) => {
      throw moreTelling(error, toBackendError(other, backend));
    });
    memory.server(baseUrl).baseUrl = otherBaseUrl;
    transport.host.log.info(`${baseUrl}: the API is at ${otherBaseUrl}`);
    return answer;
  }
}

/** A server that refuses a request is there; one that does not know the path is not, and then the usual path is the one to tell of. */
function moreTelling(first: BackendError, second: BackendError): BackendError {
  return second.kind === 'notAModelServer' ? first : second;
}

/**
 * One request beside the chat that is answered by JSON.
 * @throws BackendError; when `signal` is aborted, the signal's reason
 */
export function askJson(
  endpoint: OpenAIStyleEndpoint,
  url: string,
  signal: AbortSignal,
  body?: object,
): Promise<unknown> {
  return sendJson(endpoint.transport, {
    url,
    signal,
    ...(body === undefined ? { method: 'GET' } : { method: 'POST', body: JSON.stringify(body) }),
  });
}

/** For what a server may not have: undefined then, and also when it fails. */
export async function askIfThere(endpoint: OpenAIStyleEndpoint, path: string, signal: AbortSignal): Promise<unknown> {
  return askJson(endpoint, besideV1(endpoint, path), signal).catch(() => undefined);
}

export type ChatBody = ChatCompletionCreateParamsStreaming;
export type ChatBodyMessage = ChatCompletionMessageParam;
export type CompletionBody = CompletionCreateParamsStreaming;

/** @throws BackendError, or an error of the package that carries one as its cause */
export function openChat(endpoint: OpenAIStyleEndpoint, body: ChatBody, signal: AbortSignal) {
  return openStream(endpoint, signal, (client) => client.chat.completions.create(body).asResponse());
}

/** @throws BackendError, or an error of the package that carries one as its cause */
export function openCompletion(endpoint: OpenAIStyleEndpoint, body: CompletionBody, signal: AbortSignal) {
  return openStream(endpoint, signal, (client) => client.completions.create(body).asResponse());
}

function openStream(
  endpoint: OpenAIStyleEndpoint,
  signal: AbortSignal,
  ask: (client: OpenAI) => Promise<unknown>,
): Promise<TransportResponse> {
  return atBaseUrl(endpoint, async (baseUrl) => {
    const { fetch, taken } = streamFetch(endpoint.transport, signal);
    await ask(await packageClient(baseUrl, fetch));
    return taken();
  });
}

/**
 * The package reads keys, addresses and headers from the environment for whatever it is not given, so everything is given; our transport sets the key
 * and drops what the package adds.
 */
async function packageClient(baseUrl: string, fetch: typeof globalThis.fetch) {
  const { OpenAI } = await import('openai');
  return new OpenAI({
    baseURL: baseUrl,
    apiKey: 'unused',
    organization: null,
    project: null,
    webhookSecret: null,
    // Ours are the only time-outs and the only retries: a retried load would start a multi-minute load again.
    timeout: 2 ** 31 - 1,
    maxRetries: 0,
    logLevel: 'off',
    fetch,
  });
}
