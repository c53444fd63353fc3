import { BackendError } from './errors.ts';
import type { ModelCapabilities, ModelInfo } from './llmClient.ts';
import { askIfThere, askJson, besideV1, type OpenAIStyleEndpoint } from './openaiStyle.ts';
import type { OpenAIStyleModel } from './openaiStyleModels.ts';

/** What LM Studio has beside OpenAI's API, by its documents of 0.4 (`/api/v1`) and 0.3 (`/api/v0`). */

interface Model {
  readonly key: string;
  readonly type?: string;
  readonly display_name?: string;
  readonly size_bytes?: number;
  readonly quantization?: { readonly name?: string } | null;
  /** What the model can have; an instance may have less. */
  readonly max_context_length?: number;
  readonly loaded_instances?: readonly Instance[];
  readonly capabilities?: { readonly vision?: boolean; readonly trained_for_tool_use?: boolean };
}

interface Instance {
  readonly id: string;
  readonly config?: { readonly context_length?: number };
}

interface OldModel {
  readonly id: string;
  readonly type?: string;
  readonly quantization?: string;
  readonly state?: string;
  readonly max_context_length?: number;
  readonly loaded_context_length?: number;
  readonly capabilities?: readonly string[];
}

/** Asks once for all of them. */
export async function describeLmStudioModels(
  endpoint: OpenAIStyleEndpoint,
  models: readonly OpenAIStyleModel[],
  signal: AbortSignal,
): Promise<readonly ModelInfo[]> {
  const known = await nativeModels(endpoint, signal);
  if (known) {
    return models.map(({ id }) => {
      const model = known.find(
        ({ key, loaded_instances }) => key === id || loaded_instances?.some((it) => it.id === id),
      );
      return model ? toInfo(id, model) : { id };
    });
  }
  const answer = (await askIfThere(endpoint, '/api/v0/models', signal)) as { readonly data?: unknown } | undefined;
  const old = Array.isArray(answer?.data) ? (answer.data as readonly OldModel[]) : [];
  return models.map(({ id }) => {
    const model = old.find((candidate) => candidate.id === id);
    return model ? oldToInfo(model) : { id };
  });
}

/** @throws BackendError */
export async function loadInLmStudio(endpoint: OpenAIStyleEndpoint, model: string, signal: AbortSignal): Promise<void> {
  await command(endpoint, '/api/v1/models/load', { model }, signal);
}

/** All of its instances. @throws BackendError */
export async function unloadInLmStudio(
  endpoint: OpenAIStyleEndpoint,
  model: string,
  signal: AbortSignal,
): Promise<void> {
  const instances = (await nativeModels(endpoint, signal))?.flatMap(({ key, loaded_instances }) =>
    (loaded_instances ?? []).filter(({ id }) => key === model || id === model),
  );
  for (const { id } of instances ?? []) await command(endpoint, '/api/v1/models/unload', { instance_id: id }, signal);
}

/** Undefined before 0.4. */
async function nativeModels(endpoint: OpenAIStyleEndpoint, signal: AbortSignal): Promise<readonly Model[] | undefined> {
  const answer = (await askIfThere(endpoint, '/api/v1/models', signal)) as { readonly models?: unknown } | undefined;
  return Array.isArray(answer?.models) ? (answer.models as readonly Model[]) : undefined;
}

/** A version that does not have the command answers 200 and an `error`. */
async function command(endpoint: OpenAIStyleEndpoint, path: string, body: object, signal: AbortSignal): Promise<void> {
  const answer = (await askJson(endpoint, besideV1(endpoint, path), signal, body)) as { readonly error?: unknown };
  if (answer?.error === undefined) return;
  throw new BackendError({
    kind: 'unsupported',
    backend: endpoint.backend,
    message: 'This LM Studio cannot load or unload models by request.',
    hint: 'Update it to 0.4 or newer, or do it in LM Studio itself.',
  });
}

function toInfo(id: string, model: Model): ModelInfo {
  const { display_name, size_bytes, quantization, max_context_length, loaded_instances = [], capabilities } = model;
  const instance = loaded_instances.find((candidate) => candidate.id === id) ?? loaded_instances[0];
  const contextWindowTokens = instance?.config?.context_length;
  return {
    id,
    ...(display_name ? { displayName: display_name } : {}),
    ...(size_bytes ? { sizeBytes: size_bytes } : {}),
    ...(quantization?.name ? { quantization: quantization.name } : {}),
    ...(max_context_length ? { trainedContextTokens: max_context_length } : {}),
    ...(contextWindowTokens ? { contextWindowTokens } : {}),
    loaded: instance !== undefined,
    capabilities: {
      ...chatBy(model.type),
      ...(capabilities?.trained_for_tool_use === undefined ? {} : { tools: capabilities.trained_for_tool_use }),
      ...(capabilities?.vision === undefined ? {} : { images: capabilities.vision }),
    },
  };
}

function oldToInfo({ id, type, quantization, state, capabilities, ...lengths }: OldModel): ModelInfo {
  return {
    id,
    ...(quantization ? { quantization } : {}),
    ...(lengths.max_context_length ? { trainedContextTokens: lengths.max_context_length } : {}),
    ...(lengths.loaded_context_length ? { contextWindowTokens: lengths.loaded_context_length } : {}),
    loaded: state === 'loaded',
    capabilities: {
      ...chatBy(type),
      ...(capabilities ? { tools: capabilities.includes('tool_use') } : {}),
      ...(type ? { images: type === 'vlm' } : {}),
    },
  };
}

/** `llm`, `vlm`, `embedding`, `embeddings`. */
function chatBy(type: string | undefined): ModelCapabilities {
  return type === undefined ? {} : { chat: type === 'llm' || type === 'vlm' };
}
