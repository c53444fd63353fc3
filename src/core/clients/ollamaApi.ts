import type { Ollama, Options } from 'ollama/browser';
import type { CoreHost } from '../host.ts';
import type { Settings } from '../settings/settings.ts';
import { parseEvent, responseError, streamedError, toBackendError } from './failures.ts';
import { jsonFetch, streamFetch } from './packageFetch.ts';
import type { ModelNotes, ServerMemory } from './serverMemory.ts';
import { readLines } from './streams.ts';
import type { TransportOptions } from './transport.ts';

/** One server, and what every request to it needs. */
export interface OllamaServer {
  readonly url: string;
  readonly host: CoreHost;
  readonly transport: TransportOptions;
  readonly memory: ServerMemory;
  /** Sent as `num_ctx` with every request; undefined: the server decides. */
  readonly contextTokens: number | undefined;
}

export function ollamaTransport(settings: Settings, host: CoreHost): TransportOptions {
  const { firstByteTimeoutMs, idleTimeoutMs } = settings;
  return { backend: 'ollama', host, firstByteTimeoutMs, idleTimeoutMs, urlSetting: 'a2ia.ollamaUrl' };
}

export function notesOf(server: OllamaServer, model: string): ModelNotes {
  return server.memory.of(server.url, model);
}

/**
 * One request that is answered by one JSON document.
 * @throws BackendError; when `signal` is aborted, the signal's reason
 */
export async function ask<T>(
  server: OllamaServer,
  request: (ollama: Ollama) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  try {
    return await request(await packageClient(server.url, jsonFetch(server.transport, signal)));
  } catch (error) {
    signal.throwIfAborted();
    throw toBackendError(error, 'ollama');
  }
}

/**
 * One request that is answered by a stream of JSON objects, one a line. Gives what one read of the socket completed. Lines that are no object are skipped,
 * since the end is known by a field of the last object alone.
 * @throws BackendError, also for an object with `error`: what came before it is given first
 */
export async function* streamObjects<T extends object>(
  server: OllamaServer,
  request: (ollama: Ollama) => Promise<unknown>,
  signal: AbortSignal,
): AsyncGenerator<readonly T[]> {
  const context = { backend: 'ollama', url: new URL(server.url), urlSetting: server.transport.urlSetting } as const;
  const { fetch, taken } = streamFetch(server.transport, signal);
  await request(await packageClient(server.url, fetch));
  const { body, status, headers, withoutKey } = taken();
  let anyObject = false;
  let firstText: string | undefined;
  let skippedLines = 0;
  try {
    for await (const lines of readLines(body)) {
      const objects: T[] = [];
      for (const text of lines) {
        firstText ??= text;
        const object = parseEvent(text);
        if (!object) {
          if (text !== '') skippedLines++;
          continue;
        }
        anyObject = true;
        if ('error' in object) {
          yield objects;
          throw streamedError(context, withoutKey(text));
        }
        objects.push(object as T);
      }
      yield objects;
    }
  } finally {
    if (skippedLines > 0) server.host.log.debug(`${server.url}: skipped ${skippedLines} lines that are not JSON`);
  }
  // Not one line of the protocol under status 200: a web page or another server.
  if (!anyObject && firstText !== undefined) {
    throw responseError({ ...context, status, headers, text: withoutKey(firstText) });
  }
}

/**
 * The fields of every request that may load the model, chat or completion or load alone: with another `num_ctx` or `shift` Ollama loads it anew.
 */
export function modelFields(server: OllamaServer, model: string, options: Partial<Options> = {}) {
  const all = { ...(server.contextTokens === undefined ? {} : { num_ctx: server.contextTokens }), ...options };
  return {
    model,
    stream: true as const,
    // Without it Ollama drops the oldest messages, or cuts the only one, and says nothing.
    truncate: false,
    // Without it Ollama drops the beginning of the prompt when the answer reaches the end of the window. Servers before 0.12.6 ignore both fields.
    shift: false,
    ...(Object.keys(all).length > 0 ? { options: all } : {}),
  };
}

/**
 * One package object per request: its `abort()` ends all of its streams, and finished ones stay in its list. The browser build is the one without
 * file access: the other reads an image's text as a path and sends that file.
 */
async function packageClient(url: string, fetch: typeof globalThis.fetch): Promise<Ollama> {
  const { Ollama } = await import('ollama/browser');
  return new Ollama({ host: url, fetch });
}
