import { schemeNamed } from '../../core/fit/checkpoint.ts';
import { knownModel, ollamaFileType } from '../../core/fit/catalogue.ts';
import { publishedModels } from '../../core/fit/publishedModels.ts';
import type { PlanBackend } from '../../protocol/planState.ts';
import { modelDetail } from './planWords.ts';
import type { PlanModel } from './planRequest.ts';
import type { ModelSource } from './planSession.ts';

export function catalogueId(name: string): string {
  return `catalogue:${name}`;
}

/** A model of the catalogue: what it takes is known before anybody downloads it. */
export function catalogueModel(name: string): ModelSource {
  const published = publishedModels.get(name);
  const id = catalogueId(name);
  return {
    id,
    label: name,
    detail: published?.ollama ?? '',
    load: () => {
      const facts = knownModel(name);
      if (!facts) return Promise.reject(new Error(`${name} is not in the catalogue any more: choose another.`));
      const model: PlanModel = {
        id,
        name,
        detail: `${modelDetail(facts)} From the catalogue${published ? `, by the config.json of ${published.repository}` : ''}.`,
        facts,
        usualFileType: ollamaFileType(published?.ollama ?? name),
        nameFor: (backend, format) => publishedName(name, backend, format),
      };
      return Promise.resolve(model);
    },
  };
}

/** A model of the catalogue as that server calls it in that format. */
export function publishedName(name: string, backend: PlanBackend, format: string): string {
  const published = publishedModels.get(name);
  if (!published || backend === 'llama-server') return name;
  const { ollama, ollamaTypes, fourBit, repository } = published;
  if (backend === 'vllm') return fourBit !== undefined && schemeNamed(fourBit)?.kind === format ? fourBit : repository;
  if (ollama === undefined) return name;
  if (format === ollamaFileType(ollama) || ollamaTypes === undefined) return ollama;
  return `${ollamaTypes}${format.replace(/^Q/, 'q')}`;
}
