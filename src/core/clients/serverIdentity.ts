import type { BackendError } from './errors.ts';
import { isLoading } from './failureRules.ts';
import { toBackendError } from './failures.ts';
import type { BackendStatus } from './llmClient.ts';
import { askJson, askIfThere, besideV1, knownBaseUrl, type OpenAIStyleEndpoint } from './openaiStyle.ts';
import { listModels, type OpenAIStyleModel } from './openaiStyleModels.ts';

/** Which server really answers at an OpenAI-style address, by positive signs only: some servers answer every path with 200. */

export type ServerName = 'vLLM' | 'llama-server' | 'SGLang' | 'LM Studio' | 'TGI' | 'LiteLLM' | 'Ollama';

export interface ServerIdentity {
  /** Left out: one that is like any other. */
  readonly server?: ServerName;
  readonly version?: string;
}

interface Sign {
  readonly server: ServerName;
  /** What its model list calls the owner of the models. */
  readonly owner?: string;
  /** Where it says more of itself. */
  readonly path: string;
  /** Whether only this server answers so there; left out where its owner tells. */
  readonly isIts?: (answer: unknown) => boolean;
  /** The field there with the version. */
  readonly version?: string;
}

/** In the order in which they count: KoboldCpp, for one, answers as Ollama too. */
const signs: readonly Sign[] = [
  { server: 'vLLM', owner: 'vllm', path: '/version', version: 'version' },
  { server: 'SGLang', owner: 'sglang', path: '/server_info', version: 'version' },
  {
    server: 'llama-server',
    owner: 'llamacpp',
    path: '/props',
    isIts: (answer) => has(answer, 'default_generation_settings') || has(answer, 'build_info'),
    version: 'build_info',
  },
  {
    server: 'LM Studio',
    owner: 'organization_owner',
    path: '/api/v1/models',
    isIts: (answer) => has(answer, 'models') && hasFirst(answer.models, 'loaded_instances'),
  },
  {
    // Before 0.4.
    server: 'LM Studio',
    path: '/api/v0/models',
    isIts: (answer) => has(answer, 'data') && hasFirst(answer.data, 'state'),
  },
  {
    server: 'TGI',
    path: '/info',
    isIts: (answer) => has(answer, 'model_id') && has(answer, 'max_total_tokens'),
    version: 'version',
  },
  { server: 'LiteLLM', path: '/health/liveliness', isIts: (answer) => answer === "I'm alive!" },
  {
    server: 'Ollama',
    owner: 'library',
    path: '/api/version',
    isIts: (answer) => has(answer, 'version'),
    version: 'version',
  },
];

function has<Name extends string>(value: unknown, name: Name): value is { readonly [key in Name]: unknown } {
  return typeof value === 'object' && value !== null && name in value;
}

function hasFirst(list: unknown, name: string): boolean {
  return Array.isArray(list) && has(list[0], name);
}

/** Looks at the server anew. Never throws for one that is down: that is a status. */
export async function probeOpenAIStyle(endpoint: OpenAIStyleEndpoint, signal: AbortSignal): Promise<BackendStatus> {
  const { backend, baseUrl, transport } = endpoint;
  try {
    const models = await listModels(endpoint, signal);
    const { server, version } = await lookAt(endpoint, models, signal);
    const apiUrl = knownBaseUrl(endpoint);
    return {
      state: 'ready',
      server: server ?? (isOpenAI(baseUrl) ? 'OpenAI' : 'an OpenAI-compatible server'),
      ...(version ? { version } : {}),
      modelIds: models.map((model) => model.id),
      ...(apiUrl === baseUrl ? {} : { detail: `Its API is at ${apiUrl}.` }),
    };
  } catch (thrown) {
    signal.throwIfAborted();
    const error = toBackendError(thrown, backend);
    transport.host.log.debug(`probe ${baseUrl}: ${error.kind}`);
    return statusOf(error);
  }
}

/** What a server that fails says of itself. */
export function statusOf(error: BackendError): BackendStatus {
  return isStillLoading(error)
    ? { state: 'loading', server: 'llama-server', detail: error.message }
    : unavailable(error);
}

function isOpenAI(baseUrl: string): boolean {
  return new URL(baseUrl).hostname === 'api.openai.com';
}

export function unavailable(error: BackendError): BackendStatus {
  return { state: 'unavailable', reason: error.message, hint: error.hint };
}

/**
 * Who answers, as it is known or can be found out.
 * @throws BackendError
 */
export async function identityOf(
  endpoint: OpenAIStyleEndpoint,
  models: readonly OpenAIStyleModel[] | undefined,
  signal: AbortSignal,
): Promise<ServerIdentity> {
  const known = endpoint.memory.server(endpoint.baseUrl).identity;
  return known ?? lookAt(endpoint, models ?? (await listModels(endpoint, signal)), signal);
}

/**
 * Looks anew, by the list of its models and by what it has beside it.
 * @throws BackendError when it is still loading its model
 */
export async function lookAt(
  endpoint: OpenAIStyleEndpoint,
  models: readonly Pick<OpenAIStyleModel, 'owned_by'>[],
  signal: AbortSignal,
): Promise<ServerIdentity> {
  const { memory, baseUrl } = endpoint;
  // Beside its API OpenAI has nothing that tells.
  if (endpoint.backend === 'openai') return {};
  const owner = models[0]?.owned_by;
  const owning = signs.find((sign) => sign.owner !== undefined && sign.owner === owner);
  const identity = owning
    ? withVersion(owning, await ask(endpoint, owning, signal))
    : await firstRecognised(endpoint, signal);
  const known = memory.server(baseUrl);
  // What another server refused says nothing about this one.
  if (known.identity && known.identity.server !== identity.server) memory.forget(baseUrl);
  Object.assign(memory.server(baseUrl), known, { identity });
  return identity;
}

async function firstRecognised(endpoint: OpenAIStyleEndpoint, signal: AbortSignal): Promise<ServerIdentity> {
  const asked = signs.map(async (sign) => ({
    sign,
    answer: sign.isIts ? await askIfThere(endpoint, sign.path, signal) : undefined,
  }));
  const found = (await Promise.all(asked)).find(({ sign, answer }) => sign.isIts?.(answer));
  return found ? withVersion(found.sign, found.answer) : {};
}

/** A version is worth a line in a list, not a failure: but a llama-server that lists its model may still be loading it. */
async function ask(endpoint: OpenAIStyleEndpoint, { path }: Sign, signal: AbortSignal): Promise<unknown> {
  try {
    return await askJson(endpoint, besideV1(endpoint, path), signal);
  } catch (thrown) {
    const error = toBackendError(thrown, endpoint.backend);
    if (isStillLoading(error)) throw error;
    return undefined;
  }
}

function isStillLoading(error: BackendError): boolean {
  return error.status === 503 && isLoading(error.serverMessage);
}

function withVersion({ server, version: field }: Sign, answer: unknown): ServerIdentity {
  const version = field !== undefined && has(answer, field) ? answer[field] : undefined;
  return typeof version === 'string' ? { server, version } : { server };
}
