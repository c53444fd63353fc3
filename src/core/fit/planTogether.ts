import { memoryText, tokensText } from './bytesText.ts';
import { exact, sum, type Figure } from './figure.ts';
import type { FitGpu, FitPlan, FitRequest, FitRow } from './fitRequest.ts';
import { freeFigure, inequality, type Inequality } from './inequality.ts';
import { ollamaGuessPerToken } from './llamaCppDefaults.ts';
import { roomOf } from './llamaCppFit.ts';
import { fileBytes, ggufWeights } from './modelWeights.ts';
import { everythingCondition, startCondition, type Verdict } from './plan.ts';
import { planFit, type Planner } from './planFit.ts';

/** Several models at the same time, for example one to chat with and one that completes. */
export interface TogetherPlan {
  /** The worst of the plans. `fails` also where the server would unload one model for another. */
  readonly verdict: Verdict;
  /** In the order of the requests: each with what those before it leave. */
  readonly plans: readonly FitPlan[];
  /** On all GPUs, all models together. */
  readonly needed: Figure;
  /** Whether Ollama keeps each model beside those before it: a rule of its own, stricter than the room that there is. */
  readonly conditions: readonly Inequality[];
  /** For the user, where not all of them are loaded at the same time. */
  readonly explanation?: string;
}

/**
 * What several models take of the same GPUs, loaded one after another. What those before take is subtracted from what is free for the next: at most, for what is
 * said to fit, and at least, for what is said not to.
 */
export function planTogether(requests: readonly FitRequest[], planner: Planner = planFit): TogetherPlan {
  const plans: FitPlan[] = [];
  const conditions: Inequality[] = [];
  let taken = exact(0, 'nothing yet');
  for (const request of requests) {
    const free = freeBeside(request.gpus, taken);
    const plan = plans.length === 0 ? planner(request) : planWithin(request, free, planner);
    if (plans.length > 0 && request.gpus.length > 0) conditions.push(...admission(request, plan, free));
    plans.push(plan);
    taken = sum([taken, takenOnGpu(request, plan)], 'the models before');
  }
  const swap = conditions.find(({ holds }) => holds === 'no');
  const failing = plans.find(({ failure }) => failure)?.failure;
  const explanation = swap ? swapExplanation(swap) : failing?.explanation;
  return {
    verdict: swap ? 'fails' : worst(plans.map(({ verdict }) => verdict)),
    plans,
    needed: taken,
    conditions,
    ...(explanation === undefined ? {} : { explanation }),
  };
}

/**
 * The plan of a model while another is loaded on the same GPUs, as one plan: all that the other takes is a row of it, and the context is the longest beside it.
 */
export function planBeside(request: FitRequest, other: FitRequest, planner: Planner = planFit): FitPlan {
  const { verdict, plans, conditions } = planTogether([{ ...other, gpus: request.gpus }, request], planner);
  const [theirs, own] = plans;
  if (!theirs || !own) return planner(request);
  const taken = {
    ...takenOnGpu(other, theirs),
    because: `all that ${other.model.name} takes, with a context of ${tokensText(theirs.contextTokens)}`,
  };
  const row: FitRow = { part: 'beside', label: other.model.name, figure: taken };
  const swap = conditions.find(({ holds }) => holds === 'no');
  const failure = swap
    ? { condition: swap, serverError: swapLog, explanation: swapExplanation(swap) }
    : (own.failure ?? theirs.failure);
  return {
    ...own,
    verdict,
    rows: [...own.rows.filter(({ part }) => part !== 'ram'), row, ...own.rows.filter(({ part }) => part === 'ram')],
    ...(theirs.free === undefined ? {} : { free: theirs.free }),
    conditions: [
      ...own.conditions.map((one) => (one.name === everythingCondition ? withTaken(one, taken) : one)),
      ...conditions,
    ],
    ...(failure === undefined ? {} : { failure }),
    command: [...new Set([...own.command.split('\n'), ...theirs.command.split('\n')])].join('\n'),
    doubts: [...own.doubts, ...theirs.doubts.filter((doubt) => !own.doubts.includes(doubt))],
  };
}

/** What the server writes then (`server/sched.go`). */
const swapLog = 'llama-server model predicted to exceed available memory, evicting';

/** Of both models: the other has its part of what is needed, and of what there is. */
function withTaken({ name, need, have }: Inequality, taken: Figure): Inequality {
  const both = sum([need, taken], need.because);
  const all = {
    ...have,
    bytes: have.bytes + taken.bytes,
    lowBytes: have.lowBytes + taken.lowBytes,
    highBytes: have.highBytes + taken.highBytes,
  };
  return inequality(name, both, all);
}

function freeBeside(gpus: readonly FitGpu[], taken: Figure): Figure {
  const free = sum(
    gpus.map((gpu) => freeFigure(roomOf(gpu))),
    'what the models before leave free',
  );
  const atLeast0 = (bytes: number) => Math.max(0, bytes);
  return {
    ...free,
    bytes: atLeast0(free.bytes - taken.bytes),
    lowBytes: atLeast0(free.lowBytes - taken.highBytes),
    highBytes: atLeast0(free.highBytes - taken.lowBytes),
  };
}

function planWithin(request: FitRequest, free: Figure, planner: Planner): FitPlan {
  const least = planner({ ...request, gpus: withFree(request.gpus, free.lowBytes) });
  if (least.verdict === 'fits') return least;
  const most = planner({ ...request, gpus: withFree(request.gpus, free.highBytes) });
  if (most.verdict !== 'fits' && most.verdict !== 'tight') return most;
  return { ...planner({ ...request, gpus: withFree(request.gpus, free.bytes) }), verdict: 'tight' };
}

/** Each card has as much of it as of all that was free before, since servers spread a model like that. */
function withFree(gpus: readonly FitGpu[], bytes: number): readonly FitGpu[] {
  const before = gpus.map((gpu) => freeFigure(roomOf(gpu)).bytes);
  const all = before.reduce((total, one) => total + one, 0);
  return gpus.map((gpu, index) => ({ ...gpu, freeBytes: all > 0 ? (bytes * (before[index] ?? 0)) / all : 0 }));
}

/** All that is on the GPU. vLLM fills its budget with room for keys and values, however little it needs. */
function takenOnGpu({ server }: FitRequest, { rows, conditions }: FitPlan): Figure {
  const needed = sum(
    rows.filter(({ part }) => part !== 'ram').map(({ figure }) => figure),
    'all that is on the GPU',
  );
  const budget = conditions.find(({ name }) => name === startCondition)?.need;
  if (server.kind !== 'vllm' || !budget) return needed;
  const filled = budget.bytes * (server.tensorParallel ?? 1);
  return {
    ...needed,
    bytes: Math.max(needed.bytes, filled),
    lowBytes: Math.max(needed.lowBytes, filled),
    highBytes: Math.max(needed.highBytes, filled),
  };
}

/** Ollama loads a model beside another where it guesses that four fifths of what is free take it (`server/sched.go`); else it unloads the other first. */
function admission({ server, model }: FitRequest, { contextTokens }: FitPlan, free: Figure): readonly Inequality[] {
  const weights = server.kind === 'ollama' ? ggufWeights(model) : undefined;
  if (server.kind !== 'ollama' || !weights) return [];
  const tokens = contextTokens * (server.parallel ?? 1);
  const guess = exact(fileBytes(weights.bytes) + ollamaGuessPerToken(model.facts) * tokens, 'as Ollama guesses it');
  const share = { ...free, bytes: 0.8 * free.bytes, lowBytes: 0.8 * free.lowBytes, highBytes: 0.8 * free.highBytes };
  return [inequality('Ollama keeps both models loaded', guess, share)];
}

/** Whether Ollama unloads what it has rather than load this beside it. */
export function ollamaWouldSwap(request: FitRequest, plan: FitPlan): boolean {
  return plan.free !== undefined && admission(request, plan, plan.free).some(({ holds }) => holds === 'no');
}

function swapExplanation({ need, have }: Inequality): string {
  return `Ollama would unload one model for the other: it guesses ${memoryText(need.bytes)} for the second > ${memoryText(have.bytes)}, four fifths of what the first leaves free.`;
}

function worst(verdicts: readonly Verdict[]): Verdict {
  const order: readonly Verdict[] = ['fits', 'tight', 'partial', 'unknown', 'fails'];
  return order[Math.max(0, ...verdicts.map((verdict) => order.indexOf(verdict)))] ?? 'unknown';
}
