import { availableParallelism, totalmem } from 'node:os';
import { abortable } from '../util/abortable.ts';
import { fileSize } from '../util/fileSize.ts';
import { cannot, engineMissing, noImages, noInfill, shutDown, tooLarge } from '../embedded/engineErrors.ts';
import type { EngineProcess } from '../embedded/engineProcess.ts';
import type { GgufFacts } from '../embedded/gguf.ts';
import { engineVersion } from '../embedded/installation.ts';
import { fetchModel, findModelFiles, modelFacts, resolveModelPath, type ModelFile } from '../embedded/modelFiles.ts';
import type { EngineConfig, EngineMessage, Sampling, Work } from '../embedded/workerMessages.ts';
import { configuredModel, type Settings } from '../settings/settings.ts';
import { lawful, listedContextWindow } from './chatStream.ts';
import type { ClientContext } from './clientContext.ts';
import { BackendError } from './errors.ts';
import type {
  BackendStatus,
  ChatEvent,
  ChatMessage,
  ChatRequest,
  CompletionRequest,
  LLMClient,
  LoadedModel,
  ModelInfo,
  TokenCount,
} from './llmClient.ts';
import { withoutRefusedFields } from './refusals.ts';
import { estimateTokens } from './tokenEstimate.ts';

export interface EmbeddedClientOptions extends ClientContext {
  /** Outlives the client: it keeps the model in memory between requests. */
  readonly engine: EngineProcess;
}

const pathSetting = 'a2ia.embedded.modelPath';

/** A small model inside A2IA, on the CPU: llama.cpp by node-llama-cpp, in a process of its own. */
export function createEmbeddedClient(options: EmbeddedClientOptions): LLMClient {
  const { settings, host } = options;
  const client: LLMClient = {
    backend: 'embedded',
    endpoint: resolveModelPath(settings.embedded.modelPath) ?? host.engine.modelsDir,
    probe: () => probe(options),
    listModels: () => listModels(options),
    chat: (request, signal) => lawful({ client, host, signal, open: () => chat(options, request, signal) }),
    complete: (request, signal) => lawful({ client, host, signal, open: () => complete(options, request, signal) }),
    countTokens: (request, signal) => countTokens(options, request, signal),
    contextWindow: (model, signal) => listedContextWindow(client, model, signal),
    loadedModels: () => loadedModels(options),
    load: (model, signal) => load(options, model, signal),
    unload: (model) => unload(options, model),
  };
  return client;
}

/** Touches the disk only: the engine is started by the first request. */
async function probe({ settings, host }: EmbeddedClientOptions): Promise<BackendStatus> {
  const version = engineVersion(host.engine.workerPath);
  if (version === undefined) {
    const { message, hint } = engineMissing('');
    return { state: 'unavailable', reason: message, hint };
  }
  try {
    const files = await modelFiles({ settings, host });
    const modelIds = files.map((file) => file.id);
    const wanted = configuredModel(settings, 'embedded');
    const first = files.find((file) => file.id === wanted) ?? files[0];
    const ready = { state: 'ready', server: 'node-llama-cpp', version, modelIds } as const;
    if (!first || first.isThere) return ready;
    const detail = `${first.displayName}: will download ${fileSize(first.sizeBytes)} after you agree.`;
    return { ...ready, detail, needsDownload: true };
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    return { state: 'unavailable', reason: error.message, hint: error.hint };
  }
}

async function listModels(options: EmbeddedClientOptions): Promise<readonly ModelInfo[]> {
  const files = await modelFiles(options);
  return Promise.all(files.map((file) => describe(options, file)));
}

async function describe({ settings, engine }: EmbeddedClientOptions, file: ModelFile): Promise<ModelInfo> {
  // A broken file stays in the list: whoever chooses it is told what is wrong with it.
  const facts = file.isThere ? await modelFacts(file.path).catch(() => undefined) : undefined;
  const trained = facts?.contextLength;
  return {
    id: file.id,
    displayName: file.displayName,
    sizeBytes: file.sizeBytes,
    loaded: engine.loaded?.config.modelPath === file.path,
    ...(trained
      ? { trainedContextTokens: trained, contextWindowTokens: Math.min(trained, settings.embedded.contextTokens) }
      : {}),
    ...(facts?.fileType ? { quantization: facts.fileType } : {}),
    ...(facts
      ? {
          capabilities: {
            chat: !isEncoder(facts),
            tools: false,
            images: false,
            reasoning: facts.canReason,
            fillInTheMiddle: facts.canFillGaps,
          },
        }
      : {}),
  };
}

// ---- Requests ---------------------------------------------------------------------------------------------------------------------------------------

async function* chat(
  options: EmbeddedClientOptions,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const { memory } = options;
  if (hasImages(request)) throw noImages();
  const { file, facts } = await readyModel(options, request.model, signal);
  if (!facts.hasChatTemplate)
    yield { type: 'warning', message: 'The model file has no chat template, so its answers may be odd.' };
  const notes = memory.of(file.path, request.model);
  const open = () => {
    const { refusedFields } = notes;
    if (request.tools?.length && !refusedFields.has('tools')) throw cannot('tools', file.displayName);
    const wantsThought = request.reasoning !== undefined && request.reasoning !== 'off';
    if (wantsThought && !facts.canReason && !refusedFields.has('reasoning'))
      throw cannot('reasoning', file.displayName);
    return engineAnswer(options, file, chatWork(request, facts), signal);
  };
  yield* withoutRefusedFields({
    backend: 'embedded',
    model: file.displayName,
    notes,
    refusedField: ({ feature }) => (feature === 'tools' || feature === 'reasoning' ? feature : undefined),
    open,
  });
}

async function* complete(
  options: EmbeddedClientOptions,
  request: CompletionRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const { file, facts } = await readyModel(options, request.model, signal);
  const { prefix, suffix, rawPrompt } = request;
  // The head of the file says it before the model is loaded for nothing.
  if (suffix !== '' && rawPrompt === undefined && !facts.canFillGaps) throw noInfill();
  const raw = rawPrompt === undefined ? {} : { rawPrompt };
  yield* engineAnswer(options, file, { do: 'complete', prefix, suffix, ...raw, sampling: samplingOf(request) }, signal);
}

/** Exact, by the model's own tokenizer, for which the engine loads it. A model that is not on the disk is not fetched for that. */
async function countTokens(
  options: EmbeddedClientOptions,
  request: ChatRequest,
  signal: AbortSignal,
): Promise<TokenCount> {
  const file = await fileOf(options, request.model);
  if (!file.isThere || hasImages(request)) return estimateTokens(request, options.memory.of(file.path, request.model));
  await readyModel(options, request.model, signal);
  const work: Work = { do: 'count', messages: engineMessages(request.messages) };
  for await (const event of options.engine.run(engineConfig(options.settings, file.path), work, signal)) {
    if (event.type === 'counted') return { tokens: event.tokens, isExact: true };
  }
  signal.throwIfAborted();
  throw shutDown();
}

async function load(options: EmbeddedClientOptions, model: string, signal: AbortSignal): Promise<void> {
  const { file } = await readyModel(options, model, signal);
  const events = options.engine.run(engineConfig(options.settings, file.path), { do: 'load' }, signal);
  while (!(await events.next()).done);
  signal.throwIfAborted();
}

/** The engine holds one model at a time. */
async function unload(options: EmbeddedClientOptions, model: string): Promise<void> {
  const file = await fileOf(options, model);
  if (options.engine.loaded?.config.modelPath === file.path) await options.engine.unload();
}

async function loadedModels(options: EmbeddedClientOptions): Promise<readonly LoadedModel[]> {
  const { loaded } = options.engine;
  if (!loaded) return [];
  const file = (await modelFiles(options)).find((candidate) => candidate.path === loaded.config.modelPath);
  if (!file) return [];
  const trained = (await modelFacts(file.path)).contextLength ?? loaded.config.contextTokens;
  return [
    {
      id: file.id,
      sizeBytes: loaded.residentBytes,
      contextWindowTokens: Math.min(trained, loaded.config.contextTokens),
    },
  ];
}

async function* engineAnswer(
  { settings, engine }: EmbeddedClientOptions,
  file: ModelFile,
  work: Work,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  for await (const event of engine.run(engineConfig(settings, file.path), work, signal)) {
    if (event.type !== 'counted') yield event;
  }
}

// ---- Models -----------------------------------------------------------------------------------------------------------------------------------------

interface ReadyModel {
  readonly file: ModelFile;
  readonly facts: GgufFacts;
}

/** The model's file, fetched if need be, once the engine can be expected to load it. @throws BackendError */
async function readyModel(options: EmbeddedClientOptions, model: string, signal: AbortSignal): Promise<ReadyModel> {
  const { host, engine } = options;
  if (engineVersion(host.engine.workerPath) === undefined) throw engineMissing('');
  const file = await abortable(fileOf(options, model), signal);
  if (!file.isThere && file.catalogued) await fetchModel(file.catalogued, file.path, host, signal);
  const facts = await abortable(modelFacts(file.path), signal);
  if (isEncoder(facts)) throw notForChat(file, facts.architecture);
  const { config, residentBytes = 0 } = engine.loaded ?? {};
  // A model that is loaded for another one makes room for it.
  const availableBytes = availableMemoryBytes() + residentBytes;
  if (config?.modelPath !== file.path && facts.sizeBytes > availableBytes) {
    throw tooLarge(file.displayName, facts.sizeBytes, availableBytes);
  }
  return { file, facts };
}

/**
 * What programs can still have: on Linux with what the page cache holds and within the limit of a container. macOS tells only what lies idle, which is next
 * to nothing on a healthy machine: there the whole memory counts.
 */
function availableMemoryBytes(): number {
  return process.platform === 'darwin' ? totalmem() : process.availableMemory();
}

/** These turn text into vectors, or images into tokens; asked to write, llama.cpp crashes. */
function isEncoder({ architecture }: GgufFacts): boolean {
  return /bert|clip|t5encoder/.test(architecture);
}

async function fileOf(options: EmbeddedClientOptions, id: string): Promise<ModelFile> {
  const files = await modelFiles(options);
  const file = files.find((candidate) => candidate.id === id);
  if (file) return file;
  const ids = files.map((candidate) => candidate.id);
  throw new BackendError({
    kind: 'modelNotFound',
    backend: 'embedded',
    message: `The embedded engine has no model called ${id}.`,
    hint: `Choose one that it has: ${ids.join(', ')}. A file of your own goes into ${pathSetting}.`,
    nextStep: { do: 'chooseModel', models: ids },
  });
}

/** @throws BackendError when the user's own file cannot be meant */
async function modelFiles({
  settings,
  host,
}: Pick<EmbeddedClientOptions, 'settings' | 'host'>): Promise<readonly ModelFile[]> {
  const { modelPath } = settings.embedded;
  const path = modelPath === '' ? '' : resolveModelPath(modelPath);
  if (path === undefined) throw badPath('config', `${pathSetting} is not an absolute path: ${modelPath}.`);
  const files = await findModelFiles(path, host.engine.modelsDir);
  // Silently taking another model than the one the user gave would be worse than an error.
  if (path !== '' && !files.some((file) => file.path === path && file.isThere)) {
    throw badPath('modelFile', `${path}, which ${pathSetting} names, is not there.`);
  }
  return files;
}

function badPath(kind: 'config' | 'modelFile', message: string): BackendError {
  return new BackendError({
    kind,
    backend: 'embedded',
    message,
    hint: `Give the whole path of a GGUF file, or leave ${pathSetting} empty to use a model of the catalogue.`,
    nextStep: { do: 'openSetting', key: pathSetting },
  });
}

function notForChat(file: ModelFile, architecture: string): BackendError {
  return new BackendError({
    kind: 'unsupported',
    feature: 'chat',
    backend: 'embedded',
    message: `${file.displayName} cannot chat: ${architecture} is an encoder.`,
    hint: 'Choose a model that writes text.',
    nextStep: { do: 'openSetting', key: pathSetting },
  });
}

function engineConfig({ embedded }: Settings, modelPath: string): EngineConfig {
  // One core stays free: with as many threads as cores llama.cpp's threads wait for each other at every step as soon as anything else runs.
  const threads = embedded.threads || Math.max(1, availableParallelism() - 1);
  return { modelPath, threads, contextTokens: embedded.contextTokens };
}

/** Tokens for thinking by the level that the request asks for; `high` is as much as the model wants. */
const thoughtTokens = { off: 0, low: 512, medium: 2048, high: undefined } as const;

function chatWork(request: ChatRequest, facts: GgufFacts): Work {
  const budget = request.reasoning && facts.canReason ? thoughtTokens[request.reasoning] : undefined;
  return {
    do: 'chat',
    messages: engineMessages(request.messages),
    sampling: samplingOf(request),
    ...(budget === undefined ? {} : { thoughtTokens: budget }),
  };
}

function samplingOf({ maxOutputTokens, temperature, topP, seed, stop }: ChatRequest | CompletionRequest): Sampling {
  return {
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(seed === undefined ? {} : { seed }),
    ...(stop === undefined || stop.length === 0 ? {} : { stop }),
  };
}

function hasImages({ messages }: ChatRequest): boolean {
  return messages.some((message) => message.role === 'user' && message.images?.length);
}

/**
 * Chat templates of small models want one system message, first, and user and assistant by turns, and know no tools. A conversation that began on another
 * backend may hold more: system messages are put together, and a tool's result becomes a part of what the user says.
 */
function engineMessages(messages: readonly ChatMessage[]): readonly EngineMessage[] {
  const systemText = messages.filter((message) => message.role === 'system').map((message) => message.text);
  const turns: EngineMessage[] = [];
  for (const message of messages) {
    if (message.role === 'system') continue;
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    const text = message.role === 'tool' ? `Result of ${message.toolName}:\n${message.text}` : message.text;
    const last = turns.at(-1);
    if (last?.role === role) turns[turns.length - 1] = { role, text: `${last.text}\n\n${text}` };
    else turns.push({ role, text });
  }
  return systemText.length === 0 ? turns : [{ role: 'system', text: systemText.join('\n\n') }, ...turns];
}
