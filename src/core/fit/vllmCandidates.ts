import { memoryText } from './bytesText.ts';
import type { Candidate } from './candidate.ts';
import { schemeNamed } from './checkpoint.ts';
import type { FitModel, FitPlan, FitRequest } from './fitRequest.ts';
import { shapeOnly } from './modelWeights.ts';
import { publishedAs } from './otherModels.ts';
import type { VllmFitServer } from './vllmFit.ts';

/** Flags, one by one and then together, in the order of what they cost; then the same model in fewer bits. */
export function vllmCandidates(request: FitRequest, server: VllmFitServer, plan: FitPlan): readonly Candidate[] {
  const flags = flagChanges(server, plan);
  const candidate = (changes: readonly FlagChange[], cost: number): Candidate => ({
    change: 'flags',
    request: { ...request, server: Object.assign({}, server, ...changes.map(({ change }) => change)) as VllmFitServer },
    cost,
    label: (_, less) => changes.map(({ words }) => words).join(', ') + gain(less),
  });
  return [
    ...flags.map((flag, index) => candidate([flag], 12 + 2 * index)),
    ...flags.slice(1).map((_, index) => candidate(flags.slice(0, index + 2), 15 + 2 * index)),
    ...schemeCandidates(request, server, plan),
  ];
}

interface FlagChange {
  readonly words: string;
  readonly change: Partial<VllmFitServer>;
}

/** One user asks no more at once. */
const fewSequences = 16;
const smallBatchTokens = 2048;
const mostUtilization = 0.98;

function flagChanges(server: VllmFitServer, { conditions, total }: FitPlan): readonly FlagChange[] {
  const [atStart] = conditions;
  const changes: FlagChange[] = [];
  const gpuBytes = (total?.bytes ?? 0) / (server.tensorParallel ?? 1);
  if (atStart && gpuBytes > 0) {
    const now = atStart.need.bytes / gpuBytes;
    const most = Math.min(mostUtilization, Math.floor((100 * atStart.have.lowBytes) / gpuBytes) / 100);
    if (most > 0 && Math.abs(most - now) >= 0.01)
      changes.push({ words: `A utilization of ${most}`, change: { utilization: most } });
  }
  if (server.maxSequences === undefined || server.maxSequences > fewSequences)
    changes.push({ words: `${fewSequences} requests at once`, change: { maxSequences: fewSequences } });
  if (!server.eager) changes.push({ words: 'no CUDA graphs (slower)', change: { eager: true } });
  if (server.maxBatchedTokens === undefined || server.maxBatchedTokens > smallBatchTokens)
    changes.push({ words: `${smallBatchTokens} tokens at once`, change: { maxBatchedTokens: smallBatchTokens } });
  if (server.cacheType !== 'fp8') changes.push({ words: 'KV cache in fp8', change: { cacheType: 'fp8' } });
  return changes;
}

/** A higher utilization saves nothing: it takes more. */
function gain(lessBytes: number): string {
  return lessBytes > 0 ? `: ${memoryText(lessBytes)} less` : '';
}

function schemeCandidates(request: FitRequest, server: VllmFitServer, { conditions }: FitPlan): readonly Candidate[] {
  const { model } = request;
  const { scheme } = model;
  if (scheme !== undefined && scheme.kind !== 'plain') return [];
  if (/gpt-oss/i.test(model.facts.architecture)) return [];
  const facts = shapeOnly(model.facts);
  const fourBit = publishedAs(model)?.fourBit;
  const fourBitScheme = fourBit === undefined ? undefined : schemeNamed(fourBit);
  // Quantising to fp8 begins with the whole model in 16 bits on the GPU.
  const loadsWhole = conditions[1]?.holds === 'yes';
  const candidates: readonly (readonly [model: FitModel, label: string, cost: number])[] = [
    ...(loadsWhole ? [[{ name: model.name, facts, scheme: { kind: 'fp8' } }, 'Weights in fp8', 26] as const] : []),
    ...(fourBit !== undefined && fourBitScheme
      ? [[{ name: fourBit, facts, scheme: fourBitScheme }, fourBit, 30] as const]
      : []),
    [{ name: model.name, facts, scheme: { kind: 'nf4' } }, 'Weights in 4 bits (bitsandbytes, slower)', 34],
  ];
  return candidates.map(([smaller, label, cost]): Candidate => ({
    change: 'fileType',
    request: { ...request, model: smaller },
    fallbacks: leanVllm(server).map((lean) => ({ ...request, model: smaller, server: lean })),
    cost,
    label: ({ rows }) => `${label}, ${memoryText(rows.find(({ part }) => part === 'weights')?.figure.bytes ?? 0)}`,
  }));
}

/** For one user: few requests at once, then without CUDA graphs too. */
export function leanVllm(server: VllmFitServer): readonly VllmFitServer[] {
  const few = { ...server, maxSequences: Math.min(server.maxSequences ?? fewSequences, fewSequences) };
  return [few, { ...few, eager: true }];
}
