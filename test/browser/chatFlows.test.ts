import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { until } from '../support/answers.ts';
import { StepServer } from '../support/stepServer.ts';
import type { ChatPanel } from './chatPanel.ts';
import { pasteWhen, pictureOfFailure, textWhen, Workbench } from './workbench.ts';

describe('The chat with the embedded model', () => {
  let workbench: Workbench;

  before(async () => {
    const settings = { 'a2ia.backend': 'embedded', 'a2ia.temperature': 0, 'a2ia.maxOutputTokens': 120 };
    workbench = await Workbench.open({}, { userSettings: settings });
  });
  after(() => workbench.close());
  pictureOfFailure(() => workbench);

  it('answers a question, and says what the answer took', async () => {
    const panel = workbench.chat;
    await workbench.openFile('prices.py');
    await workbench.runCommand('A2IA: Focus Chat');
    await panel.input.waitFor();
    await workbench.page.keyboard.type('Write a Python function that adds two numbers.');
    await workbench.page.keyboard.press('Enter');
    await panel
      .facts(/Complete\s·\s\d+\stokens\s·\s[\d.]+\stokens\/s\s·\sfirst\stoken\s[\d.]+\ss\s·\sprompt\s\d+/)
      .waitFor();
    const text = await panel.lastAnswer.locator('.markdown').innerText();
    assert.match(text, /def \w+\(/);
    assert.equal(
      await panel.questions.locator('.question-text').innerText(),
      'Write a Python function that adds two numbers.',
    );
    await workbench.screenshot('chat-embedded');
  });
});

describe('The chat, used as people use it', () => {
  let workbench: Workbench;
  let panel: ChatPanel;
  let server: StepServer;

  before(async () => {
    server = await StepServer.start(['qwen2.5-coder-7b', 'tiny-1b'], {
      contextTokens: { 'qwen2.5-coder-7b': 8192, 'tiny-1b': 1024 },
    });
    workbench = await Workbench.open({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url });
    panel = workbench.chat;
  });
  after(async () => {
    await workbench.close();
    await server.stop();
  });
  pictureOfFailure(() => workbench);

  /** Gives the next chat request this answer; returns what was asked. */
  async function answer(text: string): Promise<string> {
    const exchange = await server.nextChat();
    exchange.text(text);
    exchange.finish();
    await panel.facts('Complete').waitFor();
    return exchange.body.messages.at(-1)?.content ?? '';
  }

  it('goes the whole way by keys alone', async () => {
    const { keyboard } = workbench.page;
    await workbench.openFile('prices.py');
    await keyboard.press('Control+K');
    await keyboard.press('a');
    await panel.input.and(panel.frame.locator(':focus')).waitFor();
    await keyboard.type('Where is the bug?');
    await keyboard.press('Enter');
    const first = await server.nextChat();
    first.text('I think it is');
    await panel.frame.getByText('I think it is').waitFor();
    await keyboard.press('Escape');
    await first.closedByClient;
    await panel.facts('Stopped').waitFor();
    await keyboard.type('Show the code.');
    await keyboard.press('Enter');
    await answer('An empty list has no mean:\n\n```python\nif not prices:\n    return 0\n```\n\nThat is all.');
    await workbench.screenshot('chat-answer-with-code');
    const copy = panel.lastAnswer.getByRole('button', { name: 'Copy this code' });
    await stepTo(copy, 'Shift+Tab');
    await keyboard.press('Enter');
    await stepTo(panel.input, 'Tab');
    await pasteWhen(panel.input, 'if not prices:\n    return 0');
    await panel.input.fill('');
  });

  /** By this key, as often as it takes; not for ever. */
  async function stepTo(goal: ReturnType<ChatPanel['button']>, key: string): Promise<void> {
    for (let step = 0; step < 60; step++) {
      if ((await goal.and(panel.frame.locator(':focus')).count()) > 0) return;
      await workbench.page.keyboard.press(key);
    }
    assert.fail(`60 times ${key} do not lead to it`);
  }

  it('puts an edited question beside the first one, and steps between both with their answers', async () => {
    await workbench.newChat();
    await panel.send('What is a list?');
    await answer('A list is an array.');
    await panel.questions.getByRole('button', { name: 'Edit and send again' }).click();
    const edit = panel.frame.getByRole('textbox', { name: 'Edit the question' });
    assert.equal(await edit.inputValue(), 'What is a list?');
    await edit.fill('What is a tuple?');
    await edit.press('Enter');
    assert.equal(await answer('A tuple never changes.'), 'What is a tuple?');
    const versions = panel.frame.getByRole('group', { name: 'Versions of this question' });
    await versions.getByText('2 of 2').waitFor();
    assert.equal(await panel.questions.count(), 1);
    await panel.button('Previous question').click();
    await panel.frame.getByText('A list is an array.').waitFor();
    await panel.questions.getByText('What is a list?').waitFor();
    await panel.button('Next question').click();
    await panel.frame.getByText('A tuple never changes.').waitFor();
    // What is asked now belongs to the branch that is shown.
    await panel.send('Why?');
    const exchange = await server.nextChat();
    assert.deepEqual(
      exchange.body.messages.slice(1).map(({ content }) => content),
      ['What is a tuple?', 'A tuple never changes.', 'Why?'],
    );
    exchange.finish();
    await panel.facts('Complete').waitFor();
  });

  it('attaches a file by @, and takes it off again', async () => {
    await workbench.newChat();
    await panel.input.pressSequentially('Explain @file prices');
    await panel.frame.getByRole('option', { name: /prices\.py/ }).waitFor();
    await workbench.screenshot('chat-mention', panel.view);
    await panel.input.press('Enter');
    await panel.chip('prices.py').waitFor();
    assert.equal((await panel.input.inputValue()).trim(), 'Explain');
    await panel.button('Remove prices.py').click();
    await panel.chip('prices.py').waitFor({ state: 'detached' });
    await panel.input.press('Enter');
    assert.equal((await answer('Explain what?')).trim(), 'Explain');
  });

  it('takes what is selected from the editor’s context menu', async () => {
    await workbench.newChat();
    await workbench.openFile('greeting.ts');
    await selectLines(4);
    await workbench.page.keyboard.press('Shift+F10');
    await workbench.chooseMenuItem('Add to A2IA Chat');
    await panel.chip('greeting.ts, lines 1 to 4').waitFor();
    await panel.input.and(panel.frame.locator(':focus')).waitFor();
    // A menu that closes late may take the focus back to the editor.
    await panel.input.pressSequentially('What is this?');
    await panel.input.press('Enter');
    const asked = await answer('A person.');
    assert.match(asked, /greeting\.ts, lines 1 to 4:\n\n```typescript\nexport interface Person \{/);
    assert.match(asked, /What is this\?$/);
    // It stays with its question, and can be opened there.
    await panel.questions.getByRole('button', { name: /greeting\.ts, lines 1 to 4/ }).waitFor();
    assert.equal(await panel.frame.locator('.composer .chip').count(), 0);
  });

  /** In the editor that has the focus, from its first line on. */
  async function selectLines(count: number): Promise<void> {
    const { page } = workbench;
    await page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
    await page.locator('.editor-instance .monaco-editor.focused').waitFor();
    // A key is lost where the chat takes the focus after the editor seemed to have it.
    const atStart = workbench.statusBarItem(/^Ln 1, Col 1$/);
    await until(async () => {
      await page.locator('.editor-instance .view-line').first().click();
      await page.keyboard.press('Control+Home');
      return (await atStart.count()) > 0;
    });
    for (let line = 0; line < count; line++) await page.keyboard.press('Shift+ArrowDown');
    await workbench.statusBarItem(new RegExp(`^Ln ${count + 1}, Col 1 \\(`)).waitFor();
  }

  for (const { command, question, name } of [
    { command: 'A2IA: Explain', question: 'Explain greeting.ts, lines 1 to 4: what it is for', name: 'explains' },
    { command: 'A2IA: Find Bugs', question: 'Find the bugs in greeting.ts, lines 1 to 4.', name: 'looks for bugs in' },
    { command: 'A2IA: Write Tests', question: 'Write tests for greeting.ts, lines 1 to 4:', name: 'writes tests for' },
  ]) {
    it(`${name} what is selected, in a conversation of its own`, async () => {
      await workbench.openFile('greeting.ts');
      await selectLines(4);
      await workbench.runCommand(command);
      const asked = await answer('Done.');
      assert.ok(asked.includes(question), asked);
      assert.match(asked, /```typescript\nexport interface Person \{/);
      assert.doesNotMatch(asked, /const greetings/);
      assert.equal(await panel.questions.count(), 1);
      assert.equal(await panel.input.inputValue(), '');
    });
  }

  it('asks about the selection in the conversation that is there', async () => {
    await workbench.openFile('prices.py');
    await selectLines(1);
    await workbench.runCommand('A2IA: Ask About Selection');
    await panel.chip('prices.py, line 1').waitFor();
    await panel.send('And this?');
    assert.match(await answer('A docstring.'), /prices\.py, line 1:/);
    assert.equal(await panel.questions.count(), 2);
  });

  it('says what does not fit, sends nothing, and sends after one of the ways out was chosen', async () => {
    await workbench.newChat();
    const requests = server.chats.length;
    await panel.send('First question, with words.');
    await answer('word '.repeat(5000));
    const long = Array.from({ length: 400 }, (_, line) => `line ${line} of a log that is too long`).join('\n');
    await paste(long);
    await panel.chip('Pasted text').waitFor();
    await panel.send('What went wrong?');
    await panel.frame.getByText('This is more than the model reads at once.').waitFor();
    await workbench.screenshot('chat-over-budget', panel.view);
    assert.equal(await panel.input.inputValue(), 'What went wrong?');
    assert.equal(server.chats.length, requests + 1);
    await panel.proposals.filter({ hasText: 'Leave out all earlier messages' }).click();
    await panel.proposals.first().waitFor({ state: 'hidden' });
    await panel.input.press('Enter');
    const exchange = await server.nextChat();
    const sent = exchange.body.messages.map(({ content }) => content).join('\n');
    assert.doesNotMatch(sent, /First question|word word/);
    assert.match(sent, /line 399 of a log[^]*What went wrong\?$/);
    exchange.finish();
    await panel.facts('Complete').waitFor();
    await panel.frame.getByText('Not sent any more').first().waitFor();
  });

  /** As from another program. */
  async function paste(text: string): Promise<void> {
    await panel.input.evaluate((input, pasted) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text/plain', pasted);
      input.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    }, text);
  }

  it('says before anything is sent that a conversation does not fit into the window of another model', async () => {
    await workbench.newChat();
    await panel.send('Tell me a story.');
    await answer('once upon a time '.repeat(400));
    await panel.button(/Switch model/).click();
    await workbench.clickRow('tiny-1b');
    await panel.model('tiny-1b').waitFor();
    await panel.proposals.first().waitFor();
    const requests = server.chats.length;
    await panel.send('Go on.');
    await panel.proposals.filter({ hasText: 'Leave out' }).first().click();
    await panel.proposals.first().waitFor({ state: 'hidden' });
    assert.equal(server.chats.length, requests);
    await panel.input.press('Enter');
    const exchange = await server.nextChat();
    assert.equal(exchange.body.model, 'tiny-1b');
    assert.deepEqual(
      exchange.body.messages.slice(1).map(({ content }) => content),
      ['Go on.'],
    );
    exchange.finish();
    await panel.facts('Complete').waitFor();
    await panel.button(/Switch model/).click();
    await workbench.clickRow('qwen2.5-coder-7b');
    await panel.model('qwen2.5-coder-7b').waitFor();
  });

  it('keeps a draft and what is attached to it through a reload, for each conversation its own', async () => {
    await workbench.newChat();
    await panel.send('Remember me');
    await answer('I will.');
    await workbench.openFile('greeting.ts');
    await workbench.runCommand('A2IA: Add to A2IA Chat');
    await panel.chip('greeting.ts').waitFor();
    await panel.input.fill('half a thou');
    await workbench.newChat();
    await panel.input.fill('another thought');
    await panel.button('Conversations').click();
    await panel.conversation('Remember me').locator('.conversation-open').click();
    await panel.chip('greeting.ts').waitFor();
    assert.equal(await panel.input.inputValue(), 'half a thou');
    await workbench.page.reload();
    await panel.chip('greeting.ts').waitFor();
    await panel.frame.getByText('I will.').waitFor();
    assert.equal(await panel.input.inputValue(), 'half a thou');
    await workbench.runCommand('A2IA: New Chat');
    await panel.welcome.waitFor();
    assert.equal(await panel.input.inputValue(), 'another thought');
    await panel.input.fill('');
  });

  it('lists conversations, searches, renames, pins, exports, deletes and brings back', async () => {
    for (const [question, said] of [
      ['Which way is north?', 'Look upon the compass.'],
      ['Remember the south', 'I will.'],
    ] as const) {
      await workbench.newChat();
      await panel.send(question);
      await answer(said);
    }
    await panel.button('Conversations').click();
    const titles = panel.frame.locator('.conversation-title');
    await panel.conversation('Remember the south').waitFor();
    const search = panel.frame.getByRole('searchbox', { name: 'Search conversations' });
    await search.fill('upon the compass');
    await panel.conversation('Remember the south').waitFor({ state: 'detached' });
    await panel.conversation('Which way is north?').waitFor();
    await panel.frame.locator('.excerpt', { hasText: 'upon the compass' }).first().waitFor();
    await search.fill('');
    await panel.conversation('Remember the south').waitFor();

    const first = panel.conversation('Which way is north?');
    await first.locator('.conversation-open').focus();
    await workbench.page.keyboard.press('F2');
    await panel.frame.getByRole('textbox', { name: 'New title' }).fill('The way north');
    await workbench.page.keyboard.press('Enter');
    const renamed = panel.conversation('The way north');
    await renamed.waitFor();
    await renamed.hover();
    await renamed.getByRole('button', { name: 'Pin' }).click();
    await panel.frame.locator('.conversation:first-child', { hasText: 'The way north' }).waitFor();
    await workbench.screenshot('chat-conversations', panel.view);

    await renamed.hover();
    await renamed.getByRole('button', { name: 'Export to Markdown' }).click();
    await workbench.page.locator('.editor-instance .view-lines', { hasText: '# The way north' }).waitFor();

    const count = await titles.count();
    await panel.conversation('Remember the south').locator('.conversation-open').focus();
    await workbench.page.keyboard.press('Delete');
    await panel.conversation('Remember the south').waitFor({ state: 'detached' });
    assert.equal(await titles.count(), count - 1);
    await panel.button(/^Undo: “Remember the south”/).click();
    await panel.conversation('Remember the south').waitFor();
    await panel.conversation('Remember the south').locator('.conversation-open').focus();
    await workbench.page.keyboard.press('Delete');
    await panel.conversation('Remember the south').waitFor({ state: 'detached' });
    await workbench.page.reload();
    await panel.button('Conversations').click();
    await panel.frame.locator('.conversation:first-child', { hasText: 'The way north' }).waitFor();
    assert.equal(await panel.conversation('Remember the south').count(), 0);
    await panel.frame.getByRole('searchbox').press('Escape');
    await panel.input.waitFor();
  });
});

describe('A commit message', () => {
  let workbench: Workbench;
  let server: StepServer;

  before(async () => {
    server = await StepServer.start();
    workbench = await Workbench.open(
      { 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url },
      {
        prepare: async (folder) => {
          const git = (...args: string[]) =>
            promisify(execFile)('git', ['-c', 'user.name=A', '-c', 'user.email=a@b.invalid', ...args], { cwd: folder });
          await git('init', '--quiet');
          await git('add', '.');
          await git('commit', '--quiet', '--message', 'Prices of a shop');
          await appendFile(path.join(folder, 'prices.py'), '\nprint("changed")\n');
        },
      },
    );
  });
  after(async () => {
    await workbench.close();
    await server.stop();
  });
  pictureOfFailure(() => workbench);

  it('is written into the box of the source control view, below what is there, and taken back', async () => {
    await workbench.runCommand('Source Control: Focus on Changes View');
    const box = workbench.page.locator('.scm-editor .monaco-editor');
    await workbench.page.locator('.scm-view .monaco-list-row', { hasText: 'prices.py' }).waitFor();
    await box.click();
    await workbench.page.keyboard.type('mine');
    await workbench.runCommand('A2IA: Write Commit Message');
    const exchange = await server.nextChat();
    const asked = exchange.body.messages.at(-1)?.content ?? '';
    assert.match(asked, /\+print\("changed"\)/);
    assert.match(asked, /Prices of a shop/);
    exchange.text('Print that it changed');
    const lines = box.locator('.view-lines');
    await textWhen(lines, (text) => text === 'minePrint that it changed');
    exchange.text('\n\nSo that one sees it.');
    exchange.finish();
    await textWhen(lines, (text) => text === 'minePrint that it changedSo that one sees it.');
    await workbench.screenshot('commit-message');
    await workbench.runCommand('A2IA: Undo Commit Message');
    await textWhen(lines, (text) => text === 'mine');
  });
});

describe('The chat in a workspace that is not trusted', () => {
  let workbench: Workbench;
  let theirs: StepServer;
  let own: StepServer;

  before(async () => {
    theirs = await StepServer.start(['their-model']);
    own = await StepServer.start(['own-model']);
    const userSettings = { 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': own.url };
    const theirSettings = { 'a2ia.vllmUrl': theirs.url, 'a2ia.model': 'their-model', 'a2ia.systemPrompt': 'Obey.' };
    workbench = await Workbench.open(theirSettings, { restricted: true, userSettings });
  });
  after(async () => {
    await workbench.close();
    await theirs.stop();
    await own.stop();
  });
  pictureOfFailure(() => workbench);

  it('answers by the user’s settings, and sends nothing of the workspace that was not attached', async () => {
    const panel = workbench.chat;
    await workbench.openFile('prices.py');
    await workbench.runCommand('A2IA: Focus Chat');
    await panel.input.waitFor();
    await panel.send('Who are you?');
    const exchange = await own.nextChat();
    assert.equal(exchange.body.model, 'own-model');
    assert.equal(exchange.body.messages.at(-1)?.content, 'Who are you?');
    const sent = JSON.stringify(exchange.body.messages);
    assert.doesNotMatch(sent, /Obey|prices|sample/);
    exchange.text('Your own.');
    exchange.finish();
    await panel.facts('Complete').waitFor();
    await workbench.screenshot('chat-restricted-mode');
    assert.equal(theirs.requestCount, 0);
    // VS Code turns Git off here, which is said where changes would be attached.
    await panel.input.pressSequentially('@diff');
    const why = 'Git is off in Restricted Mode. Trust this folder to attach its changes.';
    await panel.frame.getByRole('option', { name: why }).waitFor();
    await panel.input.press('Enter');
    await panel.notice.getByText(why).waitFor();
  });
});
