import type { FitRequest, FitRow } from '../../core/fit/fitRequest.ts';
import type { Verdict } from '../../core/fit/plan.ts';
import type { Planner } from '../../core/fit/planFit.ts';
import type { CurveView } from '../../protocol/planState.ts';
import { limitOf, neededOnGpu } from './planView.ts';

/** At most so long in one go: the extension host has others to serve. */
const sliceMs = 8;

/** Plans one request at every position of the slider, a few at a time, and gives up when another is asked for. */
export class CurveMaker {
  readonly #show: (curve: CurveView | null) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(show: (curve: CurveView | null) => void) {
    this.#show = show;
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }

  clear(): void {
    this.dispose();
    this.#show(null);
  }

  make(request: FitRequest, contextSteps: readonly number[], planner: Planner): void {
    this.dispose();
    const bytes = new Map<FitRow['part'], number[]>();
    const verdicts: Verdict[] = [];
    let limit: CurveView['limit'] = null;
    let step = 0;
    const goOn = (): void => {
      const untilMs = performance.now() + sliceMs;
      while (step < contextSteps.length && performance.now() < untilMs) {
        const contextTokens = contextSteps[step] ?? 0;
        const plan = planner({ ...request, server: { ...request.server, contextTokens } });
        verdicts.push(plan.verdict);
        limit ??= limitOf(plan, neededOnGpu(plan.rows)) ?? null;
        for (const { part, figure } of plan.rows) {
          if (part === 'ram') continue;
          const list = bytes.get(part) ?? contextSteps.map(() => 0);
          list[step] = figure.bytes;
          bytes.set(part, list);
        }
        step++;
      }
      if (step < contextSteps.length) this.#timer = setTimeout(goOn);
      else
        this.#show({ contextSteps, parts: [...bytes].map(([part, list]) => ({ part, bytes: list })), verdicts, limit });
    };
    this.#timer = setTimeout(goOn);
  }
}
