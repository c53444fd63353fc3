import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import * as vscode from 'vscode';
import { FimServer, type Gap } from '../support/fimServer.ts';
import { closeEverything, until, withSettings } from './documents.ts';

/** Ghost text by the real provider: what VS Code asks it, what it asks the server, and what comes of it in the document. */

const type = (text: string) => vscode.commands.executeCommand('type', { text });
/** VS Code says that it is done when it has an answer, or wants none any more. */
const trigger = () => vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');

/** A new document with the cursor at `|`. */
async function open(code: string, language = 'typescript'): Promise<vscode.TextDocument> {
  const at = code.indexOf('|');
  const document = await vscode.workspace.openTextDocument({ language, content: code.replace('|', '') });
  const editor = await vscode.window.showTextDocument(document);
  const position = document.positionAt(at);
  editor.selection = new vscode.Selection(position, position);
  return document;
}

/** As the key does it, again and again until VS Code has drawn the ghost text and takes it. */
async function accept(document: vscode.TextDocument, command = 'editor.action.inlineSuggest.commit'): Promise<string> {
  const before = document.getText();
  while (document.getText() === before) {
    await vscode.commands.executeCommand(command);
    // The editor draws meanwhile.
    await delay(50);
  }
  return document.getText();
}

describe('code completion', () => {
  let server: FimServer;
  before(async () => {
    server = await FimServer.start();
  });
  after(() => server.close());
  afterEach(closeEverything);

  const completing = (work: () => Promise<void>, more: Readonly<Record<string, unknown>> = {}) =>
    withSettings(
      {
        'a2ia.vllmUrl': server.url,
        'a2ia.completion.model': 'vllm/qwen2.5-coder-1.5b',
        'a2ia.completion.mode': 'automatic',
        ...more,
      },
      work,
    );
  /** One that is asked for by its own key. VS Code does not tell when it has heard of new settings: until then the key does nothing. */
  const invoked = async (text: string): Promise<Gap> => {
    const next = server.next(text);
    for (;;) {
      void trigger();
      const gap = await Promise.race([next, delay(3000)]);
      if (gap) return gap;
    }
  };

  it('asks for the gap at the cursor, and puts what comes into the document when it is accepted', () =>
    completing(async () => {
      const document = await open('function add(a: number, b: number) {\n  |\n}\n');
      const gap = await invoked('function add');
      assert.equal(
        gap.prompt,
        '<|fim_prefix|>function add(a: number, b: number) {\n  <|fim_suffix|>\n}\n<|fim_middle|>',
      );
      gap.fill('return a + b;\n}\n');
      assert.equal(await accept(document), 'function add(a: number, b: number) {\n  return a + b;\n}\n');
    }));

  it('is accepted word by word, and line by line', () =>
    completing(async () => {
      const document = await open('def area(r):\n    |\n', 'python');
      (await invoked('def area')).fill('square = r * r\n    return 3 * square');
      const word = await accept(document, 'editor.action.inlineSuggest.acceptNextWord');
      assert.match(word, /^def area\(r\):\n {4}square\s*\n$/);
      const line = await accept(document, 'editor.action.inlineSuggest.acceptNextLine');
      assert.match(line, /^def area\(r\):\n {4}square = r \* r\n\s*$/);
    }));

  it('keeps Windows line ends', () =>
    completing(async () => {
      const document = await open('function f() {\r\n  |\r\n}\r\n');
      const gap = await invoked('function f()');
      assert.ok(!gap.prompt.includes('\r'));
      gap.fill('a();\n  b();\n}');
      assert.equal(await accept(document), 'function f() {\r\n  a();\r\n  b();\r\n}\r\n');
    }));

  it('leaves the server when one types on', () =>
    completing(async () => {
      const document = await open('const total = |\n');
      const older = await invoked('const total = ');
      await type('p');
      await older.closed;
      const newer = await server.next('const total = p<|fim_suffix|>');
      newer.fill('rices.length;');
      assert.equal(await accept(document), 'const total = prices.length;\n');
    }));

  it('gives along what was edited in other files', () =>
    completing(async () => {
      // So that edits are seen.
      await open('const first = |\n');
      (await invoked('const first')).fill('');
      await open('export class Basket {|}\n');
      await type('\n');
      await open('const basket = |\n');
      const gap = await invoked('const basket');
      assert.match(gap.prompt, /^<\|repo_name\|>[^]*export class Basket \{[^]*<\|fim_prefix\|>const basket = /);
      gap.fill('');
    }));

  it('leaves out the languages that the user leaves out', () =>
    completing(
      async () => {
        await open('# Heading|\n', 'markdown');
        await type('s');
        void trigger();
        await open('x = |\n', 'python');
        await type('1');
        void trigger();
        await open('const left = |\n');
        (await invoked('const left')).fill('');
        assert.ok(!server.prompts.some((prompt) => /# Heading|x = 1/.test(prompt)));
      },
      { 'a2ia.completion.excludedLanguages': ['markdown', 'python'] },
    ));

  it('pauses and resumes', () =>
    completing(async () => {
      const document = await open('const a = |\n');
      (await invoked('const a')).fill('');
      await vscode.commands.executeCommand('a2ia.pauseCompletion');
      await type('paused');
      await vscode.commands.executeCommand('a2ia.resumeCompletion');
      await type('Not');
      (await server.next('pausedNot<|fim_suffix|>')).fill('Now;');
      assert.ok(!server.prompts.some((prompt) => prompt.includes('paused<|fim_suffix|>')));
      assert.equal(await accept(document), 'const a = pausedNotNow;\n');
    }));

  it('waits for its key where the user wants that', () =>
    completing(
      async () => {
        await open('const asked = |\n');
        await type('for');
        await type('It');
        (await invoked('const asked = forIt<|fim_suffix|>')).fill('');
        assert.ok(!server.prompts.some((prompt) => prompt.includes('const asked = for<|fim_suffix|>')));
      },
      { 'a2ia.completion.mode': 'onRequest' },
    ));

  it('asks a model that cannot not once', async () => {
    const other = await FimServer.start(['llama-3.1-8b']);
    await completing(
      async () => {
        await open('const a = |\n');
        for (const text of ['b', 'c', 'd']) {
          await type(text);
          void trigger();
        }
        // It was looked at, and once.
        await other.server.exchange('/v1/models');
        await type('e');
        void trigger();
      },
      { 'a2ia.vllmUrl': other.url, 'a2ia.completion.model': 'vllm/llama-3.1-8b' },
    );
    assert.equal(other.count, 0);
    await other.close();
  });

  it('is off until somebody turns it on', async () => {
    await withSettings({ 'a2ia.vllmUrl': server.url, 'a2ia.completion.model': 'vllm/qwen2.5-coder-1.5b' }, async () => {
      await open('const off = |\n');
      await type('b');
      void trigger();
    });
    await completing(async () => {
      await open('const on = |\n');
      (await invoked('const on')).fill('');
    });
    assert.ok(!server.prompts.some((prompt) => prompt.includes('const off')));
  });
});

describe('code completion with the embedded model', () => {
  afterEach(closeEverything);

  it('does not ask a model that has no tokens for it', async () => {
    await withSettings(
      { 'a2ia.completion.model': 'embedded/smollm2-135m', 'a2ia.completion.mode': 'automatic' },
      async () => {
        const document = await open('def add(a, b):\n    |\n', 'python');
        const before = document.getText();
        await type('r');
        void trigger();
        await until(() => document.getText() !== before);
        assert.equal(document.getText(), 'def add(a, b):\n    r\n');
      },
    );
  });
});
