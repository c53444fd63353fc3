import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Drafts } from '../../../../src/vscode/chat/drafts.ts';
import { textAttachment } from '../../../support/conversations.ts';

describe('Drafts of the chat', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'a2ia-drafts-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('are there again after a reload, with what was attached and which conversation was shown', async () => {
    const drafts = await Drafts.load(path.join(folder, 'new', 'folder'));
    const attachments = [textAttachment('t', 'let a')];
    drafts.set('c1', { text: 'typed', attachments });
    drafts.set('', { text: 'in a new one', attachments: [] });
    drafts.show('c1');
    await drafts.flush();
    const again = await Drafts.load(path.join(folder, 'new', 'folder'));
    assert.equal(again.shownId, 'c1');
    assert.equal(again.of('c1').text, 'typed');
    assert.deepEqual(again.of('c1').attachments, attachments);
    assert.equal(again.of('').text, 'in a new one');
  });

  it('are forgotten when they are empty', async () => {
    const drafts = await Drafts.load(folder);
    drafts.set('c1', { text: 'typed', attachments: [] });
    drafts.set('c1', { text: '', attachments: [] });
    await drafts.flush();
    assert.deepEqual((await Drafts.load(folder)).of('c1'), { text: '', attachments: [] });
  });

  it('of two windows are kept beside each other, and none comes back that was sent in one of them', async () => {
    const before = await Drafts.load(folder);
    before.set('both', { text: 'to be sent', attachments: [] });
    await before.flush();
    const one = await Drafts.load(folder);
    const other = await Drafts.load(folder);
    one.set('c1', { text: 'typed here', attachments: [textAttachment('t', 'let a')] });
    one.set('both', { text: '', attachments: [] });
    await one.flush();
    other.set('c2', { text: 'typed there', attachments: [] });
    await other.flush();
    const again = await Drafts.load(folder);
    assert.deepEqual(
      ['c1', 'c2', 'both'].map((id) => again.of(id).text),
      ['typed here', 'typed there', ''],
    );
    assert.equal(again.of('c1').attachments.length, 1);
  });

  it('begin anew where the file is damaged, and are kept again', async () => {
    for (const damaged of ['', '{', '[]', '{"drafts": [{"type":"question"}, 7]}', '{"drafts": 3}']) {
      await writeFile(path.join(folder, 'drafts.json'), damaged);
      const drafts = await Drafts.load(folder);
      assert.equal(drafts.of('c1').text, '');
      drafts.set('c1', { text: 'typed', attachments: [] });
      await drafts.flush();
      assert.equal((await Drafts.load(folder)).of('c1').text, 'typed');
    }
  });

  it('stay in memory where nothing can be written', async () => {
    await writeFile(path.join(folder, 'file'), '');
    const drafts = await Drafts.load(path.join(folder, 'file'));
    drafts.set('c1', { text: 'typed', attachments: [] });
    await drafts.flush();
    assert.equal(drafts.of('c1').text, 'typed');
  });
});
