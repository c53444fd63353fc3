import { memoryText } from './bytesText.ts';
import type { Candidate } from './candidate.ts';
import type { FitModel, FitRequest } from './fitRequest.ts';
import { isFile } from './fitCommand.ts';
import type { LlamaCppFitServer } from './llamaCppFit.ts';
import type { CacheType } from './kvCache.ts';
import { cacheRow } from './modelFacts.ts';
import { fileBytes, ggufWeights, ruledWeights, shapeOnly } from './modelWeights.ts';
import { publishedAs } from './otherModels.ts';

/** Settings of the server, then smaller files. */
export function llamaCppCandidates(request: FitRequest, server: LlamaCppFitServer): readonly Candidate[] {
  return [
    ...slotCandidates(request, server),
    ...cacheCandidates(request, server),
    ...batchCandidates(request, server),
    ...fileTypeCandidates(request),
  ];
}

function slotCandidates(request: FitRequest, server: LlamaCppFitServer): readonly Candidate[] {
  const { parallel } = server;
  // llama-server’s slots share one context, so fewer of them save next to nothing.
  if (server.kind !== 'ollama' || parallel === undefined || parallel <= 1) return [];
  return [
    {
      change: 'flags',
      request: { ...request, server: { ...server, parallel: 1 } },
      cost: 5,
      label: (_, less) => `One request at a time: ${memoryText(less)} less`,
    },
  ];
}

/** Values that are quantised need flash attention, and rows of whole blocks. */
function cacheCandidates(request: FitRequest, server: LlamaCppFitServer): readonly Candidate[] {
  const isWhole = request.model.facts.layers.every(({ mixer }) => {
    const { keys, values } = cacheRow(mixer);
    return keys % 32 === 0 && values % 32 === 0;
  });
  if (!isWhole) return [];
  const now = bits(server.cacheType ?? 'f16');
  const types: readonly (readonly [type: CacheType, cost: number])[] = [
    ['q8_0', 20],
    ['q4_0', 45],
  ];
  return types
    .filter(([type]) => bits(type) < now)
    .map(([cacheType, cost]): Candidate => ({
      change: 'cacheType',
      request: { ...request, server: { ...server, cacheType, flashAttention: true } },
      cost,
      label: (_, less) => `KV cache in ${cacheType}: ${memoryText(less)} less`,
    }));
}

function bits(type: CacheType): number {
  const stated = /\d+/.exec(type)?.[0];
  return Number(stated ?? 16);
}

const smallBatchTokens = 512;

function batchCandidates(request: FitRequest, server: LlamaCppFitServer): readonly Candidate[] {
  if (server.batchTokens !== undefined && server.batchTokens <= smallBatchTokens) return [];
  return [
    {
      change: 'flags',
      request: { ...request, server: { ...server, batchTokens: smallBatchTokens } },
      cost: 12,
      label: (_, less) => `${smallBatchTokens} tokens at once: ${memoryText(less)} less, prompts are read slower`,
    },
  ];
}

/** From the best that could fit to the one that is of little use. */
const fileTypes: readonly (readonly [type: string, cost: number])[] = [
  ['Q8_0', 24],
  ['Q6_K', 25],
  ['Q5_K_M', 26],
  ['Q4_K_M', 28],
  ['IQ4_XS', 36],
  ['Q3_K_M', 48],
  ['Q2_K', 70],
];

function fileTypeCandidates(request: FitRequest): readonly Candidate[] {
  const { model } = request;
  const now = ggufWeights(model);
  if (!now) return [];
  return fileTypes.flatMap(([fileType, cost]): readonly Candidate[] => {
    const smaller = ruledWeights(model.facts, fileType);
    const asTyped = smaller && modelOfType(model, fileType);
    if (!asTyped || fileBytes(smaller) >= 0.97 * fileBytes(now.bytes)) return [];
    return [
      {
        change: 'fileType',
        request: { ...request, model: asTyped },
        cost,
        label: () => `${fileType}, ${memoryText(fileBytes(smaller))}`,
      },
    ];
  });
}

/** The same model in another file. Undefined: Ollama’s library does not have it, and nobody knows where else it is. */
function modelOfType(model: FitModel, fileType: string): FitModel | undefined {
  const typed = { facts: shapeOnly(model.facts), fileType };
  if (isFile(model.name)) {
    const replaced = model.name.replace(/(I?Q\d_[\w]+?|BF16|F16|F32|MXFP4)(?=\.gguf$)/i, fileType);
    return { ...typed, name: replaced === model.name ? model.name.replace(/\.gguf$/i, `-${fileType}.gguf`) : replaced };
  }
  const published = publishedAs(model);
  if (!published) return undefined;
  if (fileType.startsWith('IQ')) return undefined;
  if (published.ollamaTypes !== undefined) return { ...typed, name: published.ollamaTypes + tagOf(fileType) };
  // Newer models are there in these only.
  if (published.ollama === undefined || !/^(Q4_K_M|Q8_0)$/.test(fileType)) return undefined;
  return { ...typed, name: `${published.ollama}-${tagOf(fileType)}` };
}

/** As Ollama's library writes them: `q4_K_M`. */
function tagOf(fileType: string): string {
  return fileType.replace(/^Q/, 'q');
}
