import assert from 'node:assert/strict';
import { StepServer, type ChatExchange } from '../support/stepServer.ts';
import type { ChatPanel } from './chatPanel.ts';
import { madeOfText, pictureOfFailure, textWhen, Workbench } from './workbench.ts';

describe('A2IA chat in a real workbench', () => {
  let workbench: Workbench;
  let panel: ChatPanel;
  let server: StepServer;

  before(async () => {
    server = await StepServer.start(['qwen2.5-coder-7b', 'llama-3.1-8b']);
    workbench = await Workbench.open({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url });
    panel = workbench.chat;
  });
  after(async () => {
    await workbench.close();
    await server.stop();
  });
  // Each begins with an empty conversation, whatever the one before it has left.
  beforeEach(() => workbench.newChat());
  pictureOfFailure(() => workbench);

  /** Asks, and shows the beginning of the answer. */
  async function asked(question: string, beginning: string): Promise<ChatExchange> {
    await panel.send(question);
    const exchange = await server.nextChat();
    exchange.text(beginning);
    await panel.lastAnswer.getByText(beginning).waitFor();
    return exchange;
  }

  async function answered(question: string, answer: string): Promise<void> {
    (await asked(question, answer)).finish();
    await panel.facts('Complete').waitFor();
  }

  it('opens with what was found here, and takes over a question about the open file', async () => {
    await workbench.openFile('prices.py');
    await panel.frame.getByText('qwen2.5-coder-7b').first().waitFor();
    const suggestion = panel.button('Find bugs in prices.py');
    await suggestion.waitFor();
    await workbench.screenshot('chat-welcome');
    await suggestion.click();
    await panel.chip('prices.py').waitFor();
    assert.match(await panel.input.inputValue(), /^Find the bugs in prices\.py\./);
    await panel.button('Remove prices.py').click();
  });

  it('lets no markup be made of text', async () => {
    const made = await madeOfText(panel.frame);
    assert.match(made, /TrustedHTML/);
  });

  it('streams an answer, and stops it', async () => {
    const exchange = await asked('What is a closure?', 'A closure is a function');
    assert.equal(await panel.input.inputValue(), '');
    await workbench.screenshot('chat-streaming', panel.view);
    await panel.input.press('Escape');
    await exchange.closedByClient;
    await panel.facts('Stopped').waitFor();
    await workbench.screenshot('chat-stopped', panel.view);
  });

  it('continues where it was stopped', async () => {
    await asked('What is a closure?', 'A closure is a function');
    await panel.input.press('Escape');
    await panel.facts('Stopped').waitFor();
    await panel.button('Continue this answer').click();
    const exchange = await server.nextChat();
    assert.match(exchange.body.messages.map(({ content }) => content).join('\n'), /A closure is a function/);
    exchange.text(' that keeps its scope.');
    exchange.finish();
    await panel.lastAnswer.getByText('A closure is a function that keeps its scope.').waitFor();
    await panel.facts('Complete').waitFor();
  });

  it('asks again beside the first answer, and steps between both', async () => {
    await answered('What is a closure?', 'A function that keeps its scope.');
    await panel.button('Retry').click();
    const exchange = await server.nextChat();
    exchange.text('Another answer.');
    exchange.finish();
    await panel.frame.getByText('Another answer.').waitFor();
    await panel.frame.getByText('2 of 2').waitFor();
    await workbench.screenshot('chat-branches', panel.view);
    await panel.button(/previous/i).click();
    await panel.frame.getByText('A function that keeps its scope.').waitFor();
  });

  it('opens a link only after VS Code has asked', async () => {
    await panel.send('Where is that explained?');
    const exchange = await server.nextChat();
    exchange.text('In [the documentation](https://docs.python.org/3/).');
    exchange.finish();
    await panel.frame.getByRole('link', { name: 'the documentation' }).click();
    const dialog = workbench.page.locator('.monaco-dialog-box', { hasText: 'https://docs.python.org/3/' });
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
  });

  it('is where an answer of A2IA: Ask goes on', async () => {
    await workbench.openFile('prices.py');
    await workbench.ask('Which language is this?', 'prices.py');
    const first = await server.nextChat();
    first.text('It is Python.');
    first.finish();
    const document = workbench.answer('Which language is this?');
    await textWhen(document, (text) => text.includes('vllm, qwen2.5-coder-7b'));
    await document.click();
    await workbench.runCommand('A2IA: Continue in Chat');
    await panel.lastAnswer.getByText('It is Python.').waitFor();
    await panel.questions.getByRole('button', { name: /prices\.py/ }).waitFor();
    await panel.send('Since when?');
    const exchange = await server.nextChat();
    const sent = exchange.body.messages.slice(1).map(({ content }) => content);
    assert.match(sent[0] ?? '', /def total[^]*Which language is this\?$/);
    assert.deepEqual(sent.slice(1), ['It is Python.', 'Since when?']);
    exchange.finish();
    await panel.facts('Complete').waitFor();
  });

  it('has the last answer under the fingers of one who uses keys alone', async () => {
    await answered('What is a closure?', 'A function that keeps its scope.');
    await workbench.page.keyboard.press('Control+K');
    await workbench.page.keyboard.press('Shift+A');
    await panel.lastAnswer.and(panel.frame.locator(':focus')).waitFor();
  });

  it('goes on in mid-answer while it is hidden, and is there when it comes back', async () => {
    const exchange = await asked('And in Python?', 'In Python');
    await workbench.runCommand('View: Show Explorer');
    await panel.view.waitFor({ state: 'detached' });
    exchange.text(' as well');
    await workbench.runCommand('A2IA: Focus Chat');
    await panel.frame.getByText('In Python as well').waitFor();
    exchange.text(', with nonlocal.');
    await panel.frame.getByText('In Python as well, with nonlocal.').waitFor();
    exchange.finish();
    await panel.facts('Complete').waitFor();
  });

  it('is there again after a reload in mid-answer, with what was shown', async () => {
    await asked('And in Python?', 'In Python as well');
    const tokens = panel.frame.locator('.budget summary');
    const before = await tokens.innerText();
    await panel.input.fill('a thought not yet fin');
    // It counts what is typed, so it is in the host.
    await textWhen(tokens, (text) => text !== before);
    await workbench.page.reload();
    await panel.frame.getByText('In Python as well').waitFor();
    await panel.questions.getByText('And in Python?').waitFor();
    assert.equal(await panel.input.inputValue(), 'a thought not yet fin');
    await panel.button('Continue this answer').waitFor();
    await workbench.screenshot('chat-reloaded', panel.view);
  });

  it('goes on in the secondary side bar, and when that was closed and opened', async () => {
    const exchange = await asked('Where are you?', 'Here');
    await workbench.page.keyboard.press('F1');
    await workbench.quickInput().fill('>View: Move View');
    await workbench.clickRow(/View: Move View$/);
    await workbench.choose('Chat', 'Chat');
    await workbench.choose('New Secondary Side Bar Entry', 'New Secondary Side Bar Entry');
    await workbench.page.locator('.part.auxiliarybar').waitFor();
    exchange.text(' and there');
    await panel.frame.getByText('Here and there').waitFor();
    await workbench.screenshot('chat-moved');
    await workbench.runCommand('View: Toggle Secondary Side Bar Visibility');
    await panel.view.waitFor({ state: 'detached' });
    exchange.text(', and back');
    await workbench.runCommand('A2IA: Focus Chat');
    await panel.frame.getByText('Here and there, and back').waitFor();
    exchange.text(' again.');
    exchange.finish();
    await panel.frame.getByText('Here and there, and back again.').waitFor();
  });
});
