import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { Report } from '../../src/core/doctor/report.ts';
import { StepServer } from '../support/stepServer.ts';
import { closeEverything, textOf, withSettings } from './documents.ts';

const check = (backend?: string): Promise<readonly Report[] | undefined> =>
  Promise.resolve(vscode.commands.executeCommand<readonly Report[] | undefined>('a2ia.checkConnection', backend));

/** The document in front, once it holds this: a document that was open already is written anew a moment later. */
async function reportWith(text: string): Promise<vscode.TextDocument> {
  const document = vscode.window.activeTextEditor?.document;
  assert.equal(document?.uri.scheme, 'a2ia-connection');
  await textOf(document, (shown) => shown.includes(text));
  return document;
}

/** The buttons above the lines of the report, each with the text of its line. */
async function buttons(
  document: vscode.TextDocument,
): Promise<{ readonly title: string; readonly line: string; press(): Thenable<unknown> }[]> {
  const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
    'vscode.executeCodeLensProvider',
    document.uri,
    100,
  );
  return lenses.map(({ command, range }) => ({
    title: command?.title ?? '',
    line: document.lineAt(range.start.line).text,
    press: () => vscode.commands.executeCommand(command?.command ?? '', ...(command?.arguments ?? [])),
  }));
}

describe('A2IA: Check Connection', () => {
  let server: StepServer;

  before(async () => {
    server = await StepServer.start();
  });
  after(() => server.stop());
  afterEach(closeEverything);

  const answerBoth = async () => {
    for (const text of ['Hi', 'Hi']) (await server.nextChat()).text(text);
  };

  it('shows a report of what works, to be read only', () =>
    withSettings({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url }, async () => {
      const running = check();
      await answerBoth();
      const [report] = (await running) ?? [];
      assert.equal(report?.works, true, JSON.stringify(report));
      const document = await reportWith('## ✔ vllm: It works: step-model began to answer after ');
      assert.equal(document.languageId, 'markdown');
      assert.match(document.getText(), /- ✔ \*\*Server\*\*: vLLM 0\.32\.0 answers/);
      await vscode.commands.executeCommand('type', { text: 'x' });
      assert.equal(document.isDirty, false);
      assert.deepEqual(
        (await buttons(document)).map(({ title }) => title),
        ['Copy Report', 'Check Again'],
      );
    }));

  it('has a button at the step that failed, and one that copies the report', () =>
    withSettings({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': 'http://127.0.0.1:9' }, async () => {
      const [report] = (await check()) ?? [];
      assert.equal(report?.works, false);
      const document = await reportWith('Nothing listens');
      const found = await buttons(document);
      const start = found.find(({ title }) => title === 'Run “vllm”');
      assert.match(start?.line ?? '', /^- ✘ \*\*Connection \(TCP\)\*\*: Nothing listens/);
      await found.find(({ title }) => title === 'Copy Report')?.press();
      assert.equal(await vscode.env.clipboard.readText(), document.getText());
      // A command with a gap to fill in is typed, not run.
      await start?.press();
      assert.ok(vscode.window.terminals.some(({ name }) => name === 'A2IA'));
      for (const terminal of vscode.window.terminals) terminal.dispose();
    }));

  it('writes the same document anew after a change', () =>
    withSettings({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': 'http://127.0.0.1:9' }, async () => {
      await check();
      const document = await reportWith('Nothing listens');
      await vscode.workspace
        .getConfiguration()
        .update('a2ia.vllmUrl', server.url, vscode.ConfigurationTarget.Workspace);
      await (await buttons(document)).find(({ title }) => title === 'Check Again')?.press();
      await answerBoth();
      await textOf(document, (text) => text.includes('## ✔ vllm'));
    }));

  it('checks the backend that it is told to, whatever the settings choose', () =>
    withSettings({ 'a2ia.backend': 'vllm', 'a2ia.ollamaUrl': 'http://127.0.0.1:9' }, async () => {
      const reports = await check('ollama');
      assert.deepEqual(
        reports?.map(({ backend }) => backend),
        ['ollama'],
      );
    }));

  it('names a setting that cannot be used', () =>
    withSettings({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': 'ftp://nowhere' }, async () => {
      await check();
      const document = await reportWith('a2ia.vllmUrl is "ftp://nowhere"');
      assert.ok((await buttons(document)).some(({ title }) => title === 'Open Setting'));
    }));

  it('a check that is asked for again takes the place of the one that runs', () =>
    withSettings({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url }, async () => {
      const first = check();
      const exchange = await server.nextChat();
      const second = check();
      await exchange.closedByClient;
      assert.equal(await first, undefined);
      await answerBoth();
      assert.equal((await second)?.[0]?.works, true);
    }));
});
