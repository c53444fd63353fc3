import { memoryRangeText, memoryText } from '../../core/fit/bytesText.ts';
import { sum, type Figure, type FigureOrigin } from '../../core/fit/figure.ts';
import type { Alternative, FitPlan, FitRow } from '../../core/fit/fitRequest.ts';
import { everythingCondition, poolCondition } from '../../core/fit/plan.ts';
import { spillText } from '../../core/fit/spill.ts';
import { unloadingText, unloadingWords } from '../../core/fit/unloading.ts';
import { calibrationText } from '../../core/fit/corrections.ts';
import type { Inequality } from '../../core/fit/inequality.ts';
import type { AlternativeView, MarkView, PlanRowView, PlanView } from '../../protocol/planState.ts';

const originTexts: Readonly<Record<FigureOrigin, string>> = {
  exact: 'counted',
  formula: 'calculated',
  assumed: 'assumed',
  bound: 'at most this',
};

/** A plan in words, and the numbers that its picture is drawn by. */
export function planView(plan: FitPlan): PlanView {
  const need = neededOnGpu(plan.rows);
  const limit = limitOf(plan, need);
  return {
    verdict: plan.verdict,
    headline: headlineOf(plan),
    summary: limit ? ratioText(need, limit) : memoryText(need.bytes),
    explanation: [explanationOf(plan, need, limit), spillText(plan), unloadingText(plan)].filter(Boolean).join(' '),
    failure: plan.failure
      ? { inequality: inequalityText(plan.failure.condition), serverError: plan.failure.serverError }
      : null,
    rows: plan.rows.map((row) => rowView(row)),
    need: markOf(need),
    limit: limit ? markOf(limit) : null,
    free: plan.free ? markOf(plan.free) : null,
    total: plan.total ? markOf(plan.total) : null,
    contextTokens: plan.contextTokens,
    largestContextTokens: plan.largestContextTokens ?? null,
    command: plan.command,
    measured: plan.measuredBy ? calibrationText(plan.measuredBy) : '',
    doubts: plan.doubts,
  };
}

/** `id`: its place in the list. */
export function alternativeView({ label, plan }: Alternative, id: string): AlternativeView {
  const need = neededOnGpu(plan.rows);
  const limit = limitOf(plan, need);
  const memory = limit ? ratioText(need, limit) : memoryText(need.bytes);
  return { id, label, verdict: plan.verdict, detail: `${headlineOf(plan)}, ${memory}` };
}

export function neededOnGpu(rows: readonly FitRow[]): Figure {
  const figures = rows.filter(({ part }) => part !== 'ram').map(({ figure }) => figure);
  return sum(figures, 'all parts on the GPU');
}

function headlineOf(plan: FitPlan): string {
  const words = verdictWords(plan);
  const { unloading, verdict } = plan;
  return unloading?.by === 'server' && verdict !== 'fails' ? `${words} ${unloadingWords(unloading)}` : words;
}

function verdictWords({ verdict, placement, free, rows, spilledBytes }: FitPlan): string {
  const isTwo = rows.some(({ part }) => part === 'beside');
  switch (verdict) {
    case 'fits':
      return isTwo ? 'Both fit on the GPU' : 'Fits on the GPU';
    case 'tight':
      return isTwo ? 'Tight: both may fit' : 'Tight: it may fit';
    case 'partial':
      if (spilledBytes !== undefined) return 'Pages into RAM: slow';
      return placement ? layersText(placement) : 'Partly on the CPU';
    case 'fails':
      return isTwo ? 'Do not fit together' : 'Does not fit';
    case 'unknown':
      return free ? 'Cannot be said' : 'No GPU chosen';
  }
}

function layersText({ gpuLayers, layers, layersWithoutExperts }: NonNullable<FitPlan['placement']>): string {
  if (gpuLayers === layers && layersWithoutExperts > 0) return `Experts of ${layersWithoutExperts} layers on the CPU`;
  return gpuLayers === 0 ? 'Runs on the CPU' : `${gpuLayers} of ${layers} layers on the GPU`;
}

/**
 * What all parts together may take: Ollama and llama.cpp keep a margin of what is free, vLLM has a budget of what there is. Both are in the condition that
 * decides, on the other side of what is needed.
 */
export function limitOf({ conditions, free, rows }: FitPlan, need: Figure): Figure | undefined {
  if (!free) return undefined;
  const whole = conditions.find(({ name }) => name === everythingCondition);
  if (whole) return { ...whole.have, because: 'free, less what the server leaves free' };
  const pool = conditions.find(({ name }) => name === poolCondition);
  if (!pool) return free;
  // The condition is about one of the GPUs, the rows about all.
  const cache = rows.find(({ part }) => part === 'cache')?.figure.bytes ?? pool.need.bytes;
  const gpus = pool.need.bytes > 0 ? cache / pool.need.bytes : 1;
  // Beside its budget it can have no more than is free.
  return {
    ...free,
    bytes: Math.min(free.bytes, need.bytes + gpus * pool.slackBytes),
    lowBytes: Math.min(free.lowBytes, need.bytes + gpus * (pool.have.lowBytes - pool.need.highBytes)),
    highBytes: Math.min(free.highBytes, need.bytes + gpus * (pool.have.highBytes - pool.need.lowBytes)),
    because: 'the budget of vLLM, and what it takes beside that',
  };
}

function explanationOf(
  { verdict, failure, conditions, spilledBytes }: FitPlan,
  need: Figure,
  limit: Figure | undefined,
): string {
  const needs = `It needs ${rangeText(need)}`;
  if (!limit) return `${needs}. Whether that fits depends on the GPU: choose one above.`;
  const sizes = `${needs} of ${rangeText(limit)} that can be used`;
  switch (verdict) {
    case 'fits':
      return `${sizes}: it fits, whatever was not known.`;
    case 'tight': {
      const open = conditions.find(({ holds }) => holds === 'maybe');
      return `It depends on what was not known. ${open ? openText(open) : sizes}.`;
    }
    case 'partial':
      if (spilledBytes !== undefined) return `${sizes}.`;
      return `${failure?.explanation ?? `${sizes}.`} What does not fit runs on the CPU: answers come several times slower.`;
    case 'fails':
      return failure?.explanation ?? `${sizes}.`;
    case 'unknown':
      return `As far as is known, ${lowerFirst(sizes)}.`;
  }
}

function inequalityText({ name, need, have }: Inequality): string {
  return `${upperFirst(name)}: ${rangeText(need)} > ${rangeText(have)}`;
}

function openText({ name, need, have }: Inequality): string {
  return `${upperFirst(name)}: ${rangeText(need)} needed, ${rangeText(have)} there`;
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function rowView({ part, label, figure }: FitRow): PlanRowView {
  return { part, label, ...markOf(figure) };
}

function markOf(figure: Figure): MarkView {
  const { bytes, lowBytes, highBytes, origin, because } = figure;
  const range = lowBytes === highBytes ? '–' : rangeText(figure);
  return { bytes, lowBytes, highBytes, text: memoryText(bytes), range, origin: originTexts[origin], because };
}

function rangeText({ lowBytes, highBytes }: Figure): string {
  return memoryRangeText(lowBytes, highBytes);
}

/** `9.1 of 11.1 GiB` */
function ratioText(need: Figure, free: Figure): string {
  const [amount, unit] = memoryText(need.bytes).split(' ');
  const whole = memoryText(free.bytes);
  return whole.endsWith(` ${unit}`) ? `${amount} of ${whole}` : `${amount} ${unit} of ${whole}`;
}
