import type http from 'node:http';
import { connectionError } from './connectionFailures.ts';
import { BackendError } from './errors.ts';
import type { TransportOptions } from './transport.ts';

/** A server that accepts no connection within this time is not there; loading and prompt reading come after the connection. */
const connectTimeoutMs = 10_000;

/** The time limits of one request. At most one timer runs at a time. */
export class Watchdog {
  error: BackendError | undefined;
  readonly #outgoing: http.ClientRequest;
  #timer: NodeJS.Timeout | undefined;
  #lastLook: NodeJS.Immediate | undefined;

  constructor(outgoing: http.ClientRequest) {
    this.#outgoing = outgoing;
  }

  connect(options: TransportOptions, url: URL): void {
    this.#start(connectTimeoutMs, () =>
      connectionError(
        { backend: options.backend, url, urlSetting: options.urlSetting },
        Object.assign(new Error(`No connection within ${connectTimeoutMs / 1000} s.`), { code: 'ETIMEDOUT' }),
      ),
    );
  }

  firstByte(options: TransportOptions, url: URL): void {
    this.#start(options.firstByteTimeoutMs, () => timeoutError('firstByte', options, url));
  }

  idle(options: TransportOptions, url: URL): void {
    this.#start(options.idleTimeoutMs, () => timeoutError('idle', options, url));
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#lastLook);
  }

  #start(limitMs: number, makeError: () => BackendError): void {
    this.stop();
    if (limitMs === 0) return;
    this.#timer = setTimeout(() => {
      // When the machine slept, timers run out before the sockets are read: what has arrived meanwhile counts.
      this.#lastLook = setImmediate(() => {
        this.error = makeError();
        this.#outgoing.destroy(this.error);
      });
    }, limitMs);
  }
}

function timeoutError(which: 'firstByte' | 'idle', options: TransportOptions, url: URL): BackendError {
  const limitMs = which === 'firstByte' ? options.firstByteTimeoutMs : options.idleTimeoutMs;
  const key = which === 'firstByte' ? 'a2ia.firstByteTimeoutMs' : 'a2ia.idleTimeoutMs';
  return new BackendError({
    kind: which === 'firstByte' ? 'firstByteTimeout' : 'idleTimeout',
    backend: options.backend,
    message:
      which === 'firstByte'
        ? `${url.host} sent nothing for ${formatSeconds(limitMs)} after the request.`
        : `${url.host} went silent for ${formatSeconds(limitMs)} in the middle of the answer.`,
    hint: `A large model can need longer: raise ${key} (0 means no limit).`,
    nextStep: { do: 'openSetting', key },
  });
}

function formatSeconds(durationMs: number): string {
  return durationMs < 10_000 ? `${durationMs / 1000} s` : `${Math.round(durationMs / 1000)} s`;
}
