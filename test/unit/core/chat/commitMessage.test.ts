import assert from 'node:assert/strict';
import { commitMessageOf, commitPrompt } from '../../../../src/core/chat/commitMessage.ts';

const diffOf = (path: string, lines: number) =>
  [
    `diff --git a/${path} b/${path}`,
    'index 1111111..2222222 100644',
    `--- a/${path}`,
    `+++ b/${path}`,
    `@@ -1,1 +1,${lines} @@`,
    '-removed',
    ...Array.from({ length: lines }, (_, index) => `+line ${index} of ${path}`),
    '',
  ].join('\n');

const textOf = (diff: string, mostTokens: number, subjects?: readonly string[]) => {
  const { messages, shortened } = commitPrompt({ diff, mostTokens, ...(subjects ? { subjects } : {}) });
  return {
    text: messages.at(-1)?.text ?? '',
    bytes: Buffer.byteLength(messages.map(({ text }) => text).join('')),
    shortened,
  };
};

describe('commitPrompt', () => {
  it('shows the changes as they are when there is room, with the style of earlier commits', () => {
    const diff = diffOf('a.ts', 3);
    const { text, shortened } = textOf(diff, 4000, ['Fix the parser']);
    assert.ok(text.includes(`\`\`\`diff\n${diff}\`\`\``), text);
    assert.ok(text.includes('- a.ts (+3 -1)'));
    assert.ok(text.includes('- Fix the parser'));
    assert.deepEqual(shortened, []);
    assert.doesNotMatch(text, /left out/);
  });

  it('shortens the longest files, keeps the others, and says so to the model and the user', () => {
    const small = diffOf('small.ts', 5);
    const { text, bytes, shortened } = textOf(small + diffOf('long.ts', 900) + diffOf('longer.ts', 2000), 1500);
    assert.deepEqual(shortened, ['long.ts', 'longer.ts']);
    assert.ok(text.includes(small));
    assert.ok(text.includes('- longer.ts (+2000 -1)'));
    assert.match(text, /The changes are too long/);
    const [, left] = /\[(\d+) more lines are left out\]\n```/.exec(text) ?? [];
    const shown = text.match(/^\+line \d+ of longer/gm)?.length ?? 0;
    // Five lines of head, and the removed one.
    assert.equal(Number(left) + shown + 6, 2006);
    assert.ok(bytes <= 1500 * 3 && bytes > 1200 * 3, `${bytes}`);
  });

  it('names what there is no room for', () => {
    const diff = Array.from({ length: 300 }, (_, index) => diffOf(`f${index}.ts`, 50)).join('');
    const { text, bytes, shortened } = textOf(diff, 1000);
    assert.equal(shortened.length, 300);
    assert.ok(text.includes('- and 200 more files'));
    assert.ok(bytes <= 3500, `${bytes}`);
  });

  it('shows of a file that may hold secrets the name alone', () => {
    const { text } = textOf(diffOf('.env', 2) + diffOf('a.ts', 2), 4000);
    assert.ok(text.includes('- .env (may hold secrets, not shown)'));
    assert.doesNotMatch(text, /line \d of \.env/);
    assert.match(text, /line 1 of a\.ts/);
  });

  it('knows files that are gone and renamed', () => {
    const gone =
      'diff --git a/gone.ts b/gone.ts\ndeleted file mode 100644\n--- a/gone.ts\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n';
    const renamed =
      'diff --git a/old name.ts b/new name.ts\nsimilarity index 100%\nrename from old name.ts\nrename to new name.ts\n';
    const { text } = textOf(gone + renamed, 4000);
    assert.ok(text.includes('- gone.ts (+0 -1)'), text);
    assert.ok(text.includes('- new name.ts (+0 -0)'), text);
  });
});

describe('commitMessageOf', () => {
  it('is the message alone', () => {
    const message = 'Fix the parser\n\nIt lost the last line.';
    for (const answer of [
      message,
      `\n${message}\n`,
      `\`\`\`\n${message}\n\`\`\``,
      `Here is the commit message:\n\n\`\`\`text\n${message}\n\`\`\`\nI hope this helps!`,
      `**Commit message:**\n\n${message}`,
      `"${message}"`,
    ]) {
      assert.equal(commitMessageOf(answer), message, answer);
    }
    assert.equal(commitMessageOf('Say "hello" in `main`'), 'Say "hello" in `main`');
  });
});
