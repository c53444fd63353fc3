import { BackendError } from './errors.ts';
import { toBackendError } from './failures.ts';
import type { LoadedModel, ModelCapabilities, ModelInfo, PullProgress } from './llmClient.ts';
import { ask, modelFields, notesOf, streamObjects, type OllamaServer } from './ollamaApi.ts';
import type { ModelDescription } from './serverMemory.ts';

/** `/api/show` takes some 50 ms a model, and a server may have a hundred. */
const descriptionsAtOnce = 4;

/** What the package's types leave out: `capabilities` and `context_length` since 0.30. */
interface ListedModel {
  readonly model: string;
  readonly size?: number;
  readonly digest?: string;
  readonly details?: { readonly quantization_level?: string; readonly context_length?: number };
  readonly capabilities?: readonly string[];
}

/** @throws BackendError */
export async function listModels(server: OllamaServer, signal: AbortSignal): Promise<readonly ModelInfo[]> {
  const [{ models }, running] = await Promise.all([
    ask(server, (ollama) => ollama.list(), signal),
    loadedModels(server, signal).catch(() => []),
  ]);
  const infos = await fewAtATime(models as readonly ListedModel[], async (listed): Promise<ModelInfo> => {
    const { capabilities, trainedContextTokens } = await describeListed(server, listed, signal);
    const loaded = running.find(({ id }) => id === listed.model);
    return {
      id: listed.model,
      loaded: loaded !== undefined,
      ...(listed.size ? { sizeBytes: listed.size } : {}),
      ...(listed.details?.quantization_level ? { quantization: listed.details.quantization_level } : {}),
      ...(loaded?.contextWindowTokens ? { contextWindowTokens: loaded.contextWindowTokens } : {}),
      ...(trainedContextTokens ? { trainedContextTokens } : {}),
      ...(capabilities ? { capabilities } : {}),
    };
  });
  signal.throwIfAborted();
  return infos;
}

/** From the list where it says enough, else asked for once per version of the model. A model that cannot be described is listed all the same. */
async function describeListed(
  server: OllamaServer,
  listed: ListedModel,
  signal: AbortSignal,
): Promise<ModelDescription> {
  const trainedContextTokens = listed.details?.context_length;
  if (listed.capabilities) {
    return {
      capabilities: toCapabilities(listed.capabilities),
      ...(trainedContextTokens ? { trainedContextTokens } : {}),
    };
  }
  const notes = notesOf(server, listed.model);
  if (notes.description && notes.description.digest === listed.digest) return notes.description;
  try {
    const description = await describeModel(server, listed.model, signal);
    return (notes.description = { ...description, ...(listed.digest ? { digest: listed.digest } : {}) });
  } catch {
    return {};
  }
}

/** What is read of `/api/show`. In the package's types `model_info` is a Map, which JSON never gives. */
interface ShownModel {
  readonly model_info?: Readonly<Record<string, unknown>>;
  /** One a line: the name, padded, and the value. */
  readonly parameters?: string;
  /** Since 0.6.4. */
  readonly capabilities?: readonly string[];
  readonly remote_model?: string;
}

/**
 * What `/api/show` says about a model. Remembered.
 * @throws BackendError
 */
export async function describeModel(
  server: OllamaServer,
  model: string,
  signal: AbortSignal,
): Promise<ModelDescription> {
  const answer: unknown = await ask(server, (ollama) => ollama.show({ model }), signal);
  const shown = answer as ShownModel;
  const architecture = shown.model_info?.['general.architecture'];
  const trainedContextTokens = shown.model_info?.[`${String(architecture)}.context_length`];
  const ownContextTokens = Number(/^num_ctx\s+(\d+)/m.exec(shown.parameters ?? '')?.[1]);
  const description: ModelDescription = {
    ...(shown.capabilities ? { capabilities: toCapabilities(shown.capabilities) } : {}),
    ...(typeof trainedContextTokens === 'number' && trainedContextTokens > 0 ? { trainedContextTokens } : {}),
    ...(ownContextTokens > 0 ? { ownContextTokens } : {}),
    ...(shown.remote_model ? { isRemote: true } : {}),
  };
  notesOf(server, model).description = description;
  return description;
}

/** A server that lists capabilities lists all of them. */
function toCapabilities(listed: readonly string[]): ModelCapabilities {
  return {
    chat: listed.includes('completion'),
    tools: listed.includes('tools'),
    images: listed.includes('vision'),
    reasoning: listed.includes('thinking'),
    fillInTheMiddle: listed.includes('insert'),
  };
}

/** A model that is kept for good expires in some hundred years. */
const foreverMs = 100 * 365 * 86_400_000;

/** @throws BackendError */
export async function loadedModels(server: OllamaServer, signal: AbortSignal): Promise<readonly LoadedModel[]> {
  const { models } = await ask(server, (ollama) => ollama.ps(), signal);
  return models.map((model): LoadedModel => {
    // Since 0.9.7, and not in the package's types: the context that the model really runs with.
    const { context_length: contextWindowTokens } = model as { context_length?: number };
    const expiresAtMs = Date.parse(String(model.expires_at));
    return {
      id: model.model,
      ...(model.digest ? { digest: model.digest } : {}),
      ...(model.size ? { sizeBytes: model.size } : {}),
      ...(typeof model.size_vram === 'number' ? { vramBytes: model.size_vram } : {}),
      ...(contextWindowTokens ? { contextWindowTokens } : {}),
      ...(expiresAtMs > 0 && expiresAtMs < Date.now() + foreverMs ? { expiresAtMs } : {}),
    };
  });
}

async function findLoaded(server: OllamaServer, model: string, signal: AbortSignal): Promise<LoadedModel | undefined> {
  const loaded = await loadedModels(server, signal);
  return loaded.find(({ id }) => id === model || id === `${model}:latest`);
}

/**
 * The window of the model as it runs, by the server's own word: it may be less than was asked for, by memory or by the model. A model that does not run, or runs
 * with another window than the one configured, is loaded as the next request would do it.
 * @throws BackendError
 */
export async function contextWindow(
  server: OllamaServer,
  model: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  const notes = notesOf(server, model);
  const contextTokens = await readContextWindow(server, model, signal);
  if (contextTokens === undefined) delete notes.contextTokens;
  else notes.contextTokens = contextTokens;
  return contextTokens;
}

async function readContextWindow(server: OllamaServer, model: string, signal: AbortSignal) {
  const wanted = server.contextTokens;
  let loaded = await findLoaded(server, model, signal);
  const running = loaded?.contextWindowTokens;
  if (running !== undefined && (wanted === undefined || wanted === running)) return running;
  const description = notesOf(server, model).description ?? (await describeModel(server, model, signal));
  // Runs elsewhere, with all of its window.
  if (description.isRemote) return description.trainedContextTokens;
  if (!loaded || running !== undefined) {
    await loadModel(server, model, signal);
    loaded = await findLoaded(server, model, signal);
  }
  if (loaded?.contextWindowTokens !== undefined) return loaded.contextWindowTokens;
  // Servers before 0.9.7 do not say. Their default depends on their version and environment: not known is better than wrong.
  const asked = wanted ?? description.ownContextTokens;
  return asked === undefined ? undefined : Math.min(asked, description.trainedContextTokens ?? asked);
}

/** @throws BackendError */
export async function loadModel(server: OllamaServer, model: string, signal: AbortSignal): Promise<void> {
  // A prompt that is empty loads. Streamed, so that the server notices when nobody waits any more.
  const request = { ...modelFields(server, model), prompt: '' };
  await drain(streamObjects(server, (ollama) => ollama.generate(request), signal));
}

/** Ends when the model is out of memory, or when somebody still uses it after a while. @throws BackendError */
export async function unloadModel(server: OllamaServer, model: string, signal: AbortSignal): Promise<void> {
  const request = { model, prompt: '', keep_alive: 0, stream: true as const };
  await drain(streamObjects(server, (ollama) => ollama.generate(request), signal));
  // The answer comes before the deed.
  for (let looks = 0; looks < 20 && (await findLoaded(server, model, signal)); looks++) {
    await server.host.wait(100, signal);
  }
}

async function drain(objects: AsyncIterable<unknown>): Promise<void> {
  const iterator = objects[Symbol.asyncIterator]();
  while (!(await iterator.next()).done);
}

interface PullLine {
  readonly status?: string;
  readonly digest?: string;
  readonly total?: number;
  readonly completed?: number;
}

/** @throws BackendError */
export async function* pullModel(
  server: OllamaServer,
  model: string,
  signal: AbortSignal,
): AsyncGenerator<PullProgress> {
  // Verifying a large model is silent for minutes.
  const patient = { ...server, transport: { ...server.transport, idleTimeoutMs: 0 } };
  const progress = new PullAggregate();
  try {
    const batches = streamObjects<PullLine>(patient, (ollama) => ollama.pull({ model, stream: true }), signal);
    for await (const lines of batches) {
      for (const line of lines) {
        yield progress.add(line);
        if (line.status === 'success') return;
      }
    }
  } catch (error) {
    if (signal.aborted) return;
    throw pullError(toBackendError(error, 'ollama'), model);
  }
  if (signal.aborted) return;
  throw new BackendError({
    kind: 'truncated',
    backend: 'ollama',
    message: `Ollama stopped fetching ${model} before it was complete.`,
    hint: 'Fetch it again: it goes on where it stopped.',
    retryable: true,
    nextStep: { do: 'retry' },
  });
}

/** Adds up the parts of a model, which become known one after another. A part that is fetched anew counts as far as it had come. */
class PullAggregate {
  readonly #parts = new Map<string, { completed: number; total: number }>();

  add({ status = '', digest, total = 0, completed = 0 }: PullLine): PullProgress {
    if (digest !== undefined) {
      const part = this.#parts.get(digest) ?? { completed: 0, total: 0 };
      part.total = Math.max(part.total, total);
      part.completed = Math.min(part.total, Math.max(part.completed, completed));
      this.#parts.set(digest, part);
    }
    let completedBytes = 0;
    let totalBytes = 0;
    for (const part of this.#parts.values()) {
      completedBytes += part.completed;
      totalBytes += part.total;
    }
    return { status, completedBytes, totalBytes };
  }
}

/** What the server's registry or disk says comes as text inside the stream, under status 200. */
function pullError(error: BackendError, model: string): BackendError {
  const words = error.serverMessage ?? '';
  const details = { backend: 'ollama', serverMessage: words, cause: error } as const;
  if (/file does not exist|manifest unknown|invalid model name/i.test(words)) {
    return new BackendError({
      ...details,
      kind: 'modelNotFound',
      message: `There is no model called ${model} to fetch.`,
      hint: 'Look up its name at ollama.com/search.',
    });
  }
  if (/no space left|not enough space/i.test(words)) {
    return new BackendError({
      ...details,
      kind: 'diskFull',
      message: `The disk of the server has no room for ${model}.`,
      hint: 'Remove models that you do not need (ollama rm), or choose a smaller one.',
    });
  }
  if (error.kind !== 'serverError') return error;
  return new BackendError({
    ...details,
    kind: 'download',
    message: `Ollama could not fetch ${model}.`,
    hint: 'Look at what the server says; what it has fetched is kept, so fetch it again when that is solved.',
    retryable: true,
    nextStep: { do: 'retry' },
  });
}

async function fewAtATime<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  const entries = items.entries();
  const worker = async () => {
    for (const [index, item] of entries) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: descriptionsAtOnce }, worker));
  return results;
}
