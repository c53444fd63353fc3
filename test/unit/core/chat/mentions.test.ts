import assert from 'node:assert/strict';
import { fuzzyMatch } from '../../../../src/core/chat/fuzzyMatch.ts';
import { mentionKinds, parseMentionQuery } from '../../../../src/core/chat/mentionQuery.ts';

const ranked = (query: string, paths: readonly string[]) =>
  paths
    .flatMap((path) => {
      const score = fuzzyMatch(query, path);
      return score === undefined ? [] : [{ path, score }];
    })
    .sort((a, b) => b.score - a.score)
    .map(({ path }) => path);

describe('What follows @', () => {
  it('names a kind, and what is searched in it', () => {
    assert.deepEqual(parseMentionQuery('file app ts'), { kinds: ['file'], text: 'app ts', isNamed: true });
    assert.deepEqual(parseMentionQuery('Folder src'), { kinds: ['folder'], text: 'src', isNamed: true });
    assert.deepEqual(parseMentionQuery(' problems '), { kinds: ['problems'], text: '', isNamed: true });
  });

  it('may be the beginning of a kind or of a name', () => {
    for (const typed of ['', 'fi', 'filed', 'app.ts', 'constructor']) {
      assert.deepEqual(parseMentionQuery(typed), { kinds: mentionKinds, text: typed, isNamed: false });
    }
  });
});

describe('Fuzzy search', () => {
  it('finds letters in their order, and nothing else', () => {
    assert.deepEqual(ranked('apts', ['src/app.ts', 'src/stpa', 'lib/ap']), ['src/app.ts']);
    assert.equal(fuzzyMatch('', 'anything'), 0);
  });

  it('puts a name before its folders, and its beginning before its middle', () => {
    const paths = ['chat/index.ts', 'src/wechat.ts', 'src/chat.ts'];
    assert.deepEqual(ranked('chat', paths), ['src/chat.ts', 'src/wechat.ts', 'chat/index.ts']);
  });

  it('knows the words of a name by their capitals and by what divides them', () => {
    for (const right of ['src/answerDocument.ts', 'src/answer-document.ts', 'src/answer_document.ts']) {
      assert.equal(ranked('ad', ['src/a/handed.ts', 'src/salad.ts', right])[0], right);
    }
  });

  it('takes spaces for nothing and folders with slashes for what they are', () => {
    assert.deepEqual(ranked('core prompts', ['src/core/prompts.ts', 'src/prompts.ts']), ['src/core/prompts.ts']);
    assert.deepEqual(ranked('core/pr', ['src/core/prompts.ts', 'src/core.ts']), ['src/core/prompts.ts']);
  });

  it('prefers the shorter of two that match alike', () => {
    assert.deepEqual(ranked('main', ['a/long/way/down/main.ts', 'main.ts']), ['main.ts', 'a/long/way/down/main.ts']);
  });

  it('is at home in other scripts', () => {
    assert.deepEqual(ranked('über', ['docs/Überblick.md', 'docs/other.md']), ['docs/Überblick.md']);
  });
});
