import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import * as vscode from 'vscode';
import type { Attached, TextAttachment } from '../../src/vscode/chat/context/attached.ts';
import { Attachments } from '../../src/vscode/chat/context/attachments.ts';
import { closeEverything, until, withSettings } from './documents.ts';
import { MemoryFiles } from './memoryFiles.ts';
import { Repository } from './repository.ts';

const { signal } = new AbortController();
const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');

function folder(): vscode.Uri {
  const [first] = vscode.workspace.workspaceFolders ?? [];
  assert.ok(first);
  return first.uri;
}

const inFolder = (...names: readonly string[]) => vscode.Uri.joinPath(folder(), ...names);

function text(attached: Attached | undefined): TextAttachment {
  assert.ok(attached && 'kind' in attached && attached.kind === 'text', JSON.stringify(attached));
  return attached;
}

function refusal(attached: Attached | undefined): string {
  assert.ok(attached && 'refused' in attached, JSON.stringify(attached)?.slice(0, 200));
  return attached.refused;
}

function once<T>(event: vscode.Event<T>): Promise<T> {
  return new Promise((resolve) => {
    const listening = event((value) => {
      listening.dispose();
      resolve(value);
    });
  });
}

async function write(uri: vscode.Uri, content: string | Uint8Array): Promise<vscode.Uri> {
  await vscode.workspace.fs.writeFile(uri, typeof content === 'string' ? Buffer.from(content) : content);
  return uri;
}

describe('Attachments', () => {
  let attachments: Attachments;
  const memory = new MemoryFiles();
  const made = inFolder('made');

  before(() => memory.register());
  after(() => memory.dispose());
  beforeEach(() => {
    attachments = new Attachments();
  });
  afterEach(async () => {
    attachments.dispose();
    await closeEverything();
    await Promise.resolve(vscode.workspace.fs.delete(made, { recursive: true })).catch(() => undefined);
  });

  const labels = async (query: string) => (await attachments.mentions(query, signal)).map(({ label }) => label);
  const attach = async (query: string, label: string) => {
    const offered = await attachments.mentions(query, signal);
    const chosen = offered.find((mention) => mention.label === label);
    assert.ok(chosen, `${label} among ${offered.map((mention) => mention.label).join(', ')}`);
    return attachments.attachMention(chosen.id, signal);
  };
  const fromUri = async (uri: vscode.Uri | string) => (await attachments.fromUris([uri.toString()], signal))[0];
  const select = async (uri: vscode.Uri, ...lines: readonly [number, number]) => {
    const editor = await vscode.window.showTextDocument(uri);
    editor.selection = new vscode.Selection(lines[0], 0, lines[1], 0);
    return editor;
  };

  describe('behind @', () => {
    it('finds files by the letters of their names, the open ones first', async () => {
      await write(vscode.Uri.joinPath(made, 'deep', 'graph.ts'), 'graph();');
      await vscode.window.showTextDocument(inFolder('greeting.ts'));
      const found = await labels('file gr');
      assert.deepEqual(found, ['@file greeting.ts', '@file made/deep/graph.ts']);
      const graph = text(await attach('grph', '@file made/deep/graph.ts'));
      assert.deepEqual(
        { source: graph.source, label: graph.label, languageId: graph.languageId, text: graph.text },
        { source: 'file', label: 'made/deep/graph.ts', languageId: 'typescript', text: 'graph();' },
      );
    });

    it('leaves out what files.exclude and search.exclude hide', async () => {
      for (const name of ['seen.one', 'hidden.two', 'hidden.three']) await write(vscode.Uri.joinPath(made, name), 'x');
      await withSettings(
        { 'files.exclude': { '**/*.two': true }, 'search.exclude': { '**/*.three': true, '**/*.four': true } },
        async () => {
          assert.deepEqual(await labels('file made'), ['@file made/seen.one']);
          const { text: tree } = text(await attach('folder made', '@folder made'));
          assert.doesNotMatch(tree, /hidden/);
        },
      );
    });

    it('attaches what an editor holds, saved or not', async () => {
      const uri = await write(vscode.Uri.joinPath(made, 'note.txt'), 'saved');
      const editor = await vscode.window.showTextDocument(uri);
      await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), 'not '));
      assert.equal(text(await fromUri(uri)).text, 'not saved');
    });

    it('attaches a folder: its tree, its texts, and what it left out', async () => {
      await write(vscode.Uri.joinPath(made, 'a.ts'), 'one();\n');
      await write(vscode.Uri.joinPath(made, 'sub', 'b.ts'), 'two();\n');
      await write(vscode.Uri.joinPath(made, 'logo.bin'), new Uint8Array([1, 0, 2]));
      await write(vscode.Uri.joinPath(made, '.env'), 'KEY=secret');
      const attached = text(await attach('folder made', '@folder made'));
      assert.equal(attached.source, 'folder');
      assert.equal(attached.label, 'made (2 of 4 files)');
      assert.match(attached.text, /^made\/\n[^]*  sub\/\n    b\.ts\n[^]*--- made\/a\.ts\none\(\);\n/);
      assert.match(
        attached.text,
        /left out of 1 file \(binary\): logo\.bin|left out of 1 file \(may hold secrets\): \.env/,
      );
      assert.doesNotMatch(attached.text, /KEY=/);
    });

    it('takes of a folder only what there is room for', async () => {
      for (let at = 0; at < 20; at++) await write(vscode.Uri.joinPath(made, `f${at}.txt`), 'word '.repeat(200));
      const small = new Attachments({ roomTokens: () => 1000 });
      const [attached] = await small.fromUris([made.toString()], signal);
      small.dispose();
      assert.match(text(attached).label, /^made \([1-3] of 20 files\)$/);
      assert.match(text(attached).text, /left out of 1\d files \(no room for it\)/);
    });

    it('attaches a file that may hold secrets when it is chosen by itself', async () => {
      assert.equal(text(await fromUri(await write(vscode.Uri.joinPath(made, '.env'), 'KEY=mine'))).text, 'KEY=mine');
    });

    it('attaches the selection of the editor that was used last, under its lines', async () => {
      await select(inFolder('greeting.ts'), 0, 2);
      await until(() => !vscode.window.activeTextEditor?.selection.isEmpty);
      assert.deepEqual(await labels('selectio'), ['@selection']);
      const attached = text(await attach('selection', '@selection'));
      const document = await vscode.workspace.openTextDocument(inFolder('greeting.ts'));
      assert.equal(attached.label, 'greeting.ts, lines 1 to 2');
      assert.equal(attached.text, document.getText(new vscode.Range(0, 0, 2, 0)));
      assert.equal(attached.firstLine, 1);
    });

    it('says that nothing is selected', async () => {
      await select(inFolder('greeting.ts'), 0, 0);
      await until(() => vscode.window.activeTextEditor?.selection.isEmpty);
      assert.deepEqual(await labels('selectio'), []);
      assert.match(refusal(await attach('selection', '@selection')), /^Nothing is selected\. /);
    });

    it('attaches the problems of the file and of the workspace', async () => {
      const problems = vscode.languages.createDiagnosticCollection('test');
      const problem = (line: number, message: string, severity: vscode.DiagnosticSeverity) =>
        new vscode.Diagnostic(new vscode.Range(line, 0, line, 1), message, severity);
      const file = await write(vscode.Uri.joinPath(made, 'wrong.txt'), 'x\ny\n');
      const { Error, Warning, Hint } = vscode.DiagnosticSeverity;
      problems.set(file, [problem(1, 'rather not', Warning), problem(0, 'no', Error), problem(0, 'well', Hint)]);
      problems.set(inFolder('prices.py'), [problem(4, 'wrong price', Error)]);
      try {
        await vscode.window.showTextDocument(file);
        assert.deepEqual(await labels('problems'), ['@problems made/wrong.txt', '@problems']);
        const here = text(await attach('prob', '@problems made/wrong.txt'));
        assert.equal(here.text, 'made/wrong.txt:1: error: no\nmade/wrong.txt:2: warning: rather not');
        assert.equal(here.label, 'Problems of made/wrong.txt (1 error, 1 warning)');
        assert.match(text(await attach('prob', '@problems')).text, /^prices\.py:5: error: wrong price$/m);
      } finally {
        problems.dispose();
      }
      await until(() => vscode.languages.getDiagnostics(file).length === 0);
      assert.equal(
        refusal(await attach('problems', '@problems made/wrong.txt')),
        'There are no problems in made/wrong.txt.',
      );
    });

    it('attaches a symbol with all its lines', async () => {
      const uri = await write(vscode.Uri.joinPath(made, 'code.memo'), 'top\n  begin thing\n    body\n  end\nlast\n');
      const thing = new vscode.Range(1, 2, 3, 5);
      const name = new vscode.Range(1, 8, 1, 13);
      const kind = vscode.SymbolKind.Function;
      const selector = { pattern: '**/*.memo' };
      const providers = vscode.Disposable.from(
        vscode.languages.registerDocumentSymbolProvider(selector, {
          provideDocumentSymbols: () => [new vscode.DocumentSymbol('thing', '', kind, thing, name)],
        }),
        vscode.languages.registerWorkspaceSymbolProvider({
          provideWorkspaceSymbols: () => [
            new vscode.SymbolInformation('thing', kind, '', new vscode.Location(uri, name)),
          ],
        }),
      );
      try {
        const attached = text(await attach('symbol thi', '@symbol thing'));
        assert.equal(attached.text, '  begin thing\n    body\n  end');
        assert.equal(attached.label, 'thing in made/code.memo, lines 2 to 4');
        assert.equal(attached.firstLine, 2);
        await vscode.window.showTextDocument(uri);
        assert.deepEqual(await labels('symbol'), ['@symbol thing']);
      } finally {
        providers.dispose();
      }
    });

    it('forgets nothing that it offered, and knows nothing that it did not', async () => {
      const [first] = await attachments.mentions('file greeting', signal);
      await attachments.mentions('file prices', signal);
      assert.equal(text(await attachments.attachMention(first?.id ?? '', signal)).label, 'greeting.ts');
      assert.match(refusal(await attachments.attachMention('file file:///etc/passwd', signal)), /out of date/);
    });

    it('lets one choose a file in a list of its own, or leave it', async () => {
      await vscode.window.showTextDocument(inFolder('greeting.ts'));
      await labels('');
      let chosen: Attached | undefined;
      const choosing = attachments.attachMention('file', signal).then((attached) => (chosen = attached));
      // Enter does nothing until the list is there.
      while (!chosen) await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
      assert.equal(text(await choosing).label, 'greeting.ts');
      const leaving = attachments.attachMention('file', signal);
      await vscode.commands.executeCommand('workbench.action.closeQuickOpen');
      assert.equal(await leaving, undefined);
    });

    it('offers nothing to somebody who types on', async () => {
      const typing = new AbortController();
      const found = attachments.mentions('file g', typing.signal);
      typing.abort();
      const next = labels('file gr');
      assert.deepEqual(await found, []);
      assert.deepEqual(await next, ['@file greeting.ts']);
    });

    it('begins with what is at hand', async () => {
      await select(inFolder('greeting.ts'), 0, 1);
      await until(() => !vscode.window.activeTextEditor?.selection.isEmpty);
      const [first, second, third] = await labels('');
      assert.deepEqual([first, second, third], ['@selection', '@file', '@file greeting.ts']);
    });
  });

  describe('of things that are dropped or pasted', () => {
    it('takes files and folders of any file system, and documents that were never saved', async () => {
      await write(memory.uri('/notes/one.md'), '# One');
      await write(memory.uri('/notes/more/two.md'), '# Two');
      const one = text(await fromUri(memory.uri('/notes/one.md')));
      assert.equal(one.text, '# One');
      assert.equal(one.languageId, 'markdown');
      const notes = text(await fromUri(memory.uri('/notes')));
      assert.match(notes.text, /--- \/?notes\/one\.md\n# One\n/);
      assert.match(notes.text, /--- \/?notes\/more\/two\.md\n# Two\n/);
      const untitled = await vscode.workspace.openTextDocument({ content: 'never saved', language: 'python' });
      assert.equal(text(await fromUri(untitled.uri)).text, 'never saved');
    });

    it('refuses with a sentence what is not there, not text, too large, or no file', async () => {
      const cases: readonly (readonly [vscode.Uri | string, RegExp])[] = [
        [vscode.Uri.joinPath(made, 'gone.ts'), /^made\/gone\.ts is not there any more\.$/],
        [await write(vscode.Uri.joinPath(made, 'a.out'), new Uint8Array(100)), /^made\/a\.out is a binary file\. /],
        [await write(vscode.Uri.joinPath(made, 'log.txt'), 'x'.repeat(1_000_001)), /^made\/log\.txt has 1\.0 MB\. /],
        [await write(vscode.Uri.joinPath(made, 'disk.img'), new Uint8Array(6e6)), /^made\/disk\.img has 6\.0 MB\. /],
        [await write(vscode.Uri.joinPath(made, 'empty.txt'), ''), /^made\/empty\.txt is empty\.$/],
        ['untitled:Untitled-99', /^Untitled-99 is not open any more\.$/],
        ['nobody://here/file.txt', /cannot be read: /],
        ['no address', /^no address is not the address of a file\.$/],
        ['https://example.com/a.ts', /^A2IA fetches nothing from the web\. /],
      ];
      for (const [uri, expected] of cases) assert.match(refusal(await fromUri(uri)), expected);
    });

    it('says that a folder is empty', async () => {
      await vscode.workspace.fs.createDirectory(vscode.Uri.joinPath(made, 'empty'));
      const empty = vscode.Uri.joinPath(made, 'empty');
      assert.equal(refusal(await fromUri(empty)), 'made/empty has no files that can be attached.');
    });

    it('takes each thing once, and no more than fifty at once', async () => {
      const uris = Array.from({ length: 60 }, (_, at) => memory.uri(`/many/${at}.txt`));
      for (const uri of uris) await write(uri, 'x');
      const attached = await attachments.fromUris([...uris, ...uris].map(String), signal);
      assert.equal(attached.length, 51);
      assert.match(refusal(attached.at(-1)), /^Only the first 50 of 60 were attached\./);
    });

    it('takes images by what they are, and text by its byte order mark', async () => {
      const image = await attachments.fromData('photo.txt', 'text/plain', png.toString('base64'));
      assert.ok('kind' in image && image.kind === 'image');
      assert.equal(image.mediaType, 'image/png');
      assert.deepEqual(Buffer.from(image.base64, 'base64'), png);
      const data = async (bytes: Buffer) =>
        text(await attachments.fromData('', 'text/plain', bytes.toString('base64')));
      const pasted = await data(Buffer.from('Grüße'));
      assert.deepEqual([pasted.source, pasted.label, pasted.text], ['paste', 'Pasted text', 'Grüße']);
      assert.equal((await data(Buffer.from('\ufeffGrüße', 'utf16le'))).text, 'Grüße');
    });

    it('refuses data that is neither, or too much', async () => {
      const data = async (bytes: Uint8Array) =>
        refusal(await attachments.fromData('x', '', Buffer.from(bytes).toString('base64')));
      assert.match(
        await data(new Uint8Array(10)),
        /^x is a binary file\. Text and images \(PNG, JPEG, GIF, WebP\) can be attached\.$/,
      );
      assert.equal(await data(new Uint8Array()), 'x is empty.');
      assert.match(await data(Buffer.concat([png, new Uint8Array(5_000_000)])), /^x has 5\.0 MB\. /);
      assert.match(await data(Buffer.from('x'.repeat(1_100_000))), /^x has 1\.1 MB\. /);
    });

    it('takes image files from the explorer', async () => {
      const image = await fromUri(await write(vscode.Uri.joinPath(made, 'logo.png'), png));
      assert.ok(image && 'kind' in image && image.kind === 'image');
      assert.deepEqual([image.label, image.mediaType], ['made/logo.png', 'image/png']);
    });
  });

  describe('by Add to A2IA Chat', () => {
    it('takes what is selected in the explorer', async () => {
      const uris = [inFolder('greeting.ts'), inFolder('prices.py')];
      const attached = await attachments.fromCommand(uris[0], uris, signal);
      assert.deepEqual(
        attached.map((one) => text(one).label),
        ['greeting.ts', 'prices.py'],
      );
    });

    it('takes the selection of an editor, else its file', async () => {
      const editor = await select(inFolder('greeting.ts'), 1, 2);
      await until(() => !vscode.window.activeTextEditor?.selection.isEmpty);
      const [selection] = await attachments.fromCommand(editor.document.uri, undefined, signal);
      assert.equal(text(selection).label, 'greeting.ts, line 2');
      editor.selection = new vscode.Selection(0, 0, 0, 0);
      const [file] = await attachments.fromCommand(undefined, undefined, signal);
      assert.equal(text(file).label, 'greeting.ts');
    });

    it('says what to do when no editor is open', async () => {
      // Extensions hear of opened and closed editors later than the workbench.
      await vscode.commands.executeCommand('workbench.action.closeAllEditors');
      await until(() => !vscode.window.activeTextEditor && vscode.window.visibleTextEditors.length === 0);
      const withoutEditor = new Attachments();
      const [attached] = await withoutEditor.fromCommand(undefined, undefined, signal);
      withoutEditor.dispose();
      assert.match(refusal(attached), /^No text editor is open\. /);
    });
  });

  describe('are opened', () => {
    const front = () => vscode.window.activeTextEditor;

    it('where they came from, though lines were added above since', async () => {
      const uri = await write(vscode.Uri.joinPath(made, 'moving.txt'), 'one\ntwo\nthree\n');
      await select(uri, 1, 2);
      await until(() => !front()?.selection.isEmpty);
      const attached = text(attachments.fromSelection());
      await front()?.edit((edit) => edit.insert(new vscode.Position(0, 0), 'zero\nzero\n'));
      assert.equal(await attachments.open(attached), undefined);
      const editor = await until(() => front()?.selection.start.line === 3 && front());
      assert.equal(editor?.document.getText(editor.selection), 'two\n');
    });

    it('as they were kept when that is gone, to be read only', async () => {
      const uri = await write(vscode.Uri.joinPath(made, 'going.py'), 'print("here")\n');
      const attached = text(await fromUri(uri));
      await vscode.workspace.fs.delete(uri);
      assert.equal(await attachments.open(attached), undefined);
      assert.equal(front()?.document.getText(), 'print("here")\n');
      assert.equal(front()?.document.languageId, 'python');
      await vscode.commands.executeCommand('type', { text: 'x' });
      assert.equal(front()?.document.isDirty, false);
      assert.equal(front()?.document.getText(), 'print("here")\n');
    });

    it('as pictures when they are images', async () => {
      const image = await attachments.fromData('', 'image/png', png.toString('base64'));
      assert.ok('kind' in image);
      assert.equal(await attachments.open(image), undefined);
      const tab = await until(() => vscode.window.tabGroups.activeTabGroup.activeTab);
      assert.equal(tab.label, 'Pasted image.png');
      assert.ok(tab.input instanceof vscode.TabInputCustom);
    });
  });

  describe('of what a suggestion is about', () => {
    it('takes the selection, the file, or the file with its problems', async () => {
      const { document } = await select(inFolder('prices.py'), 3, 9);
      const problems = vscode.languages.createDiagnosticCollection('test');
      const at = new vscode.Range(15, 0, 15, 4);
      problems.set(document.uri, [new vscode.Diagnostic(at, 'division by zero')]);
      const labelsOf = async (subject: 'selection' | 'file' | 'problems') =>
        (await attachments.fromSubject(subject)).map((one) => text(one).label);
      assert.deepEqual(await labelsOf('selection'), ['prices.py, lines 4 to 9']);
      assert.deepEqual(await labelsOf('file'), ['prices.py']);
      assert.deepEqual(await labelsOf('problems'), ['Problems of prices.py (1 error)', 'prices.py']);
      problems.dispose();
    });
  });

  describe('of a Git repository', () => {
    const repository = new Repository('repository');

    before(async function () {
      if (!Repository.isPossible()) this.skip();
      await repository.create({ 'a.txt': 'one\n', 'b.txt': 'two\n', '.env': 'KEY=old\n' });
    });
    after(() => repository.close());

    it('attaches what is staged, what is not and the names of new files, but no secrets', async () => {
      assert.match(refusal(await attach('diff', '@diff')), /^There is no Git repository in this workspace\.$/);
      await repository.open();
      assert.equal(refusal(await attach('diff', '@diff')), 'Nothing is changed in repository.');
      await repository.write('a.txt', 'staged\n');
      repository.git('add', 'a.txt');
      await repository.write('b.txt', 'changed\n');
      await repository.write('.env', 'KEY=new\n');
      await repository.write('c.txt', 'new\n');
      const attached = text(await attach('diff', '@diff'));
      assert.equal(attached.label, 'Changes in repository (3 of 4 files)');
      assert.equal(attached.languageId, 'diff');
      assert.match(
        attached.text,
        /^Staged changes:\n[^]*\+staged\nChanges that are not staged:\n[^]*\+changed\nNew files, only their names: repository\/c\.txt\nLeft out: \.env \(may hold secrets\)$/,
      );
      assert.doesNotMatch(attached.text, /KEY/);
    });

    it('leaves out what Git ignores, unless just that is attached', async () => {
      await repository.write('.gitignore', 'built/\n');
      const built = vscode.Uri.joinPath(repository.folder, 'built');
      await write(vscode.Uri.joinPath(built, 'bundle.txt'), 'bundled');
      assert.deepEqual(await labels('file bundle.txt'), []);
      assert.doesNotMatch(text(await fromUri(repository.folder)).text, /bundle/);
      assert.match(text(await fromUri(built)).text, /--- repository\/built\/bundle\.txt\nbundled/);
    });
  });

  describe('of a terminal', () => {
    it('attaches what is selected in it, and gives the clipboard back', async () => {
      const written = new vscode.EventEmitter<string>();
      let opened: () => void = () => undefined;
      const ready = new Promise<void>((resolve) => (opened = resolve));
      const pty = { onDidWrite: written.event, open: () => opened(), close: () => undefined };
      const terminal = vscode.window.createTerminal({ name: 'Scripted', pty });
      try {
        terminal.show();
        await ready;
        written.fire('it failed: code 7\r\n');
        await vscode.env.clipboard.writeText('of the user');
        await vscode.commands.executeCommand('workbench.action.terminal.selectAll');
        const attached = text(await attach('terminal', '@terminal selection'));
        assert.match(attached.text, /it failed: code 7/);
        assert.equal(attached.label, 'Terminal selection (Scripted)');
        assert.equal(await vscode.env.clipboard.readText(), 'of the user');
        const both = ['@terminal last command', '@terminal selection'].map((label) => attach('terminal', label));
        const [command, selection] = await Promise.all(both);
        assert.match(refusal(command), /shell integration/);
        assert.match(text(selection).text, /it failed: code 7/);
        assert.equal(await vscode.env.clipboard.readText(), 'of the user');
        await vscode.commands.executeCommand('workbench.action.terminal.clearSelection');
        assert.match(refusal(await attach('terminal', '@terminal selection')), /^Nothing is selected in the terminal/);
        assert.equal(await vscode.env.clipboard.readText(), 'of the user');
      } finally {
        terminal.dispose();
        written.dispose();
      }
    });

    it('attaches the last command with what it printed', async function () {
      if (!existsSync('/bin/bash')) {
        console.log('There is no /bin/bash here, so no command is run in a real terminal.');
        this.skip();
      }
      const terminal = vscode.window.createTerminal({ name: 'Real', shellPath: '/bin/bash' });
      const ended = once(vscode.window.onDidEndTerminalShellExecution);
      try {
        terminal.show();
        if (!terminal.shellIntegration) await once(vscode.window.onDidChangeTerminalShellIntegration);
        terminal.shellIntegration?.executeCommand('echo printed-$((40+2))');
        await ended;
        const attached = text(await attach('terminal', '@terminal last command'));
        assert.match(attached.text, /^echo printed-[^]*\nprinted-42/);
      } finally {
        terminal.dispose();
      }
    });
  });
});
