import { lawful } from './chatStream.ts';
import type { ClientContext } from './clientContext.ts';
import { BackendError } from './errors.ts';
import { fillGap, loadInRouter, unloadInRouter } from './llamaServer.ts';
import type { ChatEvent, ChatRequest, CompletionRequest, LLMClient, LoadedModel, TokenCount } from './llmClient.ts';
import { loadInLmStudio, unloadInLmStudio } from './lmStudio.ts';
import { openAIStyleEndpoint, type OpenAIStyleEndpoint } from './openaiStyle.ts';
import { streamChat } from './openaiStyleChat.ts';
import { streamCompletion } from './openaiStyleComplete.ts';
import { countByLlamaServer, countByVllm, countOrEstimate } from './openaiStyleCount.ts';
import { listModels } from './openaiStyleModels.ts';
import { describeModels } from './serverDetails.ts';
import { identityOf, probeOpenAIStyle } from './serverIdentity.ts';

/** Where such servers listen by default: llama-server (old and new default), LM Studio, SGLang, LiteLLM. */
export const usualUrls: readonly string[] = [8080, 9931, 1234, 30000, 4000].map((port) => `http://127.0.0.1:${port}`);

/** llama-server, LM Studio, SGLang, TGI, LiteLLM and everything else that speaks OpenAI's chat completions. */
export function createOpenAICompatibleClient(url: string, context: ClientContext): LLMClient {
  const { settings, host } = context;
  const { firstByteTimeoutMs: loadingLimitMs } = settings;
  const address = { backend: 'openai-compatible', url, urlSetting: 'a2ia.openaiCompatibleUrl' } as const;
  const endpoint = openAIStyleEndpoint(address, context);
  const contextWindow = (model: string, signal: AbortSignal) => windowOf(endpoint, model, signal);
  const client: LLMClient = {
    backend: 'openai-compatible',
    endpoint: endpoint.baseUrl,
    probe: (signal) => probeOpenAIStyle(endpoint, signal),
    listModels: (signal) => describeModels(endpoint, signal),
    chat: (request, signal) =>
      lawful({
        client,
        host,
        signal,
        loadingLimitMs,
        open: () => streamChat({ endpoint, request, signal, contextWindow }),
      }),
    complete: (request, signal) =>
      lawful({ client, host, signal, loadingLimitMs, open: () => complete(endpoint, request, signal) }),
    countTokens: (request, signal) => countTokens(endpoint, request, signal),
    contextWindow,
    loadedModels: (signal) => loadedModels(endpoint, signal),
    load: async (model, signal) => {
      const listed = (await describeModels(endpoint, signal)).find(({ id }) => id === model);
      if (listed?.loaded) return;
      const { load } = await memoryCommands(endpoint, signal);
      await load(endpoint, model, signal);
    },
    unload: async (model, signal) => {
      const { unload } = await memoryCommands(endpoint, signal);
      await unload(endpoint, model, signal);
    },
  };
  return client;
}

async function loadedModels(endpoint: OpenAIStyleEndpoint, signal: AbortSignal): Promise<readonly LoadedModel[]> {
  const [described, listed] = await Promise.all([describeModels(endpoint, signal), listModels(endpoint, signal)]);
  const { server } = await identityOf(endpoint, listed, signal);
  // Of llama-servers a router alone loads and unloads.
  const isRouter = server === 'llama-server' && listed.some(({ status }) => status);
  const isFixed = server !== 'LM Studio' && !isRouter;
  return described
    .filter(({ loaded }) => loaded)
    .map(({ id, contextWindowTokens }) => ({
      id,
      ...(contextWindowTokens ? { contextWindowTokens } : {}),
      ...(isFixed ? { isFixed } : {}),
    }));
}

async function windowOf(endpoint: OpenAIStyleEndpoint, model: string, signal: AbortSignal) {
  const models = await describeModels(endpoint, signal);
  const { server } = await identityOf(endpoint, undefined, signal);
  // A llama-server with one model answers with it whatever name it is asked for.
  const answering = server === 'llama-server' && models.length === 1 ? models[0] : undefined;
  return (models.find(({ id }) => id === model) ?? answering)?.contextWindowTokens;
}

async function* complete(
  endpoint: OpenAIStyleEndpoint,
  request: CompletionRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const { server } = await identityOf(endpoint, undefined, signal);
  const isGap = request.suffix !== '';
  if (isGap && server === 'Ollama') throw noRawPrompts(request.model);
  yield* isGap && server === 'llama-server'
    ? fillGap(endpoint, request, signal)
    : streamCompletion(endpoint, request, signal);
}

/** Its OpenAI-style API puts the chat template around every prompt, so that the model answers instead of going on. Seen on 0.17.4. */
function noRawPrompts(model: string): BackendError {
  return new BackendError({
    kind: 'unsupported',
    feature: 'fillInTheMiddle',
    backend: 'openai-compatible',
    message: `${model} cannot fill a gap by Ollama’s OpenAI-style API.`,
    hint: 'Choose the backend ollama, which asks it by its own.',
    nextStep: { do: 'openSetting', key: 'a2ia.ollamaUrl' },
  });
}

async function countTokens(
  endpoint: OpenAIStyleEndpoint,
  request: ChatRequest,
  signal: AbortSignal,
): Promise<TokenCount> {
  const { server } = await identityOf(endpoint, undefined, signal);
  return countOrEstimate(endpoint, request, () => {
    if (server === 'llama-server') return countByLlamaServer(endpoint, request, signal);
    if (server === 'vLLM') return countByVllm(endpoint, request, signal);
    return Promise.resolve(undefined);
  });
}

/** @throws BackendError of kind `unsupported` for a server that has no such commands; a llama-server that is no router refuses them itself */
async function memoryCommands(endpoint: OpenAIStyleEndpoint, signal: AbortSignal) {
  const { server } = await identityOf(endpoint, undefined, signal);
  if (server === 'LM Studio') return { load: loadInLmStudio, unload: unloadInLmStudio };
  if (server === 'llama-server') return { load: loadInRouter, unload: unloadInRouter };
  throw new BackendError({
    kind: 'unsupported',
    backend: endpoint.backend,
    message: `${server ?? 'This server'} cannot load or unload models by request.`,
    hint: 'Do it where the server runs.',
  });
}
