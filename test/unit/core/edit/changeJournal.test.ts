import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import {
  fileChange,
  findJournals,
  finishJournal,
  readJournal,
  recoveryOf,
  restoreFile,
  stateOf,
  writeJournal,
  type ChangeJournal,
  type FileChange,
} from '../../../../src/core/edit/changeJournal.ts';

const writer = path.join(import.meta.dirname, '../../../support/changeWriter.ts');

describe('The journal of changes', function () {
  this.timeout(600_000);
  let folder: string;
  let root: string;
  let journals: string;

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(path.join(tmpdir(), 'a2ia-journal-')));
    root = path.join(folder, 'workspace');
    journals = path.join(folder, 'storage', 'changes');
    await mkdir(root);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const inRoot = (name: string) => path.join(root, name);
  const write = async (name: string, text: string) => {
    await mkdir(path.dirname(inRoot(name)), { recursive: true });
    await writeFile(inRoot(name), text);
  };
  const change = (name: string, after: string) => fileChange(inRoot(name), Buffer.from(after));
  const read = async (file: string): Promise<ChangeJournal> => {
    const reading = await readJournal(file, [root]);
    assert.equal(reading.type, 'read', reading.type === 'refused' ? reading.why : '');
    return (reading as { journal: ChangeJournal }).journal;
  };
  /** Everything that is there, folders with a `/`. */
  const contents = async (): Promise<Record<string, string>> => {
    const found: Record<string, string> = {};
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
      const file = path.join(entry.parentPath, entry.name);
      const name = path.relative(root, file);
      if (entry.isDirectory()) found[`${name}/`] = '';
      else found[name] = await readFile(file, 'utf8');
    }
    return found;
  };
  /** What the next window does. */
  const recover = async () => {
    const { unfinished } = await findJournals(journals);
    for (const file of unfinished) {
      const recovery = await recoveryOf(await read(file));
      if (recovery.type !== 'between') continue;
      assert.deepEqual(recovery.others, []);
      for (const written of recovery.written) await restoreFile(written);
    }
  };

  const texts = fc.string({ unit: 'binary', maxLength: 300 });
  const sets = fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('a.ts', 'b.ts', 'src/c.ts', 'src/d.py', 'new/deep/e.ts', 'new/f.ts'),
      before: fc.option(texts, { nil: undefined }),
      after: texts,
    }),
    { selector: ({ name }) => name, minLength: 1, maxLength: 4 },
  );

  it('gives all files as they were or all as they shall be, wherever the process is killed', async () => {
    await fc.assert(
      fc.asyncProperty(sets, async (set) => {
        const spec = path.join(folder, 'spec.json');
        const files = set.map(({ name, after }) => ({ path: inRoot(name), after }));
        await writeFile(spec, JSON.stringify({ folder: journals, files }));
        const prepare = async () => {
          await rm(root, { recursive: true, force: true });
          await rm(journals, { recursive: true, force: true });
          await mkdir(root);
          for (const { name, before } of set) if (before !== undefined) await write(name, before);
          return contents();
        };
        const run = (killAt: number) => promisify(execFile)(process.execPath, [writer, spec, String(killAt)]);
        await prepare();
        const steps = Number((await run(0)).stdout);
        const after = await contents();
        assert.ok(steps >= 10, String(steps));
        // Each point of the sequence, a few at a time.
        for (let killAt = 1; killAt <= steps; killAt++) {
          const before = await prepare();
          await assert.rejects(run(killAt), { signal: 'SIGKILL' });
          await recover();
          const now = await contents();
          // Folders that were made before the kill and are empty hold nothing that anybody lost.
          const filesOf = (all: Record<string, string>) =>
            Object.fromEntries(Object.entries(all).filter(([name]) => !name.endsWith('/')));
          const isBefore = JSON.stringify(filesOf(now)) === JSON.stringify(filesOf(before));
          if (!isBefore) assert.deepEqual(filesOf(now), filesOf(after), `killed at ${killAt} of ${steps}`);
        }
      }),
      { numRuns: 3 },
    );
  });

  it('puts files back with their permissions, and takes new ones and their folders away', async () => {
    await write('run.sh', 'echo 1\n');
    await chmod(inRoot('run.sh'), 0o755);
    const changes = [await change('run.sh', 'echo 2\n'), await change('new/deep/a.ts', 'a();\n')];
    assert.deepEqual(changes[1]?.newFolders, [inRoot('new'), inRoot('new/deep')]);
    const journal = await read((await writeJournal(journals, changes)).file);
    await write('new/deep/a.ts', 'a();\n');
    await rm(inRoot('run.sh'));
    for (const one of journal.changes) await restoreFile(one);
    assert.deepEqual(await contents(), { 'run.sh': 'echo 1\n' });
    assert.equal((await stat(inRoot('run.sh'))).mode & 0o777, 0o755);
  });

  it('leaves a folder that has something else in it', async () => {
    const made = await change('new/a.ts', 'a();\n');
    await write('new/a.ts', 'a();\n');
    await write('new/own.ts', 'mine();\n');
    await restoreFile(made);
    assert.deepEqual(await contents(), { 'new/': '', 'new/own.ts': 'mine();\n' });
  });

  it('knows what somebody else has written', async () => {
    await write('a.ts', 'before();\n');
    const one = await change('a.ts', 'after();\n');
    const states: readonly (readonly [string, string])[] = [
      ['before();\n', 'before'],
      ['after();\n', 'after'],
      ['aft', 'torn'],
      ['', 'torn'],
      ['after();\n// mine\n', 'other'],
      ['mine();\n', 'other'],
    ];
    for (const [text, state] of states) {
      await write('a.ts', text);
      assert.equal(await stateOf(one), state, text);
    }
    await rm(inRoot('a.ts'));
    assert.equal(await stateOf(one), 'other');
  });

  it('is for its owner only, and is kept once, for the undo', async () => {
    await write('a.ts', 'before();\n');
    const journal = await writeJournal(journals, [await change('a.ts', 'after();\n')]);
    assert.equal((await stat(journal.file)).mode & 0o777, 0o600);
    await finishJournal(journal);
    const formatted = { ...journal.changes[0], after: Buffer.from('after()\n') } as FileChange;
    const second = await finishJournal(await writeJournal(journals, journal.changes), [formatted]);
    assert.deepEqual(await findJournals(journals), { unfinished: [], done: second.file });
    assert.equal((await readdir(journals)).length, 1);
    assert.equal((await read(second.file)).changes[0]?.after.toString(), 'after()\n');
    const old = new Date(Date.now() - 8 * 24 * 60 * 60_000);
    await utimes(second.file, old, old);
    assert.deepEqual(await findJournals(journals), { unfinished: [], done: undefined });
    assert.deepEqual(await readdir(journals), []);
  });

  it('of a process that still writes is left alone, but not for ever', async () => {
    const { file } = await writeJournal(journals, [await change('a.ts', 'after();\n')]);
    assert.deepEqual((await findJournals(journals)).unfinished, []);
    assert.deepEqual((await findJournals(journals, Date.now() + 60 * 60_000)).unfinished, [file]);
  });

  it('that is damaged is refused, wherever', async () => {
    await write('a.ts', 'before();\n');
    const { file } = await writeJournal(journals, [await change('a.ts', 'after();\n')]);
    const whole = await readFile(file);
    const refused = async (bytes: Buffer) => {
      await writeFile(file, bytes);
      const reading = await readJournal(file, [root]);
      assert.equal(reading.type, 'refused');
      assert.match((reading as { why: string }).why, /damaged, so nothing was restored\.$/);
    };
    for (let end = 0; end < whole.length; end += 3) await refused(whole.subarray(0, end));
    for (let at = 0; at < whole.length; at += 5) {
      const damaged = Buffer.from(whole);
      damaged.writeUInt8((whole.readUInt8(at) + 1) % 256, at);
      await refused(damaged);
    }
    await rm(file);
    assert.equal((await readJournal(file, [root])).type, 'refused');
  });

  it('for files outside of the workspace is refused, by whatever way it leads there', async () => {
    const outside = path.join(folder, 'outside');
    await mkdir(outside);
    await writeFile(path.join(outside, 'secret'), 'mine');
    await symlink(outside, inRoot('link'));
    await symlink(path.join(outside, 'nowhere'), inRoot('dangling'));
    const before = { bytes: Buffer.from('theirs'), mode: 0o644 };
    const after = Buffer.from('mine');
    const hostile: readonly FileChange[] = [
      { path: path.join(outside, 'secret'), before, after, newFolders: [] },
      { path: `${root}/../outside/secret`, before, after, newFolders: [] },
      { path: inRoot('link/secret'), before, after, newFolders: [] },
      { path: inRoot('link/new/file'), before, after, newFolders: [] },
      { path: inRoot('dangling'), before, after, newFolders: [] },
      { path: 'secret', before, after, newFolders: [] },
      { path: root, before, after, newFolders: [] },
      { path: `${root}-else/secret`, before, after, newFolders: [] },
      { path: inRoot('a/b'), before: undefined, after, newFolders: [folder] },
    ];
    for (const one of hostile) {
      const { file } = await writeJournal(journals, [await change('a.ts', 'a'), one]);
      const reading = await readJournal(file, [root]);
      assert.equal(reading.type, 'refused', one.path);
      assert.match((reading as { why: string }).why, /outside of the workspace, so nothing was restored\.$/);
    }
  });
});
