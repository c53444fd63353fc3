import assert from 'node:assert/strict';
import { appendFile, mkdir, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ConversationRecord } from '../../../../src/core/chat/conversation.ts';
import type { ConversationStore } from '../../../../src/core/chat/conversationStore.ts';
import { OpenConversation } from '../../../../src/core/chat/openConversation.ts';
import { answerText, delta, Desk, exchange, finished, until } from '../../../support/storedConversations.ts';

let desk: Desk;
beforeEach(async () => {
  desk = await Desk.create();
});
afterEach(() => desk.clear());

const sum = ({ conversation }: OpenConversation) => ({
  title: conversation.title,
  pinned: conversation.pinned,
  path: conversation.path(),
  messages: [...conversation.messages()],
});

/** A conversation that is on disk, and that no window has open. */
async function written(text: string, ...more: readonly ConversationRecord[]): Promise<OpenConversation> {
  const store = desk.store();
  const open = store.create();
  open.append(...exchange(1, text), delta('a1', `about ${text}`), finished('a1', 20), ...more);
  await store.dispose();
  return open;
}

const jsonLines = async (file: string) =>
  (await readFile(file, 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);

describe('ConversationStore', () => {
  describe('keeps what happens', () => {
    it('Another window opens the same conversation as the one that wrote it', async () => {
      const store = desk.store();
      const open = store.create();
      open.append(...exchange(1, 'first\nsecond line'), delta('a1', 'Hel'), delta('a1', 'lo'), finished('a1'));
      open.append(...exchange(2, 'and then?', 'a1'), { type: 'delta', id: 'a2', reasoning: 'hm' });
      open.append({ type: 'title', title: 'Greeting' }, { type: 'pin', pinned: true });
      await open.flush();
      const again = await desk.store().open(open.conversation.id);
      assert.deepEqual(sum(again), sum(open));
      assert.equal(answerText(again, 'a1'), 'Hello');
      assert.equal(again.conversation.createdAtMs, open.conversation.createdAtMs);
    });

    it('One that was begun elsewhere is kept with all that it has, once', async () => {
      const begun = OpenConversation.begin();
      begun.append(...exchange(1, 'asked elsewhere'), delta('a1', 'yes'));
      const store = desk.store();
      store.keep(begun);
      store.keep(begun);
      begun.append(finished('a1'));
      await store.dispose();
      const again = await desk.store().open(begun.conversation.id);
      assert.deepEqual(sum(again), sum(begun));
      const inFile = await jsonLines(desk.file(begun));
      assert.equal(inFile.length, 6, 'begin, question, answer, run, delta, end');
    });

    it('Records are on disk without anybody asking for it', async () => {
      const store = desk.store();
      const open = store.create();
      open.append(...exchange(1, 'hi'));
      for (;;) {
        const summaries = await desk.store().list();
        if (summaries.length > 0) break;
      }
      assert.equal((await jsonLines(desk.file(open))).length, 4);
    });

    it('Nobody else on the machine can read it', async function () {
      // Windows has other permissions, and a folder of the user's is nobody else's there.
      if (process.platform === 'win32') this.skip();
      const open = await written('x');
      assert.equal((await stat(desk.file(open))).mode & 0o077, 0);
      assert.equal((await stat(desk.folder)).mode & 0o077, 0);
    });

    it('There is no file, and no folder, before the first record', async () => {
      const store = desk.store();
      const open = store.create();
      await open.flush();
      await store.dispose();
      await assert.rejects(stat(desk.folder), { code: 'ENOENT' });
      assert.deepEqual(await store.list(), []);
    });

    it('Deltas that come together are one short line', async () => {
      const open = await written('x', delta('a1', 'b'), delta('a1', 'c'), delta('a1', 'd'));
      assert.deepEqual((await jsonLines(desk.file(open))).at(-1), ['a1', 'bcd']);
    });

    it('A file only ever grows at its end', async () => {
      const open = await written('x');
      const before = await readFile(desk.file(open));
      const store = desk.store();
      (await store.open(open.conversation.id)).append({ type: 'title', title: 'y' }, { type: 'delete', deleted: true });
      await store.dispose();
      assert.deepEqual((await readFile(desk.file(open))).subarray(0, before.length), before);
    });

    it('A name of a file fits every system, and no name leads out of the folder', async () => {
      const { id } = desk.store().create().conversation;
      assert.match(id, /^\d{8}-\d{6}-[0-9a-f]{8}$/);
      await written('x');
      for (const name of ['', '../secret', '..', 'a/b', 'C:\\x', 'NUL.', 'x'.repeat(300)]) {
        await assert.rejects(desk.store().open(name), /not there/, name);
      }
    });

    it('A conversation that is open is the same object for everybody in the window', async () => {
      const { conversation } = await written('x');
      const store = desk.store();
      const [one, other] = await Promise.all([store.open(conversation.id), store.open(conversation.id)]);
      assert.equal(one, other);
      assert.equal(await store.open(conversation.id), one);
      const created = store.create();
      assert.equal(await store.open(created.conversation.id), created);
    });

    it('Without a workspace everything works but for the disk', async () => {
      const store = desk.store({ inMemory: true });
      const open = store.create();
      open.append(...exchange(1, 'hi'), delta('a1', 'there'));
      await open.flush();
      assert.deepEqual(
        (await store.search('THERE')).map(({ id, title }) => [id, title]),
        [[open.conversation.id, 'hi']],
      );
      assert.equal(await store.open(open.conversation.id), open);
      await store.dispose();
      assert.deepEqual(desk.troubles, []);
      await assert.rejects(stat(desk.folder), { code: 'ENOENT' });
    });

    it('Listeners hear of each record, after it was applied, until they stop', () => {
      const open = desk.store().create();
      const heard: string[] = [];
      const stop = open.onChange(({ type }) => heard.push(`${type} ${open.conversation.size}`));
      open.append(...exchange(1, 'hi'));
      stop();
      open.append(delta('a1', 'x'));
      assert.deepEqual(heard, ['question 1', 'answer 2', 'run 2']);
    });
  });

  describe('two windows', () => {
    it('Each sees what the other adds', async () => {
      const { conversation } = await written('x');
      const here = await desk.store().open(conversation.id);
      const there = await desk.store().open(conversation.id);
      there.append(...exchange(2, 'from there', 'a1'), delta('a2', 'well'));
      await until(here, () => answerText(here, 'a2') === 'well');
      here.append(delta('a2', ', yes'), { type: 'pin', pinned: true });
      await until(there, () => there.conversation.pinned);
      assert.deepEqual(sum(here), sum(there));
      assert.equal(answerText(there, 'a2'), 'well, yes');
    });

    it('Each sees it when the system does not say so, as soon as it is looked at', async () => {
      const { conversation } = await written('x');
      const store = desk.store();
      const here = await store.open(conversation.id);
      const other = desk.store();
      (await other.open(conversation.id)).append({ type: 'title', title: 'theirs' });
      await other.dispose();
      await store.refresh();
      assert.equal(here.conversation.title, 'theirs');
    });

    it('Each sees it when the folder was deleted and made again', async () => {
      const { conversation } = await written('x');
      const here = await desk.store().open(conversation.id);
      const other = desk.store();
      await other.open(conversation.id);
      await rm(desk.folder, { recursive: true });
      here.append({ type: 'pin', pinned: true });
      await here.flush();
      const created = other.create();
      created.append(...exchange(1, 'new'));
      await created.flush();
      const seen = await desk.store().open(created.conversation.id);
      seen.append(delta('a1', 'seen'));
      await until(created, () => answerText(created, 'a1') === 'seen');
    });

    it('Writing at the same time leaves every record whole, once, and in the order of its writer', async () => {
      const { conversation } = await written('x');
      const here = await desk.store().open(conversation.id);
      const there = await desk.store().open(conversation.id);
      here.append(...exchange(2, 'here', 'a1'));
      there.append(...exchange(3, 'there', 'a1'));
      const counts = Array.from({ length: 300 }, (_, count) => `${count} `);
      for (const count of counts) {
        here.append(delta('a2', count));
        there.append(delta('a3', count));
        await Promise.all([here.flush(), there.flush()]);
      }
      await Promise.all([here.readOn(), there.readOn()]);
      const third = await desk.store().open(conversation.id);
      for (const open of [here, there, third]) {
        assert.equal(answerText(open, 'a2'), counts.join(''));
        assert.equal(answerText(open, 'a3'), counts.join(''));
      }
      assert.deepEqual(desk.troubles, []);
    });

    it('A half line that another window left is not joined with ours', async () => {
      const { conversation } = await written('x');
      const store = desk.store();
      const here = await store.open(conversation.id);
      await appendFile(desk.file(here), '["a1","never fin');
      here.append({ type: 'title', title: 'ours' });
      await store.dispose();
      const again = await desk.store().open(conversation.id);
      assert.equal(again.conversation.title, 'ours');
    });
  });

  describe('list', () => {
    const titles = async (store: ConversationStore) => (await store.list()).map(({ title }) => title);

    it('Pinned ones come first, then the newest, each with what is shown of it', async () => {
      await written('old', { type: 'title', title: 'old' });
      const pinned = await written('pinned', { type: 'pin', pinned: true });
      const store = desk.store();
      const newest = store.create();
      newest.append({ ...exchange(1, 'newest')[0]!, atMs: Date.now() + 60_000 } as never);
      store.create();
      const list = await store.list();
      assert.deepEqual(await titles(store), ['pinned', 'newest', 'old']);
      const { id, changedAtMs } = pinned.conversation;
      assert.deepEqual(list[0], { id, title: 'pinned', changedAtMs, pinned: true, messageCount: 2 });
    });

    it('A change in another window is seen, a file that is not ours is not', async () => {
      const open = await written('before');
      const store = desk.store();
      assert.deepEqual(await titles(store), ['before']);
      const other = desk.store();
      (await other.open(open.conversation.id)).append({ type: 'title', title: 'after' });
      await other.dispose();
      await writeFile(path.join(desk.folder, 'Notes of mine.jsonl'), 'hello');
      assert.deepEqual(await titles(store), ['after']);
      assert.deepEqual(desk.troubles, []);
    });

    it('A deleted conversation is not listed or found, and can be had back', async () => {
      const { conversation } = await written('precious');
      const store = desk.store();
      const open = await store.open(conversation.id);
      open.append({ type: 'delete', deleted: true });
      assert.deepEqual(await store.list(), []);
      await open.flush();
      const other = desk.store();
      assert.deepEqual(await other.list(), []);
      assert.deepEqual(await other.search('precious'), []);
      (await other.open(conversation.id)).append({ type: 'delete', deleted: false });
      assert.deepEqual(await titles(other), ['precious']);
    });

    it('The file of a conversation that was deleted 30 days ago is removed, no other', async () => {
      const kept = await written('kept');
      const recent = await written('recent', { type: 'delete', deleted: true });
      const gone = await written('gone', { type: 'delete', deleted: true });
      const day = 24 * 60 * 60;
      const now = Date.now() / 1000;
      await utimes(desk.file(kept), now, now - 31 * day);
      await utimes(desk.file(recent), now, now - 29 * day);
      await utimes(desk.file(gone), now, now - 31 * day);
      assert.deepEqual(await titles(desk.store()), ['kept']);
      const left = [kept, recent].map((open) => path.basename(desk.file(open)));
      assert.deepEqual((await readdir(desk.folder)).sort(), left.sort());
    });
  });

  describe('search', () => {
    const found = async (query: string) =>
      (await desk.store().search(query)).map(({ title, excerpt }) => [title, excerpt]);

    it('All words are looked for, in upper or lower case, in the title and in all messages', async () => {
      await written('Über Größe', { type: 'title', title: 'Sizes' });
      await written('other');
      assert.deepEqual(await found('ÜBER größe'), [['Sizes', 'Über Größe']]);
      assert.deepEqual(await found('größe sizes'), [['Sizes', 'Über Größe']]);
      assert.deepEqual(await found('über other'), []);
      assert.equal((await found('')).length, 2);
      assert.deepEqual(await found('.*'), []);
    });

    it('Words of an answer are found across the pieces in which it came', async () => {
      const store = desk.store();
      const open = store.create();
      open.append(...exchange(1, 'q'));
      for (const piece of ['The quick bro', 'wn\nfox']) {
        open.append(delta('a1', piece));
        await open.flush();
      }
      assert.deepEqual(await found('brown fox'), [['q', 'The quick brown fox']]);
    });

    it('The excerpt is the place where the words stand, cut at words', async () => {
      await written('q', delta('a1', `${'before '.repeat(50)}needle${' after'.repeat(50)}`));
      const [[, excerpt = ''] = []] = await found('needle');
      assert.match(excerpt, /^…before .*before needle after .*after?…$/);
      assert.ok(excerpt.length < 130, excerpt);
    });

    it('What another window, or this one, has just added is found', async () => {
      const { conversation } = await written('x');
      const store = desk.store();
      assert.deepEqual(await store.search('needle'), []);
      const open = await store.open(conversation.id);
      open.append(delta('a1', ' needle'));
      assert.equal((await store.search('needle')).length, 1);
      await open.flush();
      assert.equal((await desk.store().search('needle')).length, 1);
    });
  });

  describe('a disk that fails', () => {
    const types = () => desk.troubles.map(({ type }) => type);
    /** Tries again at once, instead of after the store’s pause. */
    const failing = async (open: OpenConversation) => {
      for (let attempt = 0; attempt < 3; attempt++) await open.flush();
    };

    it('A file in the place of the folder: told once, kept, written when the folder is back', async () => {
      const open = await written('x');
      const store = desk.store();
      const here = await store.open(open.conversation.id);
      await rename(desk.folder, `${desk.folder}-away`);
      await writeFile(desk.folder, 'in the way');
      here.append(...exchange(2, 'lost?', 'a1'));
      const created = store.create();
      created.append(...exchange(1, 'new'));
      await failing(here);
      await failing(created);
      assert.deepEqual(types(), ['cannotWrite']);
      assert.ok(desk.troubles[0]?.type === 'cannotWrite');
      assert.match(desk.troubles[0].message, /not saved.*cannot be written to.*stay in memory/);
      assert.equal((await store.list()).length, 2, 'both are still there');

      await rm(desk.folder);
      await rename(`${desk.folder}-away`, desk.folder);
      await here.flush();
      assert.deepEqual(types(), ['cannotWrite'], 'one is not written yet');
      await created.flush();
      assert.deepEqual(types(), ['cannotWrite', 'writesAgain']);
      assert.deepEqual(sum(await desk.store().open(open.conversation.id)), sum(here));
      assert.deepEqual(sum(await desk.store().open(created.conversation.id)), sum(created));
    });

    it('It is tried again without anybody asking', async () => {
      await writeFile(desk.folder, 'in the way');
      const open = desk.store().create();
      open.append(...exchange(1, 'x'));
      await open.flush();
      await rm(desk.folder);
      while (types().at(-1) !== 'writesAgain') await new Promise(setImmediate);
      assert.deepEqual(sum(await desk.store().open(open.conversation.id)), sum(open));
    });

    it('The folder was deleted: the whole conversation is written again', async () => {
      const { conversation } = await written('x', { type: 'leaveOut', ids: ['q1'] }, { type: 'title', title: 'y' });
      const here = await desk.store().open(conversation.id);
      await rm(desk.folder, { recursive: true });
      here.append(...exchange(2, 'more', 'a1'), delta('a2', 'and'), { type: 'pin', pinned: true });
      await here.flush();
      here.append(delta('a2', ' more'));
      await here.flush();
      const again = await desk.store().open(conversation.id);
      assert.deepEqual(sum(again), sum(here));
      assert.ok(again.conversation.isLeftOut('q1'));
      assert.deepEqual(types(), []);
    });

    it('The folder was deleted under two windows: nothing of either is lost or said twice', async () => {
      const { conversation } = await written('x');
      const here = await desk.store().open(conversation.id);
      const there = await desk.store().open(conversation.id);
      await rm(desk.folder, { recursive: true });
      here.append(...exchange(2, 'here', 'a1'), delta('a2', 'left'));
      there.append(...exchange(3, 'there', 'a1'), delta('a3', 'right'));
      await here.flush();
      await there.flush();
      const again = await desk.store().open(conversation.id);
      const texts = Array.from(again.conversation.messages(), ({ id, text }) => [id, text]).sort();
      assert.deepEqual(texts, [
        ['a1', 'about x'],
        ['a2', 'left'],
        ['a3', 'right'],
        ['q1', 'x'],
        ['q2', 'here'],
        ['q3', 'there'],
      ]);
    });

    it('The file was emptied, or an older copy put in its place: what is missing is added to it', async () => {
      const { conversation } = await written('x');
      const here = await desk.store().open(conversation.id);
      const older = await readFile(desk.file(here));
      here.append(...exchange(2, 'more', 'a1'), delta('a2', 'and more'));
      await here.flush();
      for (const content of [older, Buffer.alloc(0)]) {
        await writeFile(desk.file(here), content);
        here.append(delta('a2', '.'));
        await here.flush();
        const again = await desk.store().open(conversation.id);
        assert.deepEqual(sum(again), sum(here));
        assert.deepEqual((await readFile(desk.file(here))).subarray(0, content.length), content);
      }
      here.append(...exchange(3, 'on', 'a2'));
      await here.flush();
      assert.deepEqual(sum(await desk.store().open(conversation.id)), sum(here));
    });

    it('A full disk: told why, and written when there is room', async function () {
      if (process.platform !== 'linux') this.skip();
      const { conversation } = await written('x');
      const here = await desk.store().open(conversation.id);
      const file = desk.file(here);
      await rename(file, `${file}.away`);
      // The system's own full disk.
      await symlink('/dev/full', file);
      here.append(delta('a1', '!'));
      await failing(here);
      assert.deepEqual(types(), ['cannotWrite']);
      assert.ok(desk.troubles[0]?.type === 'cannotWrite');
      assert.match(desk.troubles[0].message, /the disk is full/);
      await rm(file);
      await rename(`${file}.away`, file);
      await here.flush();
      assert.deepEqual(types(), ['cannotWrite', 'writesAgain']);
      assert.equal(answerText(await desk.store().open(conversation.id), 'a1'), 'about x!');
    });

    it('Nothing of a conversation is in the log', async () => {
      await writeFile(desk.folder, 'in the way');
      const open = desk.store().create();
      open.append(...exchange(1, 'secret'));
      await open.flush();
      assert.equal(desk.logged.length, 1);
      assert.doesNotMatch(desk.logged.join(), /secret/);
    });
  });

  describe('a damaged file', () => {
    /** Damages the file of a conversation and opens it. The original is kept aside, word for word, and told once. */
    async function openDamaged(damage: (lines: readonly string[]) => string | Buffer): Promise<OpenConversation> {
      const open = await written('x', ...exchange(2, 'more', 'a1'), delta('a2', 'and more'), finished('a2'));
      const file = desk.file(open);
      const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
      await writeFile(file, damage(lines));
      const damaged = await readFile(file);
      const store = desk.store();
      const again = await store.open(open.conversation.id);
      const [trouble] = desk.troubles;
      assert.ok(trouble?.type === 'setAside');
      assert.equal(trouble.file, file);
      assert.notEqual(trouble.keptAs, file);
      assert.ok(damaged.equals(await readFile(trouble.keptAs)));

      again.append({ type: 'title', title: 'goes on' });
      await store.dispose();
      const third = await desk.store().open(open.conversation.id);
      assert.equal(third.conversation.title, 'goes on');
      assert.equal(desk.troubles.length, 1, 'told once');
      return third;
    }
    const joined = (lines: readonly string[]) => `${lines.join('\n')}\n`;

    it('Lines of garbage: the others are there', async () => {
      const open = await openDamaged((lines) => joined(lines.flatMap((line) => [line, '{"type":', 'garbage', '\0\0'])));
      assert.equal(answerText(open, 'a2'), 'and more');
    });

    it('Lines of JSON that are no records: the others are there', async () => {
      const strange = [
        'null',
        '7',
        '[]',
        '[1,2]',
        '{"type":"question","id":"q9"}',
        '{"type":"end","id":"a1","ending":{}}',
      ];
      const open = await openDamaged((lines) => joined([...lines, ...strange]));
      assert.equal(answerText(open, 'a2'), 'and more');
      assert.equal(open.conversation.size, 4);
    });

    it('A last line that is cut: all before it is there', async () => {
      const open = await openDamaged((lines) => joined(lines).slice(0, -20));
      assert.equal(answerText(open, 'a2'), 'and more');
    });

    it('A beginning that is missing', async () => {
      const open = await openDamaged((lines) => joined(['\u0001\u0002', ...lines.slice(1)]));
      assert.equal(answerText(open, 'a2'), 'and more');
    });

    it('Binary in the middle', async () => {
      const binary = Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * 7919) % 256));
      const open = await openDamaged((lines) =>
        Buffer.concat([Buffer.from(joined(lines.slice(0, 4))), binary, Buffer.from(`\n${joined(lines.slice(4))}`)]),
      );
      assert.equal(answerText(open, 'a2'), 'and more');
    });

    it('A line too long for anything', async () => {
      const open = await openDamaged((lines) =>
        Buffer.concat([
          Buffer.from(joined(lines.slice(0, 4))),
          Buffer.alloc(70e6, 'x'),
          Buffer.from(`\n${joined(lines.slice(4))}`),
        ]),
      );
      assert.equal(answerText(open, 'a2'), 'and more');
    });

    it('A byte that is no text inside of a text: the text is shown all the same', async () => {
      const open = await openDamaged((lines) => {
        const bytes = Buffer.from(joined(lines));
        bytes[bytes.indexOf('and more')] = 0xff;
        return bytes;
      });
      assert.equal(answerText(open, 'a2'), '\ufffdnd more');
    });

    it('The line of an answer is gone: its text and what followed are there', async () => {
      const open = await openDamaged((lines) => joined(lines.filter((line) => !line.includes('"id":"a1","parentId"'))));
      assert.deepEqual(
        open.conversation.path().map(({ id }) => id),
        ['q1', 'a1', 'q2', 'a2'],
      );
      assert.equal(answerText(open, 'a2'), 'and more');
    });

    it('The first question is gone: its answer and what followed are there, and it is in the list', async () => {
      const open = await openDamaged((lines) => joined(lines.filter((line) => !line.includes('"id":"q1","atMs"'))));
      assert.deepEqual(
        open.conversation.path().map(({ text }) => text),
        ['This question could not be read.', answerText(open, 'a1'), 'more', 'and more'],
      );
      assert.deepEqual(
        (await desk.store().list()).map(({ messageCount }) => messageCount),
        [4],
      );
    });

    it('Lines in the wrong order give the same conversation, and there is nothing to tell', async () => {
      const open = await written('x', ...exchange(2, 'more', 'a1'), delta('a2', 'and more'));
      const lines = (await readFile(desk.file(open), 'utf8')).trimEnd().split('\n');
      await writeFile(desk.file(open), joined(lines.reverse()));
      const again = await desk.store().open(open.conversation.id);
      assert.deepEqual(
        again.conversation.path().map(({ text }) => text),
        open.conversation.path().map(({ text }) => text),
      );
      assert.deepEqual(desk.troubles, []);
    });

    it('A file of which nothing can be read is moved aside when the list is made; the rest is listed', async () => {
      await written('fine');
      const file = path.join(desk.folder, '20260101-000000-00000000.jsonl');
      const binary = Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * 7919) % 256));
      await writeFile(file, binary);
      assert.equal((await desk.store().list()).length, 1);
      assert.equal((await desk.store().list()).length, 1);
      const [trouble] = desk.troubles;
      assert.ok(trouble?.type === 'setAside' && desk.troubles.length === 1);
      assert.deepEqual(await readFile(trouble.keptAs), binary);
      await assert.rejects(stat(file), { code: 'ENOENT' });
    });
  });

  describe('versions', () => {
    const id = '20260101-000000-00000000';
    const file = () => path.join(desk.folder, `${id}.jsonl`);
    const put = async (...lines: readonly unknown[]) => {
      await mkdir(desk.folder, { recursive: true });
      await writeFile(file(), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    };

    it('A file of the first builds is read, and what is added to it is of today’s version', async () => {
      await put({ type: 'begin', id, atMs: 5 }, ...exchange(1, 'old'), { type: 'delta', id: 'a1', text: 'style' });
      const store = desk.store();
      const open = await store.open(id);
      assert.equal(answerText(open, 'a1'), 'style');
      assert.equal(open.conversation.createdAtMs, 5);
      open.append(delta('a1', '!'), finished('a1'));
      await store.dispose();
      assert.deepEqual((await jsonLines(file())).slice(-3), [
        { type: 'begin', version: 1, id, atMs: 5 },
        ['a1', '!'],
        finished('a1'),
      ]);
      const again = await desk.store().open(id);
      assert.deepEqual(sum(again), sum(open));
      assert.equal((await desk.store().list())[0]?.title, 'old');
    });

    it('What this version does not know is passed over', async () => {
      const [question, ...rest] = exchange(1, 'x');
      await put(
        { type: 'begin', version: 1, id, atMs: 5 },
        { ...question, mood: 'good' },
        { type: 'rate', stars: 5 },
        ...rest,
      );
      assert.equal((await desk.store().open(id)).conversation.size, 2);
      assert.deepEqual(desk.troubles, []);
    });

    it('A file of a newer version is read as far as possible, told, and never written to', async () => {
      await put({ type: 'begin', version: 2, id, atMs: 5 }, ...exchange(1, 'x'), { is: 'different' }, 'very');
      const before = await readFile(file());
      const store = desk.store();
      const open = await store.open(id);
      assert.ok(open.isReadOnly);
      assert.deepEqual(desk.troubles, [{ type: 'newer', id }]);
      open.append(...exchange(2, 'more', 'a1'));
      assert.equal(open.conversation.size, 4);
      await store.dispose();
      assert.deepEqual(await readFile(file()), before);
      assert.deepEqual(await readdir(desk.folder), [path.basename(file())]);
      assert.equal((await desk.store().list())[0]?.title, 'x');
    });

    it('When another window with a newer version adds to it, this one stops writing to it', async () => {
      const { conversation } = await written('x');
      const store = desk.store();
      const open = await store.open(conversation.id);
      await appendFile(desk.file(open), `${JSON.stringify({ type: 'begin', version: 2, id, atMs: 5 })}\n`);
      await store.refresh();
      const before = await readFile(desk.file(open));
      open.append({ type: 'title', title: 'y' });
      await store.dispose();
      assert.deepEqual(await readFile(desk.file(open)), before);
      assert.deepEqual(desk.troubles, [{ type: 'newer', id: conversation.id }]);
    });
  });
});
