import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import { fileChange, findJournals, writeJournal } from '../../src/core/edit/changeJournal.ts';
import { offerToPutBack } from '../../src/vscode/edit/changeRecovery.ts';
import { ChangeSets } from '../../src/vscode/edit/changeSets.ts';
import type { ChangedFile } from '../../src/vscode/edit/changeSet.ts';
import type { Edits } from '../../src/vscode/edit/edits.ts';
import { closeEverything, textOf, until } from './documents.ts';
import { messagesDuring } from './messages.ts';
import { createTestEdits } from './testEdits.ts';

const one = `export function one() {
  return 1;
}

export function uno() {
  return 1;
}
`;
const two = 'def two():\n    return 2\n';
const changedOne = one.replaceAll('return 1;', 'return 11;');
const changedTwo = two.replace('return 2', 'return 22');

describe('A change set', () => {
  const answer = () => `In \`${folder}/one.js\`:

\`\`\`js
${changedOne}\`\`\`

### ${folder}/two.py

\`\`\`python
${changedTwo}\`\`\`

Create a new file \`${folder}/new/three.js\`:

\`\`\`js
export const three = 3;
\`\`\`
`;

  let edits: Edits;
  let changes: ChangeSets;
  let journals: string;
  let outside: string;
  const disposables: { dispose(): void }[] = [];

  const root = () => vscode.workspace.workspaceFolders?.[0]?.uri ?? assert.fail('No folder is open.');
  /** Another for each test: VS Code still knows the files of the one before. */
  let folder = '';
  let folders = 0;
  const inFolder = (...names: readonly string[]) => vscode.Uri.joinPath(root(), folder, ...names);
  const write = (text: string, ...names: readonly string[]) =>
    vscode.workspace.fs.writeFile(inFolder(...names), Buffer.from(text));
  const read = (...names: readonly string[]) => readFile(inFolder(...names).fsPath, 'utf8');
  const isThere = (...names: readonly string[]) =>
    stat(inFolder(...names).fsPath).then(
      () => true,
      () => false,
    );
  /** `one.js` or `! name: why` */
  const shown = () =>
    changes.files.map((file) =>
      file.type === 'refused' ? `! ${file.name}: ${file.why}` : path.basename(file.uri.path),
    );
  const fileNamed = (name: string): ChangedFile =>
    changes.files.find((file) => file.type !== 'refused' && file.uri.path.endsWith(name)) ??
    assert.fail(`${name} is not in the set.`);
  const editOf = (name: string) => {
    const file = fileNamed(name);
    return file.type === 'edit' ? file.edit : assert.fail(`${name} is new.`);
  };
  const review = (text = answer()) => changes.review(text, 'Change them.');
  const open = async (name: string) => vscode.window.showTextDocument(inFolder(name), { preview: false });
  const nothingIsChanged = async () => {
    assert.equal(await read('one.js'), one);
    assert.equal(await read('two.py'), two);
    assert.equal(await isThere('new'), false);
  };

  before(async () => {
    journals = path.join(await mkdtemp(path.join(tmpdir(), 'a2ia-changes-')), 'changes');
    outside = await mkdtemp(path.join(tmpdir(), 'a2ia-outside-'));
    edits = createTestEdits(disposables);
    const log = vscode.window.createOutputChannel('A2IA Test', { log: true });
    changes = new ChangeSets({ edits, folder: journals, log });
    disposables.unshift(changes, log);
  });
  after(async () => {
    for (const disposable of disposables) disposable.dispose();
    await rm(path.dirname(journals), { recursive: true });
    await rm(outside, { recursive: true });
  });
  beforeEach(async () => {
    folder = `changes${++folders}`;
    await write(one, 'one.js');
    await write(two, 'two.py');
  });
  afterEach(async () => {
    changes.rejectAll();
    await closeEverything();
    await vscode.workspace.fs.delete(inFolder(), { recursive: true });
    await rm(journals, { recursive: true, force: true });
  });

  it('offers every file, and writes nothing', async () => {
    assert.equal(await review(), undefined);
    assert.deepEqual(shown(), ['one.js', 'two.py', 'three.js']);
    assert.equal(editOf('one.js').hunks.length, 2);
    await nothingIsChanged();
    assert.equal(vscode.window.activeTextEditor?.document.getText(), one);
    changes.rejectAll();
    assert.deepEqual(shown(), []);
    await nothingIsChanged();
  });

  it('is accepted as one, saved, and undone as one', async () => {
    await review();
    const said = await messagesDuring(() => changes.acceptAll());
    assert.deepEqual(said, ['A2IA: 3 files changed and saved.']);
    assert.equal(await read('one.js'), changedOne);
    assert.equal(await read('two.py'), changedTwo);
    assert.equal(await read('new', 'three.js'), 'export const three = 3;\n');
    assert.deepEqual(shown(), []);
    assert.deepEqual(
      vscode.workspace.textDocuments.filter(({ isDirty }) => isDirty),
      [],
    );
    const undone = await messagesDuring(() => changes.undo());
    assert.deepEqual(undone, ['A2IA: 3 files put back to what they were.']);
    await nothingIsChanged();
    assert.deepEqual(await messagesDuring(() => changes.undo()), ['A2IA: There are no accepted changes to undo.']);
  });

  it('is undone by one undo of VS Code in an editor, too', async () => {
    await review();
    const said = await messagesDuring(() => changes.acceptAll());
    assert.deepEqual(said, ['A2IA: 3 files changed and saved.']);
    const { document } = await open('one.js');
    assert.equal(document.getText(), changedOne);
    await vscode.commands.executeCommand('undo');
    assert.equal(await textOf(document, (text) => text === one), one);
  });

  it('puts one change, one file or a new file where it belongs, and leaves the rest', async () => {
    await review();
    const file = fileNamed('one.js');
    const [first, second] = editOf('one.js').hunks;
    assert.ok(file.type === 'edit' && first && second);
    changes.reject({ type: 'place', file, hunk: first });
    await changes.accept({ type: 'place', file, hunk: second });
    const document = await until(() =>
      vscode.workspace.textDocuments.find(({ fileName }) => fileName === inFolder('one.js').fsPath),
    );
    assert.equal(document.getText(), one.replace('uno() {\n  return 1;', 'uno() {\n  return 11;'));
    assert.equal(document.isDirty, true);
    assert.deepEqual(shown(), ['two.py', 'three.js']);
    await messagesDuring(() => changes.accept(fileNamed('three.js')));
    assert.equal(await read('new', 'three.js'), 'export const three = 3;\n');
    changes.reject(fileNamed('two.py'));
    assert.deepEqual(shown(), []);
    assert.equal(await read('two.py'), two);
  });

  it('keeps what is offered for a file whose editor is closed', async () => {
    await review();
    await closeEverything();
    const { document } = await open('one.js');
    await (await open('one.js')).edit((edit) => edit.insert(new vscode.Position(0, 0), '// mine\n'));
    await messagesDuring(() => changes.acceptAll());
    assert.equal(document.getText(), `// mine\n${changedOne}`);
    assert.equal(await read('one.js'), `// mine\n${changedOne}`);
    // What the user had written before is not undone with it.
    await messagesDuring(() => changes.undo());
    assert.equal(await read('one.js'), `// mine\n${one}`);
  });

  it('keeps line ends and the byte order mark of each file', async () => {
    const windows = `\ufeff${one.replaceAll('\n', '\r\n')}`;
    await write(windows, 'one.js');
    await review();
    await messagesDuring(() => changes.acceptAll());
    assert.equal(await read('one.js'), `\ufeff${changedOne.replaceAll('\n', '\r\n')}`);
    await messagesDuring(() => changes.undo());
    assert.equal(await read('one.js'), windows);
  });

  it('changes nothing at all when one file cannot be written, and says which', async () => {
    await review();
    await chmod(inFolder('two.py').fsPath, 0o444);
    const said = await messagesDuring(() => changes.acceptAll());
    assert.equal(said.length, 1);
    assert.match(said[0] ?? '', /Nothing was changed\. changes\d+\/two\.py is read-only/);
    await nothingIsChanged();
    assert.deepEqual(shown(), ['one.js', 'two.py', 'three.js']);
    // The others are left to the user to decide on.
    const press = (_: string, buttons: readonly string[]) => buttons.find((button) => button === 'Accept the Other 2');
    await messagesDuring(() => changes.acceptAll(), press);
    assert.equal(await read('one.js'), changedOne);
    assert.equal(await read('two.py'), two);
    assert.deepEqual(shown(), ['two.py']);
  });

  it('changes nothing when the user has changed the lines meanwhile, or the file is gone', async () => {
    await review();
    const editor = await open('one.js');
    await editor.edit((edit) => edit.replace(new vscode.Range(1, 0, 1, 99), '  return 5;'));
    const said = await messagesDuring(() => changes.acceptAll());
    assert.match(said[0] ?? '', /Nothing was changed\. changes\d+\/one\.js was changed where the answer changes it\./);
    assert.equal(await read('two.py'), two);
    await rm(inFolder('two.py').fsPath);
    const gone = await messagesDuring(() => changes.acceptAll());
    assert.match(gone[0] ?? '', /two\.py is not there any more/);
    assert.equal(await isThere('new'), false);
  });

  it('does not make a file that is there meanwhile', async () => {
    await review();
    await write('mine();\n', 'new', 'three.js');
    const said = await messagesDuring(() => changes.acceptAll());
    assert.match(said[0] ?? '', /three\.js is there meanwhile, so it is not made\./);
    assert.equal(await read('new', 'three.js'), 'mine();\n');
    assert.equal(await read('one.js'), one);
  });

  it('is taken back when a file cannot be saved, without what somebody else has written', async () => {
    await review();
    // Two programs save at the same time: VS Code refuses to write over what it has not seen.
    const saving = vscode.workspace.onWillSaveTextDocument((event) => {
      if (!event.document.fileName.endsWith('two.py')) return;
      event.waitUntil(writeFile(event.document.fileName, 'theirs = 1\n').then(() => []));
    });
    try {
      const said = await messagesDuring(() => changes.acceptAll());
      assert.match(said.at(-1) ?? '', /Nothing was changed\. changes\d+\/two\.py could not be saved\./);
    } finally {
      saving.dispose();
    }
    assert.equal(await read('one.js'), one);
    assert.equal(await read('two.py'), 'theirs = 1\n');
    assert.equal(await isThere('new'), false);
    assert.deepEqual(await findJournals(journals), { unfinished: [], done: undefined });
    assert.ok(shown().includes('one.js'));
  });

  it('is taken back when a file cannot be saved, with what was formatted before', async () => {
    await review();
    const saving = vscode.workspace.onWillSaveTextDocument((event) => {
      const { fileName } = event.document;
      if (fileName.endsWith('one.js')) {
        event.waitUntil(Promise.resolve([vscode.TextEdit.insert(new vscode.Position(0, 0), '// formatted\n')]));
      } else if (fileName.endsWith('two.py')) event.waitUntil(writeFile(fileName, 'theirs = 1\n').then(() => []));
    });
    try {
      await messagesDuring(() => changes.acceptAll());
    } finally {
      saving.dispose();
    }
    assert.equal(await read('one.js'), one);
  });

  it('is accepted where the record for the undo is lost, and says so', async () => {
    await review();
    const saving = vscode.workspace.onWillSaveTextDocument((event) => {
      if (event.document.fileName.endsWith('two.py')) event.waitUntil(rm(journals, { recursive: true }).then(() => []));
    });
    try {
      const said = await messagesDuring(() => changes.acceptAll());
      assert.match(said[0] ?? '', /3 files changed and saved\. They cannot be undone together/);
    } finally {
      saving.dispose();
    }
    assert.equal(await read('one.js'), changedOne);
    assert.equal(await read('two.py'), changedTwo);
    assert.deepEqual(shown(), []);
  });

  it('asks before it undoes what was changed since', async () => {
    await review();
    await messagesDuring(() => changes.acceptAll());
    await write('later();\n', 'one.js');
    const asked = await messagesDuring(() => changes.undo());
    assert.match(asked[0] ?? '', /changes\d+\/one\.js was changed since\./);
    assert.match(asked[1] ?? '', /2 of 3 files put back/);
    assert.equal(await read('one.js'), 'later();\n');
    assert.equal(await read('two.py'), two);
  });

  it('refuses files that it may not change, and offers the others', async () => {
    await writeFile(path.join(outside, 'secret.js'), one);
    await symlink(outside, inFolder('linked').fsPath);
    await vscode.workspace.fs.writeFile(inFolder('picture.js'), Buffer.from([0, 1, 2, 0, 255, 0, 137]));
    const block = (name: string) => `\`\`\`js ${name}\n${changedOne}\`\`\`\n`;
    const lazy = `\`\`\`python ${folder}/two.py\ndef two():\n    # ... existing code\n    return 22\n\`\`\`\n`;
    const names = ['../secret.js', `${folder}/linked/secret.js`, `${folder}/linked/new.js`, `${folder}/picture.js`];
    await review(`${names.map(block).join('\n')}\n${lazy}\n${block(`${folder}/one.js`)}`);
    const lines = shown();
    assert.equal(lines.length, 6);
    assert.match(lines[0] ?? '', /secret\.js: .*outside of the workspace/);
    assert.match(lines[1] ?? '', /leads out of the workspace/);
    assert.match(lines[2] ?? '', /leads out of the workspace/);
    assert.match(lines[3] ?? '', /not a text file/);
    assert.match(lines[4] ?? '', /two\.py: The answer leaves out code/);
    assert.equal(lines[5], 'one.js');
    assert.equal((await messagesDuring(() => changes.acceptAll())).length, 1);
    assert.equal(await read('one.js'), one);
    await messagesDuring(
      () => changes.acceptAll(),
      (_, buttons) => buttons[0],
    );
    assert.equal(await read('one.js'), changedOne);
    assert.equal(await readFile(path.join(outside, 'secret.js'), 'utf8'), one);
  });

  it('says so when nothing of an answer can be offered', async () => {
    assert.match(
      (await review('```js ../a.js\na();\n```\n```js ../b.js\nb();\n```')) ?? '',
      /Nothing was changed\. \.\.\/a\.js lies outside/,
    );
    assert.match((await review(`\`\`\`js ${folder}/one.js\n${one}\`\`\``)) ?? '', /have this code already/);
    assert.match((await review('Just talk.')) ?? '', /names no file/);
  });

  it('writes nothing into what is Git’s own', async () => {
    const answer = '```js sub/.git/hooks/run.js\nrun();\n```\n```js .GIT/config.js\na();\n```\n';
    const said = (await review(answer)) ?? '';
    assert.match(said, /Nothing was changed\. sub\/\.git\/hooks\/run\.js is not written from an answer/);
    assert.match(said, /\.GIT\/config\.js is not written/);
  });

  it('asks before a second set takes its place', async () => {
    await review();
    const other = `\`\`\`python ${folder}/two.py\n${two.replace('2\n', '5\n')}\`\`\`\n`;
    const said = await messagesDuring(() => review(other));
    assert.match(said[0] ?? '', /Changes of another answer to 3 files wait for you/);
    assert.deepEqual(shown(), ['one.js', 'two.py', 'three.js']);
    await messagesDuring(
      () => review(other),
      () => 'Replace Them',
    );
    assert.deepEqual(shown(), ['two.py']);
  });

  it('leaves a file alone that gets another name meanwhile', async () => {
    await review();
    await vscode.workspace.fs.stat(inFolder('one.js'));
    const edit = new vscode.WorkspaceEdit();
    edit.renameFile(inFolder('one.js'), inFolder('uno.js'));
    await vscode.workspace.applyEdit(edit);
    assert.match(shown()[0] ?? '', /! changes\d+\/one\.js: It has another name now\./);
    await messagesDuring(
      () => changes.acceptAll(),
      (_, buttons) => buttons[0],
    );
    assert.equal(await read('uno.js'), one);
    assert.equal(await read('two.py'), changedTwo);
  });

  describe('that a crash has cut', () => {
    /** As a window leaves it that ended between two files. */
    const crashed = async () => {
      const all = [
        await fileChange(inFolder('one.js').fsPath, Buffer.from(changedOne)),
        await fileChange(inFolder('two.py').fsPath, Buffer.from(changedTwo)),
        await fileChange(inFolder('new', 'three.js').fsPath, Buffer.from('three();\n')),
      ];
      const { file } = await writeJournal(journals, all);
      // Of a process that is gone.
      const left = file.replace(/\d+-([\w-]+\.open)$/, '999999999-$1');
      await vscode.workspace.fs.rename(vscode.Uri.file(file), vscode.Uri.file(left));
      await write(changedOne, 'one.js');
      await write('three', 'new', 'three.js');
      return left;
    };
    const log = vscode.window.createOutputChannel('A2IA Test', { log: true });
    after(() => log.dispose());
    const offer = (button: string | undefined) =>
      messagesDuring(
        () => offerToPutBack(journals, log),
        (_, buttons) => buttons.find((one) => one === button),
      );

    it('is put back when the user wants it', async () => {
      await crashed();
      const said = await offer('Put Them Back');
      assert.match(said[0] ?? '', /VS Code ended while 3 files were changed together/);
      await nothingIsChanged();
      assert.deepEqual(await offer(undefined), []);
    });

    it('is offered again until it is decided on', async () => {
      await crashed();
      assert.equal((await offer(undefined)).length, 1);
      assert.equal((await offer('Leave Them')).length, 1);
      assert.equal((await offer('Leave Them')).length, 0);
      assert.equal(await read('one.js'), changedOne);
    });

    it('is not put back where somebody has worked on it since', async () => {
      await crashed();
      await write('later();\n', 'one.js');
      const said = await offer('Put Them Back');
      assert.match(said[1] ?? '', /changes\d+\/one\.js was changed since\./);
      assert.equal(await read('one.js'), 'later();\n');
      assert.equal(await isThere('new'), false);
    });

    it('is refused where its record is damaged or leads elsewhere', async () => {
      const file = await crashed();
      await writeFile(file, (await readFile(file, 'utf8')).slice(0, -9));
      assert.match((await offer('Put Them Back'))[0] ?? '', /damaged, so nothing was restored/);
      const secret = path.join(outside, 'secret.txt');
      await writeFile(secret, 'before');
      const hostile = await writeJournal(journals, [await fileChange(secret, Buffer.from('after'))]);
      const left = hostile.file.replace(/\d+-([\w-]+\.open)$/, '999999999-$1');
      await vscode.workspace.fs.rename(vscode.Uri.file(hostile.file), vscode.Uri.file(left));
      await writeFile(secret, 'after');
      assert.match((await offer('Put Them Back'))[0] ?? '', /outside of the workspace/);
      assert.equal(await readFile(secret, 'utf8'), 'after');
    });
  });
});
