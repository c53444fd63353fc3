import assert from 'node:assert/strict';
import { largestTextBytes } from '../../../../src/core/chat/fileContent.ts';
import { askMessages, defaultSystemPrompt, fenceFor } from '../../../../src/core/chat/prompts.ts';

describe('askMessages', () => {
  it('is a system message and the question', () => {
    assert.deepEqual(askMessages('Why?', [], ''), [
      { role: 'system', text: defaultSystemPrompt },
      { role: 'user', text: 'Why?' },
    ]);
    assert.equal(askMessages('Why?', [], 'Be brief.')[0]?.text, 'Be brief.');
  });

  it('puts context before the question: what changes comes last', () => {
    const pieces = [
      { label: 'a.ts, line 1', languageId: 'typescript', text: 'let a;\n\n' },
      { label: 'b.py', languageId: 'python', text: 'b = 1' },
    ];
    assert.equal(
      askMessages('Why?', pieces, '').at(-1)?.text,
      'a.ts, line 1:\n\n```typescript\nlet a;\n```\n\nb.py:\n\n```python\nb = 1\n```\n\nWhy?',
    );
  });

  it('lets no context end its own fence', () => {
    const text = 'before\n````md\n```js\nx\n```\n````\nafter';
    const prompt = askMessages('Why?', [{ label: 'a.md', languageId: 'markdown', text }], '').at(-1)?.text ?? '';
    assert.ok(prompt.includes('`````markdown\n' + text + '\n`````\n'), prompt);
  });
});

describe('fenceFor', () => {
  it('is one longer than the longest in the text, and at least three', () => {
    assert.equal(fenceFor('plain, `code`, ``two``'), '```');
    assert.equal(fenceFor('a\n```\nb'), '````');
    assert.equal(fenceFor('``````'), '```````');
  });

  it('is found in a text of nothing but fences, as long as an attachment can be', () => {
    assert.equal(fenceFor('``` '.repeat(largestTextBytes / 4)), '````');
  });
});
