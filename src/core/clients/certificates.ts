import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type https from 'node:https';
import { isIP } from 'node:net';
import tls from 'node:tls';
import { BackendError } from './errors.ts';

export type TlsOptions = Pick<https.RequestOptions, 'ca' | 'checkServerIdentity'>;

/**
 * What makes an https request trust the certificates of a PEM file beside those that are trusted anyway. The file may hold authorities, or the server's own
 * certificate, which then counts under whatever name the server is reached.
 * @throws BackendError of kind `config` when the file cannot be used
 */
export async function trustAlso(caFile: string): Promise<TlsOptions> {
  if (caFile === '') return {};
  const pem = await readFile(caFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw unusable(caFile, error.code === 'ENOENT' ? 'is not there' : `cannot be read (${error.code})`);
  });
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw unusable(caFile, 'holds no certificate in PEM form');
  const pinned = new Set(blocks.map((block) => fingerprintOf(block, caFile)));
  return {
    ca: [...platformAuthorities(), ...blocks],
    checkServerIdentity: (host, certificate) =>
      pinned.has(certificate.fingerprint256) ? undefined : tls.checkServerIdentity(host, certificate),
  };
}

/** Naming authorities switches all others off, those that VS Code adds from the system too. */
function platformAuthorities(): readonly string[] {
  // Since Node 22.15.
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default' | 'system') => string[] };
  return getCACertificates ? [...getCACertificates('default'), ...getCACertificates('system')] : tls.rootCertificates;
}

function fingerprintOf(block: string, caFile: string): string {
  try {
    return new X509Certificate(block).fingerprint256;
  } catch {
    throw unusable(caFile, 'holds a certificate that cannot be read');
  }
}

function unusable(caFile: string, problem: string): BackendError {
  return new BackendError({
    kind: 'config',
    message: `${caFile}, which a2ia.caFile names, ${problem}.`,
    hint: 'Give the whole path of a PEM file, or leave a2ia.caFile empty.',
    nextStep: { do: 'openSetting', key: 'a2ia.caFile' },
  });
}

export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  readonly isSelfSigned: boolean;
  readonly validTo: string;
  /** SHA-256, as `AB:CD:…`. */
  readonly fingerprint: string;
}

const readLimitMs = 5000;

/** Looks at a server's certificate, on a connection of its own over which nothing is sent. Undefined where none can be had. */
export async function readCertificate(url: URL, signal: AbortSignal): Promise<CertificateFacts | undefined> {
  return new Promise((resolve) => {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const socket = tls.connect({
      host,
      port: Number(url.port || (url.protocol === 'http:' ? 80 : 443)),
      // An address is no name to ask for.
      ...(isIP(host) ? {} : { servername: host }),
      rejectUnauthorized: false,
    });
    const end = (facts?: CertificateFacts) => {
      socket.destroy();
      signal.removeEventListener('abort', abandon);
      resolve(facts);
    };
    const abandon = () => end();
    signal.addEventListener('abort', abandon, { once: true });
    socket.setTimeout(readLimitMs, abandon);
    socket.on('error', abandon);
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate();
      end(certificate && factsOf(certificate));
    });
  });
}

function factsOf(certificate: X509Certificate): CertificateFacts {
  const name = (text: string) => /^(?:CN|O)=(.+)$/m.exec(text)?.[1] ?? text.replaceAll('\n', ', ');
  return {
    subject: name(certificate.subject),
    issuer: name(certificate.issuer),
    isSelfSigned: certificate.checkIssued(certificate),
    validTo: certificate.validTo,
    fingerprint: certificate.fingerprint256,
  };
}
