import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StepServer } from '../support/stepServer.ts';
import { pictureOfFailure, textWhen, Workbench } from './workbench.ts';

describe('A2IA in a real workbench, with the embedded model', () => {
  let workbench: Workbench;

  before(async () => {
    const settings = { 'a2ia.backend': 'embedded', 'a2ia.temperature': 0, 'a2ia.maxOutputTokens': 160 };
    workbench = await Workbench.open({}, { userSettings: settings });
  });
  after(() => workbench.close());
  pictureOfFailure(() => workbench);

  it('answers a question about the open file, and the text grows in the editor', async () => {
    await workbench.openFile('prices.py');
    await workbench.ask('What does this file do?', 'prices.py');
    const answer = workbench.answer('What does this file do?');
    await answer.waitFor();
    const states = await answer.evaluateHandle((lines) => {
      const seen = new Set([lines.textContent]);
      new MutationObserver(() => seen.add(lines.textContent)).observe(lines, { childList: true, subtree: true });
      return seen;
    });
    const text = await textWhen(answer, (shown) => /embedded, smollm2-135m, \d+ tokens/.test(shown));
    assert.match(text, /with prices\.py/);
    const count = await states.evaluate((seen) => seen.size);
    assert.ok(count > 3, `the editor showed ${count} states`);
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
  pictureOfFailure(() => workbench);

  it('shows what goes along with a question before it is sent, and leaves it out on request', async () => {
    await workbench.openFile('greeting.ts');
    await workbench.runCommand('A2IA: Ask');
    const title = workbench.quickInputTitle('A2IA: Ask with greeting.ts');
    await title.waitFor();
    await workbench.screenshot('ask-input');
    await workbench.page.getByRole('button', { name: 'Ask without this context' }).click();
    await title.waitFor({ state: 'detached' });
    await workbench.choose('No file?', 'No file?');
    const exchange = await server.nextChat();
    assert.doesNotMatch(exchange.body.messages.at(-1)?.content ?? '', /greeting/);
    exchange.finish();
    await textWhen(workbench.answer('No file?'), (text) => text.includes('vllm, qwen2.5-coder-7b'));
  });

  it('asks about a selection from the editor’s context menu', async () => {
    await workbench.page.keyboard.press('Control+1');
    await workbench.focusedEditor('interface Person').waitFor();
    await workbench.page.keyboard.press('Control+Home');
    for (let line = 0; line < 4; line++) await workbench.page.keyboard.press('Shift+ArrowDown');
    await workbench.page.keyboard.press('Shift+F10');
    await workbench.page.getByRole('menuitem', { name: 'A2IA: Ask' }).waitFor();
    await workbench.screenshot('context-menu');
    await workbench.chooseMenuItem('A2IA: Ask');
    await workbench.quickInputTitle('A2IA: Ask with greeting.ts, lines 1 to 4').waitFor();
    await workbench.choose('This part?', 'This part?');
    const exchange = await server.nextChat();
    const content = exchange.body.messages.at(-1)?.content ?? '';
    assert.match(content, /greeting\.ts, lines 1 to 4:\n\n```typescript\nexport interface Person \{/);
    assert.doesNotMatch(content, /const greetings/);
    exchange.text('A person.');
    exchange.finish();
    await textWhen(workbench.answer('This part?'), (text) => text.includes('A person.'));
  });

  it('keeps what was typed when the box is left', async () => {
    await workbench.runCommand('A2IA: Ask');
    await workbench.quickInput().fill('a thought not yet fin');
    await workbench.row('a thought not yet fin').waitFor();
    await workbench.page.keyboard.press('Escape');
    await workbench.runCommand('A2IA: Ask');
    await workbench.quickInputTitle('A2IA: Ask').waitFor();
    assert.equal(await workbench.quickInput().inputValue(), 'a thought not yet fin');
    await workbench.quickInput().fill('');
    await workbench.row('a thought not yet fin').waitFor({ state: 'detached' });
    await workbench.page.keyboard.press('Escape');
  });

  it('sends what was typed, however soon Enter follows', async () => {
    await workbench.runCommand('A2IA: Ask');
    await workbench.quickInputTitle('A2IA: Ask').waitFor();
    await workbench.quickInput().pressSequentially('Quick?');
    await workbench.page.keyboard.press('Enter');
    const exchange = await server.nextChat();
    assert.match(exchange.body.messages.at(-1)?.content ?? '', /Quick\?$/);
    exchange.finish();
    await textWhen(workbench.answer('Quick?'), (text) => text.includes('vllm, qwen2.5-coder-7b'));
  });

  it('offers past questions', async () => {
    await workbench.runCommand('A2IA: Ask');
    await workbench.row('This part?').waitFor();
    await workbench.screenshot('ask-history');
    await workbench.clickRow('This part?');
    const exchange = await server.nextChat();
    assert.match(exchange.body.messages.at(-1)?.content ?? '', /This part\?$/);
    exchange.finish();
    await workbench.statusBarItem('Stop').waitFor({ state: 'hidden' });
  });

  it('waits visibly, stops by a click in the status bar, and keeps and marks what came', async () => {
    await workbench.ask('Long story?');
    const exchange = await server.nextChat();
    const waiting = workbench.notification('waiting for qwen2.5-coder-7b');
    await waiting.waitFor();
    await workbench.screenshot('ask-waiting');
    exchange.text('Once upon a time');
    await textWhen(workbench.answer('Long story?'), (text) => text.includes('Once upon a time'));
    await waiting.waitFor({ state: 'hidden' });
    await workbench.screenshot('ask-streaming');
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
    const waiting = workbench.notification('waiting for qwen2.5-coder-7b');
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
    await workbench.page.locator('.view-line', { hasText: 'line 119' }).waitFor();
    await workbench.page.keyboard.press('Control+2');
    await workbench.focusedEditor('line 119').waitFor();
    await workbench.page.keyboard.press('Control+Home');
    await workbench.page.locator('.view-line', { hasText: 'Many lines?' }).waitFor();
    // The extension hears of things in their order: when it has opened a box, it knows where the reader is.
    await workbench.runCommand('A2IA: Ask');
    await workbench.quickInputTitle('A2IA: Ask').waitFor();
    await workbench.page.keyboard.press('Escape');
    exchange.text('the end');
    exchange.finish();
    await workbench.statusBarItem('Stop').waitFor({ state: 'hidden' });
    assert.equal(await workbench.page.locator('.view-line', { hasText: 'the end' }).count(), 0);
    assert.equal(await workbench.page.locator('.view-line', { hasText: 'Many lines?' }).count(), 1);
  });

  it('changes backend and model in the picker of the status bar', async () => {
    await workbench.statusBarItem('qwen2.5-coder-7b').click();
    await workbench.row('llama-3.1-8b').waitFor();
    await workbench.screenshot('switch-model');
    await workbench.clickRow('llama-3.1-8b');
    await workbench.statusBarItem('vllm · llama-3.1-8b').waitFor();
    await workbench.ask('Who are you?');
    const exchange = await server.nextChat();
    assert.equal(exchange.body.model, 'llama-3.1-8b');
    exchange.finish();
    await textWhen(workbench.answer('Who are you?'), (text) => text.includes('vllm, llama-3.1-8b'));
  });

  it('explains its settings', async () => {
    await workbench.runCommand('Preferences: Open Settings (UI)');
    await workbench.page.locator('.settings-editor .settings-header .monaco-editor.focused').waitFor();
    await workbench.page.keyboard.type('@ext:a2ia.a2ia');
    await workbench.page.locator('.settings-editor', { hasText: 'Who answers.' }).waitFor();
    await workbench.screenshot('settings');
    await workbench.page.keyboard.press('Escape');
    await workbench.page.locator('.settings-editor').waitFor({ state: 'detached' });
  });

  it('names a value that cannot be used, and goes on without it', async () => {
    const settings = { 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url, 'a2ia.temperature': 'hot' };
    await writeFile(path.join(workbench.folder, '.vscode', 'settings.json'), JSON.stringify(settings));
    const problem = workbench.notification('a2ia.temperature is "hot"; allowed is a number from 0 to 2.');
    await problem.waitFor();
    await workbench.screenshot('setting-wrong');
    await problem.getByRole('button', { name: 'Open Setting' }).click();
    await workbench.page.locator('.settings-editor', { hasText: 'Sampling temperature' }).waitFor();
    await workbench.page.keyboard.press('Escape');
    await workbench.page.locator('.settings-editor').waitFor({ state: 'detached' });
    await workbench.ask('Hot?');
    const exchange = await server.nextChat();
    assert.equal(exchange.body.temperature, undefined);
    exchange.finish();
    await textWhen(workbench.answer('Hot?'), (text) => text.includes('vllm, qwen2.5-coder-7b'));
  });

  it('changes the user settings when those of the workspace are broken, and says so', async () => {
    const file = path.join(workbench.folder, '.vscode', 'settings.json');
    await writeFile(file, `{ "a2ia.vllmUrl": "${server.url}", "a2ia.backend": `);
    await workbench.statusBarItem(/auto/).waitFor();
    await workbench.statusBarItem(/auto/).click();
    await workbench.clickRow('qwen2.5-coder-7b');
    await workbench.notification(/settings could not be written, so the user settings were changed/).waitFor();
    await workbench.screenshot('settings-broken');
    await workbench.statusBarItem('vllm · qwen2.5-coder-7b').waitFor();
    await workbench.ask('Still there?');
    const exchange = await server.nextChat();
    exchange.finish();
    await textWhen(workbench.answer('Still there?'), (text) => text.includes('vllm, qwen2.5-coder-7b'));
  });

  it('says in one notification why nothing came, with a button for the next step', async () => {
    await server.stop();
    await workbench.ask('Anybody there?');
    await textWhen(workbench.answer('Anybody there?'), (text) => text.includes('No answer: Nothing'));
    const problem = workbench.notification(/Nothing listens at/);
    await problem.getByRole('button', { name: 'Run “vllm”' }).waitFor();
    await workbench.screenshot('ask-not-running');
    assert.equal(await problem.count(), 1);
  });
});

describe('A2IA in a real workbench, with a server that wants a key', () => {
  const key = 'sk-of-this-test-only';
  let workbench: Workbench;
  let server: StepServer;

  before(async () => {
    server = await StepServer.start(['step-model'], { key });
    workbench = await Workbench.open(
      {},
      {
        userSettings: { 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url },
        // Where the folder of the settings should be: a workspace that cannot be written to, by the superuser neither.
        prepare: (folder) => writeFile(path.join(folder, '.vscode'), ''),
      },
    );
  });
  after(async () => {
    await workbench.close();
    await server.stop();
  });
  pictureOfFailure(() => workbench);

  it('asks for the key, keeps it, and asks the question again', async () => {
    await workbench.ask('Secret?');
    await textWhen(workbench.answer('Secret?'), (text) => text.includes('No answer:'));
    const problem = workbench.notification('wants an API key');
    await workbench.screenshot('key-wanted');
    await problem.getByRole('button', { name: 'Enter API Key' }).click();
    await workbench.quickInputTitle('A2IA: API Key').waitFor();
    await workbench.quickInput().fill(key);
    await workbench.screenshot('key-entry');
    await workbench.page.keyboard.press('Enter');
    const exchange = await server.nextChat();
    assert.match(exchange.body.messages.at(-1)?.content ?? '', /Secret\?$/);
    exchange.text('opened');
    exchange.finish();
    await workbench.answer('opened').waitFor();
  });

  it('changes the user settings in a workspace that cannot be written to, and says so', async () => {
    await workbench.runCommand('A2IA: Switch Model');
    await workbench.clickRow('step-model');
    await workbench.notification(/settings could not be written, so the user settings were changed/).waitFor();
    await workbench.statusBarItem('vllm · step-model').waitFor();
  });

  it('logs what it does, without question, answer and key', async () => {
    await workbench.runCommand('A2IA: Show Log');
    const log = workbench.page.locator('.output-view .view-lines', { hasText: 'ask: vllm at' });
    const text = await textWhen(log, (shown) => shown.includes('unauthorized'));
    for (const secret of [key, 'Secret?', 'opened']) assert.ok(!text.includes(secret), secret);
    await workbench.screenshot('log');
  });
});
