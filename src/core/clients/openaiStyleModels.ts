import { BackendError } from './errors.ts';
import type { ModelInfo } from './llmClient.ts';
import { askJson, atBaseUrl, type OpenAIStyleEndpoint } from './openaiStyle.ts';

/** An entry of `/v1/models`. Everything but the id depends on the server. */
export interface OpenAIStyleModel {
  readonly id: string;
  readonly owned_by?: string;
  /** vLLM and SGLang. Absent for vLLM's LoRA adapters. */
  readonly max_model_len?: number;
  /** vLLM: the repository or folder that it was started with, whatever name it serves it by. */
  readonly root?: string | null;
  /** vLLM: the model that a LoRA adapter belongs to. */
  readonly parent?: string | null;
  /** llama-server; null while it loads, absent for a model that its router has not loaded. `n_ctx` is that of one slot. */
  readonly meta?: {
    readonly n_ctx?: number;
    readonly n_ctx_train?: number;
    readonly size?: number;
    readonly ftype?: string;
  } | null;
  /** llama-server as a router of several models: `unloaded`, `loading`, `loaded`, `sleeping`, `downloading`. */
  readonly status?: { readonly value?: string };
}

/** @throws BackendError */
export function listModels(endpoint: OpenAIStyleEndpoint, signal: AbortSignal): Promise<readonly OpenAIStyleModel[]> {
  return atBaseUrl(endpoint, async (baseUrl) => {
    const data = ((await askJson(endpoint, `${baseUrl}/models`, signal)) as { data?: unknown } | null)?.data;
    // `{"data": null}` is how some gateways say "none"; a server that answers any path with 200 has no list at all.
    if (data === null) return [];
    if (!Array.isArray(data)) throw noModelList(endpoint, baseUrl);
    return data.filter(
      (entry): entry is OpenAIStyleModel => typeof (entry as { id?: unknown } | null)?.id === 'string',
    );
  });
}

/** With what the list itself says. */
export function toModelInfo(model: OpenAIStyleModel, all: readonly OpenAIStyleModel[]): ModelInfo {
  const base = model.parent ? all.find((candidate) => candidate.id === model.parent) : undefined;
  const basedOn = base?.root ?? base?.id ?? model.root;
  const contextWindowTokens = model.max_model_len ?? base?.max_model_len ?? model.meta?.n_ctx;
  return {
    id: model.id,
    ...(basedOn && basedOn !== model.id ? { basedOn } : {}),
    ...(contextWindowTokens ? { contextWindowTokens } : {}),
    ...(model.meta?.n_ctx_train ? { trainedContextTokens: model.meta.n_ctx_train } : {}),
    ...(model.meta?.size ? { sizeBytes: model.meta.size } : {}),
    ...(model.meta?.ftype ? { quantization: model.meta.ftype } : {}),
  };
}

function noModelList({ backend, transport }: OpenAIStyleEndpoint, baseUrl: string): BackendError {
  return new BackendError({
    kind: 'notAModelServer',
    backend,
    message: `${baseUrl} gives no list of models.`,
    hint: `Check ${transport.urlSetting}: another kind of server may be listening there.`,
    nextStep: { do: 'openSetting', key: transport.urlSetting },
  });
}
