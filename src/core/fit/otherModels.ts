import { schemeNamed } from './checkpoint.ts';
import { knownModel, ollamaFileType } from './catalogue.ts';
import type { FitModel, FitRequest, FitServer } from './fitRequest.ts';
import type { ModelFacts } from './modelFacts.ts';
import { publishedModels, type PublishedModel } from './publishedModels.ts';
import { tensorsOf } from './tensors.ts';

/** Where the model of a request is published; undefined: it is not of the catalogue. */
export function publishedAs({ name, facts }: FitModel): PublishedModel | undefined {
  const known = facts.origin === 'catalogue' ? facts.name : knownModel(name)?.name;
  return known === undefined ? undefined : publishedModels.get(known);
}

/** A published model as a server calls it, in the form that it usually has there. Undefined: it is not made for that server. */
export function modelOn(kind: FitServer['kind'], published: PublishedModel): FitModel | undefined {
  const facts = factsOf(published.name);
  if (!facts) return undefined;
  if (kind === 'vllm') {
    const scheme = published.fourBit === undefined ? undefined : schemeNamed(published.fourBit);
    if (published.fourBit !== undefined && scheme) return { name: published.fourBit, facts, scheme };
    const isMxfp4 = facts.architecture === 'gpt-oss';
    return { name: published.repository, facts, scheme: isMxfp4 ? { kind: 'mxfp4' } : { kind: 'plain', bytes: 2 } };
  }
  const fileType = ollamaFileType(published.ollama ?? published.name);
  if (kind === 'llama-server') return { name: `${published.name}-${fileType}.gguf`, facts, fileType };
  return published.ollama === undefined ? undefined : { name: published.ollama, facts, fileType };
}

const known = new Map<string, ModelFacts>();

/** The same object each time, so that what was worked out from it is found again. */
function factsOf(name: string): ModelFacts | undefined {
  const facts = known.get(name) ?? knownModel(name);
  if (facts) known.set(name, facts);
  return facts;
}

const counts = new WeakMap<ModelFacts['layers'], number>();

export function parametersOf(facts: ModelFacts): number {
  const before = counts.get(facts.layers);
  if (before !== undefined) return before;
  const count = tensorsOf(facts).reduce((total, { columns, rows }) => total + columns * rows, 0);
  counts.set(facts.layers, count);
  return count;
}

/** Makers, by the names of their models. */
export function familyOf(name: string): string {
  if (/^(mi[sx]tral|ministral|devstral|magistral|codestral|pixtral)/.test(name)) return 'mistral';
  if (/^(qwen|qwq)/.test(name)) return 'qwen';
  if (/^(llama|codellama)/.test(name)) return 'llama';
  return /^[a-z]+(?:-oss)?/.exec(name)?.[0] ?? name;
}

/** A draft model is made for one model only. */
export function withoutDraft(request: FitRequest): FitRequest {
  const alone: { -readonly [key in keyof FitRequest]: FitRequest[key] } = { ...request };
  delete alone.draft;
  return alone;
}
