import { lawful, withModelChoices } from './chatStream.ts';
import type { ClientContext } from './clientContext.ts';
import { toBackendError } from './failures.ts';
import type { BackendStatus, LLMClient } from './llmClient.ts';
import { ask, notesOf, ollamaTransport, type OllamaServer } from './ollamaApi.ts';
import { streamChat, streamCompletion } from './ollamaChat.ts';
import { contextNote, withContext } from './ollamaContext.ts';
import { contextWindow, listModels, loadedModels, loadModel, pullModel, unloadModel } from './ollamaModels.ts';
import { unavailable } from './serverIdentity.ts';
import { estimateTokens } from './tokenEstimate.ts';

/**
 * Ollama by its native API. Its OpenAI-style one loses errors in mid-stream, forces a temperature of 1 and cannot set load options.
 */
export function createOllamaClient({ settings, host, memory }: ClientContext): LLMClient {
  const { ollamaUrl: url, ollamaContextTokens: contextTokens } = settings;
  const server: OllamaServer = {
    url,
    host,
    transport: ollamaTransport(settings, host),
    memory,
    contextTokens,
  };
  const serverFor = (model: string, signal: AbortSignal) => withContext(server, settings, model, signal);
  const client: LLMClient = {
    backend: 'ollama',
    endpoint: url,
    probe: (signal) => probe(server, signal),
    listModels: (signal) => listModels(server, signal),
    chat: (request, signal) =>
      lawful({
        client,
        host,
        signal,
        async *open() {
          const ready = await serverFor(request.model, signal);
          yield* contextNote(server, request.model);
          yield* streamChat(ready, request, signal);
        },
      }),
    complete: (request, signal) =>
      lawful({
        client,
        host,
        signal,
        async *open() {
          yield* streamCompletion(await serverFor(request.model, signal), request, signal);
        },
      }),
    countTokens: (request) => Promise.resolve(estimateTokens(request, notesOf(server, request.model))),
    contextWindow: (model, signal) =>
      withChoices(
        serverFor(model, signal).then((ready) => contextWindow(ready, model, signal)),
        signal,
      ),
    loadedModels: (signal) => loadedModels(server, signal),
    load: (model, signal) =>
      withChoices(
        serverFor(model, signal).then((ready) => loadModel(ready, model, signal)),
        signal,
      ),
    unload: (model, signal) => {
      // The next load is a new one.
      delete notesOf(server, model).askedContext;
      return withChoices(unloadModel(server, model, signal), signal);
    },
    pull: (model, signal) => pullModel(server, model, signal),
  };
  const withChoices = async <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      signal.throwIfAborted();
      throw await withModelChoices(toBackendError(error, 'ollama'), client, signal);
    }
  };
  return client;
}

async function probe(server: OllamaServer, signal: AbortSignal): Promise<BackendStatus> {
  try {
    const [{ version }, { models }] = await Promise.all([
      ask(server, (ollama) => ollama.version(), signal),
      ask(server, (ollama) => ollama.list(), signal),
    ]);
    return { state: 'ready', server: 'Ollama', version, modelIds: models.map((model) => model.model) };
  } catch (error) {
    signal.throwIfAborted();
    return unavailable(toBackendError(error, 'ollama'));
  }
}
