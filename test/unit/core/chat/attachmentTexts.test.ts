import assert from 'node:assert/strict';
import { diffText } from '../../../../src/core/chat/diffText.ts';
import { folderText, treeLines, type LeftOut } from '../../../../src/core/chat/folderText.ts';
import { countBySeverity, problemsText, type ProblemLine } from '../../../../src/core/chat/problemsText.ts';
import { estimateTextTokens } from '../../../../src/core/clients/tokenEstimate.ts';

const plenty = 100_000;

describe('A folder as text', () => {
  const texts: Readonly<Record<string, string>> = {
    'app.ts': 'app();\n',
    'util/a.ts': 'a();',
    'util/deep/b.ts': 'b();',
  };
  const read = (contents: Readonly<Record<string, string>>) => (path: string) =>
    Promise.resolve(path in contents ? { text: contents[path] ?? '' } : ('binary' as const));

  it('is its tree, then the texts of its files from the top down', async () => {
    const { text, summary } = await folderText('src', Object.keys(texts).reverse(), plenty, read(texts));
    assert.equal(summary, '3 files');
    assert.equal(
      text,
      `src/
  app.ts
  util/
    a.ts
    deep/
      b.ts

--- src/app.ts
app();

--- src/util/a.ts
a();

--- src/util/deep/b.ts
b();
`,
    );
  });

  it('shows folders of the same name at their own places', () => {
    assert.deepEqual(treeLines('r', ['a/x/1', 'b/x/2', 'b/x/y/3', 'b/4']), [
      'r/',
      ...['  a/', '    x/', '      1', '  b/', '    4', '    x/', '      2', '      y/', '        3'],
    ]);
  });

  it('stays within its room, and says which files it left out', async () => {
    const long = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`f${at + 10}.ts`, 'x'.repeat(700)]));
    const { text, summary } = await folderText('src', Object.keys(long), 2000, read(long));
    assert.ok(estimateTextTokens(text) < 2100, `${estimateTextTokens(text)} tokens`);
    const shown = text.match(/^--- src\/f/gm)?.length ?? 0;
    assert.ok(shown > 3 && shown < 12, `${shown} files`);
    assert.equal(summary, `${shown} of 40 files`);
    assert.match(text, new RegExp(`left out of ${40 - shown} files \\(no room for it\\): f\\d+\\.ts, `));
  });

  it('takes a small file although a long one above it does not fit', async () => {
    const { text } = await folderText('src', ['a.ts', 'b.ts'], 500, read({ 'a.ts': 'y'.repeat(9000), 'b.ts': 'b' }));
    assert.match(text, /--- src\/b\.ts\nb\n/);
    assert.match(text, /left out of 1 file \(no room for it\): a\.ts/);
  });

  it('never reads what may hold secrets', async () => {
    const asked: string[] = [];
    const paths = ['.env', 'keys/id_rsa', 'tls/server.pem', '.env.example', 'app.ts'];
    const { text } = await folderText('.', paths, plenty, (path) => {
      asked.push(path);
      return Promise.resolve({ text: path });
    });
    assert.deepEqual(asked.sort(), ['.env.example', 'app.ts']);
    assert.match(text, /left out of 3 files \(may hold secrets\): \.env, keys\/id_rsa, tls\/server\.pem/);
  });

  it('says of each file without a text why', async () => {
    const why: Readonly<Record<string, LeftOut>> = { a: 'binary', b: 'unreadable' };
    const { text, summary } = await folderText('d', ['a', 'b'], plenty, (path) => Promise.resolve(why[path] ?? 'long'));
    assert.match(text, /left out of 1 file \(binary\): a; of 1 file \(cannot be read\): b$/);
    assert.equal(summary, '0 of 2 files');
  });

  it('cuts a tree that would take all of its room, and says so', async () => {
    const many = Array.from({ length: 3000 }, (_, at) => `some/folder/file${at}.ts`);
    const { text } = await folderText('src', many, 1000, () => Promise.resolve('long' as const));
    assert.match(text, /\n… and 2\d\d\d more lines\n/);
    assert.ok(estimateTextTokens(text) < 1100);
  });
});

describe('Problems as text', () => {
  const problem = (path: string, line: number, severity: ProblemLine['severity'], message = 'no'): ProblemLine => ({
    path,
    line,
    severity,
    message,
    source: '',
  });

  it('is one line each, errors first, then by file and line', () => {
    const { text, summary } = problemsText(
      [
        problem('b.ts', 1, 'error'),
        problem('a.ts', 9, 'warning'),
        problem('a.ts', 12, 'error', 'two\n  lines'),
        { ...problem('a.ts', 2, 'error'), source: 'ts 2304' },
      ],
      plenty,
    );
    const lines = ['a.ts:2: error: no [ts 2304]', 'a.ts:12: error: two lines', 'b.ts:1: error: no'];
    assert.equal(text, [...lines, 'a.ts:9: warning: no'].join('\n'));
    assert.equal(summary, '3 errors, 1 warning');
  });

  it('leaves out the least of them when there is no room, and says how many', () => {
    const many = Array.from({ length: 500 }, (_, at) => problem('a.ts', at + 1, at < 3 ? 'error' : 'note'));
    const { text, summary } = problemsText(many, 200);
    const lines = text.split('\n');
    assert.ok(lines.length > 10 && lines.length < 60, `${lines.length} lines`);
    assert.equal(lines.at(-1), `(${500 - lines.length + 1} more problems left out)`);
    assert.equal(summary, `3 errors, ${lines.length - 4} notes of 500 problems`);
  });

  it('counts none as none', () => {
    assert.equal(countBySeverity([]), 'none');
  });
});

describe('A diff as text', () => {
  const fileDiff = (path: string, ...hunks: readonly string[]) =>
    `diff --git a/${path} b/${path}\nindex 1..2 100644\n--- a/${path}\n+++ b/${path}\n${hunks.map((line) => `@@ -1 +1 @@\n+${line}\n`).join('')}`;

  it('tells what is staged from what is not, and names new files', () => {
    const found = diffText(
      { staged: fileDiff('a.ts', 'one'), unstaged: fileDiff('b.ts', 'two'), newFiles: ['c.ts'] },
      plenty,
    );
    assert.equal(found?.summary, '3 files');
    assert.match(
      found.text,
      /^Staged changes:\ndiff --git a\/a\.ts[^]*\+one\nChanges that are not staged:\ndiff[^]*\+two\nNew files, only their names: c\.ts$/,
    );
  });

  it('is nothing when nothing changed', () => {
    assert.equal(diffText({ staged: '', unstaged: '', newFiles: [] }, plenty), undefined);
  });

  it('takes whole hunks only, and says what it left out', () => {
    const unstaged = fileDiff('a.ts', 'short', 'x'.repeat(4000), 'more') + fileDiff('b.ts', 'y'.repeat(4000));
    const found = diffText({ staged: '', unstaged, newFiles: [] }, 300);
    assert.ok(found);
    assert.match(found.text, /\+short\n/);
    assert.doesNotMatch(found.text, /xxxx|yyyy|\+more/);
    assert.match(found.text, /Left out: the last 2 hunks of a\.ts; b\.ts \(too long\)$/);
    assert.equal(found.summary, '0 of 2 files');
  });

  it('leaves out files that may hold secrets, also deleted ones and renamed ones', () => {
    const deleted =
      'diff --git a/.env b/.env\ndeleted file mode 100644\n--- a/.env\n+++ /dev/null\n@@ -1 +0,0 @@\n-KEY=1\n';
    const renamed =
      'diff --git a/old.txt b/conf/tls.pem\nsimilarity index 90%\nrename from old.txt\nrename to conf/tls.pem\n--- a/old.txt\n+++ b/conf/tls.pem\n@@ -1 +1 @@\n+KEY=1\n';
    const found = diffText({ staged: deleted, unstaged: renamed + fileDiff('ok.ts', 'fine'), newFiles: [] }, plenty);
    assert.doesNotMatch(found?.text ?? '', /KEY/);
    assert.match(
      found?.text ?? '',
      /\+fine\nLeft out: \.env \(may hold secrets\); conf\/tls\.pem \(may hold secrets\)$/,
    );
  });

  it('keeps files without hunks: renamed, or binary', () => {
    const binary =
      'diff --git a/logo.png b/logo.png\nindex 1..2 100644\nBinary files a/logo.png and b/logo.png differ\n';
    const found = diffText({ staged: binary, unstaged: '', newFiles: [] }, plenty);
    assert.match(found?.text ?? '', /Binary files a\/logo\.png/);
  });

  it('knows a path with spaces, quotes, or without prefixes', () => {
    const withSpace = fileDiff('my keys/.env', 'KEY=1');
    const quoted =
      'diff --git "a/\\303\\274/.env" "b/\\303\\274/.env"\n--- "a/\\303\\274/.env"\n+++ "b/\\303\\274/.env"\n@@ -1 +1 @@\n+KEY=2\n';
    const bare = 'diff --git .env .env\n--- .env\n+++ .env\n@@ -1 +1 @@\n+KEY=3\n';
    const found = diffText({ staged: withSpace + quoted + bare, unstaged: '', newFiles: [] }, plenty);
    assert.doesNotMatch(found?.text ?? '', /KEY/);
    assert.equal(found?.summary, '0 of 3 files');
  });

  it('is not deceived by a line of a file that looks like a new file', () => {
    const tricky = fileDiff('a.ts', 'x') + ' diff --git a/fake b/fake\n';
    assert.equal(diffText({ staged: tricky, unstaged: '', newFiles: [] }, plenty)?.summary, '1 file');
  });
});
