import assert from 'node:assert/strict';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { StepServer } from '../support/stepServer.ts';
import type { ChatPanel } from './chatPanel.ts';
import { pictureOfFailure, Workbench } from './workbench.ts';

/** Between two words of an answer; a server with 40 tokens/s. */
const paceMs = 25;

describe('The chat in trouble', () => {
  let workbench: Workbench;
  let panel: ChatPanel;
  let server: StepServer;

  before(async () => {
    server = await StepServer.start();
    workbench = await Workbench.open({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url });
    panel = workbench.chat;
    await workbench.runCommand('A2IA: Focus Chat');
    await panel.input.waitFor();
  });
  after(async () => {
    await workbench.close();
    await server.stop();
  });
  pictureOfFailure(() => workbench);

  it('loses no more than the last 250 ms of what it showed when the extension host is killed', async () => {
    await panel.send('Count.');
    const exchange = await server.nextChat();
    const count = 40;
    // The server is never ahead of the screen: on a slow machine it waits, so what is lost is told in words, not in a time that the machine decides.
    for (let word = 1; word <= count; word++) {
      const paced = pause(paceMs);
      exchange.text(`w${word} `);
      await panel.lastAnswer.getByText(`w${word}`).waitFor();
      await paced;
    }
    await workbench.killExtensionHost();
    await exchange.closedByClient;
    await panel.facts('Cut off when the editor closed').waitFor();
    const kept = await panel.lastAnswer.locator('.markdown').innerText();
    const words = kept.trim().split(' ');
    assert.deepEqual(
      words,
      Array.from(words, (_, index) => `w${index + 1}`),
    );
    assert.ok(count - words.length <= 250 / paceMs, `${count} words were shown, ${words.length} are left`);
    await workbench.screenshot('chat-after-a-crash', panel.view);
    // And it goes on.
    await panel.button('Continue this answer').click();
    const rest = await server.nextChat();
    rest.text(' the end');
    rest.finish();
    await panel.facts('Complete').waitFor();
  });

  it('keeps what came when the server is killed, says what to do, and goes on when it is back', async () => {
    await panel.send('Long story?');
    const exchange = await server.nextChat();
    exchange.text('Once upon a time');
    await panel.frame.getByText('Once upon a time').waitFor();
    const { port } = new URL(server.url);
    await server.stop();
    await panel.facts('Failed').waitFor();
    const problem = panel.lastAnswer.locator('.problem');
    await problem.waitFor();
    assert.match(await problem.innerText(), /step-model|vLLM|server/i);
    await panel.frame.getByText('Once upon a time').waitFor();
    await workbench.screenshot('chat-failed', panel.view);
    // It is still away.
    await panel.button('Continue this answer').click();
    await problem.getByText('Nothing listens at').waitFor();
    await panel.lastAnswer.locator('.author', { hasText: 'step-model' }).waitFor();
    await panel.frame.getByText('Once upon a time').waitFor();
    server = await StepServer.start(['step-model'], { port: Number(port) });
    await panel.button('Continue this answer').click();
    const rest = await server.nextChat();
    rest.text(' there was a server.');
    rest.finish();
    await panel.frame.getByText('Once upon a time there was a server.').waitFor();
    await panel.facts('Complete').waitFor();
  });

  it('tells when conversations cannot be written, goes on, and loses nothing when it can again', async () => {
    const folder = path.join(await workbench.storageFolder(), 'conversations');
    await rename(folder, `${folder}.away`);
    // Not even somebody who may everything can make a folder here.
    await writeFile(folder, '');
    await panel.send('Is this kept?');
    const exchange = await server.nextChat();
    exchange.text('In memory');
    await panel.notice.waitFor();
    await workbench.screenshot('chat-cannot-write', panel.view);
    exchange.text(', until it can be written.');
    exchange.finish();
    await panel.frame.getByText('In memory, until it can be written.').waitFor();
    await rm(folder);
    await rename(`${folder}.away`, folder);
    await panel.notice.waitFor({ state: 'hidden' });
    await workbench.page.reload();
    await panel.frame.getByText('In memory, until it can be written.').waitFor();
    await panel.frame.getByText('Once upon a time there was a server.').waitFor();
  });

  it('keeps a damaged history file aside, says so, and opens the rest of it', async () => {
    await workbench.runCommand('A2IA: New Chat');
    await panel.welcome.waitFor();
    const folder = path.join(await workbench.storageFolder(), 'conversations');
    const [name = ''] = (await readdir(folder)).filter((file) => file.endsWith('.jsonl'));
    const whole = await readFile(path.join(folder, name), 'utf8');
    assert.match(whole, /Is this kept\?/);
    const damaged = `${whole.replace(/^.*Once upon.*$/m, '["half \u0000\u0000')}garbage at its end`;
    assert.notEqual(damaged, `${whole}garbage at its end`);
    await writeFile(path.join(folder, name), damaged);
    // A window that has not read it.
    await workbench.page.reload();
    await panel.button('Conversations').click();
    await panel.conversation(/./).first().locator('.conversation-open').click();
    await panel.notice.getByText('The file of a conversation is damaged.').waitFor();
    await panel.frame.getByText('In memory, until it can be written.').waitFor();
    await workbench.screenshot('chat-damaged-file', panel.view);
    const [kept = ''] = await readdir(path.join(folder, 'damaged'));
    assert.equal(await readFile(path.join(folder, 'damaged', kept), 'utf8'), damaged);
    await panel.send('Does it go on?');
    const exchange = await server.nextChat();
    exchange.text('It does.');
    exchange.finish();
    await panel.facts('Complete').waitFor();
  });

  it('shows two windows on one folder the conversations of both', async () => {
    await workbench.runCommand('A2IA: New Chat');
    await panel.welcome.waitFor();
    const second = await workbench.secondWindow();
    const other = second.chat;
    await second.runCommand('A2IA: New Chat');
    await other.welcome.waitFor();
    await panel.send('Asked in the first window');
    const one = await server.nextChat();
    await other.send('Asked in the second window');
    const two = await server.nextChat();
    // Word by word, in turns.
    for (let word = 0; word < 20; word++) {
      one.text(`one${word} `);
      two.text(`two${word} `);
      await panel.lastAnswer.getByText(`one${word}`).waitFor();
      await other.lastAnswer.getByText(`two${word}`).waitFor();
    }
    one.finish();
    two.finish();
    await panel.facts('Complete').waitFor();
    await other.facts('Complete').waitFor();
    for (const each of [panel, other]) {
      await each.button('Conversations').click();
      await each.conversation('Asked in the first window').waitFor();
      await each.conversation('Asked in the second window').waitFor();
    }
    // The same conversation in both: what one adds is seen in the other, while it comes.
    await panel.conversation('Asked in the second window').locator('.conversation-open').click();
    await other.button('Back to the chat').click();
    await panel.frame.getByText('two19').waitFor();
    await other.send('And now?');
    const three = await server.nextChat();
    three.text('Seen in both');
    await panel.frame.getByText('Seen in both').waitFor();
    three.finish();
    await panel.facts('Complete').waitFor();
    await panel.send('From the first?');
    const four = await server.nextChat();
    assert.match(four.body.messages.map(({ content }) => content).join('\n'), /two19[^]*And now\?[^]*Seen in both/);
    four.text('Seen by the second');
    four.finish();
    await other.frame.getByText('Seen by the second').waitFor();
    await workbench.screenshot('chat-two-windows');
    await second.page.close();
    await workbench.page.reload();
    await panel.frame.getByText('Seen by the second').waitFor();
    assert.equal(await panel.notice.isVisible(), false);
  });

  it('shows each of two windows its own conversation and draft again', async () => {
    await workbench.newChat();
    const second = await workbench.secondWindow();
    const other = second.chat;
    await second.newChat();
    await panel.send('Shown in the first window');
    const exchange = await server.nextChat();
    exchange.text('Here.');
    exchange.finish();
    await panel.facts('Complete').waitFor();
    await other.input.fill('Typed in the second window');
    await kept('Typed in the second window');
    await workbench.page.reload();
    await panel.questions.getByText('Shown in the first window').waitFor();
    await workbench.newChat();
    await panel.input.fill('Typed in the first window');
    await kept('Typed in the first window');
    await second.page.reload();
    await other.welcome.waitFor();
    assert.equal(await other.input.inputValue(), 'Typed in the second window');
    await workbench.page.reload();
    await panel.welcome.waitFor();
    assert.equal(await panel.input.inputValue(), 'Typed in the first window');
    await second.page.close();
  });

  /** Resolves when a draft has this text on the disk. */
  async function kept(text: string): Promise<void> {
    const file = path.join(await workbench.storageFolder(), 'drafts.json');
    while (!(await readFile(file, 'utf8').catch(() => '')).includes(text)) await pause(20);
  }
});
