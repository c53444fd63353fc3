import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { StepServer } from '../support/stepServer.ts';
import { Workbench } from './workbench.ts';

describe('A2IA: Edit in a real workbench', () => {
  let workbench: Workbench;
  let server: StepServer;

  before(async () => {
    server = await StepServer.start(['qwen2.5-coder-7b']);
    workbench = await Workbench.open({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url });
  });
  after(async () => {
    await workbench.close();
    await server.stop();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot(`failed: ${this.currentTest.title}`);
  });

  it('streams a diff', async () => {
    const { page } = workbench;
    await workbench.openFile('prices.py');
    await workbench.focusedEditor('def').waitFor();
    await page.keyboard.press('Control+A');
    await page.keyboard.press('Control+K');
    await page.keyboard.press('i');
    await workbench.quickInputTitle('A2IA: Edit prices.py').waitFor();
    await workbench.screenshot('edit-input');
    await workbench.choose('Be kind', 'Be kind');
    const exchange = await server.nextChat();
    const old = await readFile(path.join(workbench.folder, 'prices.py'), 'utf8');
    const lines = old.split('\n');
    lines.splice(2, 1, '# a new line', '# and another');
    lines.splice(8, 1, ...(lines[8] ? [`${lines[8]}  # changed`] : []));
    lines.splice(lines.length - 2, 0, '# the end');
    const text = `Sure:\n\n\`\`\`python\n${lines.join('\n')}\n\`\`\`\n`;
    exchange.text(text.slice(0, text.length / 2));
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await workbench.screenshot('edit-streaming');
    exchange.text(text.slice(text.length / 2));
    exchange.finish();
    await new Promise((resolve) => setTimeout(resolve, 4000));
    await workbench.screenshot('edit-offered');
    assert.ok(true);
  });
});
