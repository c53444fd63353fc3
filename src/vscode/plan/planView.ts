import { memoryRangeText, memoryText } from '../../core/fit/bytesText.ts';
import { sum, type Figure, type FigureOrigin } from '../../core/fit/figure.ts';
import type { Alternative, FitPlan, FitRow } from '../../core/fit/fitRequest.ts';
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
  return {
    verdict: plan.verdict,
    headline: headlineOf(plan),
    summary: plan.free ? ratioText(need, plan.free) : memoryText(need.bytes),
    explanation: explanationOf(plan, need),
    failure: plan.failure
      ? { inequality: inequalityText(plan.failure.condition), serverError: plan.failure.serverError }
      : null,
    rows: plan.rows.map((row) => rowView(row)),
    need: markOf(need),
    free: plan.free ? markOf(plan.free) : null,
    total: plan.total ? markOf(plan.total) : null,
    contextTokens: plan.contextTokens,
    largestContextTokens: plan.largestContextTokens ?? null,
    command: plan.command,
    doubts: plan.doubts,
  };
}

/** `id`: its place in the list. */
export function alternativeView({ label, plan }: Alternative, id: string): AlternativeView {
  const need = neededOnGpu(plan.rows);
  const memory = plan.free ? ratioText(need, plan.free) : memoryText(need.bytes);
  return { id, label, verdict: plan.verdict, detail: `${headlineOf(plan)}, ${memory}` };
}

export function neededOnGpu(rows: readonly FitRow[]): Figure {
  const figures = rows.filter(({ part }) => part !== 'ram').map(({ figure }) => figure);
  return sum(figures, 'all parts on the GPU');
}

function headlineOf({ verdict, placement, free }: FitPlan): string {
  switch (verdict) {
    case 'fits':
      return 'Fits on the GPU';
    case 'tight':
      return 'Tight: it may fit';
    case 'partial':
      return placement ? layersText(placement) : 'Partly on the CPU';
    case 'fails':
      return 'Does not fit';
    case 'unknown':
      return free ? 'Cannot be said' : 'No GPU chosen';
  }
}

function layersText({ gpuLayers, layers, layersWithoutExperts }: NonNullable<FitPlan['placement']>): string {
  if (gpuLayers === layers && layersWithoutExperts > 0) return `Experts of ${layersWithoutExperts} layers on the CPU`;
  return gpuLayers === 0 ? 'Runs on the CPU' : `${gpuLayers} of ${layers} layers on the GPU`;
}

function explanationOf({ verdict, failure, free }: FitPlan, need: Figure): string {
  const needs = `It needs ${rangeText(need)}`;
  if (!free) return `${needs}. Whether that fits depends on the GPU: choose one above.`;
  switch (verdict) {
    case 'fits':
      return `${needs} and ${rangeText(free)} are free: at least ${memoryText(free.lowBytes - need.highBytes)} stay free, whatever was not known.`;
    case 'tight':
      return `${needs} and ${rangeText(free)} are free: whether it fits depends on what was not known.`;
    case 'partial':
      return `${failure?.explanation ?? `${needs} and ${rangeText(free)} are free.`} What does not fit runs on the CPU, and answers come several times slower.`;
    case 'fails':
      return failure?.explanation ?? `${needs} and ${rangeText(free)} are free.`;
    case 'unknown':
      return `${needs}, as far as is known, and ${rangeText(free)} are free.`;
  }
}

function inequalityText({ name, need, have }: Inequality): string {
  return `${upperFirst(name)}: ${rangeText(need)} > ${rangeText(have)}`;
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
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
