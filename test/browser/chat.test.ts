import assert from 'node:assert/strict';
import { StepServer } from '../support/stepServer.ts';
import { textWhen, Workbench } from './workbench.ts';

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
    const panel = workbench.chat;
    await panel.getByRole('textbox', { name: 'Question' }).waitFor();
    await panel.getByText('Ask your own model').waitFor();
    await panel.getByText('qwen2.5-coder-7b').first().waitFor();
    await workbench.screenshot('chat-welcome');
  });

  it('takes over a suggestion, with the file that it is about', async () => {
    const panel = workbench.chat;
    await panel.getByRole('button', { name: 'Find bugs in prices.py' }).click();
    await panel.locator('.chip', { hasText: 'prices.py' }).waitFor();
    const question = await panel.getByRole('textbox', { name: 'Question' }).inputValue();
    assert.match(question, /^Find the bugs in prices\.py\./);
  });

  it('lets no markup be made of text', async () => {
    const made = await workbench.chat.locator('body').evaluate((body) => {
      try {
        body.ownerDocument.createElement('div').innerHTML = '<b>bold</b>';
        return 'made';
      } catch (error) {
        return String(error);
      }
    });
    assert.match(made, /TrustedHTML/);
  });

  it('streams an answer, and stops it', async () => {
    const panel = workbench.chat;
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

  it('continues where it was stopped', async () => {
    const panel = workbench.chat;
    await panel.getByRole('button', { name: 'Continue this answer' }).click();
    const exchange = await server.nextChat();
    assert.match(exchange.body.messages.map(({ content }) => content).join('\n'), /A closure is a function/);
    exchange.text(' that keeps its scope.');
    exchange.finish();
    await panel.getByText('A closure is a function that keeps its scope.').waitFor();
    await panel.locator('.facts', { hasText: 'Complete' }).waitFor();
  });

  it('asks again beside the first answer, and steps between both', async () => {
    const panel = workbench.chat;
    await panel.getByRole('button', { name: 'Retry', exact: true }).click();
    const exchange = await server.nextChat();
    exchange.text('Another answer.');
    exchange.finish();
    await panel.getByText('Another answer.').waitFor();
    await panel.getByText('2 of 2').waitFor();
    await workbench.screenshot('chat-branches');
    await panel.getByRole('button', { name: /previous/i }).click();
    await panel.getByText('A closure is a function that keeps its scope.').waitFor();
  });

  it('goes on with another backend in mid-conversation', async () => {
    const panel = workbench.chat;
    await panel.getByRole('button', { name: /Switch model/ }).click();
    await workbench.row('llama-3.1-8b').click();
    await panel.locator('.model-name', { hasText: 'llama-3.1-8b' }).waitFor();
    const input = panel.getByRole('textbox', { name: 'Question' });
    await input.fill('And in Python?');
    await input.press('Enter');
    const exchange = await server.nextChat();
    assert.equal(exchange.body.model, 'llama-3.1-8b');
    assert.deepEqual(
      exchange.body.messages.map(({ role }) => role),
      ['system', 'user', 'assistant', 'user'],
    );
    exchange.text('In Python');
    await panel.getByText('In Python', { exact: true }).waitFor();
    // Hidden in mid-answer: it goes on, and is there when the view comes back.
    await workbench.runCommand('View: Show Explorer');
    await workbench.page.locator('iframe.webview[src*="extensionId=a2ia.a2ia"]').waitFor({ state: 'detached' });
    exchange.text(' as well');
    await workbench.runCommand('A2IA: Focus Chat');
    await panel.getByText('In Python as well').waitFor();
    exchange.text(', with nonlocal.');
    await panel.getByText('In Python as well, with nonlocal.').waitFor();
  });

  it('is there again after a reload in mid-answer, with what was shown', async () => {
    const panel = workbench.chat;
    const tokens = panel.locator('.budget summary');
    const before = await tokens.innerText();
    await panel.getByRole('textbox', { name: 'Question' }).fill('a thought not yet fin');
    // It counts what is typed, so it is in the host.
    await textWhen(tokens, (text) => text !== before);
    await workbench.page.reload();
    await panel.getByText('In Python as well, with nonlocal.').waitFor();
    await panel.getByText('And in Python?').waitFor();
    assert.equal(await panel.getByRole('textbox', { name: 'Question' }).inputValue(), 'a thought not yet fin');
    await panel.getByRole('button', { name: 'Continue this answer' }).waitFor();
    await workbench.screenshot('chat-reloaded');
  });

  it('goes on in the secondary side bar, and when that was closed and opened', async () => {
    const panel = workbench.chat;
    await workbench.runCommand('A2IA: New Chat');
    await panel.getByText('Ask your own model').waitFor();
    const input = panel.getByRole('textbox', { name: 'Question' });
    await input.fill('Where are you?');
    await input.press('Enter');
    const exchange = await server.nextChat();
    exchange.text('Here');
    await panel.getByText('Here', { exact: true }).waitFor();
    await workbench.page.keyboard.press('F1');
    await workbench.quickInput().fill('>View: Move View');
    await workbench.row(/View: Move View$/).click();
    await workbench.choose('Chat', 'Chat');
    await workbench.choose('New Secondary Side Bar Entry', 'New Secondary Side Bar Entry');
    await workbench.page.locator('.part.auxiliarybar').waitFor();
    exchange.text(' and there');
    await panel.getByText('Here and there').waitFor();
    await workbench.screenshot('chat-moved');
    await workbench.runCommand('View: Toggle Secondary Side Bar Visibility');
    await workbench.page.locator('iframe.webview[src*="extensionId=a2ia.a2ia"]').waitFor({ state: 'detached' });
    exchange.text(', and back');
    await workbench.runCommand('A2IA: Focus Chat');
    await panel.getByText('Here and there, and back').waitFor();
    exchange.text(' again.');
    exchange.finish();
    await panel.getByText('Here and there, and back again.').waitFor();
  });
});
