import { BackendError } from './errors.ts';
import { send, sendJson, type TransportOptions, type TransportResponse } from './transport.ts';

/**
 * The transport as the `fetch` option of the `openai` and `ollama` packages, for requests answered by one JSON document. A request it refuses throws the
 * `BackendError`, which the packages pass on, as it is or as the `cause` of an error of their own: see `toBackendError`.
 */
export function jsonFetch(options: TransportOptions, signal: AbortSignal): typeof fetch {
  return async (input, init) => Response.json(await carried(sendJson(options, packageRequest(input, init, signal))));
}

/**
 * The same for one streaming request. The packages' own stream readers lose events and errors that ours keep, and are slower, so the package gets a
 * response without a body, and `taken` the real one once the package has sent its request.
 */
export function streamFetch(options: TransportOptions, signal: AbortSignal) {
  let response: TransportResponse | undefined;
  const fetch: typeof globalThis.fetch = async (input, init) => {
    response = await carried(send(options, packageRequest(input, init, signal)));
    return new Response(new ReadableStream(), { headers: { 'content-type': response.contentType } });
  };
  const taken = (): TransportResponse => {
    if (!response) throw new Error('The package has sent no request yet.');
    return response;
  };
  return { fetch, taken };
}

/** The `openai` package takes an error that has "timed out" in it or its cause for a time-out of its own, and forgets it: ours goes one step deeper. */
async function carried<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof BackendError ? new Error('The request failed.', { cause: error }) : error;
  }
}

/** The packages' own signal is left out: `signal` is the request's, and theirs adds listeners to it that they never remove. */
function packageRequest(input: string | URL | Request, init: RequestInit | undefined, signal: AbortSignal) {
  return {
    url: input instanceof Request ? input.url : String(input),
    method: init?.method ?? 'GET',
    signal,
    ...(typeof init?.body === 'string' ? { body: init.body } : {}),
  };
}
