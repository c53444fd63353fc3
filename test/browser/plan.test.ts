import assert from 'node:assert/strict';
import { themes } from '../support/editorLook.ts';
import { beyondTheEdge, outlineOf, violations } from '../support/pageChecks.ts';
import { PlanPage } from '../support/planPage.ts';
import { contextSteps, controls, fitPlan, partial, planState, planStates } from '../support/planStates.ts';
import { planView } from '../../src/vscode/plan/planView.ts';
import { openPages } from './openPages.ts';

const fits = planState(fitPlan(32_768));

/** In the page: of the element, and of what the system shows as chosen. */
function backgrounds(element: Element): string[] {
  const probe = document.createElement('i');
  probe.style.cssText = 'background: Highlight; forced-color-adjust: none';
  document.body.append(probe);
  return [element, probe].map((one) => getComputedStyle(one).backgroundColor);
}

describe('The page of a plan', () => {
  const openPage = openPages(PlanPage);

  it('says the verdict, what is needed and what may be taken, in words and in a table', async () => {
    const { page } = await openPage(fits);
    await page.getByRole('heading', { name: 'Fits on the GPU' }).waitFor();
    await page.getByText('9.4 of 10.1 GiB').waitFor();
    const table = page.getByRole('table', { name: 'Every figure' });
    const cells = async (row: string) => table.getByRole('row', { name: row }).getByRole('cell').allInnerTexts();
    assert.deepEqual((await cells('Compute')).slice(0, 2), ['304 MiB', '274–334 MiB']);
    assert.deepEqual((await cells('Needed on the GPU')).slice(0, 2), ['9.4 GiB', '9.3–9.7 GiB']);
    assert.deepEqual((await table.getByRole('columnheader').allInnerTexts()).length, 4);
    await page.getByText('The version of Ollama is not known: the newest is planned with.').waitFor();
  });

  it('draws each part as long as its memory is, and crosses out what is too much', async () => {
    const plan = await openPage(planState(partial));
    const width = async (selector: string) => (await plan.page.locator(selector).boundingBox())?.width ?? 0;
    const weights = await width('.segment[data-part=weights]');
    const cache = await width('.segment[data-part=cache]');
    assert.ok(Math.abs(cache / weights - 9 / 4.36) < 0.02, `${weights} and ${cache}`);
    const over = await width('.memory-over');
    assert.ok(Math.abs(over / weights - (13.94 - 10.1) / 4.36) < 0.05, `${weights} and ${over}`);
    await plan.show(fits);
    assert.equal(await plan.page.locator('.memory-over').isVisible(), false);
  });

  it('says what fails and what the server would print', async () => {
    const { page } = await openPage(planStates['fails']!);
    await page.getByRole('heading', { name: 'Does not fit' }).waitFor();
    await page.getByText('One request of the whole context: 18.0 GiB > 3.0–3.4 GiB').waitFor();
    await page.getByText('ValueError: To serve at least one request').waitFor();
  });

  it('tells of the slider at most once a frame, and lets nothing overtake it', async () => {
    const plan = await openPage(fits);
    const slider = plan.page.getByRole('slider', { name: 'Context window' });
    assert.equal(await slider.getAttribute('aria-valuetext'), '32,768 tokens');
    await slider.evaluate((input: HTMLInputElement) => {
      for (const position of ['10', '11', '12']) {
        input.value = position;
        input.dispatchEvent(new Event('input'));
      }
    });
    const told = await plan.next('choose');
    assert.deepEqual(told, { type: 'choose', number: 3, change: { contextTokens: contextSteps[12] } });
    // About a position before the last.
    await plan.show({ controls: { ...controls, seen: 2 }, plan: planView(fitPlan(contextSteps[11] ?? 0)) });
    assert.equal(await slider.inputValue(), '12');
    await plan.show({ controls: { ...controls, seen: 3 }, plan: planView(fitPlan(contextSteps[12] ?? 0)) });
    assert.equal(await slider.inputValue(), '12');
    assert.equal(plan.posted.filter(({ type }) => type === 'choose').length, 1);
  });

  it('keeps the slider where it is, whatever comes of a move', async () => {
    const plan = await openPage(fits, { widthPx: 300 });
    const place = async () => (await plan.page.getByRole('slider').boundingBox())?.y;
    const before = await place();
    for (const state of [planStates['fails'], planStates['partial'], planStates['tight']]) {
      await plan.show({ plan: state!.plan, alternatives: state!.alternatives });
      assert.equal(await place(), before);
    }
  });

  it('takes a context as one writes it, and the largest that stays on the GPU', async () => {
    const plan = await openPage(fits);
    const number = plan.page.getByRole('textbox', { name: 'Context in tokens' });
    for (const [typed, tokens] of [
      ['24k', 24_576],
      ['12 000', 12_000],
      ['9,999,999', 131_072],
    ] as const) {
      await number.fill(typed);
      await number.press('Enter');
      assert.deepEqual((await plan.next('choose')).change, { contextTokens: tokens });
    }
    await number.fill('a lot');
    await number.press('Tab');
    assert.equal(await number.inputValue(), '131,072');
    await plan.page.getByRole('button', { name: 'Largest that fits: 40,960' }).click();
    assert.deepEqual((await plan.next('choose')).change, { contextTokens: 40_960 });
  });

  it('is used from the model to the command without a mouse', async () => {
    const plan = await openPage(planStates['empty']!);
    const { keyboard } = plan.page;
    const press = async (...keys: readonly string[]): Promise<void> => {
      for (const key of keys) await keyboard.press(key);
    };
    await press('Tab');
    await keyboard.type('gemma');
    await plan.page.getByRole('option', { name: 'gemma-3-12b' }).waitFor();
    await plan.screenshot('choosing');
    await press('Enter');
    assert.deepEqual((await plan.next('choose')).change, { modelId: 'catalogue:gemma-3-12b' });
    await plan.show({ ...planStates['partial']!, controls: { ...controls, seen: 1 } });
    await press('Tab', 'Tab', 'Tab', 'Tab', 'ArrowRight');
    assert.deepEqual((await plan.next('choose')).change, { backend: 'llama-server' });
    await press('Tab', 'ArrowUp');
    assert.deepEqual((await plan.next('choose')).change, { format: 'Q8_0' });
    await press('Tab', 'ArrowRight');
    assert.deepEqual((await plan.next('choose')).change, { cacheType: 'q8_0' });
    await press('Tab', 'ArrowDown');
    assert.deepEqual((await plan.next('choose')).change, { gpuId: 'RTX 4090' });
    await press('Tab', 'ArrowDown');
    assert.deepEqual((await plan.next('choose')).change, { gpuCount: 2 });
    await press('Tab', 'Tab', 'Tab', 'ArrowLeft');
    assert.ok(((await plan.next('choose')).change.contextTokens ?? 0) < 65_536);
    await press('Tab', 'Tab', 'Enter');
    await plan.next('copyCommand');
    assert.equal(await plan.page.getByRole('status').innerText(), 'Copied');
    await press('Tab', 'Enter');
    assert.equal((await plan.next('takeAlternative')).id, '0');
    await plan.page.locator('h2:focus').waitFor();
  });

  it('searches models by parts of their names, and leaves what stood there when nothing is chosen', async () => {
    const plan = await openPage(fits);
    const input = plan.page.getByRole('combobox', { name: 'Model', exact: true });
    const options = plan.page.getByRole('listbox', { name: 'Model', exact: true }).getByRole('option');
    await input.click();
    assert.equal(await options.count(), 8);
    await plan.page.getByRole('option', { name: 'qwen3:8b' }).and(plan.page.locator('[aria-selected=true]')).waitFor();
    await input.fill('30b qwen');
    assert.deepEqual(await options.allInnerTexts(), ['qwen3-30b-a3b']);
    await input.fill('no such model');
    await plan.page.getByText('No model is called that.').waitFor();
    await input.press('Enter');
    await input.press('Escape');
    assert.equal(await input.inputValue(), 'qwen3:8b');
    assert.deepEqual(
      plan.posted.map(({ type }) => type),
      ['ready'],
    );
    await plan.page.getByRole('button', { name: 'Model file…' }).click();
    await plan.next('openFile');
    await plan.page.getByRole('button', { name: 'Look for models and GPUs again' }).click();
    await plan.next('lookAgain');
  });

  it('takes a size instead of a card', async () => {
    const plan = await openPage(fits);
    await plan.page.getByLabel('GPU', { exact: true }).selectOption('size');
    assert.deepEqual((await plan.next('choose')).change, { gpuId: 'size' });
    await plan.show({ controls: { ...controls, seen: 1, choice: { ...controls.choice, gpuId: 'size' } } });
    const size = plan.page.getByLabel('GiB of one');
    await size.fill('11.6');
    await size.press('Enter');
    assert.deepEqual((await plan.next('choose')).change, { vramGib: 11.6 });
  });

  it('names flags beyond the switches, and gives them up', async () => {
    const plan = await openPage(planState(fitPlan(8192), { controls: { ...controls, flags: ['no CUDA graphs'] } }));
    await plan.page.getByText('With no CUDA graphs.').waitFor();
    await plan.page.getByRole('button', { name: 'Use the defaults' }).click();
    assert.deepEqual((await plan.next('choose')).change, { flags: {} });
  });

  for (const theme of themes) {
    it(`has no fault that axe finds, at any width, in the theme ${theme}`, async () => {
      const found: string[] = [];
      const plan = await openPage(planStates['empty']!, { theme });
      const check = async (name: string): Promise<void> => {
        for (const width of [1600, 1100, 600, 300]) {
          await plan.page.setViewportSize({ width, height: 900 });
          await plan.screenshot(`${name}-${theme}-${width}`);
          const beyond = await plan.page.evaluate(beyondTheEdge);
          found.push(...beyond.map((what) => `${name}: at ${width} px beyond the edge: ${what}`));
        }
        found.push(...(await violations(plan.page)).map((violation) => `${name}: ${violation}`));
      };
      for (const [name, state] of Object.entries(planStates)) {
        await plan.show(state);
        await check(name);
      }
      await plan.show(fits);
      await plan.page.getByRole('combobox', { name: 'Model', exact: true }).click();
      await check('choosing');
      assert.deepEqual(found, []);
    });
  }

  it('shows what is chosen and where the focus is when Windows forces its own colours', async () => {
    const { page } = await openPage(fits, { theme: 'darkHighContrast' });
    await page.emulateMedia({ forcedColors: 'active' });
    const [chosen, highlight] = await page.locator('.radios :checked + span').first().evaluate(backgrounds);
    assert.equal(chosen, highlight);
    const model = page.getByRole('combobox', { name: 'Model', exact: true });
    await model.click();
    assert.equal(await model.evaluate(outlineOf), 'solid');
    await model.press('ArrowDown');
    assert.equal(await page.locator('[role=option][aria-selected=true]').evaluate(outlineOf), 'solid');
  });
});
