import { describeLlamaModel } from './llamaServer.ts';
import type { ModelInfo } from './llmClient.ts';
import { describeLmStudioModels } from './lmStudio.ts';
import { askIfThere, type OpenAIStyleEndpoint } from './openaiStyle.ts';
import { listModels, toModelInfo } from './openaiStyleModels.ts';
import { identityOf } from './serverIdentity.ts';

/**
 * The models of an OpenAI-style server with what that very server tells of them, above all the context window that is in use.
 * @throws BackendError
 */
export async function describeModels(
  endpoint: OpenAIStyleEndpoint,
  signal: AbortSignal,
): Promise<readonly ModelInfo[]> {
  const models = await listModels(endpoint, signal);
  const listed = models.map((model) => toModelInfo(model, models));
  const { server } = await identityOf(endpoint, models, signal);
  switch (server) {
    case 'vLLM':
    case 'SGLang':
      // They serve nothing that is not in memory.
      return listed.map((model) => ({ ...model, loaded: true }));
    case 'llama-server':
      return Promise.all(models.map((model) => describeLlamaModel(endpoint, model, signal)));
    case 'LM Studio':
      return describeLmStudioModels(endpoint, models, signal);
    case 'TGI':
      return withTgiInfo(listed, await askIfThere(endpoint, '/info', signal));
    case 'LiteLLM':
      return withLiteLlmInfo(listed, await askIfThere(endpoint, '/model/info', signal));
    case 'Ollama':
      return withOllamaLoaded(listed, await askIfThere(endpoint, '/api/ps', signal));
    default:
      return listed;
  }
}

/** One model a server. */
function withTgiInfo(listed: readonly ModelInfo[], answer: unknown): readonly ModelInfo[] {
  const contextWindowTokens = (answer as { readonly max_total_tokens?: number } | undefined)?.max_total_tokens;
  return listed.map((model) => ({ ...model, ...(contextWindowTokens ? { contextWindowTokens } : {}), loaded: true }));
}

/** What the proxy was told, or knows by its table of models; null where it does not know. */
interface LiteLlmInfo {
  readonly model_name?: string;
  readonly model_info?: {
    readonly max_input_tokens?: number | null;
    readonly supports_vision?: boolean | null;
    readonly supports_function_calling?: boolean | null;
    readonly supports_reasoning?: boolean | null;
  };
}

function withLiteLlmInfo(listed: readonly ModelInfo[], answer: unknown): readonly ModelInfo[] {
  const groups = rows<LiteLlmInfo>(answer, 'data');
  return listed.map((model) => {
    const info = groups.find((group) => group.model_name === model.id)?.model_info;
    const { max_input_tokens, supports_vision, supports_function_calling, supports_reasoning } = info ?? {};
    return {
      ...model,
      ...(max_input_tokens ? { contextWindowTokens: max_input_tokens } : {}),
      capabilities: {
        ...(typeof supports_vision === 'boolean' ? { images: supports_vision } : {}),
        ...(typeof supports_function_calling === 'boolean' ? { tools: supports_function_calling } : {}),
        ...(typeof supports_reasoning === 'boolean' ? { reasoning: supports_reasoning } : {}),
      },
    };
  });
}

function withOllamaLoaded(listed: readonly ModelInfo[], answer: unknown): readonly ModelInfo[] {
  const running = rows<{ readonly name?: string; readonly context_length?: number }>(answer, 'models');
  return listed.map((model) => {
    const loaded = running.find((candidate) => candidate.name === model.id);
    return {
      ...model,
      ...(loaded?.context_length ? { contextWindowTokens: loaded.context_length } : {}),
      loaded: loaded !== undefined,
    };
  });
}

function rows<Row>(answer: unknown, field: string): readonly Row[] {
  const list = (answer as Readonly<Record<string, unknown>> | null | undefined)?.[field];
  return Array.isArray(list) ? (list as readonly Row[]) : [];
}
