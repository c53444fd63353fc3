import { toBackendError } from '../../core/clients/failures.ts';
import { readFitModel } from '../../core/fit/fitModels.ts';
import type { FitModel } from '../../core/fit/fitRequest.ts';
import { shapeOnly } from '../../core/fit/modelWeights.ts';
import { readOllamaModel } from '../../core/fit/ollamaModel.ts';
import { nameOfPublished } from '../../core/fit/publishedModels.ts';
import { ollamaFileType } from '../../core/fit/catalogue.ts';
import type { CoreHost } from '../../core/host.ts';
import type { Settings } from '../../core/settings/settings.ts';
import { publishedName } from './catalogueModels.ts';
import { nameOfScheme, type PlanModel } from './planRequest.ts';
import type { ModelSource } from './planSession.ts';
import { modelDetail } from './planWords.ts';

/** Models that are read from where they are. */

export function ollamaId(name: string): string {
  return `ollama:${name}`;
}

export function fileId(file: string): string {
  return `file:${file}`;
}

/** One that an Ollama server has. */
export function ollamaSource(name: string, detail: string, host: CoreHost, settings: () => Settings): ModelSource {
  const id = ollamaId(name);
  return {
    id,
    label: name,
    detail,
    load: async (signal) => {
      const { ollamaUrl, firstByteTimeoutMs, idleTimeoutMs } = settings();
      const limits = { firstByteTimeoutMs, idleTimeoutMs, urlSetting: 'a2ia.ollamaUrl' };
      const reading = await readOllamaModel(ollamaUrl, { backend: 'ollama', host, ...limits }, name, signal).catch(
        (error: unknown) => {
          throw new Error(toBackendError(error, 'ollama').message, { cause: error });
        },
      );
      return planModel(id, usable(reading), `Read from Ollama.`);
    },
  };
}

/** A GGUF file, or the address of one. */
export function fileSource(file: string, label: string, detail: string, host: CoreHost): ModelSource {
  const id = fileId(file);
  return {
    id,
    label,
    detail,
    load: async (signal) => planModel(id, usable(await readFitModel(file, host, signal)), 'Read from the file.'),
  };
}

/** Undefined: it is none of http or https. */
export function addressId(text: string): string | undefined {
  const address = text.trim();
  return /^https?:\/\//i.test(address) && URL.canParse(address) ? fileId(address) : undefined;
}

export function servedId(server: string, name: string): string {
  return `${server}:${name}`;
}

/** One that another server has: by the folder, the file or the published name that it was started with. */
export function servedSource(
  { id, label, detail, backend }: Omit<ModelSource, 'load'>,
  name: string,
  host: CoreHost,
): ModelSource {
  return {
    id,
    label,
    detail,
    ...(backend === undefined ? {} : { backend }),
    load: async (signal) => planModel(id, usable(await readFitModel(name, host, signal)), 'Served now.'),
  };
}

type Reading =
  | { readonly outcome: 'model'; readonly model: FitModel }
  | { readonly outcome: 'unusable'; readonly problem: string; readonly hint: string };

function usable(reading: Reading): FitModel {
  if (reading.outcome === 'unusable') throw new Error(`${reading.problem} ${reading.hint}`);
  return reading.model;
}

function planModel(id: string, model: FitModel, origin: string): PlanModel {
  const { name, facts, weights, fileType, digest } = model;
  const scheme = model.scheme && nameOfScheme(model.scheme);
  const isCheckpoint = weights === undefined && fileType === undefined;
  const published = nameOfPublished(name);
  const ownType = fileType ?? 'As it is';
  return {
    id,
    name,
    detail: `${modelDetail(facts)} ${origin}`,
    facts: shapeOnly(facts),
    ...(weights === undefined ? {} : { file: { weights, fileType: ownType } }),
    ...(digest === undefined ? {} : { digest }),
    ...(scheme === undefined ? {} : { scheme }),
    usualFileType: fileType ?? ollamaFileType(name),
    nameFor: (backend, format) => {
      const isItself = backend === 'vllm' ? isCheckpoint && format === (scheme ?? 'bf16') : format === ownType;
      if (isItself || published === undefined) return name;
      return publishedName(published, backend, format);
    },
  };
}
