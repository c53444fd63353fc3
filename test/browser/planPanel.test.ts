import assert from 'node:assert/strict';
import { textWhen, Workbench } from './workbench.ts';

describe('A2IA: Plan a Model in a real workbench', () => {
  let workbench: Workbench;

  before(async () => {
    workbench = await Workbench.open({ 'a2ia.backend': 'ollama', 'a2ia.ollamaUrl': 'http://127.0.0.1:9' });
  });
  after(() => workbench.close());
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot(`failed: ${this.currentTest.title}`);
  });

  it('plans a model of the catalogue for a card, and follows the slider', async () => {
    await workbench.runCommand('A2IA: Plan a Model');
    const plan = workbench.plan;
    const model = plan.getByRole('combobox', { name: 'Model' });
    await model.fill('qwen3-14b');
    await plan.getByRole('option', { name: 'qwen3-14b' }).waitFor();
    await model.press('Enter');
    await plan.getByLabel('GPU', { exact: true }).selectOption('RTX 3500 Ada');
    await plan.getByRole('heading', { name: /Fits|Tight|layers/ }).waitFor();
    await plan.locator('.curve svg').waitFor();
    const command = plan.locator('.command code');
    const slider = plan.getByRole('slider', { name: 'Context window' });
    await slider.focus();
    await slider.press('Home');
    await textWhen(command, (text) => text.includes('num_ctx 1024'));
    await plan.getByRole('heading', { name: 'Fits on the GPU' }).waitFor();
    await slider.press('End');
    await textWhen(command, (text) => text.includes('num_ctx 40960'));
    await plan.getByRole('heading', { name: /layers on the GPU/ }).waitFor();
    await plan.getByRole('list', { name: 'What would do better' }).waitFor();
    await workbench.screenshot('plan-partial');
  });

  it('takes a proposal', async () => {
    const { plan } = workbench;
    await plan.getByRole('button', { name: /^Context of/ }).click();
    await plan.getByRole('heading', { name: 'Fits on the GPU' }).waitFor();
    await workbench.screenshot('plan-fits');
  });

  it('copies the command', async () => {
    const { plan } = workbench;
    const command = await plan.locator('.command code').innerText();
    await plan.getByRole('button', { name: 'Copy command' }).click();
    await workbench.page.keyboard.press('F1');
    await workbench.quickInput().fill('');
    await workbench.page.keyboard.press('ControlOrMeta+V');
    assert.equal(await workbench.quickInput().inputValue(), command.replaceAll('\n', ' '));
    await workbench.page.keyboard.press('Escape');
  });

  it('lets no markup be made of text', async () => {
    const made = await workbench.plan.locator('body').evaluate((body) => {
      try {
        body.ownerDocument.createElement('div').innerHTML = '<b>bold</b>';
        return 'made';
      } catch (error) {
        return String(error);
      }
    });
    assert.match(made, /TrustedHTML/);
  });

  it('is there again after a reload of the window, with what was chosen', async () => {
    const before = await workbench.plan.locator('.command code').innerText();
    await workbench.runCommand('Developer: Reload Window');
    await workbench.page.locator('.quick-input-widget').waitFor({ state: 'detached' });
    await textWhen(workbench.plan.locator('.command code'), (text) => text === before.replaceAll('\n', ''));
    assert.equal(await workbench.plan.getByRole('combobox', { name: 'Model' }).inputValue(), 'qwen3-14b');
  });
});
