import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { StepServer } from '../support/stepServer.ts';
import { withSettings } from './documents.ts';
import { messagesDuring } from './messages.ts';
import { Repository } from './repository.ts';

const write = () => Promise.resolve(vscode.commands.executeCommand('a2ia.writeCommitMessage'));
const run = (command: string) => Promise.resolve(vscode.commands.executeCommand(command));

describe('A2IA: Write Commit Message', () => {
  const repository = new Repository('committed');
  let server: StepServer;

  before(async function () {
    if (!Repository.isPossible()) this.skip();
    server = await StepServer.start();
    await repository.create({ 'a.txt': 'one\n', '.env': 'KEY=old\n' });
  });
  after(async () => {
    await repository.close();
    await server.stop();
  });
  const onServer = (work: () => Promise<void>) =>
    withSettings({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url }, work);

  it('says that there is no repository', async () => {
    assert.match((await messagesDuring(write)).join(), /There is no Git repository in this workspace/);
  });

  it('says that nothing is changed', async () => {
    await repository.open();
    assert.match((await messagesDuring(write)).join(), /Nothing is changed here/);
  });

  it('writes it below what is typed, as it comes, from what is changed but no secrets', () =>
    onServer(async () => {
      await repository.write('a.txt', 'two\n');
      await repository.write('.env', 'KEY=new\n');
      const box = await repository.inputBox();
      box.value = 'Closes 7';
      const running = write();
      const exchange = await server.nextChat();
      const prompt = exchange.body.messages.map(({ content }) => content).join('\n');
      assert.match(prompt, /-one\n\+two/);
      assert.match(prompt, /- First/);
      assert.doesNotMatch(prompt, /KEY=/);
      exchange.text('Count to two');
      exchange.finish();
      await running;
      assert.equal(box.value, 'Closes 7\n\nCount to two');
    }));

  it('takes it back with one more click', async () => {
    await run('a2ia.undoCommitMessage');
    assert.equal((await repository.inputBox()).value, 'Closes 7');
    await run('a2ia.undoCommitMessage');
    assert.equal((await repository.inputBox()).value, 'Closes 7');
  });

  it('stops on command, and keeps what came until that is taken back', () =>
    onServer(async () => {
      const box = await repository.inputBox();
      box.value = '';
      const running = write();
      const exchange = await server.nextChat();
      exchange.text('Count to');
      while (box.value !== 'Count to') await new Promise(setImmediate);
      await run('a2ia.stopCommitMessage');
      await exchange.closedByClient;
      await running;
      assert.equal(box.value, 'Count to');
      await run('a2ia.undoCommitMessage');
      assert.equal(box.value, '');
    }));

  it('leaves the box to the user as soon as he types into it', () =>
    onServer(async () => {
      const box = await repository.inputBox();
      const running = write();
      const exchange = await server.nextChat();
      exchange.text('Count to');
      while (box.value !== 'Count to') await new Promise(setImmediate);
      box.value = 'Count to, but otherwise';
      exchange.text(' two');
      await exchange.closedByClient;
      await running;
      assert.equal(box.value, 'Count to, but otherwise');
      assert.match((await messagesDuring(() => run('a2ia.undoCommitMessage'))).join(), /was changed since/);
      assert.equal(box.value, 'Count to, but otherwise');
      box.value = '';
    }));

  it('says why when nobody answers, and has nothing to take back', () =>
    withSettings({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': 'http://127.0.0.1:9' }, async () => {
      const box = await repository.inputBox();
      box.value = 'mine';
      assert.match((await messagesDuring(write)).join(), /Nothing listens at http:\/\/127\.0\.0\.1:9/);
      assert.equal(box.value, 'mine');
    }));
});
