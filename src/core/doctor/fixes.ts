import { readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { BackendError } from '../clients/errors.ts';
import { isLoopback } from '../util/loopback.ts';
import { tryTcp, type Certificate } from './reach.ts';
import { failed, type Finding } from './report.ts';
import { surroundingHosts, type Situation } from './situation.ts';
import { hostOf, portOf, withHost, type ServerBackend, type Target } from './target.ts';

/** What to do where nothing listens, for the machine that asks and the server that is meant. */

/** How a server is told to listen on more than its own loopback address. */
const listenEverywhere: Readonly<Record<ServerBackend, string>> = {
  ollama: 'OLLAMA_HOST=0.0.0.0',
  vllm: '--host 0.0.0.0',
  'openai-compatible': '--host 0.0.0.0',
  openai: '',
  anthropic: '',
};

/** `error` is what a request says; `tried` the addresses that refused. */
export async function refusedFinding(
  target: Target,
  error: BackendError,
  tried: readonly string[],
  signal: AbortSignal,
): Promise<Finding> {
  const { url, urlSetting, backend, options } = target;
  const port = portOf(url);
  const openSetting = { do: 'openSetting', key: urlSetting } as const;
  const isHere = isLoopback(url.hostname) || tried.some(isOwnAddress);
  if (isHere) {
    const here = await firstAccepting(
      ['127.0.0.1', '::1'].filter((address) => !tried.includes(address)),
      port,
      signal,
    );
    if (here) {
      const only = here === '::1' ? 'on IPv6 only, at [::1]' : 'at 127.0.0.1 only';
      const widen = isLoopback(url.hostname) ? '' : `, or start the server with ${listenEverywhere[backend]}`;
      const fix = `Port ${port} is open ${only}: change ${urlSetting} to ${withHost(url, here)}${widen}.`;
      return failed(error, fix, openSetting);
    }
    const starting = backend === 'vllm' ? vllmStartingAt(port) : undefined;
    if (starting !== undefined) {
      const fix = `vLLM is running (process ${starting}) and opens its port when the model is loaded: wait, and check again.`;
      return failed(error, fix, { do: 'retry' });
    }
  }
  if (isLoopback(url.hostname)) {
    const outside = await firstAccepting(surroundingHosts(options.situation), port, signal);
    if (outside) {
      const fix = `127.0.0.1 is ${options.situation.where}. On the machine around it port ${port} is open: change ${urlSetting} to ${withHost(url, outside)}.`;
      return failed(error, fix, openSetting);
    }
  }
  return failed(error, [error.hint, ...advice(target, isHere)].join(' '));
}

function advice({ url, backend, options }: Target, isHere: boolean): string[] {
  const sentences: string[] = [];
  if (backend === 'vllm')
    sentences.push(
      'vLLM opens its port only when the model is loaded: if it has just been started, wait and check again.',
    );
  if (isLoopback(url.hostname)) sentences.push(...whereLoopbackIs(options.situation, portOf(url), backend));
  else if (!isHere && listenEverywhere[backend])
    sentences.push(
      `If it runs on ${url.hostname}, it may listen there for that machine alone: start it with ${listenEverywhere[backend]}.`,
    );
  return sentences;
}

/** "127.0.0.1" is another machine than many think. */
function whereLoopbackIs(situation: Situation, port: number, backend: ServerBackend): string[] {
  const { where, machine } = situation;
  const listen = `let it listen everywhere (${listenEverywhere[backend]})`;
  switch (situation.kind) {
    case 'local':
      return [];
    case 'ssh':
      return [
        `127.0.0.1 is ${where}, for A2IA runs there. If the server runs on your own computer, forward its port from there: ssh -R ${port}:127.0.0.1:${port} ${machine}`,
      ];
    case 'wsl':
      return [
        `127.0.0.1 is ${where}, not Windows. If the server runs on Windows, ${listen} and use the address that “ip route show default” names, or set networkingMode=mirrored in .wslconfig.`,
      ];
    case 'container':
      return [
        `127.0.0.1 is ${where}. If the server runs on the machine around it, ${listen} and use http://host.docker.internal:${port} (Docker on Linux needs --add-host=host.docker.internal:host-gateway for it).`,
      ];
    case 'remote':
      return [`127.0.0.1 is ${where}.`];
  }
}

async function firstAccepting(
  hosts: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const host of hosts) {
    if ((await tryTcp(host, port, signal)).state === 'accepted') return host;
  }
  return undefined;
}

function isOwnAddress(address: string): boolean {
  return Object.values(networkInterfaces()).some((entries) => entries?.some((entry) => entry.address === address));
}

/** The process of a vLLM that was started for this port, where processes can be read as files (Linux). */
function vllmStartingAt(port: number): string | undefined {
  return processIds().find((id) => {
    const words = commandLine(id);
    const isVllm = words.some((word, at) => /(^|\/)vllm$/.test(word) && words[at + 1] === 'serve');
    const at = words.indexOf('--port');
    return isVllm && (at < 0 ? '8000' : words[at + 1]) === String(port);
  });
}

function processIds(): readonly string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function commandLine(processId: string): readonly string[] {
  try {
    return readFileSync(`/proc/${processId}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** Between a failed request and a server there may be a proxy that nobody thinks of. */
export async function proxyFix(target: Target, signal: AbortSignal): Promise<string | undefined> {
  const { proxy, url } = target;
  if (!proxy) return undefined;
  const direct = await tryTcp(hostOf(url), portOf(url), signal);
  const through = `Requests to ${url.hostname} go through the proxy ${proxy.url.host} (${proxy.source}).`;
  return direct.state === 'accepted'
    ? `${through} It can be reached without: add ${url.hostname} to ${proxy.exclusions}.`
    : `${through} If ${url.hostname} is in your own network, add it to ${proxy.exclusions}.`;
}

/** A certificate that a request does not trust, named, and what accepts it. */
export function distrustFinding({ url, urlSetting }: Target, certificate: Certificate, code: string): Finding {
  const { subject, issuer, validFrom, validTo, fingerprint, names } = certificate;
  const facts = `Certificate: for ${subject}, issued by ${issuer}, valid from ${validFrom} to ${validTo}, SHA-256 ${fingerprint}.`;
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    const fix = 'Renew it where the server runs, and check the clocks of both machines.';
    return { state: 'failed', detail: `The certificate of ${url.host} is not valid now. ${facts}`, fix };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return {
      state: 'failed',
      detail: `The certificate of ${url.host} is for another name. ${facts}`,
      fix: `Use a name that it is for in ${urlSetting}: ${names.join(', ')}.`,
      nextStep: { do: 'openSetting', key: urlSetting },
    };
  }
  return {
    state: 'failed',
    detail: `Nobody whom this machine trusts vouches for the certificate of ${url.host} (${code}). ${facts}`,
    fix: 'If the fingerprint is the one that the server’s administrator names, save the certificate, or better that of its authority, as a PEM file and give its path in a2ia.caFile.',
    nextStep: { do: 'openSetting', key: 'a2ia.caFile' },
  };
}
