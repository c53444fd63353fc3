import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { EditResult } from '../../src/vscode/edit/edits.ts';
import { StepServer, type ChatExchange } from '../support/stepServer.ts';
import { closeEverything, closeTabOf, until, withSettings } from './documents.ts';
import { messagesDuring } from './messages.ts';

const run = (command: string, ...given: readonly unknown[]) =>
  Promise.resolve(vscode.commands.executeCommand(command, ...given));
const edit = (wish: string) =>
  Promise.resolve(vscode.commands.executeCommand<EditResult | undefined>('a2ia.edit', wish));

const code = `import { round } from './round';

export function total(items) {
  let sum = 0;
  for (const item of items) {
    sum += item.price ?? 0;
  }
  return round(sum);
}

export function count(items) {
  let number = 0;
  for (const item of items) {
    number += item.amount ?? 0;
  }
  return number;
}
`;
const skipping = (text: string) => text.replace('sum += item.price ?? 0;', 'if (item.price) sum += item.price;');
const counting = (text: string) => text.replace('number += item.amount ?? 0;', 'number += item.amount ?? 1;');

function fenced(text: string): string {
  return `Here it is:\n\n\`\`\`javascript\n${text}\`\`\`\n`;
}

describe('A2IA: Edit', () => {
  let server: StepServer;

  before(async () => {
    server = await StepServer.start();
  });
  after(() => server.stop());
  afterEach(async () => {
    await run('a2ia.rejectEdit');
    await closeEverything();
  });

  const onServer = (work: () => Promise<void>) =>
    withSettings({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url }, work);

  const open = async (content = code) => {
    const document = await vscode.workspace.openTextDocument({ language: 'javascript', content });
    const editor = await vscode.window.showTextDocument(document, { preview: false });
    editor.selection = new vscode.Selection(0, 0, document.lineCount, 0);
    return { document, editor };
  };
  const answer = (exchange: ChatExchange, text: string) => {
    exchange.text(text);
    exchange.finish();
  };
  /** Asks about the whole document, and offers what the model says. */
  const offered = async (change: (text: string) => string, content = code) => {
    const { document, editor } = await open(content);
    const running = edit('Do it.');
    answer(await server.nextChat(), fenced(change(content.replaceAll('\r\n', '\n'))));
    const result = await running;
    assert.equal(result?.outcome, 'offered', result?.problem);
    return { document, editor, result };
  };
  const lensTitles = async (document: vscode.TextDocument) => {
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
      'vscode.executeCodeLensProvider',
      document.uri,
    );
    return lenses.map(
      ({ command, range }) => `${range.start.line}: ${command?.title.replace(/^\$\([^)]*\) /, '') ?? ''}`,
    );
  };

  it('offers changes without touching the document, and puts them there as one undo step', () =>
    onServer(async () => {
      const { document, result } = await offered((text) => counting(skipping(text)));
      assert.equal(result.changes, 2);
      assert.equal(document.getText(), code);
      assert.deepEqual(await lensTitles(document), [
        '5: Accept',
        '5: Reject',
        '5: Accept All 2',
        '5: Reject All',
        '5: Retry…',
        '5: Show as Diff',
        '13: Accept',
        '13: Reject',
        '13: Change 2 of 2',
      ]);
      await run('a2ia.acceptEdit');
      assert.equal(document.getText(), counting(skipping(code)));
      assert.deepEqual(await lensTitles(document), []);
      await run('undo');
      assert.equal(document.getText(), code);
    }));

  it('tells the model what to change, what stands around it, and the wish', () =>
    onServer(async () => {
      const { editor } = await open();
      editor.selection = new vscode.Selection(2, 3, 8, 1);
      const running = edit('Skip what has no price.');
      const exchange = await server.nextChat();
      const [system, user] = exchange.body.messages;
      assert.match(system?.content ?? '', /one fenced block/);
      assert.match(
        user?.content ?? '',
        /The code to change:\n\n```javascript\nexport function total[^]*return round\(sum\);\n}\n```\n\nSkip what has no price\.$/,
      );
      assert.match(user?.content ?? '', /What stands after it:[^]*function count/);
      exchange.finish();
      assert.equal((await running)?.outcome, 'refused');
    }));

  it('leaves the document alone when all is rejected', () =>
    onServer(async () => {
      const { document } = await offered((text) => counting(skipping(text)));
      await run('a2ia.rejectEdit');
      assert.equal(document.getText(), code);
      assert.deepEqual(await lensTitles(document), []);
    }));

  it('takes one change and leaves another, by keys at the cursor', () =>
    onServer(async () => {
      const { document, editor } = await offered((text) => counting(skipping(text)));
      editor.selection = new vscode.Selection(0, 0, 0, 0);
      await run('a2ia.nextChange');
      assert.equal(editor.selection.active.line, 5);
      await run('a2ia.nextChange');
      assert.equal(editor.selection.active.line, 13);
      await run('a2ia.acceptChange');
      assert.equal(document.getText(), counting(code));
      await run('a2ia.previousChange');
      assert.equal(editor.selection.active.line, 5);
      await run('a2ia.rejectChange');
      assert.equal(document.getText(), counting(code));
      assert.deepEqual(await lensTitles(document), []);
    }));

  it('follows the lines while the user types elsewhere, during the answer and after it', () =>
    onServer(async () => {
      const { document, editor } = await open();
      const running = edit('Do it.');
      const exchange = await server.nextChat();
      const text = fenced(counting(skipping(code)));
      exchange.text(text.slice(0, 200));
      await editor.edit((change) => change.insert(new vscode.Position(0, 0), '// mine\n'));
      exchange.text(text.slice(200));
      exchange.finish();
      assert.equal((await running)?.changes, 2);
      await editor.edit((change) => change.insert(new vscode.Position(10, 0), '// mine too\n'));
      await run('a2ia.acceptEdit');
      const expected = counting(skipping(code)).replace(
        '}\n\nexport function count',
        '}\n// mine too\n\nexport function count',
      );
      assert.equal(document.getText(), `// mine\n${expected}`);
      await run('undo');
      assert.match(document.getText(), /^\/\/ mine\n[^]*price \?\? 0[^]*mine too[^]*amount \?\? 0/);
    }));

  it('drops a change whose lines the user has changed, and says so; the others stay', () =>
    onServer(async () => {
      const { document, editor } = await offered((text) => counting(skipping(text)));
      await editor.edit((change) => change.insert(new vscode.Position(5, 4), 'my own '));
      assert.ok((await lensTitles(document)).includes('13: 1 dropped: you changed the lines'));
      await run('a2ia.acceptEdit');
      assert.equal(document.getText(), counting(code).replace('sum +=', 'my own sum +='));
    }));

  it('ends with a word when none of its lines is left', () =>
    onServer(async () => {
      const { document, editor } = await offered(skipping);
      const said = await messagesDuring(async () => {
        await editor.edit((change) => change.delete(new vscode.Range(2, 0, 9, 0)));
        await until(() => !document.getText().includes('total'));
      });
      assert.match(said.join(), /the edit was dropped/);
      assert.deepEqual(await lensTitles(document), []);
    }));

  it('follows its lines through a formatter that replaces the whole document', () =>
    onServer(async () => {
      const { document } = await offered(skipping);
      const formatted = new vscode.WorkspaceEdit();
      const whole = new vscode.Range(0, 0, document.lineCount, 0);
      formatted.replace(document.uri, whole, `// formatted\n${code.replace('let number = 0;', 'let number=0;')}`);
      await vscode.workspace.applyEdit(formatted);
      await run('a2ia.acceptEdit');
      assert.match(document.getText(), /^\/\/ formatted\n[^]*if \(item\.price\) sum \+= item\.price;[^]*let number=0;/);
    }));

  it('keeps the line ends and the tabs of the document', () =>
    onServer(async () => {
      const windows = code.replaceAll('  ', '\t').replaceAll('\n', '\r\n');
      const { document } = await offered((text) => counting(skipping(text)).replaceAll('\t', '  '), windows);
      await run('a2ia.acceptEdit');
      assert.equal(document.getText(), counting(skipping(windows)));
    }));

  it('does not offer an answer that leaves out code, and says why', () =>
    onServer(async () => {
      const { document } = await open();
      let result: EditResult | undefined;
      const said = await messagesDuring(async () => {
        const running = edit('Do it.');
        answer(
          await server.nextChat(),
          fenced(`${skipping(code).split('\n').slice(0, 8).join('\n')}\n// ... rest of the code\n`),
        );
        result = await running;
      });
      assert.equal(result?.outcome, 'refused');
      assert.match(
        said.join(),
        /leaves out code: it says “\/\/ \.\.\. rest of the code” instead\. Nothing was changed\./,
      );
      assert.equal(document.getText(), code);
    }));

  it('stops on command: the server is left, and what was complete is offered', () =>
    onServer(async () => {
      const { document } = await open();
      const running = edit('Do it.');
      const exchange = await server.nextChat();
      const text = fenced(counting(skipping(code)));
      exchange.text(text.slice(0, text.indexOf('number += item')));
      // VS Code asks for the lenses anew when the preview is there.
      while (!(await lensTitles(document)).some((title) => title.includes('writes'))) await new Promise(setImmediate);
      await run('a2ia.stop');
      await exchange.closedByClient;
      const result = await running;
      assert.deepEqual(result, { outcome: 'offered', changes: 1 });
      await run('a2ia.acceptEdit');
      assert.equal(document.getText(), skipping(code));
    }));

  it('is over when its document is closed', () =>
    onServer(async () => {
      const { document } = await open();
      const running = edit('Do it.');
      const exchange = await server.nextChat();
      await closeTabOf(document);
      await exchange.closedByClient;
      assert.equal((await running)?.outcome, 'stopped');
    }));

  it('offers what was complete when the server dies, and says what happened', () =>
    onServer(async () => {
      const { document } = await open();
      let result: EditResult | undefined;
      const said = await messagesDuring(async () => {
        const running = edit('Do it.');
        const exchange = await server.nextChat();
        const text = fenced(counting(skipping(code)));
        exchange.text(text.slice(0, text.indexOf('number += item')));
        while (!(await lensTitles(document)).some((title) => title.includes('writes'))) await new Promise(setImmediate);
        exchange.cut();
        result = await running;
      });
      assert.deepEqual(result, { outcome: 'failed', changes: 1 });
      assert.equal(said.length, 1);
      await run('a2ia.acceptEdit');
      assert.equal(document.getText(), skipping(code));
    }));

  it('puts an edit into a document that is not on the screen', () =>
    onServer(async () => {
      const { document } = await offered(skipping);
      await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ content: 'in front' }));
      await until(() => !vscode.window.visibleTextEditors.some((editor) => editor.document === document));
      await run('a2ia.acceptEdit', document.uri.toString());
      assert.equal(document.getText(), skipping(code));
    }));

  it('is one undo step with the document in two editors', () =>
    onServer(async () => {
      const { document } = await offered((text) => counting(skipping(text)));
      await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside });
      await run('a2ia.acceptEdit');
      assert.equal(document.getText(), counting(skipping(code)));
      await run('undo');
      assert.equal(document.getText(), code);
    }));

  it('shows the whole as a diff', () =>
    onServer(async () => {
      const { document } = await offered(skipping);
      await run('a2ia.showEditAsDiff');
      const proposed = await until(() =>
        vscode.workspace.textDocuments.find(({ uri }) => uri.scheme === 'a2ia-proposed' && uri.fragment === 'proposed'),
      );
      assert.equal(proposed.getText(), skipping(code));
      assert.equal(document.getText(), code);
      await run('workbench.action.closeActiveEditor');
    }));

  it('edits the function around the cursor when nothing is selected', () =>
    onServer(async () => {
      const { editor } = await open();
      editor.selection = new vscode.Selection(13, 4, 13, 4);
      const running = edit('Do it.');
      const exchange = await server.nextChat();
      assert.match(
        exchange.body.messages.at(-1)?.content ?? '',
        /The code to change:\n\n```javascript\nexport function count/,
      );
      exchange.finish();
      await running;
    }));

  it('asks nobody about a file that is too large, or read-only', () =>
    onServer(async () => {
      const asked = server.chats.length;
      await open('x'.repeat(2_000_001));
      assert.match((await messagesDuring(() => edit('Do it.'))).join(), /too large/);
      await closeEverything();
      const scheme = 'a2ia-test-text';
      const provider = vscode.workspace.registerTextDocumentContentProvider(scheme, {
        provideTextDocumentContent: () => code,
      });
      await vscode.window.showTextDocument(vscode.Uri.from({ scheme, path: '/only-to-read.js' }));
      assert.match((await messagesDuring(() => edit('Do it.'))).join(), /read-only/);
      provider.dispose();
      assert.equal(server.chats.length, asked);
    }));
});

describe('A2IA: Edit with the embedded model', () => {
  after(closeEverything);

  it('ends in an edit that can be undone, or in none', () =>
    withSettings({ 'a2ia.backend': 'embedded', 'a2ia.temperature': 0, 'a2ia.maxOutputTokens': 200 }, async () => {
      const document = await vscode.workspace.openTextDocument({ language: 'javascript', content: code });
      const editor = await vscode.window.showTextDocument(document);
      editor.selection = new vscode.Selection(2, 0, 9, 0);
      let result: EditResult | undefined;
      const said = await messagesDuring(async () => {
        result = await edit('Add a comment that says what this function does.');
      });
      assert.ok(result && result.outcome !== 'failed', result?.problem);
      assert.equal(document.getText(), code);
      if (result.outcome !== 'offered') return assert.equal(said.length, 1, said.join());
      await run('a2ia.acceptEdit');
      assert.notEqual(document.getText(), code);
      await run('undo');
      assert.equal(document.getText(), code);
    }));
});
