import type { Browser } from 'playwright-core';
import { parsePlanMessage, type PlanPageMessage } from '../../src/protocol/planMessages.ts';
import type { PlanState } from '../../src/protocol/planState.ts';
import { HostedPage, type PageOptions } from './hostedPage.ts';

/** The page of a plan, and a host that a test is. */
export class PlanPage extends HostedPage<PlanPageMessage> {
  static async open(
    browser: Browser,
    state: PlanState,
    { theme = 'dark', widthPx = 1100 }: PageOptions,
  ): Promise<PlanPage> {
    const plan = new PlanPage({
      entry: 'src/webview/plan/main.ts',
      styles: 'src/webview/plan/plan.css',
      background: 'editor',
      heightPx: 900,
      parse: parsePlanMessage,
      screenshotFolder: 'plan',
    });
    await plan.load(browser, theme, widthPx);
    await plan.next('ready');
    await plan.show(state);
    return plan;
  }

  /** Resolves when it is drawn. */
  show(part: Partial<PlanState>): Promise<void> {
    return this.receive({ type: 'state', part });
  }
}
