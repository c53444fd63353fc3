import { memoryText, tokensText } from './bytesText.ts';
import type { Candidate } from './candidate.ts';
import type { Alternative, FitPlan, FitRequest } from './fitRequest.ts';
import { llamaCppCandidates } from './llamaCppCandidates.ts';
import { backendCandidates, gpuCandidates, modelCandidates } from './otherCandidates.ts';
import { withoutDraft } from './otherModels.ts';
import { planFit, type Planner } from './planFit.ts';
import { vllmCandidates } from './vllmCandidates.ts';

/**
 * What would do better than a plan that does not fit for certain, the best first. Each is planned anew, and known to fit. Empty where the plan fits, where nothing is
 * known of the GPU, and where nothing helps.
 */
export function alternativesTo(request: FitRequest, plan: FitPlan, planner: Planner = planFit): readonly Alternative[] {
  if (plan.verdict === 'fits' || request.gpus.length === 0) return [];
  const { server } = request;
  const candidates: readonly Candidate[] = [
    ...draftCandidates(request),
    ...contextCandidates(request, plan),
    ...(server.kind === 'vllm' ? vllmCandidates(request, server, plan) : llamaCppCandidates(request, server)),
    ...backendCandidates(request, plan),
    ...modelCandidates(request, plan),
    ...gpuCandidates(request),
  ];
  const found = candidates.flatMap((candidate) => attempts(candidate, plan, planner));
  const kept: Attempt[] = [];
  for (const attempt of found.sort((a, b) => a.cost - b.cost)) {
    if (kept.some((better) => isBetter(better.alternative, attempt.alternative))) continue;
    const { group } = attempt;
    if (group !== undefined && kept.filter((other) => other.group === group).length >= mostOfGroup) continue;
    kept.push(attempt);
  }
  return kept.map(({ alternative }) => alternative);
}

const mostOfGroup = 2;

/** `better` costs less: it makes the other needless if it is of the same kind and gives as long a context, or is the very same. */
function isBetter(better: Alternative, other: Alternative): boolean {
  if (better.plan.command === other.plan.command) return true;
  // The simplest of all, whatever else there is.
  if (other.change === 'contextTokens') return false;
  const [kind, otherKind] = [kinds[better.change], kinds[other.change]];
  const isComparable = kind !== undefined && (kind === otherKind || (better.change === 'contextTokens' && otherKind));
  return Boolean(isComparable) && better.plan.contextTokens >= other.plan.contextTokens;
}

const kinds: Partial<Record<Alternative['change'], string>> = {
  contextTokens: 'settings',
  flags: 'settings',
  cacheType: 'settings',
  fileType: 'file',
  gpus: 'gpus',
};

function draftCandidates(request: FitRequest): readonly Candidate[] {
  if (!request.draft) return [];
  return [
    {
      change: 'flags',
      request: withoutDraft(request),
      cost: 8,
      label: (_, less) => `Without the draft model: ${memoryText(less)} less`,
    },
  ];
}

function contextCandidates(
  request: FitRequest,
  { contextTokens, largestContextTokens }: FitPlan,
): readonly Candidate[] {
  const longest = roundedContext(largestContextTokens);
  if (longest === undefined || longest >= contextTokens) return [];
  return [
    {
      change: 'contextTokens',
      request: withContext(request, longest),
      cost: 10,
      label: ({ contextTokens: tokens }) => `Context of ${tokensText(tokens)}`,
    },
  ];
}

interface Attempt {
  readonly alternative: Alternative;
  readonly cost: number;
  readonly group?: string | undefined;
}

function attempts(candidate: Candidate, original: FitPlan, planner: Planner): readonly Attempt[] {
  const { change, cost, label, group, fallbacks = [], mayBePartial = false } = candidate;
  const made = (request: FitRequest, plan: FitPlan, whole = plan): Attempt => {
    const suffix = whole === plan ? '' : `, context of ${tokensText(plan.contextTokens)}`;
    const text = label(plan, neededBytes(original) - neededBytes(whole)) + suffix;
    return {
      alternative: { change, label: text, request, plan },
      cost: cost + contextCost(plan.contextTokens, original.contextTokens),
      group,
    };
  };
  let longest: Attempt | undefined;
  let partial: Attempt | undefined;
  for (const request of [candidate.request, ...fallbacks]) {
    const plan = planner(request);
    if (plan.verdict === 'fits') return [made(request, plan)];
    if (mayBePartial && plan.verdict === 'partial') partial ??= made(request, plan);
    const contextTokens = roundedContext(plan.largestContextTokens);
    if (contextTokens === undefined || contextTokens >= plan.contextTokens) continue;
    if (contextTokens <= (longest?.alternative.plan.contextTokens ?? 0)) continue;
    const shorter = withContext(request, contextTokens);
    const again = planner(shorter);
    if (again.verdict === 'fits') longest = made(shorter, again, plan);
  }
  const found = longest ?? partial;
  return found ? [found] : [];
}

function withContext(request: FitRequest, contextTokens: number): FitRequest {
  return { ...request, server: { ...request.server, contextTokens } };
}

function neededBytes({ rows }: FitPlan): number {
  return rows.reduce((total, { part, figure }) => total + (part === 'ram' ? 0 : figure.bytes), 0);
}

/** A question with a file in it needs about that. */
const shortestContext = 2048;

/** Whole thousands of tokens. */
function roundedContext(tokens: number | undefined): number | undefined {
  return tokens === undefined || tokens < shortestContext ? undefined : Math.floor(tokens / 1024) * 1024;
}

/** Half of what was asked for, or 16k, is nearly as good; less than 8k is not. */
function contextCost(tokens: number, asked: number): number {
  if (tokens >= asked) return 0;
  if (tokens >= 16_384 || tokens >= asked / 2) return 5;
  return tokens >= 8192 ? 25 : 50;
}
