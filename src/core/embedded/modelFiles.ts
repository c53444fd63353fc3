import { readdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, isAbsolute, join } from 'node:path';
import { BackendError } from '../clients/errors.ts';
import type { CoreHost } from '../host.ts';
import { abortable } from '../util/abortable.ts';
import { embeddedModels, type EmbeddedModel } from './catalogue.ts';
import { checkGgufFile, type GgufFacts } from './gguf.ts';

/** A model that the embedded backend can run: a file that is there, or one of the catalogue that can be fetched. */
export interface ModelFile {
  /** Of the catalogue, else the file's name in the models folder, else the path that the user gave. */
  readonly id: string;
  readonly path: string;
  readonly displayName: string;
  readonly sizeBytes: number;
  readonly isThere: boolean;
  readonly catalogued?: EmbeddedModel;
}

/** Best first: the user's own file, those that are there, those to download. */
export async function findModelFiles(modelPath: string, modelsDir: string): Promise<readonly ModelFile[]> {
  const names = (await readdir(modelsDir).catch(() => [])).filter(isModelName).sort();
  const own = modelPath === '' ? [] : [ownFile(modelPath)];
  const catalogue = embeddedModels.map((model) => cataloguedFile(model, modelsDir));
  const others = names
    .filter((name) => !embeddedModels.some((model) => model.fileName === name) && join(modelsDir, name) !== modelPath)
    .map((name) => folderFile(join(modelsDir, name)));
  const files = await Promise.all([...own, ...catalogue, ...others]);
  return [...files.filter((file) => file.isThere), ...files.filter((file) => !file.isThere && file.catalogued)];
}

/** The setting as an absolute path; undefined when it is not one, for a relative path would depend on where the editor was started. */
export function resolveModelPath(setting: string): string | undefined {
  const path = setting.startsWith('~/') ? join(homedir(), setting.slice(2)) : setting;
  return isAbsolute(path) ? path : undefined;
}

async function ownFile(path: string): Promise<ModelFile> {
  return { id: path, displayName: basename(path), ...(await look(path)) };
}

async function folderFile(path: string): Promise<ModelFile> {
  const name = basename(path);
  return { id: name, displayName: name, ...(await look(path)) };
}

async function cataloguedFile(model: EmbeddedModel, modelsDir: string): Promise<ModelFile> {
  const { path, isThere, sizeBytes } = await look(join(modelsDir, model.fileName));
  return {
    id: model.id,
    path,
    displayName: model.displayName,
    sizeBytes: model.sizeBytes,
    // The download gives a file this name only when it is whole, so another size means that somebody changed it: it is fetched again.
    isThere: isThere && sizeBytes === model.sizeBytes,
    catalogued: model,
  };
}

async function look(path: string): Promise<{ path: string; isThere: boolean; sizeBytes: number }> {
  const stats = await stat(path).catch(() => undefined);
  return { path, isThere: stats !== undefined, sizeBytes: stats?.size ?? 0 };
}

/** Of a model in several files the first stands for all; a projector for images is no model. */
function isModelName(name: string): boolean {
  return /\.gguf$/i.test(name) && !/^mmproj/i.test(name) && !/-(?!00001)\d{5}-of-\d{5}\.gguf$/i.test(name);
}

// ---- Facts ------------------------------------------------------------------------------------------------------------------------------------------

/** By path; a file that changed since is read again. A client lives for one request, this for the program. */
const knownFacts = new Map<string, { readonly version: string; readonly facts: GgufFacts }>();

/** @throws BackendError of kind `modelFile` */
export async function modelFacts(path: string): Promise<GgufFacts> {
  const stats = await stat(path).catch(() => undefined);
  const version = `${stats?.size} ${stats?.mtimeMs}`;
  const known = knownFacts.get(path);
  if (known?.version === version) return known.facts;
  const facts = await checkGgufFile(path);
  knownFacts.set(path, { version, facts });
  return facts;
}

// ---- Downloading ------------------------------------------------------------------------------------------------------------------------------------

interface SharedDownload {
  readonly done: Promise<void>;
  readonly abort: AbortController;
  waiters: number;
}

/** By target path: requests that need the same file ask the user once and wait for one download. It goes on as long as one of them waits. */
const downloads = new Map<string, SharedDownload>();

/** @throws BackendError of kind `declined`, `download` or `diskFull`; when the signal is aborted, its reason */
export async function fetchModel(
  model: EmbeddedModel,
  path: string,
  host: CoreHost,
  signal: AbortSignal,
): Promise<void> {
  // One that nobody waited for any more still has the unfinished file open.
  for (let old = downloads.get(path); old?.abort.signal.aborted; old = downloads.get(path)) {
    await abortable(
      old.done.catch(() => undefined),
      signal,
    );
  }
  const shared = downloads.get(path) ?? startDownload(model, path, host);
  shared.waiters++;
  try {
    await abortable(shared.done, signal);
  } finally {
    if (--shared.waiters === 0) shared.abort.abort();
  }
}

function startDownload(model: EmbeddedModel, path: string, host: CoreHost): SharedDownload {
  const abort = new AbortController();
  const done = confirmAndDownload(model, path, host, abort.signal).finally(() => downloads.delete(path));
  // The waiters hear of a failure; when the last has left, nobody does, and that is no unhandled rejection.
  done.catch(() => undefined);
  const shared = { done, abort, waiters: 0 };
  downloads.set(path, shared);
  return shared;
}

async function confirmAndDownload(
  model: EmbeddedModel,
  targetPath: string,
  host: CoreHost,
  signal: AbortSignal,
): Promise<void> {
  const agreed = await abortable(host.engine.confirmDownload(model, targetPath), signal);
  if (!agreed) throw declined(model);
  host.log.info(`Downloading ${model.fileName} to ${targetPath}.`);
  // Loaded here: most never download.
  const { downloadModel } = await import('./download.ts');
  await host.engine.duringDownload(model, (onProgress) =>
    downloadModel({ model, targetPath, signal, proxyAgentFor: (url) => host.proxyAgentFor(url), onProgress }),
  );
}

function declined(model: EmbeddedModel): BackendError {
  return new BackendError({
    kind: 'declined',
    backend: 'embedded',
    message: `${model.displayName} was not downloaded.`,
    hint: 'Ask again to be asked again, give a GGUF file of your own in a2ia.embedded.modelPath, or use Ollama or another server.',
    nextStep: { do: 'retry' },
  });
}
