import { memoryText } from './bytesText.ts';
import type { FitGpu, FitPlan } from './fitRequest.ts';
import { everythingCondition, graphsCondition } from './plan.ts';

/** More than the driver had to be told to allocate: the rest is compared by the server itself, which ends then, with or without a driver that pages. */
const allocations: readonly string[] = [everythingCondition, graphsCondition];

/**
 * The plan on cards whose driver pages instead of failing: what would end as an allocation that fails runs, and is slow. By NVIDIA's manual ("CUDA – Sysmem Fallback
 * Policy", since driver 536 on Windows); no log was read of it.
 */
export function withSpill(plan: FitPlan, gpus: readonly FitGpu[]): FitPlan {
  if (!gpus.some(({ spills }) => spills)) return plan;
  const { failure, verdict } = plan;
  if (verdict === 'tight') return { ...plan, doubts: [...plan.doubts, mayPage] };
  if (verdict !== 'fails' || !failure || !allocations.includes(failure.condition.name)) return plan;
  const { failure: _, ...running } = plan;
  return { ...running, verdict: 'partial', spilledBytes: Math.max(0, -failure.condition.slackBytes) };
}

const mayPage =
  'On Windows the driver pages into the machine’s memory what does not fit: nothing fails then, but answers come many times slower.';

/** For the user; undefined where nothing is paged. */
export function spillText({ spilledBytes }: FitPlan): string | undefined {
  if (spilledBytes === undefined) return undefined;
  return `Windows’ driver pages about ${memoryText(spilledBytes)} into the machine’s memory instead of failing: it starts, and answers come many times slower. To have it fail instead, set “CUDA - Sysmem Fallback Policy” in NVIDIA’s control panel.`;
}
