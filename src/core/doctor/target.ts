import type { BackendError } from '../clients/errors.ts';
import { toBackendError } from '../clients/failures.ts';
import type { BackendId, LLMClient } from '../clients/llmClient.ts';
import type { BackendRegistry } from '../clients/registry.ts';
import type { CoreHost } from '../host.ts';
import type { SettingProblem, SettingReader, Settings } from '../settings/settings.ts';
import type { Situation } from './situation.ts';

export type ServerBackend = Exclude<BackendId, 'embedded'>;

export const urlSettings: Readonly<Record<ServerBackend, string>> = {
  ollama: 'a2ia.ollamaUrl',
  vllm: 'a2ia.vllmUrl',
  'openai-compatible': 'a2ia.openaiCompatibleUrl',
  openai: 'a2ia.openaiUrl',
  anthropic: 'a2ia.anthropicUrl',
};

export interface ProxyInUse {
  readonly url: URL;
  /** What names it: `HTTPS_PROXY`, `http.proxy`. */
  readonly source: string;
  /** Where addresses are kept that need none: `NO_PROXY`, `http.noProxy`. */
  readonly exclusions: string;
}

export interface CheckOptions {
  readonly settings: Settings;
  /** The values that could not be used. */
  readonly problems: readonly SettingProblem[];
  /** The settings as somebody wrote them. */
  readonly given: SettingReader;
  readonly host: CoreHost;
  readonly situation: Situation;
  /** The proxy that carries requests to this address, as far as it can be known. */
  proxyFor(url: URL): Promise<ProxyInUse | undefined>;
}

/** One server to check. */
export interface Target {
  readonly client: LLMClient;
  readonly backend: ServerBackend;
  readonly url: URL;
  readonly urlSetting: string;
  /** The user named this backend, so that it may be asked for a token. */
  readonly isChosen: boolean;
  readonly proxy: ProxyInUse | undefined;
  /** For looks at what else may be there. Has learnt nothing about any server yet. */
  readonly registry: BackendRegistry;
  readonly options: CheckOptions;
}

/** `http://host:8000`, with its path if it has one; no credentials, no query. */
export function shownUrl(url: URL): string {
  return url.origin + url.pathname.replace(/\/$/, '');
}

export function portOf(url: URL): number {
  return Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
}

/** As the network's functions take it: an IPv6 address without its brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** The same address with another host; the port is the one that was tried. */
export function withHost(url: URL, host: string): string {
  const other = new URL(url.href);
  other.hostname = host.includes(':') ? `[${host}]` : host;
  return shownUrl(other);
}

/** A setting keeps the request from being sent, such as a file of certificates that is not there. A key that cannot be one is not meant. */
export function isUnusableSetting({ kind, nextStep }: BackendError): boolean {
  return kind === 'config' && nextStep.do !== 'enterKey';
}

/** The failure of a real request; undefined when it succeeds. */
export async function failureOf(client: LLMClient, signal: AbortSignal): Promise<BackendError | undefined> {
  try {
    await client.listModels(signal);
    return undefined;
  } catch (thrown) {
    signal.throwIfAborted();
    return toBackendError(thrown, client.backend);
  }
}
