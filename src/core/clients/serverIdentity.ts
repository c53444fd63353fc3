import type { Log } from '../host.ts';
import { besideV1, listOpenAIStyleModels, type OpenAIStyleEndpoint, type OpenAIStyleModel } from './openaiStyle.ts';
import type { BackendError } from './errors.ts';
import { toBackendError } from './failures.ts';
import type { BackendStatus } from './llmClient.ts';
import { sendJson } from './transport.ts';

/** Which server really answers at an OpenAI-style address, by positive signs only: some servers answer every path with 200. */
export async function probeOpenAIStyle(
  endpoint: OpenAIStyleEndpoint,
  log: Log,
  signal: AbortSignal,
): Promise<BackendStatus> {
  let models: readonly OpenAIStyleModel[];
  try {
    models = await listOpenAIStyleModels(endpoint, signal);
  } catch (thrown) {
    signal.throwIfAborted();
    const error = toBackendError(thrown, endpoint.backend);
    log.debug(`probe ${endpoint.baseUrl}: ${error.kind}`);
    return error.kind === 'overloaded'
      ? { state: 'loading', server: 'llama-server', detail: error.message }
      : unavailable(error);
  }
  const identity = await identify(endpoint, models, signal);
  return { state: 'ready', modelIds: models.map((model) => model.id), ...identity };
}

export function unavailable(error: BackendError): BackendStatus {
  return { state: 'unavailable', reason: error.message, hint: error.hint };
}

interface Identity {
  readonly server: string;
  readonly version?: string;
}

async function identify(
  endpoint: OpenAIStyleEndpoint,
  models: readonly OpenAIStyleModel[],
  signal: AbortSignal,
): Promise<Identity> {
  switch (models[0]?.owned_by) {
    case 'vllm':
      return named('vLLM', await field(endpoint, '/version', 'version', signal));
    case 'llamacpp':
      return named('llama-server', await field(endpoint, '/props', 'build_info', signal));
    case 'sglang':
      return named('SGLang', await field(endpoint, '/server_info', 'version', signal));
    case 'library':
      return named('Ollama', await field(endpoint, '/api/version', 'version', signal));
    case 'organization_owner':
      return named('LM Studio', undefined);
    default:
      return named('an OpenAI-compatible server', undefined);
  }
}

function named(server: string, version: string | undefined): Identity {
  return version ? { server, version } : { server };
}

/** A version is worth a line in a list, not a failure. */
async function field(
  endpoint: OpenAIStyleEndpoint,
  path: string,
  name: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const request = { url: besideV1(endpoint, path), method: 'GET', signal };
  const answer = await sendJson(endpoint.transport, request).catch(() => undefined);
  const value = (answer as Record<string, unknown> | undefined)?.[name];
  return typeof value === 'string' ? value : undefined;
}
