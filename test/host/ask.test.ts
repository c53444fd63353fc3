import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { AskResult } from '../../src/vscode/ask.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';
import { StepServer } from '../support/stepServer.ts';
import { answerTo, closeEverything, closeTabOf, textOf, until, withSettings } from './documents.ts';

const ask = (question: string): Promise<AskResult> =>
  Promise.resolve(vscode.commands.executeCommand<AskResult>('a2ia.ask', question));

describe('A2IA: Ask with the embedded model', () => {
  after(closeEverything);

  it('streams a real model’s answer into a Markdown document', async () => {
    await withSettings({ 'a2ia.backend': 'embedded', 'a2ia.temperature': 0, 'a2ia.maxOutputTokens': 160 }, async () => {
      const question = 'Count from 1 to 60, separated by commas.';
      const partial = new Set<string>();
      const watching = vscode.workspace.onDidChangeTextDocument(({ document }) => {
        const text = document.getText();
        if (text.startsWith(`> ${question}`) && !text.includes('*embedded ·')) partial.add(text);
      });
      const result = await ask(question);
      watching.dispose();
      assert.equal(result.outcome, 'finished', result.problem);
      assert.equal(result.backend, 'embedded');
      assert.match(result.text, /2[^]*3[^]*4[^]*5/);
      assert.ok(partial.size > 1, `the document held ${partial.size} parts of the answer before it had the whole`);
      const document = await answerTo(question);
      assert.ok(document.getText().includes(result.text), 'the document holds the answer as the model gave it');
      assert.match(document.getText(), /\*embedded, smollm2-135m, \d+ tokens/);
    });
  });
});

describe('A2IA: Ask', () => {
  let server: StepServer;

  before(async () => {
    server = await StepServer.start();
  });
  after(() => server.stop());
  afterEach(closeEverything);

  const onServer = (work: () => Promise<void>, more: Readonly<Record<string, unknown>> = {}) =>
    withSettings({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url, ...more }, work);

  it('shows the question at once, beside the code, and leaves the focus where it is', () =>
    onServer(async () => {
      const code = await vscode.workspace.openTextDocument({ language: 'python', content: 'x = 1\n' });
      await vscode.window.showTextDocument(code);
      const running = ask('Beside?');
      const exchange = await server.nextChat();
      const document = await answerTo('Beside?');
      assert.equal(vscode.window.activeTextEditor?.document, code);
      const editor = vscode.window.visibleTextEditors.find((candidate) => candidate.document === document);
      assert.notEqual(editor?.viewColumn, vscode.window.activeTextEditor?.viewColumn);
      exchange.finish();
      await running;
    }));

  it('is one undo step', () =>
    onServer(async () => {
      const running = ask('Undo?');
      const exchange = await server.nextChat();
      const document = await answerTo('Undo?');
      const heading = document.getText();
      for (const word of ['one ', 'two ', 'three']) {
        exchange.text(word);
        await textOf(document, (text) => text.includes(word));
      }
      exchange.finish();
      await running;
      assert.match(document.getText(), /one two three\n\n\*vllm, step-model, 3 tokens/);
      await vscode.window.showTextDocument(document);
      await vscode.commands.executeCommand('undo');
      assert.equal(document.getText(), heading);
    }));

  it('puts the answer together while the user types elsewhere in the document', () =>
    onServer(async () => {
      const running = ask('Typing?');
      const exchange = await server.nextChat();
      const document = await answerTo('Typing?');
      exchange.text('first ');
      await textOf(document, (text) => text.includes('first '));
      const editor = await vscode.window.showTextDocument(document);
      await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), 'my note\n'));
      exchange.text('second');
      exchange.finish();
      const result = await running;
      assert.equal(result.text, 'first second');
      assert.match(document.getText(), /^my note\n> Typing\?\n\nfirst second\n\n\*vllm/);
    }));

  it('writes the whole answer into a document that was hidden meanwhile', () =>
    onServer(async () => {
      const running = ask('Hidden?');
      const exchange = await server.nextChat();
      const document = await answerTo('Hidden?');
      exchange.text('before ');
      await textOf(document, (text) => text.includes('before '));
      // Extensions hear of an editor before they hear in which column it is.
      const viewColumn = await until(
        () => vscode.window.visibleTextEditors.find((editor) => editor.document === document)?.viewColumn,
      );
      await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ content: 'in front' }), {
        viewColumn,
      });
      await until(() => !vscode.window.visibleTextEditors.some((editor) => editor.document === document));
      exchange.text('behind');
      exchange.finish();
      await running;
      assert.match(document.getText(), /\n\nbefore behind\n\n\*vllm/);
    }));

  it('stops on command: the server is left, what arrived stays and is marked', () =>
    onServer(async () => {
      const running = ask('Stop?');
      const exchange = await server.nextChat();
      const document = await answerTo('Stop?');
      exchange.text('only this');
      await textOf(document, (text) => text.includes('only this'));
      await vscode.commands.executeCommand('a2ia.stop');
      await exchange.closedByClient;
      const result = await running;
      assert.equal(result.outcome, 'stopped');
      assert.match(document.getText(), /only this\n\n\*Stopped\. vllm, step-model\*\n$/);
    }));

  it('stops when its document is closed', () =>
    onServer(async () => {
      const running = ask('Close?');
      const exchange = await server.nextChat();
      const document = await answerTo('Close?');
      exchange.text('going');
      await textOf(document, (text) => text.includes('going'));
      await closeTabOf(document);
      await exchange.closedByClient;
      assert.equal((await running).outcome, 'stopped');
    }));

  it('runs two at once, each into a document of its own', () =>
    onServer(async () => {
      const first = ask('First?');
      const firstExchange = await server.nextChat();
      const second = ask('Second?');
      const secondExchange = await server.nextChat();
      firstExchange.text('answer one');
      secondExchange.text('answer two');
      secondExchange.finish();
      assert.equal((await second).text, 'answer two');
      firstExchange.finish();
      assert.equal((await first).text, 'answer one');
      assert.match((await answerTo('First?')).getText(), /answer one/);
      assert.match((await answerTo('Second?')).getText(), /answer two/);
    }));

  it('keeps and marks what came when the server dies in mid-answer', () =>
    onServer(async () => {
      const running = ask('Die?');
      const exchange = await server.nextChat();
      const document = await answerTo('Die?');
      exchange.text('half of');
      await textOf(document, (text) => text.includes('half of'));
      exchange.cut();
      const result = await running;
      assert.equal(result.outcome, 'failed');
      assert.equal(result.text, 'half of');
      assert.match(document.getText(), /half of\n\n\*The answer is incomplete: The connection to .* broke/);
    }));

  it('goes on when the language of the document is changed', () =>
    onServer(async () => {
      const running = ask('Language?');
      const exchange = await server.nextChat();
      const document = await answerTo('Language?');
      exchange.text('before ');
      await textOf(document, (text) => text.includes('before '));
      await vscode.languages.setTextDocumentLanguage(document, 'plaintext');
      exchange.text('after');
      exchange.finish();
      assert.equal((await running).outcome, 'finished');
      assert.match(document.getText(), /before after\n\n\*vllm/);
    }));

  it('stops while it is still looked for who answers', async () => {
    const silent = await ScriptedServer.start({ '*': () => undefined });
    await withSettings({ 'a2ia.backend': 'ollama', 'a2ia.ollamaUrl': silent.url }, async () => {
      const running = ask('Who?');
      const document = await answerTo('Who?');
      await silent.exchange('/api/tags');
      await vscode.commands.executeCommand('a2ia.stop');
      assert.deepEqual(await running, { outcome: 'stopped', text: '' });
      assert.match(document.getText(), /> Who\?\n\n\*Stopped\.\*\n$/);
    });
    await silent.close();
  });

  it('says which models exist when the configured one does not', () =>
    onServer(
      async () => {
        const result = await ask('Unknown?');
        assert.equal(result.outcome, 'failed');
        assert.match(result.problem ?? '', /does not have that model.*step-model/);
      },
      { 'a2ia.model': 'no-such-model' },
    ));

  for (const model of ['x', '']) {
    it(`says that nothing listens, and keeps the question, ${model ? 'when it asks' : 'when it looks for a model'}`, () =>
      withSettings({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': 'http://127.0.0.1:9', 'a2ia.model': model }, async () => {
        const result = await ask('Nobody?');
        assert.equal(result.outcome, 'failed');
        assert.match(result.problem ?? '', /Nothing listens at http:\/\/127\.0\.0\.1:9/);
        assert.match((await answerTo('Nobody?')).getText(), /> Nobody\?\n\n\*No answer: Nothing listens/);
      }));
  }

  it('does nothing with an empty question', async () => {
    assert.equal(await vscode.commands.executeCommand('a2ia.ask', '   '), undefined);
  });

  it('sends a question of 10 MB whole and shows its beginning', () =>
    onServer(async () => {
      const question = 'why? '.repeat(2_000_000);
      const running = ask(question);
      const exchange = await server.nextChat();
      assert.ok(exchange.body.messages.at(-1)?.content.includes(question.trim()));
      exchange.text('because');
      exchange.finish();
      assert.equal((await running).outcome, 'finished');
      const document = await answerTo('why? why? why?');
      assert.ok(document.getText().length < 5000);
    }));

  it('follows a changed setting with the next request, without a reload', () =>
    onServer(async () => {
      const other = await StepServer.start(['other-model']);
      try {
        await vscode.workspace
          .getConfiguration()
          .update('a2ia.vllmUrl', other.url, vscode.ConfigurationTarget.Workspace);
        const running = ask('Who?');
        const exchange = await other.nextChat();
        exchange.finish();
        assert.equal((await running).model, 'other-model');
      } finally {
        await other.stop();
      }
    }));

  it('lets workspace settings win over user settings', () =>
    onServer(
      async () => {
        const configuration = vscode.workspace.getConfiguration();
        await configuration.update('a2ia.temperature', 1.5, vscode.ConfigurationTarget.Global);
        try {
          const running = ask('Warm?');
          const exchange = await server.nextChat();
          assert.equal(exchange.body.temperature, 0.5);
          exchange.finish();
          await running;
        } finally {
          await configuration.update('a2ia.temperature', undefined, vscode.ConfigurationTarget.Global);
        }
      },
      { 'a2ia.temperature': 0.5 },
    ));

  it('goes on with the defaults where settings have wrong types', () =>
    onServer(
      async () => {
        const running = ask('Wrong types?');
        const exchange = await server.nextChat();
        assert.equal(exchange.body.temperature, undefined);
        exchange.text('fine');
        exchange.finish();
        assert.equal((await running).outcome, 'finished');
      },
      { 'a2ia.temperature': 'hot', 'a2ia.models': ['not', 'an', 'object'], 'a2ia.idleTimeoutMs': -1 },
    ));

  it('sends no generation setting that is not set', () =>
    onServer(async () => {
      const running = ask('Bare?');
      const exchange = await server.nextChat();
      assert.deepEqual(Object.keys(exchange.body).sort(), ['messages', 'model', 'stream', 'stream_options']);
      exchange.finish();
      await running;
    }));
});
