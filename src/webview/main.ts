import type { HostMessage, PanelMessage } from '../protocol/messages.ts';
import { DraftKeeper, type HostApi } from './draftKeeper.ts';
import { PanelPage } from './panel.ts';
import { emptyPanel, reducePanel } from './panelReducer.ts';

declare function acquireVsCodeApi(): HostApi;

/** So long a snapshot may take before it is asked for again. */
const askAgainMs = 2000;

const api = acquireVsCodeApi();
const draft = new DraftKeeper(api);
/** Whatever somebody does, the host knows what he typed before: it may open another conversation, or die of it. */
const post = (message: PanelMessage): void => {
  draft.tell();
  api.postMessage(message);
};
const page = new PanelPage(document.body, post, draft);
let panel = emptyPanel;
let frame: number | undefined;
let asking: ReturnType<typeof setTimeout> | undefined;

/** Until a snapshot comes: whoever should answer may not be there yet. */
function askForSnapshot(): void {
  clearTimeout(asking);
  api.postMessage({ type: 'ready', revision: panel.revision });
  asking = setTimeout(askForSnapshot, askAgainMs);
}

/** However many changes come, they are drawn once a frame. */
function draw(): void {
  frame = undefined;
  if (panel.state) page.update(panel.state);
}

addEventListener('message', ({ data }: MessageEvent<HostMessage>) => {
  switch (data.type) {
    case 'mentions':
    case 'focus':
    case 'setDraft':
      // It may be about what was changed just before.
      if (frame !== undefined) cancelAnimationFrame(frame);
      draw();
      return page.do(data);
    case 'check':
      if (panel.isStale || panel.revision !== data.lastRevision) return askForSnapshot();
      return api.postMessage({ type: 'has', revision: panel.revision });
    case 'snapshot':
    case 'append':
    case 'answer':
    case 'change': {
      const wasStale = panel.isStale;
      panel = reducePanel(panel, data);
      if (data.type === 'snapshot') clearTimeout(asking);
      else if (panel.isStale && !wasStale) askForSnapshot();
      frame ??= requestAnimationFrame(draw);
    }
  }
});

askForSnapshot();
