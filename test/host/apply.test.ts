import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import type { Edits } from '../../src/vscode/edit/edits.ts';
import { closeEverything, until } from './documents.ts';
import { createTestEdits } from './testEdits.ts';

const code = `export function one() {
  const first = 1;
  return first;
}

export function two() {
  const second = 2;
  return second;
}
`;
const changed = 'export function two() {\n  const second = 2;\n  return second + 1;\n}';

function folder(): vscode.Uri {
  const [first] = vscode.workspace.workspaceFolders ?? [];
  assert.ok(first);
  return first.uri;
}
const inFolder = (...names: readonly string[]) => vscode.Uri.joinPath(folder(), 'applied', ...names);

describe('Apply', () => {
  let edits: Edits;
  let outside: string;
  const disposables: { dispose(): void }[] = [];

  before(async () => {
    outside = await mkdtemp(path.join(tmpdir(), 'a2ia-outside-'));
    await writeFile(path.join(outside, 'secret.js'), code);
    edits = createTestEdits(disposables);
  });
  after(async () => {
    for (const disposable of disposables) disposable.dispose();
    await rm(outside, { recursive: true });
  });
  beforeEach(() => vscode.workspace.fs.writeFile(inFolder('src', 'numbers.js'), Buffer.from(code)));
  afterEach(async () => {
    for (const { uri } of vscode.workspace.textDocuments) edits.reject(uri.toString());
    await closeEverything();
    await vscode.workspace.fs.delete(inFolder(), { recursive: true });
  });

  const apply = (info: string, text: string, editor = vscode.window.activeTextEditor) =>
    edits.apply({ info, lines: text.split('\n') }, editor);
  const contentOf = async (uri: vscode.Uri) => Buffer.from(await vscode.workspace.fs.readFile(uri)).toString();

  it('finds the file that the fence names, and the function in it, and shows the change there', async () => {
    assert.equal(await apply('js applied/src/numbers.js', changed), undefined);
    const document = vscode.window.activeTextEditor?.document;
    assert.equal(document?.uri.toString(), inFolder('src', 'numbers.js').toString());
    assert.equal(document.getText(), code);
    assert.equal(vscode.window.activeTextEditor?.selection.active.line, 7);
    await edits.accept(document.uri.toString());
    assert.equal(document.getText(), code.replace('return second;', 'return second + 1;'));
    assert.equal(document.isDirty, true);
    assert.equal(await contentOf(document.uri), code);
    await vscode.commands.executeCommand('undo');
    assert.equal(document.getText(), code);
  });

  it('finds a file by the end of its path when there is one such', async () => {
    assert.equal(await apply('js title="numbers.js"', changed), undefined);
    assert.equal(vscode.window.activeTextEditor?.document.fileName, inFolder('src', 'numbers.js').fsPath);
  });

  it('does not guess between two', async () => {
    await vscode.workspace.fs.writeFile(inFolder('other', 'numbers.js'), Buffer.from(code));
    assert.match((await apply('numbers.js', changed)) ?? '', /Several files are called numbers\.js/);
  });

  it('takes the file in the editor when none is named, and the selection when nothing says where', async () => {
    const editor = await vscode.window.showTextDocument(inFolder('src', 'numbers.js'));
    assert.equal(await apply('js', changed), undefined);
    edits.reject(editor.document.uri.toString());
    const unknown = '  const first = 10;\n  log(first);';
    assert.match(
      (await apply('js', unknown)) ?? '',
      /Nothing in applied\/src\/numbers\.js says where this code belongs/,
    );
    editor.selection = new vscode.Selection(1, 0, 2, 0);
    assert.equal(await apply('js', unknown), undefined);
    await edits.accept(editor.document.uri.toString());
    assert.equal(editor.document.getText(), code.replace('  const first = 1;', unknown));
  });

  it('offers nothing that leaves out code', async () => {
    const lazy = 'export function two() {\n  // ... existing code\n  return second + 1;\n}';
    assert.match((await apply('js numbers.js', lazy)) ?? '', /leaves out code[^]*Nothing was changed\./);
    assert.equal(await contentOf(inFolder('src', 'numbers.js')), code);
  });

  it('says when the code is there already', async () => {
    assert.match((await apply('js numbers.js', code.trimEnd())) ?? '', /has this code already/);
  });

  it('makes an untitled document of a file that is not there', async () => {
    assert.equal(await apply('js applied/src/fresh.js', 'fresh();'), undefined);
    const document = await until(() => vscode.workspace.textDocuments.find(({ uri }) => uri.path.endsWith('fresh.js')));
    assert.equal(document.isUntitled, true);
    assert.equal(document.getText(), 'fresh();\n');
    await assert.rejects(async () => contentOf(inFolder('src', 'fresh.js')));
  });

  it('writes nothing outside of the workspace, not by a path and not by a link', async () => {
    for (const name of ['../secret.js', path.join(outside, 'secret.js'), 'applied/../../secret.js']) {
      assert.match((await apply(`js title="${name}"`, changed)) ?? '', /outside of the workspace/, name);
    }
    await symlink(path.join(outside, 'secret.js'), inFolder('src', 'link.js').fsPath);
    assert.match((await apply('js applied/src/link.js', changed)) ?? '', /a link that leads out of the workspace/);
    await symlink(outside, inFolder('src', 'linked').fsPath);
    assert.match((await apply('js applied/src/linked/secret.js', changed)) ?? '', /a link that leads out/);
    assert.equal(await contentOf(vscode.Uri.file(path.join(outside, 'secret.js'))), code);
  });

  it('does not touch what is no text', async () => {
    await vscode.workspace.fs.writeFile(inFolder('picture.js'), Buffer.from([0, 1, 2, 0, 255, 0, 137]));
    assert.match((await apply('js applied/picture.js', changed)) ?? '', /not a text file/);
  });
});
