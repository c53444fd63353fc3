import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';

/** Raw looks at the network, below HTTP. Nothing is ever sent: a connection is opened and closed again. */

const limitMs = 5000;

/** @throws the system's error, with `code` */
export async function resolveName(hostname: string, signal: AbortSignal): Promise<readonly string[]> {
  // The system's resolver cannot be cancelled, and may take longer than anybody waits.
  const limited = limitedBy(signal);
  const found = await Promise.race([lookup(hostname, { all: true }), whenAborted(limited)]);
  signal.throwIfAborted();
  if (found === undefined) throw Object.assign(new Error('No answer.'), { code: 'EAI_AGAIN' });
  return found.map(({ address }) => address);
}

export type TcpResult =
  { readonly state: 'accepted' } | { readonly state: 'refused' | 'silent'; readonly code: string };

/** Whether something accepts connections there. `refused`: the machine said no; `silent`: it said nothing, or cannot be reached. */
export async function tryTcp(address: string, port: number, signal: AbortSignal): Promise<TcpResult> {
  const socket = net.connect({ host: address, port });
  const code = await opened(socket, 'connect', signal);
  socket.destroy();
  signal.throwIfAborted();
  if (code === undefined) return { state: 'accepted' };
  return { state: code === 'ECONNREFUSED' ? 'refused' : 'silent', code };
}

export interface Certificate {
  readonly subject: string;
  readonly issuer: string;
  /** As in the certificate: `Nov 24 06:00:00 2026 GMT`. */
  readonly validFrom: string;
  readonly validTo: string;
  /** SHA-256, in pairs of hexadecimal digits with colons. */
  readonly fingerprint: string;
  /** The names that it is for. */
  readonly names: readonly string[];
}

export type TlsResult =
  | {
      readonly state: 'agreed';
      readonly protocol: string;
      readonly certificate: Certificate;
      /** Why Node by itself does not trust it; undefined when it does. */
      readonly distrust: string | undefined;
    }
  | { readonly state: 'failed'; readonly code: string };

/** Opens a TLS connection to read the certificate, whoever signed it, and closes it again. */
export async function readTls(hostname: string, port: number, signal: AbortSignal): Promise<TlsResult> {
  const socket = tls.connect({
    host: hostname,
    port,
    // Nothing is sent over it, so an untrusted one does no harm; trust is what the report tells.
    rejectUnauthorized: false,
    // An IP address is no server name (RFC 6066).
    ...(net.isIP(hostname) ? {} : { servername: hostname }),
  });
  const code = await opened(socket, 'secureConnect', signal);
  signal.throwIfAborted();
  if (code !== undefined) {
    socket.destroy();
    return { state: 'failed', code };
  }
  const certificate = describeCertificate(socket.getPeerCertificate());
  const distrust = socket.authorized ? undefined : codeOf(socket.authorizationError);
  const protocol = socket.getProtocol() ?? 'TLS';
  socket.destroy();
  return { state: 'agreed', protocol, certificate, distrust };
}

function describeCertificate(peer: tls.PeerCertificate): Certificate {
  const name = (fields: tls.Certificate | undefined) => {
    const { CN, O } = (fields ?? {}) as { CN?: string | string[]; O?: string | string[] };
    return [CN ?? [], O ?? []].flat().join(', ') || 'without a name';
  };
  return {
    subject: name(peer.subject),
    issuer: name(peer.issuer),
    validFrom: peer.valid_from,
    validTo: peer.valid_to,
    fingerprint: peer.fingerprint256,
    names: (peer.subjectaltname ?? '').split(', ').map((entry) => entry.replace(/^[^:]*:/, '')),
  };
}

/** Undefined once the socket is open, else the code of what went wrong. */
async function opened(socket: net.Socket, event: string, signal: AbortSignal): Promise<string | undefined> {
  // An error after the one that is told would have no listener.
  socket.on('error', () => undefined);
  try {
    await once(socket, event, { signal: limitedBy(signal) });
    return undefined;
  } catch (error) {
    socket.destroy();
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'AbortError') return 'ETIMEDOUT';
  return (error as NodeJS.ErrnoException).code ?? error.message;
}

function limitedBy(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }));
}
