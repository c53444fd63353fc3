import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import type { EditResult } from '../../src/vscode/edit/edits.ts';
import { StepServer } from '../support/stepServer.ts';
import { closeEverything, until, withSettings } from './documents.ts';
import { messagesDuring } from './messages.ts';

const run = (command: string, ...given: readonly unknown[]) =>
  Promise.resolve(vscode.commands.executeCommand(command, ...given));
const edit = (wish: string) =>
  Promise.resolve(vscode.commands.executeCommand<EditResult | undefined>('a2ia.edit', wish));

const code =
  'def total(prices):\n    return sum(prices)\n\n\ndef mean(prices):\n    return total(prices) / len(prices)\n';
const guarded = (text: string) => text.replace('/ len(prices)', '/ len(prices) if prices else 0');
const documented = (text: string) => text.replace('    return sum', '    # All of them.\n    return sum');
const fenced = (text: string) => `\`\`\`python\n${text}\`\`\`\n`;

describe('A2IA: Edit in odd situations', () => {
  let server: StepServer;
  let folder: string;

  before(async () => {
    server = await StepServer.start();
    const root = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
    assert.ok(root);
    folder = await mkdtemp(path.join(root, 'odd-'));
  });
  after(async () => {
    await rm(folder, { recursive: true, force: true });
    await server.stop();
  });
  afterEach(async () => {
    await run('a2ia.rejectEdit');
    await closeEverything();
  });

  const onServer = (work: () => Promise<void>, settings: Readonly<Record<string, unknown>> = {}) =>
    withSettings({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url, ...settings }, work);
  const openFile = async (name: string, content: string) => {
    const file = path.join(folder, name);
    await writeFile(file, content);
    const document = await vscode.workspace.openTextDocument(file);
    const editor = await vscode.window.showTextDocument(document, { preview: false });
    editor.selection = new vscode.Selection(0, 0, document.lineCount, 0);
    return { file, document, editor };
  };
  const ask = async () => {
    const running = edit('Do it.');
    return { running, exchange: await server.nextChat() };
  };
  const answered = async (change: (text: string) => string) => {
    const { running, exchange } = await ask();
    exchange.text(fenced(change(code)));
    exchange.finish();
    const result = await running;
    assert.equal(result?.outcome, 'offered', result?.problem);
  };

  it('keeps the mark at the beginning of a file, and its line ends', () =>
    onServer(async () => {
      const windows = `\uFEFF${code.replaceAll('\n', '\r\n')}`;
      const { file, document } = await openFile('marked.py', windows);
      await answered((text) => documented(guarded(text)));
      await run('a2ia.acceptEdit');
      assert.ok(await document.save());
      assert.equal(await readFile(file, 'utf8'), documented(guarded(windows)).replace(/([^\r])\n/g, '$1\r\n'));
    }));

  it('is undone and done again as one step', () =>
    onServer(async () => {
      const { document } = await openFile('redo.py', code);
      await answered((text) => documented(guarded(text)));
      await run('a2ia.acceptEdit');
      await run('undo');
      assert.equal(document.getText(), code);
      await run('redo');
      assert.equal(document.getText(), documented(guarded(code)));
    }));

  it('follows a formatter that runs when the file is saved while the answer comes', () =>
    onServer(
      async () => {
        const formatter = vscode.languages.registerDocumentFormattingEditProvider('python', {
          provideDocumentFormattingEdits: () => [vscode.TextEdit.insert(new vscode.Position(0, 0), '# formatted\n')],
        });
        const { document } = await openFile('formatted.py', code);
        const { running, exchange } = await ask();
        const text = fenced(guarded(code));
        exchange.text(text.slice(0, 40));
        await vscode.window.activeTextEditor?.edit((change) => change.insert(new vscode.Position(3, 0), '# mine\n'));
        assert.ok(await document.save());
        assert.match(document.getText(), /^# formatted\n/);
        formatter.dispose();
        exchange.text(text.slice(40));
        exchange.finish();
        assert.equal((await running)?.outcome, 'offered');
        await run('a2ia.acceptEdit');
        assert.equal(document.getText(), `# formatted\n${guarded(code).replace('\n\n\n', '\n\n# mine\n\n')}`);
      },
      { 'editor.formatOnSave': true },
    ));

  it('follows a checkout that writes the file anew while the answer comes', () =>
    onServer(async () => {
      const { file, document } = await openFile('branch.py', code);
      const { running, exchange } = await ask();
      exchange.text(fenced(guarded(code)).slice(0, 40));
      const other = `# of another branch\n${code.replace('sum(prices)', 'sum(prices, 0)')}`;
      await writeFile(file, other);
      await until(() => document.getText() === other);
      exchange.text(fenced(guarded(code)).slice(40));
      exchange.finish();
      assert.equal((await running)?.outcome, 'offered');
      await run('a2ia.acceptEdit');
      assert.equal(document.getText(), guarded(other));
    }));

  it('runs in two files at once', () =>
    onServer(async () => {
      const first = await openFile('first.py', code);
      const one = await ask();
      const second = await openFile('second.py', code);
      const two = await ask();
      two.exchange.text(fenced(documented(code)));
      two.exchange.finish();
      await two.running;
      one.exchange.text(fenced(guarded(code)));
      one.exchange.finish();
      await one.running;
      await run('a2ia.acceptEdit', first.document.uri.toString());
      await run('a2ia.acceptEdit', second.document.uri.toString());
      assert.equal(first.document.getText(), guarded(code));
      assert.equal(second.document.getText(), documented(code));
    }));

  it('is about the first of several selections', () =>
    onServer(async () => {
      const { document, editor } = await openFile('cursors.py', code);
      editor.selections = [new vscode.Selection(4, 0, 6, 0), new vscode.Selection(0, 0, 0, 3)];
      const { running, exchange } = await ask();
      assert.match(exchange.body.messages.at(-1)?.content ?? '', /The code to change:\n\n```python\ndef mean/);
      exchange.text(fenced(guarded(code).slice(code.indexOf('def mean'))));
      exchange.finish();
      await running;
      await run('a2ia.acceptEdit');
      assert.equal(document.getText(), guarded(code));
    }));

  it('asks again after one change of several was accepted, about what is there now', () =>
    onServer(async () => {
      const { document, editor } = await openFile('again.py', code);
      await answered((text) => documented(guarded(text)));
      editor.selection = new vscode.Selection(0, 0, 0, 0);
      await run('a2ia.acceptChange');
      assert.equal(document.getText(), documented(code));
      await run('a2ia.rejectEdit');
      editor.selection = new vscode.Selection(0, 0, document.lineCount, 0);
      const { running, exchange } = await ask();
      assert.match(exchange.body.messages.at(-1)?.content ?? '', /# All of them\./);
      exchange.text(fenced(documented(guarded(code))));
      exchange.finish();
      assert.equal((await running)?.changes, 1);
      await run('a2ia.acceptEdit');
      assert.equal(document.getText(), documented(guarded(code)));
    }));

  it('edits a cell of a notebook', () =>
    onServer(async () => {
      const cell = new vscode.NotebookCellData(vscode.NotebookCellKind.Code, code, 'python');
      const notebook = await vscode.workspace.openNotebookDocument('jupyter-notebook', new vscode.NotebookData([cell]));
      await vscode.window.showNotebookDocument(notebook);
      await run('notebook.cell.edit');
      const { document } = notebook.cellAt(0);
      const editor = await until(() => vscode.window.visibleTextEditors.find((shown) => shown.document === document));
      editor.selection = new vscode.Selection(0, 0, document.lineCount, 0);
      await until(() => vscode.window.activeTextEditor?.document === document);
      await answered(guarded);
      await run('a2ia.acceptEdit', document.uri.toString());
      assert.equal(document.getText(), guarded(code));
    }));

  it('edits the right side of a diff, and leaves the other alone', () =>
    onServer(async () => {
      const left = await openFile('left.py', code);
      const right = await openFile('right.py', code);
      await run('vscode.diff', left.document.uri, right.document.uri, 'Both');
      const editor = await until(() => {
        const active = vscode.window.activeTextEditor;
        return active?.document === right.document && active;
      });
      editor.selection = new vscode.Selection(0, 0, right.document.lineCount, 0);
      await answered(guarded);
      await run('a2ia.acceptEdit');
      assert.equal(right.document.getText(), guarded(code));
      assert.equal(left.document.getText(), code);
    }));

  it('says of an output channel, and of a file of 10 MB, that nothing is done, and asks nobody', () =>
    onServer(async () => {
      const asked = server.chats.length;
      const channel = vscode.window.createOutputChannel('odd');
      channel.append(code);
      channel.show();
      await until(() => vscode.window.visibleTextEditors.some(({ document }) => document.uri.scheme === 'output'));
      const output = vscode.workspace.textDocuments.find(({ uri }) => uri.scheme === 'output');
      assert.ok(output);
      await vscode.window.showTextDocument(output);
      assert.match((await messagesDuring(() => edit('Do it.'))).join(), /read-only/);
      channel.dispose();
      await openFile('large.py', 'x = 1\n'.repeat(1_700_000));
      assert.match((await messagesDuring(() => edit('Do it.'))).join(), /too large/);
      assert.equal(server.chats.length, asked);
    }));
});
