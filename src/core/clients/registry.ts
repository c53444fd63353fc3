import { EngineProcess } from '../embedded/engineProcess.ts';
import type { CoreHost } from '../host.ts';
import { abortable } from '../util/abortable.ts';
import { configuredModel, type Settings } from '../settings/settings.ts';
import { createAnthropicClient } from './anthropic.ts';
import type { ClientContext } from './clientContext.ts';
import { createEmbeddedClient } from './embedded.ts';
import { BackendError } from './errors.ts';
import { type BackendId, type BackendStatus, type LLMClient } from './llmClient.ts';
import { createOllamaClient } from './ollama.ts';
import { createOpenAIClient } from './openai.ts';
import { createOpenAICompatibleClient, usualUrls } from './openaiCompatible.ts';
import { ServerMemory } from './serverMemory.ts';
import { createVllmClient } from './vllm.ts';

/** A client and the model to ask it for, with the reason in a sentence. */
export interface Choice {
  readonly client: LLMClient;
  readonly model: string;
  readonly reason: string;
  /** It answers for another, which is still loading: whoever asks is told the reason. */
  readonly isStandIn?: true;
  /** The model’s context window, where whoever chose knows it. */
  readonly contextTokens?: number;
}

type ClientChoice = Omit<Choice, 'model'>;

/** What was found when everything was looked at. */
export interface Finding {
  readonly client: LLMClient;
  readonly status: BackendStatus;
  /** Nothing was sent there: the user would have had to be asked first. */
  readonly isUnasked?: true;
}

/** `auto` decides within this time: a server on this machine answers in a few milliseconds, one on the network within some hundred. */
const detectionLimitMs = 700;

/**
 * From a backend's id to its client, and from `auto` to a backend. Owns the embedded engine's process.
 */
export class BackendRegistry {
  readonly #host: CoreHost;
  readonly #engine: EngineProcess;
  readonly #memory = new ServerMemory();
  /** What `auto` chose, kept until the settings change or a request contradicts it. */
  #detected: { readonly settingsKey: string; readonly found: ClientChoice } | undefined;

  constructor(host: CoreHost) {
    this.#host = host;
    this.#engine = new EngineProcess(host);
  }

  dispose(): void {
    this.#engine.dispose();
  }

  client(backend: BackendId, settings: Settings): LLMClient {
    const context = this.#context(settings);
    switch (backend) {
      case 'ollama':
        return createOllamaClient(context);
      case 'vllm':
        return createVllmClient(context);
      case 'openai-compatible':
        return createOpenAICompatibleClient(settings.openaiCompatibleUrl || usualUrls[0] || '', context);
      case 'embedded':
        return createEmbeddedClient({ ...context, engine: this.#engine });
      case 'openai':
        return createOpenAIClient(context);
      case 'anthropic':
        return createAnthropicClient(context);
    }
  }

  /**
   * Who answers the next request, and with which model.
   * @throws BackendError when there is nobody, or no model
   */
  async choose(settings: Settings, signal: AbortSignal): Promise<Choice> {
    const found = await this.chooseClient(settings, signal);
    const { client } = found;
    const configured = configuredModel(settings, client.backend);
    if (configured) return { ...found, model: configured };
    // An embedding model would only refuse.
    const models = (await client.listModels(signal)).filter(({ capabilities }) => capabilities?.chat !== false);
    const model = models.find((candidate) => candidate.loaded) ?? models[0];
    if (!model) throw noModels(client);
    return { ...found, model: model.id };
  }

  /** To be told of every failure: one that says that the server is gone or another makes `auto` look again. */
  contradict(error: BackendError): void {
    const contradictions: readonly string[] = [
      'notRunning',
      'unreachable',
      'dns',
      'notAModelServer',
      'wrongScheme',
      'gateway',
    ];
    if (contradictions.includes(error.kind)) this.#detected = undefined;
  }

  /** Looks at every backend at once, for a list that a person reads. Quietly: nobody asked for it, so that nobody is asked for leave either. */
  async survey(
    settings: Settings,
    signal: AbortSignal,
    { isQuiet = false }: { readonly isQuiet?: boolean } = {},
  ): Promise<readonly Finding[]> {
    const chosen = settings.backend === 'openai' || settings.backend === 'anthropic' ? [settings.backend] : [];
    const clients = [...this.#candidates(settings), ...chosen.map((backend) => this.client(backend, settings))];
    return Promise.all(
      clients.map(async (client): Promise<Finding> => {
        if (isQuiet && this.#mustAsk(client)) return { client, status: unaskedStatus(client), isUnasked: true };
        return { client, status: await this.#probe(client, 2000, signal) };
      }),
    );
  }

  /** The origins that the user would be asked about before a request with these settings is made. */
  unasked(settings: Settings): readonly string[] {
    const unasked = this.#possible(settings).filter((client) => this.#mustAsk(client));
    return [...new Set(unasked.map(({ endpoint }) => new URL(endpoint).origin))];
  }

  /** @throws BackendError when there is nobody */
  async chooseClient(settings: Settings, signal: AbortSignal): Promise<ClientChoice> {
    const possible = this.#possible(settings);
    if (settings.backend !== 'auto') {
      const [client, second] = possible;
      if (!client || second) return this.#firstReady(possible, settings, signal);
      return { client, reason: `a2ia.backend is ${settings.backend}.` };
    }
    const settingsKey = detectionKey(settings);
    if (this.#detected?.settingsKey === settingsKey) return this.#detected.found;
    const found = await this.#firstReady(possible, settings, signal);
    // The embedded model answers for want of a server: one may be started any time. One that loads will soon be there.
    if (found.client.backend !== 'embedded' && !found.isStandIn) this.#detected = { settingsKey, found };
    this.#host.log.info(`auto: ${found.client.backend} at ${found.client.endpoint}. ${found.reason}`);
    return found;
  }

  /**
   * All are asked at once, and the first in order that is ready is taken as soon as all before it have said no. One that has the configured model comes
   * before one that has not. One that answers in place of a server that is still loading says so.
   */
  async #firstReady(candidates: readonly LLMClient[], settings: Settings, signal: AbortSignal): Promise<ClientChoice> {
    signal.throwIfAborted();
    const asked = candidates.map((client) => ({ client, status: this.#probe(client, detectionLimitMs, signal) }));
    // Of those that nobody waits for any more.
    for (const { status } of asked) status.catch(() => undefined);
    let second: ClientChoice | undefined;
    let loading: Loading | undefined;
    const refusals: string[] = [];
    for (const { client, status: pending } of asked) {
      const status = await pending;
      if (status.state === 'loading') {
        loading ??= { client, server: status.server };
        continue;
      }
      if (status.state === 'unavailable') {
        refusals.push(status.reason);
        continue;
      }
      if (status.modelIds.length === 0) {
        refusals.push(`${status.server} at ${client.endpoint} has no model.`);
        continue;
      }
      // Who has a server that will answer soon is not asked whether to fetch a model.
      if (loading && status.needsDownload) continue;
      const found = loading ? standIn(client, status, loading) : { client, reason: foundReason(client, status) };
      const wanted = configuredModel(settings, client.backend);
      if (!wanted || status.modelIds.some((id) => id === wanted || id === `${wanted}:latest`)) return found;
      second ??= found;
    }
    signal.throwIfAborted();
    if (second) return second;
    throw loading ? stillLoading(loading) : nobodyThere(refusals);
  }

  /** Who may answer with these settings, in the order of preference. */
  #possible(settings: Settings): readonly LLMClient[] {
    if (settings.backend === 'auto') return this.#candidates(settings);
    return settings.backend === 'openai-compatible'
      ? this.#usualServers(settings)
      : [this.client(settings.backend, settings)];
  }

  #mustAsk({ backend, endpoint }: LLMClient): boolean {
    return backend !== 'embedded' && this.#host.mustAsk(new URL(endpoint).origin);
  }

  /** In the order of preference: what the user gave an address for first, the embedded model last. */
  #candidates(settings: Settings): readonly LLMClient[] {
    const servers: (readonly [key: string, clients: readonly LLMClient[]])[] = [
      ['a2ia.ollamaUrl', [this.client('ollama', settings)]],
      ['a2ia.vllmUrl', [this.client('vllm', settings)]],
      ['a2ia.openaiCompatibleUrl', this.#usualServers(settings)],
    ];
    const named = servers.filter(([key]) => settings.explicit.has(key));
    const others = servers.filter(([key]) => !settings.explicit.has(key));
    return [...[...named, ...others].flatMap(([, clients]) => clients), this.client('embedded', settings)];
  }

  #context(settings: Settings): ClientContext {
    return { settings, host: this.#host, memory: this.#memory };
  }

  /** The user's answer to whether a server may be asked at all takes its own time. */
  async #probe(client: LLMClient, limitMs: number, signal: AbortSignal): Promise<BackendStatus> {
    if (client.backend !== 'embedded') await abortable(this.#host.mayContact(new URL(client.endpoint).origin), signal);
    return probeWithin(client, limitMs, signal);
  }

  #usualServers(settings: Settings): readonly LLMClient[] {
    const urls = settings.openaiCompatibleUrl ? [settings.openaiCompatibleUrl] : usualUrls;
    return urls.map((url) => createOpenAICompatibleClient(url, this.#context(settings)));
  }
}

/** A server that is there, but cannot answer yet. */
interface Loading {
  readonly client: LLMClient;
  readonly server: string;
}

async function probeWithin(client: LLMClient, limitMs: number, signal: AbortSignal): Promise<BackendStatus> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  try {
    return await client.probe(limited);
  } catch (error) {
    if (!limited.aborted) throw error;
    const reason = `${client.endpoint} did not answer within ${limitMs / 1000} s.`;
    return {
      state: 'unavailable',
      reason,
      hint: 'Check that the server is not stuck, or choose the backend in a2ia.backend.',
    };
  }
}

function unaskedStatus({ endpoint }: LLMClient): BackendStatus {
  return { state: 'unavailable', reason: `Nothing was sent to ${endpoint} yet.`, hint: 'This workspace names it.' };
}

function foundReason(client: LLMClient, status: BackendStatus & { state: 'ready' }): string {
  const version = status.version ? ` ${status.version}` : '';
  return client.backend === 'embedded'
    ? 'No model server was found, so the embedded model answers.'
    : `${status.server}${version} answers at ${client.endpoint}.`;
}

function standIn(client: LLMClient, status: BackendStatus & { state: 'ready' }, loading: Loading): ClientChoice {
  const who = client.backend === 'embedded' ? 'the embedded model' : `${status.server} at ${client.endpoint}`;
  const reason = `${loading.server} at ${loading.client.endpoint} is still loading, so ${who} answers until then.`;
  return { client, reason, isStandIn: true };
}

/** What `auto` depends on. */
function detectionKey(settings: Settings): string {
  const { ollamaUrl, vllmUrl, openaiCompatibleUrl, model, models, embedded, explicit } = settings;
  return JSON.stringify([ollamaUrl, vllmUrl, openaiCompatibleUrl, model, models, embedded, [...explicit].sort()]);
}

function noModels(client: LLMClient): BackendError {
  const hint =
    client.backend === 'ollama'
      ? 'Fetch one, for example: ollama pull qwen2.5-coder:7b'
      : 'Start the server with a model.';
  return new BackendError({
    kind: 'modelNotFound',
    backend: client.backend,
    message: `${client.endpoint} has no model.`,
    hint,
  });
}

function stillLoading({ client, server }: Loading): BackendError {
  return new BackendError({
    kind: 'overloaded',
    backend: client.backend,
    message: `${server} at ${client.endpoint} is still loading its model.`,
    hint: 'Wait a moment and ask again.',
    retryable: true,
    nextStep: { do: 'retry' },
  });
}

function nobodyThere(refusals: readonly string[]): BackendError {
  return new BackendError({
    kind: 'notRunning',
    message: ['No model server was found.', ...refusals].join(' '),
    hint: 'Start a server (ollama serve), or give its address in a2ia.ollamaUrl, a2ia.vllmUrl or a2ia.openaiCompatibleUrl.',
    nextStep: { do: 'startServer', command: 'ollama serve' },
  });
}
