import assert from 'node:assert/strict';
import { continuationMessages, ContinuationJoint } from '../../../../src/core/chat/continuation.ts';

/** What stands there in the end, whatever the pieces the rest comes in. */
function join(partial: string, rest: string): string {
  const results = [1, 3, 7, rest.length].map((size) => {
    const joint = new ContinuationJoint(partial);
    let joined = partial;
    for (let at = 0; at < rest.length; at += size) joined += joint.push(rest.slice(at, at + size));
    return joined + joint.end();
  });
  for (const result of results) assert.equal(result, results[0], 'the same however it is cut');
  return results[0] ?? '';
}

describe('continuationMessages', () => {
  it('shows the model what it wrote, and names its last words', () => {
    const partial = 'A list:\n\n- The quick brown fox jumps over the lazy dog and then it';
    const [answer, request] = continuationMessages(partial);
    assert.deepEqual(answer, { role: 'assistant', text: partial });
    assert.equal(request?.role, 'user');
    assert.ok(request?.text.endsWith('\n\nbrown fox jumps over the lazy dog and then it'), request?.text);
  });

  it('names more than a last line that could stand anywhere', () => {
    assert.ok(continuationMessages('if (a) {\n  b();\n}\n')[1]?.text.endsWith('\n\n  b();\n}'));
  });

  it('names the last line when the answer broke off after it', () => {
    assert.ok(continuationMessages('let a = 1;\nlet bcd = 23;\n\n')[1]?.text.endsWith('\n\nlet bcd = 23;'));
  });
});

describe('ContinuationJoint', () => {
  const cases: readonly (readonly [what: string, partial: string, rest: string, joined: string])[] = [
    ['the last words', 'The sky is', 'The sky is blue.', 'The sky is blue.'],
    ['space before them', 'The sky is', '\n\nThe sky is blue.', 'The sky is blue.'],
    ['dots before them', 'The sky is', '… The sky is blue.', 'The sky is blue.'],
    ['the last line', 'One.\nThe sky is', 'The sky is blue.', 'One.\nThe sky is blue.'],
    ['all of it', 'One.\nThe sky is', 'One.\nThe sky is blue.', 'One.\nThe sky is blue.'],
    ['the word that was cut', 'The function retur', 'returns a number', 'The function returns a number'],
    [
      'the last word',
      'Now the sky turned violet over the town, it is',
      'is so',
      'Now the sky turned violet over the town, it is so',
    ],
    [
      'part of a long line',
      `${'word '.repeat(20)}and the last one`,
      'and the last one, too',
      `${'word '.repeat(20)}and the last one, too`,
    ],
    ['a line that ended', 'a();\nbegin();\n', 'begin();\nc();\n', 'a();\nbegin();\nc();\n'],
    ['the code’s fence', '```ts\nlet a = ', '```ts\nlet a = 1;\n```', '```ts\nlet a = 1;\n```'],
    ['a fence without words', '```ts\nlet a = ', '```ts\n1;\n```', '```ts\n1;\n```'.replace('1', 'let a = 1')],
    ['a bare fence', '```ts\nlet a = ', '```\nlet a = 1;\n```', '```ts\nlet a = 1;\n```'],
    ['nothing more', 'The sky is', 'The sky is', 'The sky is'],
  ];
  for (const [what, partial, rest, joined] of cases) {
    it(`drops what is repeated: ${what}`, () => assert.equal(join(partial, rest), joined));
  }

  const kept: readonly (readonly [what: string, partial: string, rest: string])[] = [
    ['a rest with its own space', 'The sky is', ' blue'],
    ['the rest of a number', 'Pi is 3.1', '4159'],
    ['a pattern that goes on', 'The series of numbers is written as x = [0, 0, 0, ', '0, 0, 0, 0]'],
    ['a few letters that are the same', 'The answer to what you have asked here is: 1-2-1', '-2-1'],
    ['a line that may well stand twice', 'Take all of these steps one after another:\n}\n}\n', '}\n'],
    ['the end of the code', '```ts\nreturn a;\n', '```\n\nDone.'],
    ['new code after text', 'Like this:\n\n', '```ts\nlet a;\n```'],
    ['indented code', '```py\ndef f():\n', '    return 1\n```'],
    ['a language that has no spaces', '天空是', '蓝色的'],
    ['text that begins like something before it', 'One two three. Four', ', two threes'],
    ['nothing', 'The sky is', ''],
  ];
  for (const [what, partial, rest] of kept) {
    it(`keeps ${what}`, () => assert.equal(join(partial, rest), partial + rest));
  }

  it('puts a space between words, since no message begins with one', () => {
    assert.equal(join('The sky is', 'blue.'), 'The sky is blue.');
    assert.equal(join('```js\nfoo.ba', 'r()\n```'), '```js\nfoo.bar()\n```');
  });

  it('passes everything on when there is nothing to continue', () => {
    assert.equal(new ContinuationJoint('').push('a'), 'a');
    assert.equal(new ContinuationJoint('\n').push('a'), 'a');
  });

  it('holds nothing back once it is joined', () => {
    const joint = new ContinuationJoint('The sky is');
    assert.equal(joint.push('The sky'), '');
    assert.equal(joint.push(' is blue'), ' blue');
    assert.equal(joint.push('The sky is'), 'The sky is');
  });
});
