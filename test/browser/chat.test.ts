import assert from 'node:assert/strict';
import type { FrameLocator } from 'playwright-core';
import { StepServer } from '../support/stepServer.ts';
import { Workbench } from './workbench.ts';

/** The page inside the view: VS Code puts it into two frames. */
function panelOf(workbench: Workbench): FrameLocator {
  return workbench.page
    .frameLocator('iframe.webview[src*="extensionId=a2ia.a2ia"]')
    .frameLocator('iframe#active-frame');
}

describe('A2IA chat in a real workbench', () => {
  let workbench: Workbench;
  let server: StepServer;

  before(async () => {
    server = await StepServer.start(['qwen2.5-coder-7b', 'llama-3.1-8b']);
    workbench = await Workbench.open({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url });
  });
  after(async () => {
    await workbench.close();
    await server.stop();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot(`failed: ${this.currentTest.title}`);
  });

  it('opens with what was found here, and questions about the open file', async () => {
    await workbench.openFile('prices.py');
    await workbench.runCommand('A2IA: Focus Chat');
    const panel = panelOf(workbench);
    await panel.getByRole('textbox', { name: 'Question' }).waitFor();
    await panel.getByText('Ask your own model').waitFor();
    await panel.getByText('qwen2.5-coder-7b').first().waitFor();
    await workbench.screenshot('chat-welcome');
  });

  it('streams an answer, and stops it', async () => {
    const panel = panelOf(workbench);
    const input = panel.getByRole('textbox', { name: 'Question' });
    await input.fill('What is a closure?');
    await input.press('Enter');
    const exchange = await server.nextChat();
    exchange.text('A closure is a function');
    await panel.getByText('A closure is a function').waitFor();
    assert.equal(await input.inputValue(), '');
    await workbench.screenshot('chat-streaming');
    await input.press('Escape');
    await exchange.closedByClient;
    await panel.getByText('Stopped').first().waitFor();
    await workbench.screenshot('chat-stopped');
  });
});
