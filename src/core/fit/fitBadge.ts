import { tokensText } from './bytesText.ts';
import type { FitPlan } from './fitRequest.ts';
import { unloadingWords } from './unloading.ts';

/**
 * For a list of models, before one is loaded: `fits 32k`, `tight`, `40 % on CPU`, `does not fit`, with `after unloading qwen3:8b` where something has to go; undefined where
 * that is not known.
 */
export function fitBadge(plan: FitPlan): string | undefined {
  const words = verdictWords(plan);
  const isAfter = words !== undefined && plan.unloading?.by === 'server' && plan.verdict !== 'fails';
  return isAfter ? `${words} ${unloadingWords(plan.unloading)}` : words;
}

function verdictWords(plan: FitPlan): string | undefined {
  switch (plan.verdict) {
    case 'fits':
      return `fits ${tokensText(plan.largestContextTokens ?? plan.contextTokens)}`;
    case 'tight':
      return 'tight';
    case 'partial': {
      if (plan.spilledBytes !== undefined) return 'pages into RAM';
      const share = cpuShare(plan);
      return share === undefined ? 'partly on CPU' : `${Math.max(1, Math.round(share * 100))} % on CPU`;
    }
    case 'fails':
      return 'does not fit';
    case 'unknown':
      return undefined;
  }
}

function cpuShare({ placement, rows }: FitPlan): number | undefined {
  if (!placement) return undefined;
  const placed: readonly string[] = ['weights', 'cache', 'state', 'compute'];
  const all = rows.filter(({ part }) => placed.includes(part)).reduce((total, { figure }) => total + figure.bytes, 0);
  const onGpu = placement.weightBytes + placement.cacheBytes + placement.computeBytes;
  return all > 0 ? Math.min(1, Math.max(0, 1 - onGpu / all)) : undefined;
}
