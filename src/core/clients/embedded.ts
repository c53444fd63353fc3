import { accessSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { abortable } from '../util/abortable.ts';
import { embeddedModels } from '../embedded/catalogue.ts';
import { megabytes } from '../embedded/download.ts';
import { engineMissing } from '../embedded/engineErrors.ts';
import type { EngineProcess } from '../embedded/engineProcess.ts';
import { fetchModel, findModelFiles, modelFacts, resolveModelPath, type ModelFile } from '../embedded/modelFiles.ts';
import type { EngineConfig, EngineMessage, Generation } from '../embedded/workerMessages.ts';
import { configuredModel, type Settings } from '../settings/settings.ts';
import { lawful, listedContextWindow } from './chatStream.ts';
import type { ClientContext } from './clientContext.ts';
import { BackendError } from './errors.ts';
import type { BackendStatus, ChatEvent, ChatMessage, ChatRequest, LLMClient, ModelInfo } from './llmClient.ts';
import { estimateTokens } from './tokenEstimate.ts';

export interface EmbeddedClientOptions extends ClientContext {
  /** Outlives the client: it keeps the model in memory between requests. */
  readonly engine: EngineProcess;
}

const pathSetting = 'a2ia.embedded.modelPath';

/** A small model inside A2IA, on the CPU: llama.cpp by node-llama-cpp, in a process of its own. */
export function createEmbeddedClient(options: EmbeddedClientOptions): LLMClient {
  const { settings, host, memory } = options;
  const client: LLMClient = {
    backend: 'embedded',
    endpoint:
      resolveModelPath(settings.embedded.modelPath) ?? join(host.engine.modelsDir, embeddedModels[0]?.fileName ?? ''),
    probe: () => probe(options),
    listModels: () => listModels(options),
    chat: (request, signal) => lawful({ client, host, signal, open: () => chat(options, request, signal) }),
    countTokens: (request) => Promise.resolve(estimateTokens(request, memory.of(client.endpoint, request.model))),
    contextWindow: (model, signal) => listedContextWindow(client, model, signal),
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
    const detail =
      first && !first.isThere
        ? `${first.displayName}: will download ${megabytes(first.sizeBytes)} after you agree.`
        : undefined;
    return { state: 'ready', server: 'node-llama-cpp', version, modelIds, ...(detail ? { detail } : {}) };
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
    loaded: engine.loadedModelPath === file.path,
    ...(trained
      ? { trainedContextTokens: trained, contextWindowTokens: Math.min(trained, settings.embedded.contextTokens) }
      : {}),
    ...(facts?.fileType ? { quantization: facts.fileType } : {}),
  };
}

async function* chat(
  options: EmbeddedClientOptions,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const { settings, host, engine } = options;
  if (request.tools && request.tools.length > 0) throw noTools();
  if (engineVersion(host.engine.workerPath) === undefined) throw engineMissing('');
  const file = await abortable(fileOf(options, request.model), signal);
  if (!file.isThere && file.catalogued) await fetchModel(file.catalogued, file.path, host, signal);
  const facts = await abortable(modelFacts(file.path), signal);
  if (encoderArchitectures.test(facts.architecture)) throw notForChat(file, facts.architecture);
  if (!facts.hasChatTemplate)
    yield { type: 'warning', message: 'The model file has no chat template, so its answers may be odd.' };
  yield* engine.run(engineConfig(settings, file.path), generationOf(request), signal);
}

/** These turn text into vectors, or images into tokens; asked to write, llama.cpp crashes. */
const encoderArchitectures = /bert|clip|t5encoder/;

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

function noTools(): BackendError {
  return new BackendError({
    kind: 'unsupported',
    backend: 'embedded',
    message: 'The embedded model cannot use tools.',
    hint: 'Ask without tools, or use another backend.',
  });
}

function notForChat(file: ModelFile, architecture: string): BackendError {
  return new BackendError({
    kind: 'unsupported',
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

function generationOf({ messages, maxOutputTokens, temperature, topP, seed, stop }: ChatRequest): Generation {
  return {
    messages: engineMessages(messages),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(seed === undefined ? {} : { seed }),
    ...(stop === undefined || stop.length === 0 ? {} : { stop }),
  };
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

/** The version of the engine's package as the worker will find it; undefined when it, or its binary for this system, is not installed. */
function engineVersion(workerPath: string): string | undefined {
  try {
    accessSync(workerPath);
    const entry = createRequire(workerPath).resolve('node-llama-cpp');
    createRequire(entry).resolve(`@node-llama-cpp/${binaryName()}`);
    const manifest = JSON.parse(readFileSync(join(dirname(entry), '..', 'package.json'), 'utf8')) as {
      version?: string;
    };
    return manifest.version ?? '';
  } catch {
    return undefined;
  }
}

function binaryName(): string {
  const system = { darwin: 'mac', win32: 'win' }[process.platform as string] ?? process.platform;
  const architecture = process.arch === 'arm' ? 'armv7l' : process.arch;
  return system === 'mac' && architecture === 'arm64' ? 'mac-arm64-metal' : `${system}-${architecture}`;
}
