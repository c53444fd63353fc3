import assert from 'node:assert/strict';
import { themes } from '../support/editorLook.ts';
import { beyondTheEdge, outlineOf, violations } from '../support/pageChecks.ts';
import { allIsHighlighted, Panel } from '../support/panelPage.ts';
import { mentions, panelState, panelStates } from '../support/panelStates.ts';
import { openPages } from './openPages.ts';

function openFold(fold: HTMLDetailsElement): void {
  fold.open = true;
}

describe('The chat panel in each theme', () => {
  const openPanel = openPages(Panel);

  for (const theme of themes) {
    it(`has no fault that axe finds, in any state, in the theme ${theme}`, async () => {
      const panel = await openPanel(panelState(), { theme, widthPx: 300 });
      const found: string[] = [];
      const check = async (name: string): Promise<void> => {
        for (const width of [420, 300]) {
          await panel.page.setViewportSize({ width, height: 720 });
          await panel.screenshot(`${name}-${theme}-${width}`);
          const beyond = await panel.page.evaluate(beyondTheEdge);
          found.push(...beyond.map((what) => `${name}: at ${width} px beyond the edge: ${what}`));
        }
        found.push(...(await violations(panel.page)).map((violation) => `${name}: ${violation}`));
      };
      for (const [name, state] of Object.entries(panelStates)) {
        await panel.show(state);
        if (name === 'everything') await panel.page.waitForFunction(allIsHighlighted);
        await check(name);
      }
      await panel.show(panelStates['finished'] ?? panelState());
      for (const fold of await panel.page.locator('details').all()) await fold.evaluate(openFold);
      await panel.page.getByRole('button', { name: 'Copy this code' }).focus();
      await check('opened');
      // Whoever goes on closes it.
      await panel.page.locator('.budget summary').press('Escape');
      await panel.page.getByRole('button', { name: 'Edit and send again' }).last().press('Enter');
      await check('editing');
      await panel.page.getByLabel('Question', { exact: true }).fill('@');
      await panel.post({ type: 'mentions', query: '', items: mentions });
      await check('mentions');
      assert.deepEqual(found, []);
    });
  }

  it('shows where the focus is when Windows forces its own colours', async () => {
    const panel = await openPanel(panelState(), { theme: 'darkHighContrast' });
    await panel.page.emulateMedia({ forcedColors: 'active' });
    const box = panel.page.locator('.composer-box');
    assert.equal(await box.evaluate(outlineOf), 'none');
    await panel.page.getByLabel('Question', { exact: true }).focus();
    assert.equal(await box.evaluate(outlineOf), 'solid');
  });
});
