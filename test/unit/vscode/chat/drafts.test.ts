import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Drafts } from '../../../../src/vscode/chat/drafts.ts';
import { imageAttachment, textAttachment } from '../../../support/conversations.ts';

describe('Drafts of the chat', () => {
  let folder: string;
  const load = (windowId = 'one', place = folder) => Drafts.load(place, windowId);

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'a2ia-drafts-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('are there again after a reload, with what was attached and which conversation was shown', async () => {
    const drafts = await load('one', path.join(folder, 'new', 'folder'));
    const attachments = [textAttachment('t', 'let a')];
    drafts.set('c1', { text: 'typed', attachments });
    drafts.set('', { text: 'in a new one', attachments: [] });
    drafts.show('c1');
    await drafts.flush();
    const again = await load('one', path.join(folder, 'new', 'folder'));
    assert.equal(again.shownId, 'c1');
    assert.equal(again.of('c1').text, 'typed');
    assert.deepEqual(again.of('c1').attachments, attachments);
    assert.equal(again.of('').text, 'in a new one');
  });

  it('are forgotten when they are empty', async () => {
    const drafts = await load();
    drafts.set('c1', { text: 'typed', attachments: [] });
    drafts.set('c1', { text: '', attachments: [] });
    await drafts.flush();
    assert.deepEqual((await load()).of('c1'), { text: '', attachments: [] });
  });

  it('of two windows are kept beside each other, and none comes back that was sent in one of them', async () => {
    const before = await load();
    before.set('both', { text: 'to be sent', attachments: [] });
    await before.flush();
    const one = await load('one');
    const other = await load('other');
    one.set('c1', { text: 'typed here', attachments: [textAttachment('t', 'let a')] });
    one.set('both', { text: '', attachments: [] });
    await one.flush();
    other.set('c2', { text: 'typed there', attachments: [] });
    await other.flush();
    const again = await load();
    assert.deepEqual(
      ['c1', 'c2', 'both'].map((id) => again.of(id).text),
      ['typed here', 'typed there', ''],
    );
    assert.equal(again.of('c1').attachments.length, 1);
  });

  it('are each window’s own where no message is yet, as is what it shows', async () => {
    const one = await load('one');
    one.show('c1');
    one.set('', { text: 'typed here', attachments: [] });
    await one.flush();
    const other = await load('other');
    other.show('c2');
    other.set('', { text: 'typed there', attachments: [] });
    await other.flush();
    const again = await Promise.all([load('one'), load('other')]);
    assert.deepEqual(
      again.map((drafts) => [drafts.shownId, drafts.of('').text]),
      [
        ['c1', 'typed here'],
        ['c2', 'typed there'],
      ],
    );
  });

  it('of a window that is new are those of the one used last, and then its own', async () => {
    const one = await load('one');
    const other = await load('other');
    other.show('c2');
    await other.flush();
    one.show('c1');
    one.set('', { text: 'typed here', attachments: [imageAttachment('picture')] });
    await one.flush();
    const fresh = await load('fresh');
    assert.equal(fresh.shownId, 'c1');
    assert.equal(fresh.of('').text, 'typed here');
    await fresh.flush();
    one.set('', { text: '', attachments: [] });
    await one.flush();
    assert.equal((await load('one')).of('').text, '');
    assert.deepEqual((await load('fresh')).of(''), { text: 'typed here', attachments: [imageAttachment('picture')] });
  });

  it('begin anew where the file is damaged, and are kept again', async () => {
    for (const damaged of [
      '',
      '{',
      '[]',
      '{"drafts": [{"type":"question"}, 7]}',
      '{"drafts": 3}',
      '{"windows": [{"id": 1}, 2]}',
    ]) {
      await writeFile(path.join(folder, 'drafts.json'), damaged);
      const drafts = await load();
      assert.equal(drafts.of('c1').text, '');
      drafts.set('c1', { text: 'typed', attachments: [] });
      await drafts.flush();
      assert.equal((await load()).of('c1').text, 'typed');
    }
  });

  it('have their images in files of their own, for as long as they have them', async () => {
    const drafts = await load();
    const image = imageAttachment('picture');
    const written = path.join(folder, 'draftImages', 'picture');
    drafts.set('c1', { text: 'What is this?', attachments: [textAttachment('t', 'let a'), image] });
    await drafts.flush();
    assert.ok(!(await readFile(path.join(folder, 'drafts.json'), 'utf8')).includes('AAAA'));
    const { mtimeMs, ino } = await stat(written);
    drafts.set('c1', { ...drafts.of('c1'), text: 'What is this here?' });
    await drafts.flush();
    const after = await stat(written);
    assert.deepEqual([after.mtimeMs, after.ino], [mtimeMs, ino], 'written once');
    const again = await load();
    assert.deepEqual(again.of('c1').attachments, [textAttachment('t', 'let a'), image]);
    again.set('c1', { text: '', attachments: [] });
    await again.flush();
    assert.deepEqual(await readdir(path.join(folder, 'draftImages')), []);
  });

  it('go on without an image that is gone, and read none from elsewhere', async () => {
    const drafts = await load();
    drafts.set('c1', { text: 'typed', attachments: [imageAttachment('picture')] });
    await drafts.flush();
    await rm(path.join(folder, 'draftImages'), { recursive: true });
    assert.deepEqual((await load()).of('c1'), { text: 'typed', attachments: [] });
    const saved = await readFile(path.join(folder, 'drafts.json'), 'utf8');
    await writeFile(path.join(folder, 'drafts.json'), saved.replace('"picture"', '"../drafts.json"'));
    assert.deepEqual((await load()).of('c1').attachments, []);
  });

  it('stay in memory where nothing can be written', async () => {
    await writeFile(path.join(folder, 'file'), '');
    const drafts = await load('one', path.join(folder, 'file'));
    drafts.set('c1', { text: 'typed', attachments: [] });
    await drafts.flush();
    assert.equal(drafts.of('c1').text, 'typed');
  });
});
