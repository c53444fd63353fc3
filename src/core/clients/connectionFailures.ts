import { isLoopback } from '../util/loopback.ts';
import { BackendError, type BackendErrorKind, type NextStep } from './errors.ts';
import type { FailureContext } from './failures.ts';
import type { BackendId } from './llmClient.ts';

/** From what a socket said to a `BackendError`. */
export function connectionError(context: FailureContext, error: NodeJS.ErrnoException): BackendError {
  const { url, backend, urlSetting } = context;
  const code = connectionCode(error);
  const openSetting: NextStep = { do: 'openSetting', key: urlSetting };
  const make = (kind: BackendErrorKind, message: string, hint: string, nextStep: NextStep = openSetting) =>
    new BackendError({ kind, backend, message, hint, nextStep, cause: error });
  switch (code) {
    case 'ECONNREFUSED':
      return notRunning(context, error);
    case 'ENOTFOUND':
      return make('dns', `There is no machine called ${url.hostname}.`, `Check the name in ${urlSetting}.`);
    case 'EAI_AGAIN':
      return make(
        'dns',
        `The name ${url.hostname} cannot be looked up now.`,
        `Check the network, and the name in ${urlSetting}.`,
      );
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'EHOSTDOWN':
    case 'ENETUNREACH':
      return make(
        'unreachable',
        `${url.host} cannot be reached.`,
        `Check the address in ${urlSetting}, the network and the firewall between.`,
      );
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return make('wrongScheme', `${url.host} does not speak https.`, `Change ${urlSetting} to http://${url.host}.`);
    case 'ECONNRESET':
    case 'EPIPE':
      return make(
        'streamCut',
        `${url.host} closed the connection before it answered.`,
        'It may have ended or been restarted: look at its log, and ask again.',
        { do: 'retry' },
      );
    case 'HPE_HEADER_OVERFLOW':
      return make(
        'protocol',
        `${url.host} sent more headers than an answer can have.`,
        `That is no model server: check ${urlSetting}.`,
      );
  }
  if (isHttp2(code, error)) {
    return make(
      'protocol',
      `${url.host} speaks HTTP/2 only.`,
      `A2IA speaks HTTP/1.1: let the server or the proxy in front of it take that too, or change ${urlSetting}.`,
    );
  }
  if (code === 'HPE_INVALID_CONSTANT') return speaksHttps(context, error);
  if (isCertificateCode(code)) {
    return make(
      'tls',
      `The certificate of ${url.host} is not trusted (${code}).`,
      'If that is your server, save its certificate, or its authority’s, as a PEM file and name that in a2ia.caFile.',
      { do: 'openSetting', key: 'a2ia.caFile' },
    );
  }
  if (code.startsWith('HPE_')) {
    return make(
      'protocol',
      `${url.host} sent an answer that is not HTTP (${code}).`,
      `Check ${urlSetting}: another kind of server may be listening there.`,
    );
  }
  return make('unreachable', `The request to ${url.host} failed (${code}).`, `Check ${urlSetting}.`);
}

/** For a request in plain http to a server that speaks TLS. */
export function speaksHttps({ backend, url, urlSetting }: FailureContext, cause?: unknown): BackendError {
  return new BackendError({
    kind: 'wrongScheme',
    backend,
    message: `${url.host} does not answer in plain http.`,
    hint:
      url.protocol === 'http:'
        ? `If it speaks https, change ${urlSetting} to https://${url.host}; else look at the server’s log.`
        : 'Look at the server’s log.',
    nextStep: { do: 'openSetting', key: urlSetting },
    cause,
  });
}

/** With several addresses for one name Node wraps one error per address. */
function connectionCode(error: NodeJS.ErrnoException): string {
  const errors = error instanceof AggregateError ? (error.errors as readonly NodeJS.ErrnoException[]) : [error];
  const code = errors.find((one) => one.code)?.code ?? error.code;
  const chromium = /net::ERR_([A-Z0-9_]+)/.exec(error.message)?.[1];
  return code ?? (chromium ? (chromiumCodes[chromium] ?? chromium) : error.message);
}

/** Where the editor sends requests through Chromium's network stack. */
const chromiumCodes: Readonly<Record<string, string>> = {
  CONNECTION_REFUSED: 'ECONNREFUSED',
  NAME_NOT_RESOLVED: 'ENOTFOUND',
  INTERNET_DISCONNECTED: 'ENETUNREACH',
  NETWORK_CHANGED: 'ENETUNREACH',
  ADDRESS_UNREACHABLE: 'EHOSTUNREACH',
  CONNECTION_TIMED_OUT: 'ETIMEDOUT',
  TIMED_OUT: 'ETIMEDOUT',
  CONNECTION_RESET: 'ECONNRESET',
  CONNECTION_CLOSED: 'ECONNRESET',
  EMPTY_RESPONSE: 'ECONNRESET',
  SSL_PROTOCOL_ERROR: 'EPROTO',
};

/** Node's codes, and Chromium's: `CERT_AUTHORITY_INVALID`, `CERT_COMMON_NAME_INVALID`, … */
function isCertificateCode(code: string): boolean {
  return code.startsWith('ERR_TLS') || code.includes('CERT') || code.includes('UNABLE_TO_');
}

/** By TLS it refuses our protocol. Else it begins with its settings, a frame of type 4 on stream 0, whatever it is asked. */
function isHttp2(code: string, error: Error): boolean {
  if (code.includes('NO_APPLICATION_PROTOCOL')) return true;
  const packet = (error as { rawPacket?: unknown }).rawPacket;
  return Buffer.isBuffer(packet) && packet.length >= 9 && packet[3] === 4 && packet.readUInt32BE(5) === 0;
}

const startCommands: Partial<Record<BackendId, string>> = {
  ollama: 'ollama serve',
  vllm: 'vllm serve <model>',
  'openai-compatible': 'llama-server -m <model.gguf> --port 8080',
};

function notRunning(context: FailureContext, cause: unknown): BackendError {
  const { url, backend, urlSetting } = context;
  const command = startCommands[backend];
  const isLocal = isLoopback(url.hostname);
  const hint =
    isLocal && command
      ? `Start it (${command}), or change ${urlSetting}.`
      : `Start it on ${url.hostname}, or change ${urlSetting}.`;
  return new BackendError({
    kind: 'notRunning',
    backend,
    message: `Nothing listens at ${url.origin}.`,
    hint,
    retryable: true,
    nextStep: isLocal && command ? { do: 'startServer', command } : { do: 'openSetting', key: urlSetting },
    cause,
  });
}
