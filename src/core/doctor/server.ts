import { isIP } from 'node:net';
import { BackendError } from '../clients/errors.ts';
import type { BackendId, BackendStatus } from '../clients/llmClient.ts';
import { betterUrl } from './address.ts';
import { proxyFix } from './fixes.ts';
import { readTls } from './reach.ts';
import { failed, passed, type Finding } from './report.ts';
import {
  failureOf,
  hostOf,
  isUnusableSetting,
  portOf,
  shownUrl,
  urlSettings,
  type ServerBackend,
  type Target,
} from './target.ts';

/** A server that is there answers its model list at once; one that is stuck never does. */
const answerLimitMs = 15_000;

export interface ServerCheck {
  readonly finding: Finding;
  readonly status?: BackendStatus & { readonly state: 'ready' };
  /** The server answers, and wants a key or another one. */
  readonly keyError?: BackendError;
}

/** Who really answers there. */
export async function checkServer(target: Target, signal: AbortSignal): Promise<ServerCheck> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(answerLimitMs)]);
  let error: BackendError | undefined;
  try {
    const status = await target.client.probe(limited);
    if (status.state === 'ready') return { finding: identity(target, status), status };
    if (status.state === 'loading') return { finding: loading(status) };
    error = (await failureOf(target.client, limited)) ?? asError(target, status.reason, status.hint);
  } catch (thrown) {
    signal.throwIfAborted();
    if (!limited.aborted) throw thrown;
    const seconds = answerLimitMs / 1000;
    error = asError(
      target,
      `${target.url.host} accepts connections but does not answer within ${seconds} s.`,
      'It is busy or stuck, or speaks another protocol: look at its log.',
    );
  }
  if (isAboutKey(target, error))
    return { finding: passed(`a server answers at ${shownUrl(target.url)}`), keyError: error };
  return { finding: await failure(target, error, signal) };
}

/** Ollama knows no keys: its 403 is about names and origins. */
function isAboutKey({ backend }: Target, error: BackendError): boolean {
  if (error.kind === 'config') return !isUnusableSetting(error);
  return error.kind === 'unauthorized' || (error.kind === 'forbidden' && backend !== 'ollama');
}

function asError({ backend }: Target, message: string, hint: string): BackendError {
  return new BackendError({ kind: 'serverError', backend, message, hint });
}

function loading({ detail }: BackendStatus & { readonly state: 'loading' }): Finding {
  const fix = 'Wait until its log says that the model is loaded, and check again.';
  return { state: 'failed', detail, fix, nextStep: { do: 'retry' } };
}

/** Servers that say of themselves who they are, and the backend that knows each best. */
const knownServers: readonly (readonly [name: RegExp, backend: ServerBackend])[] = [
  [/^Ollama/, 'ollama'],
  [/^vLLM/, 'vllm'],
  [/^(llama-server|LM Studio|SGLang|LiteLLM|TGI)/, 'openai-compatible'],
];

/** The backend that knows this server best. */
export function kindOf({ server }: { readonly server: string }): ServerBackend | undefined {
  return knownServers.find(([name]) => name.test(server))?.[1];
}

function identity({ backend, url, urlSetting }: Target, status: BackendStatus & { readonly state: 'ready' }): Finding {
  const who = [status.server, status.version].filter(Boolean).join(' ');
  const meant = kindOf(status);
  // An OpenAI-compatible address may have any server behind it; Ollama's own API does more than that one.
  const isAnother = meant !== undefined && meant !== backend && !(backend === 'openai-compatible' && meant === 'vllm');
  if (!isAnother) return passed(`${who} answers`);
  return {
    state: 'warning',
    detail: `${who} answers at ${shownUrl(url)}, where ${urlSetting} expects another server.`,
    ...useBackend(meant, url.origin),
  };
}

function useBackend(backend: ServerBackend, address: string): Pick<Finding, 'fix' | 'nextStep'> {
  return {
    fix: `Set a2ia.backend to ${backend} and ${urlSettings[backend]} to ${address}.`,
    nextStep: { do: 'openSetting', key: 'a2ia.backend' },
  };
}

/** Why the request failed, once a connection was there. */
async function failure(target: Target, error: BackendError, signal: AbortSignal): Promise<Finding> {
  const { url, backend, urlSetting } = target;
  const openSetting = { do: 'openSetting', key: urlSetting } as const;
  if (error.kind === 'declined' || error.kind === 'config') return failed(error);
  if (error.kind === 'overloaded') return loading({ state: 'loading', server: '', detail: error.message });
  const byProxy = await proxyFix(target, signal);
  if (byProxy) return failed(error, byProxy, { do: 'openSetting', key: 'http.noProxy' });
  if (url.protocol === 'http:' && (await readTls(hostOf(url), portOf(url), signal)).state === 'agreed') {
    const detail = `${url.host} speaks https, not http.`;
    const secure = shownUrl(new URL(url.href.replace(/^http/, 'https')));
    return { state: 'failed', detail, fix: `Change ${urlSetting} to ${secure}.`, nextStep: openSetting };
  }
  if (error.kind === 'forbidden') return failed(error, ollamaRefuses(url));
  if (error.kind === 'notAModelServer') {
    const other = await whoElse(target, signal);
    if (other && other.backend !== backend) return { ...failed(error), ...useBackend(other.backend, url.origin) };
    const better = betterUrl(backend, url) ?? (other ? url.origin : undefined);
    if (better) return failed(error, `Change ${urlSetting} to ${better}.`, openSetting);
  }
  // LiteLLM without a database answers so to a missing key.
  if (backend === 'openai-compatible' && error.status === 500) {
    const fix = `${error.hint} Some proxies, LiteLLM among them, answer so when a key is missing: enter it with A2IA: Set API Key.`;
    return failed(error, fix, { do: 'enterKey', origin: url.origin });
  }
  return failed(error);
}

/** Its 403 has no body: the name in the request is none that it knows, or the origin that a proxy or a web editor adds. */
function ollamaRefuses(url: URL): string {
  const byName = isIP(hostOf(url))
    ? ''
    : ` It listens on its loopback address and does not know the name ${url.hostname}: use its IP address, or start it with OLLAMA_HOST=0.0.0.0.`;
  return `Ollama refuses requests from here.${byName} If a web page or a proxy asks on your behalf, start it with OLLAMA_ORIGINS set to that origin.`;
}

/** Another server, or the one that was meant, at the root of the same address. */
async function whoElse(
  { registry, options, url, backend }: Target,
  signal: AbortSignal,
): Promise<{ readonly backend: ServerBackend } | undefined> {
  const { settings } = options;
  const origin = url.origin;
  const candidates: readonly BackendId[] = ['ollama', 'openai-compatible'];
  const limited = AbortSignal.any([signal, AbortSignal.timeout(answerLimitMs)]);
  for (const candidate of candidates) {
    const client = registry.client(candidate, { ...settings, ollamaUrl: origin, openaiCompatibleUrl: origin });
    const status = await client.probe(limited).catch(() => undefined);
    signal.throwIfAborted();
    if (status?.state !== 'ready') continue;
    return { backend: kindOf(status) ?? (backend === 'ollama' ? 'openai-compatible' : backend) };
  }
  return undefined;
}
