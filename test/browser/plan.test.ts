import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import { startBrowser } from '../support/browserPage.ts';
import { themes } from '../support/editorLook.ts';
import { beyondTheEdge, violations } from '../support/pageChecks.ts';
import { PlanPage } from '../support/planPage.ts';
import { planStates } from '../support/planStates.ts';

describe('The page of a plan', () => {
  let browser: Browser;

  before(async () => {
    browser = await startBrowser();
  });
  after(() => browser.close());

  for (const theme of themes) {
    it(`has no fault that axe finds, at any width, in the theme ${theme}`, async () => {
      const found: string[] = [];
      const plan = await PlanPage.open(browser, planStates['empty']!, { theme });
      for (const [name, state] of Object.entries(planStates)) {
        await plan.show(state);
        for (const width of [1600, 1100, 600, 300]) {
          await plan.page.setViewportSize({ width, height: 900 });
          await plan.screenshot(`${name}-${theme}-${width}`);
          const beyond = await plan.page.evaluate(beyondTheEdge);
          found.push(...beyond.map((what) => `${name}: at ${width} px beyond the edge: ${what}`));
        }
        found.push(...(await violations(plan.page)).map((violation) => `${name}: ${violation}`));
      }
      await plan.close();
      assert.deepEqual(found, []);
    });
  }
});
