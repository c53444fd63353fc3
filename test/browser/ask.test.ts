import assert from 'node:assert/strict';
import { StepServer } from '../support/stepServer.ts';
import { textWhen, Workbench } from './workbench.ts';

describe('A2IA in a real workbench, with the embedded model', () => {
  let workbench: Workbench;

  before(async () => {
    workbench = await Workbench.open({ 'a2ia.backend': 'embedded', 'a2ia.temperature': 0, 'a2ia.maxOutputTokens': 80 });
  });
  after(() => workbench.close());

  it('answers a question about the open file, and the text grows in the editor', async () => {
    await workbench.openFile('prices.py');
    await workbench.ask('What does this file do?');
    const answer = workbench.answer('What does this file do?');
    await answer.waitFor();
    const lengths: number[] = [];
    const text = await textWhen(answer, (shown) => {
      if (shown.length !== lengths.at(-1)) lengths.push(shown.length);
      return /embedded · smollm2-135m · \d+ tokens/.test(shown);
    });
    assert.ok(lengths.length > 3, `the editor showed ${lengths.length} states`);
    assert.match(text, /with prices\.py/);
    await workbench.statusBarItem('embedded · smollm2-135m').waitFor();
    await workbench.screenshot('ask-embedded');
  });
});

describe('A2IA in a real workbench', () => {
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

  it('shows what goes along with a question before it is sent, and leaves it out on request', async () => {
    await workbench.openFile('greeting.ts');
    await workbench.runCommand('A2IA: Ask');
    const title = workbench.page.locator('.quick-input-title', { hasText: 'A2IA: Ask with greeting.ts' });
    await title.waitFor();
    await workbench.screenshot('ask-input');
    await workbench.page.getByRole('button', { name: 'Ask without this context' }).click();
    await title.waitFor({ state: 'detached' });
    await workbench.quickInput().fill('No file?');
    await workbench.page.keyboard.press('Enter');
    const exchange = await server.nextChat();
    assert.doesNotMatch(exchange.body.messages.at(-1)?.content ?? '', /greeting/);
    exchange.finish();
    await textWhen(workbench.answer('No file?'), (text) => text.includes('vllm · qwen2.5-coder-7b'));
  });

  it('keeps what was typed when the box is left', async () => {
    await workbench.runCommand('A2IA: Ask');
    await workbench.quickInput().fill('a thought not yet fin');
    await workbench.page.keyboard.press('Escape');
    await workbench.runCommand('A2IA: Ask');
    await workbench.page.locator('.quick-input-title', { hasText: 'A2IA: Ask' }).waitFor();
    assert.equal(await workbench.quickInput().inputValue(), 'a thought not yet fin');
    await workbench.quickInput().fill('');
    await workbench.page.keyboard.press('Escape');
  });

  it('waits visibly, stops by a click in the status bar, and keeps and marks what came', async () => {
    await workbench.ask('Long story?');
    const exchange = await server.nextChat();
    const waiting = await workbench.notification('waiting for qwen2.5-coder-7b');
    await waiting.waitFor();
    await workbench.screenshot('ask-waiting');
    exchange.text('Once upon a time');
    await textWhen(workbench.answer('Long story?'), (text) => text.includes('Once upon a time'));
    await waiting.waitFor({ state: 'hidden' });
    await workbench.statusBarItem('Stop').click();
    await exchange.closedByClient;
    const text = await textWhen(workbench.answer('Long story?'), (shown) => shown.includes('Stopped.'));
    assert.match(text, /Once upon a time/);
    await workbench.statusBarItem('Stop').waitFor({ state: 'hidden' });
    await workbench.screenshot('ask-stopped');
  });

  it('stops from the notification before the first token', async () => {
    await workbench.ask('Too slow?');
    const exchange = await server.nextChat();
    const waiting = await workbench.notification('waiting for qwen2.5-coder-7b');
    await waiting.waitFor();
    await waiting.getByRole('button', { name: 'Cancel' }).click();
    await exchange.closedByClient;
    await textWhen(workbench.answer('Too slow?'), (shown) => shown.includes('Stopped.'));
  });

  it('keeps the reader’s place while the answer goes on below', async () => {
    await workbench.ask('Many lines?');
    const exchange = await server.nextChat();
    const answer = workbench.answer('Many lines?');
    await answer.waitFor();
    exchange.text(Array.from({ length: 120 }, (_, line) => `line ${line}\n`).join(''));
    // It follows: the last line is on screen although it is far below the first.
    const lastLine = workbench.page.locator('.view-line', { hasText: 'line 119' });
    await lastLine.waitFor();
    await lastLine.click();
    await workbench.page.keyboard.press('Control+Home');
    await workbench.page.locator('.view-line', { hasText: 'Many lines?' }).waitFor();
    exchange.text('the end');
    exchange.finish();
    await workbench.statusBarItem('Stop').waitFor({ state: 'hidden' });
    assert.equal(await workbench.page.locator('.view-line', { hasText: 'the end' }).count(), 0);
    assert.equal(await workbench.page.locator('.view-line', { hasText: 'Many lines?' }).count(), 1);
  });

  it('changes backend and model in the picker of the status bar', async () => {
    await workbench.statusBarItem('qwen2.5-coder-7b').click();
    const other = workbench.page.locator('.quick-input-list .monaco-list-row', { hasText: 'llama-3.1-8b' });
    await other.waitFor();
    await workbench.screenshot('switch-model');
    await other.click();
    await workbench.statusBarItem('vllm · llama-3.1-8b').waitFor();
    await workbench.ask('Who are you?');
    const exchange = await server.nextChat();
    assert.equal(exchange.body.model, 'llama-3.1-8b');
    exchange.finish();
    await textWhen(workbench.answer('Who are you?'), (text) => text.includes('vllm · llama-3.1-8b'));
  });

  it('says in one notification why nothing came, with a button for the next step', async () => {
    await server.stop();
    await workbench.ask('Anybody there?');
    await textWhen(workbench.answer('Anybody there?'), (text) => text.includes('No answer: Nothing'));
    const problem = await workbench.notification(/Nothing listens at/);
    await problem.waitFor();
    await problem.getByRole('button', { name: 'Run “vllm”' }).waitFor();
    await workbench.screenshot('ask-not-running');
    // Of an earlier answer that one was waited for: VS Code takes such a notification away after a while.
    await (await workbench.notification('waiting for')).first().waitFor({ state: 'detached' });
    assert.equal(await workbench.page.locator('.notification-list-item', { hasText: 'A2IA' }).count(), 1);
  });
});
