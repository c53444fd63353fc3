import type { PlanHostMessage, PlanPageMessage } from '../../protocol/planMessages.ts';
import type { PlanState } from '../../protocol/planState.ts';
import { Chooser } from './chooser.ts';
import { PlanPage } from './planPage.ts';

/** What VS Code gives a page. */
interface HostApi {
  postMessage(message: PlanPageMessage): void;
}

declare function acquireVsCodeApi(): HostApi;

/** So long the first state may take before it is asked for again. */
const askAgainMs = 2000;

const api = acquireVsCodeApi();
const chooser = new Chooser((message) => api.postMessage(message));
const page = new PlanPage(document.body, chooser, (message) => api.postMessage(message));
let state: Partial<PlanState> = {};
let frame: number | undefined;
let asking: ReturnType<typeof setTimeout> | undefined;

/** Until a state comes: whoever should answer may not be there yet. */
function ask(): void {
  api.postMessage({ type: 'ready' });
  asking = setTimeout(ask, askAgainMs);
}

/** However many changes come, they are drawn once a frame. */
function draw(): void {
  frame = undefined;
  const { models, controls, plan, curve, alternatives } = state;
  if (!models || !controls || plan === undefined || curve === undefined || !alternatives) return;
  page.update({ models, controls, plan, curve, alternatives });
}

addEventListener('message', ({ data }: MessageEvent<PlanHostMessage>) => {
  if (data.type !== 'state') return;
  clearTimeout(asking);
  state = { ...state, ...data.part };
  frame ??= requestAnimationFrame(draw);
});

ask();
