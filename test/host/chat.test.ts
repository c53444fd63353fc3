import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { StepServer, type ChatExchange } from '../support/stepServer.ts';
import { answerTo, closeEverything, select, withSettings } from './documents.ts';
import { messagesDuring } from './messages.ts';

const run = (command: string, ...given: readonly unknown[]) =>
  Promise.resolve(vscode.commands.executeCommand(command, ...given));

const asked = ({ body }: ChatExchange) => body.messages.at(-1)?.content ?? '';

describe('The commands of the chat', () => {
  let server: StepServer;

  before(async () => {
    server = await StepServer.start();
  });
  after(() => server.stop());
  afterEach(closeEverything);

  const onServer = (work: () => Promise<void>) =>
    withSettings({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url }, work);

  it('say that there is nothing to copy and nothing to go on with, before the chat was ever opened', async () => {
    assert.match((await messagesDuring(() => run('a2ia.copyLastAnswer'))).join(), /There is no answer to copy yet/);
    assert.match((await messagesDuring(() => run('a2ia.continueInChat'))).join(), /not an answer that can be gone on/);
  });

  for (const [command, question] of [
    ['a2ia.explain', /Explain prices\.py, lines 4 to 9: /],
    ['a2ia.findBugs', /Find the bugs in prices\.py, lines 4 to 9\./],
    ['a2ia.writeTests', /Write tests for prices\.py, lines 4 to 9: /],
  ] as const) {
    it(`send what is selected: ${command}`, () =>
      onServer(async () => {
        const editor = await select('prices.py', 3, 9);
        const running = run(command);
        const exchange = await server.nextChat();
        assert.match(asked(exchange), question);
        assert.ok(asked(exchange).includes(editor.document.getText(editor.selection).trimEnd()));
        assert.doesNotMatch(asked(exchange), /def average/);
        assert.equal(exchange.body.messages.length, 2, 'in a conversation of its own');
        exchange.text('It adds.');
        exchange.finish();
        await running;
      }));
  }

  it('send the whole file where nothing is selected', () =>
    onServer(async () => {
      await select('prices.py', 0, 0);
      await run('a2ia.explain');
      const exchange = await server.nextChat();
      assert.match(asked(exchange), /def total[^]*def average[^]*Explain prices\.py: /);
      exchange.finish();
    }));

  it('say what is missing where there is nothing to send', async () => {
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ content: ' ' }));
    const said = await messagesDuring(() => run('a2ia.explain'));
    assert.match(said.join(), /Untitled-\d+ is empty/);
  });

  it('copy the last answer', () =>
    onServer(async () => {
      await select('prices.py', 3, 9);
      await run('a2ia.explain');
      const exchange = await server.nextChat();
      exchange.text('To be copied.');
      exchange.finish();
      while ((await vscode.env.clipboard.readText()) !== 'To be copied.') await run('a2ia.copyLastAnswer');
    }));

  it('go on with a question that was asked outside of the chat', () =>
    onServer(async () => {
      const asking = run('a2ia.ask', 'Which language is this?');
      const first = await server.nextChat();
      first.text('Python.');
      first.finish();
      await asking;
      const document = await answerTo('Which language is this?');
      await vscode.window.showTextDocument(document);
      await run('a2ia.continueInChat');
      await vscode.env.clipboard.writeText('');
      await run('a2ia.copyLastAnswer');
      assert.equal(await vscode.env.clipboard.readText(), 'Python.');
    }));
});
