import type { ModelRules, ThinkingTypes } from './anthropicMessages.ts';
import type { ClientContext } from './clientContext.ts';
import type { ModelInfo } from './llmClient.ts';
import type { ServerMemory } from './serverMemory.ts';
import { sendJson, type TransportOptions } from './transport.ts';

/** Where Anthropic's API is, how it takes a key, and which models it has. */

export interface Connection {
  /** Without `/v1`. */
  readonly baseUrl: string;
  readonly transport: TransportOptions;
  readonly memory: ServerMemory;
}

export function anthropicConnection({ settings, host, memory }: ClientContext): Connection {
  const { firstByteTimeoutMs, idleTimeoutMs } = settings;
  const baseUrl = settings.anthropicUrl.replace(/\/v1$/, '');
  return {
    baseUrl,
    transport: {
      backend: 'anthropic',
      host,
      firstByteTimeoutMs,
      idleTimeoutMs,
      urlSetting: 'a2ia.anthropicUrl',
      keyHeaders: keyHeadersFor(new URL(baseUrl)),
    },
    memory,
  };
}

/** The version whose shapes are read; what version 2026-10-21 changed is not among the fields that are used here. */
export const versionHeader = { 'anthropic-version': '2023-06-01' } as const;

/**
 * Anthropic itself refuses an API key that comes as a bearer token ("Invalid bearer token"); vLLM takes nothing else, and LiteLLM and llama-server take both.
 * The key was entered for this one origin, so it may have it twice.
 */
function keyHeadersFor(url: URL): readonly ('authorization' | 'x-api-key')[] {
  return isAnthropic(url) ? ['x-api-key'] : ['x-api-key', 'authorization'];
}

export function isAnthropic({ hostname }: URL): boolean {
  return /(^|\.)anthropic\.com$/.test(hostname);
}

// ---- Models -----------------------------------------------------------------------------------------------------------------------------------------

/** An entry of `/v1/models`, as Anthropic and as the other servers that speak its API fill it. */
export interface AnthropicModel {
  readonly id: string;
  readonly type?: string;
  readonly display_name?: string;
  readonly max_input_tokens?: number | null;
  readonly max_tokens?: number | null;
  readonly capabilities?: {
    readonly image_input?: Support;
    readonly thinking?: Support & {
      readonly types?: { readonly enabled?: Support; readonly adaptive?: Support; readonly disabled?: Support };
    };
  } | null;
  readonly owned_by?: string;
  /** vLLM. */
  readonly max_model_len?: number | null;
  /** llama-server. */
  readonly meta?: { readonly n_ctx?: number; readonly n_ctx_train?: number } | null;
}

interface Support {
  readonly supported?: boolean;
}

/** What it says of each model is remembered for requests. @throws BackendError */
export async function listAnthropicModels(
  { baseUrl, transport, memory }: Connection,
  signal: AbortSignal,
): Promise<readonly AnthropicModel[]> {
  const url = `${baseUrl}/v1/models?limit=1000`;
  const page = await sendJson(transport, { url, method: 'GET', headers: versionHeader, signal });
  const data = (page as { data?: unknown } | null)?.data;
  if (!Array.isArray(data)) return [];
  const models = data.filter(
    (entry): entry is AnthropicModel => typeof (entry as { id?: unknown } | null)?.id === 'string',
  );
  for (const model of models) memory.of(baseUrl, model.id).anthropicRules = rulesOf(model);
  return models;
}

export function toModelInfo(model: AnthropicModel): ModelInfo {
  const contextWindowTokens = windowOf(model);
  const images = model.capabilities?.image_input?.supported;
  const reasoning = model.capabilities?.thinking?.supported;
  const capabilities = {
    ...(images === undefined ? {} : { images }),
    ...(reasoning === undefined ? {} : { reasoning }),
  };
  return {
    id: model.id,
    ...(model.display_name ? { displayName: model.display_name } : {}),
    ...(contextWindowTokens ? { contextWindowTokens } : {}),
    ...(model.meta?.n_ctx_train ? { trainedContextTokens: model.meta.n_ctx_train } : {}),
    ...(Object.keys(capabilities).length > 0 ? { capabilities } : {}),
  };
}

function rulesOf(model: AnthropicModel): ModelRules {
  const contextWindowTokens = windowOf(model);
  const thinkingTypes = thinkingTypesOf(model);
  return {
    ...(model.max_tokens ? { outputTokens: model.max_tokens } : {}),
    ...(contextWindowTokens ? { contextWindowTokens } : {}),
    ...(thinkingTypes ? { thinkingTypes } : {}),
  };
}

function thinkingTypesOf({ capabilities, owned_by }: AnthropicModel): ThinkingTypes | undefined {
  // vLLM 0.32 answers a budget with an internal error unless it was started with a reasoning parser; an effort it takes always.
  if (owned_by === 'vllm') return { enabled: false, adaptive: true, disabled: true };
  const types = capabilities?.thinking?.types;
  if (!types) return undefined;
  return {
    enabled: types.enabled?.supported ?? false,
    adaptive: types.adaptive?.supported ?? false,
    disabled: types.disabled?.supported ?? false,
  };
}

function windowOf(model: AnthropicModel): number | undefined {
  return model.max_input_tokens ?? model.max_model_len ?? model.meta?.n_ctx ?? undefined;
}
