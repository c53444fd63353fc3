import { inspect } from 'node:util';
import type { IncomingHttpHeaders } from 'node:http';

/**
 * Every test host has a key for every origin, each another one, and the whole suite watches where they turn up: a key belongs into the one header, of a request
 * to its own origin, and nowhere else. Loaded as a root hook, so that a leak fails the test in which it happened.
 */

const prefix = 'a2ia-marker-';
const leaks: string[] = [];

export function markerKey(origin: string): string {
  return prefix + Buffer.from(origin).toString('base64url');
}

/** A log line, an error, a file: no place for a key. */
export function watch(where: string, value: unknown): void {
  const text = typeof value === 'string' ? value : inspect(value, { depth: 8 });
  if (text.includes(prefix)) leaks.push(`${where}: ${text}`);
}

interface WatchedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What a server was sent. `scheme` is `http` or `https`. */
export function watchRequest(scheme: string, { method, path, headers, body }: WatchedRequest): void {
  const own = markerKey(`${scheme}://${headers.host}`);
  const { authorization, 'x-api-key': apiKey, ...others } = headers;
  const where = `${method} ${scheme}://${headers.host}${path}`;
  for (const sent of [authorization, apiKey]) {
    if (sent !== undefined && sent !== own && sent !== `Bearer ${own}`) watch(where, sent);
  }
  watch(where, others);
  watch(where, path + body);
}

export const mochaHooks = {
  afterEach(): void {
    const found = leaks.splice(0);
    if (found.length > 0) throw new Error(`A key turned up where it does not belong.\n${found.join('\n')}`);
  },
};
