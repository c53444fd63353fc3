import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ThinkTagSplitter } from '../../../../src/core/clients/thinkTags.ts';

type Part = readonly [type: 'text' | 'reasoning', text: string];

/** What comes of the deltas: adjacent parts of a kind as one. */
function split(deltas: readonly string[], startsInReasoning = false) {
  const parts: Part[] = [];
  const splitter = new ThinkTagSplitter(
    {
      add: (type, delta) => {
        const last = parts.at(-1);
        if (last?.[0] === type) parts[parts.length - 1] = [type, last[1] + delta];
        else parts.push([type, delta]);
      },
    },
    startsInReasoning,
  );
  for (const delta of deltas) splitter.text(delta);
  splitter.end();
  return { parts, isUnopened: splitter.isUnopened, isUnclosed: splitter.isUnclosed };
}

describe('think tags', () => {
  const cases: readonly [name: string, text: string, expected: readonly Part[]][] = [
    ['none', 'Hello', [['text', 'Hello']]],
    ['nothing at all', '', []],
    ['white space alone', ' \n', [['text', ' \n']]],
    [
      'a block and an answer',
      '<think>\nhm\n</think>\n\nHi',
      [
        ['reasoning', 'hm\n'],
        ['text', 'Hi'],
      ],
    ],
    ['a block that is empty', '<think>\n\n</think>\n\nHi', [['text', 'Hi']]],
    [
      'white space before the block',
      '\n <think>hm</think>Hi',
      [
        ['reasoning', 'hm'],
        ['text', 'Hi'],
      ],
    ],
    ['no end: all of it is reasoning', '<think>hm', [['reasoning', 'hm']]],
    ['no end but a beginning of it', '<think>hm</thi', [['reasoning', 'hm</thi']]],
    ['a beginning alone', '<thi', [['text', '<thi']]],
    ['another tag', '<thing>x</thing>', [['text', '<thing>x</thing>']]],
    ['code that is about them', 'Use `<think>` and\n</think>.', [['text', 'Use `<think>` and\n</think>.']]],
    ['an end inside a line', 'Use </think>.', [['text', 'Use </think>.']]],
    [
      'a second block: text',
      '<think>a</think>b <think>c</think>',
      [
        ['reasoning', 'a'],
        ['text', 'b <think>c</think>'],
      ],
    ],
    ['an end without a beginning: the tag is left out', 'hm\n</think>\n\nHi', [['text', 'hm\nHi']]],
  ];
  for (const [name, text, expected] of cases) {
    it(name, () => {
      assert.deepEqual(split([text]).parts, expected);
      assert.deepEqual(split([...text]).parts, expected);
    });
  }

  it('an end without a beginning is told, for the next answer', () => {
    assert.equal(split(['hm\n</think>\n\nHi']).isUnopened, true);
    assert.equal(split(['<think>hm\n</think>\n\nHi']).isUnopened, false);
    assert.deepEqual(split(['hm\n</think>\n\nHi'], true).parts, [
      ['reasoning', 'hm\n'],
      ['text', 'Hi'],
    ]);
  });

  it('an answer that was taken for reasoning, though no tag came, is told', () => {
    assert.deepEqual(split(['Hi'], true), { parts: [['reasoning', 'Hi']], isUnopened: false, isUnclosed: true });
    assert.equal(split(['hm</think>Hi'], true).isUnclosed, false);
    assert.equal(split(['<think>hm']).isUnclosed, false);
  });

  it('nothing is looked for once the server keeps reasoning apart', () => {
    const parts: Part[] = [];
    const splitter = new ThinkTagSplitter({ add: (type, delta) => parts.push([type, delta]) });
    splitter.text('\n');
    splitter.reasoning('hm');
    splitter.text('<think>x');
    splitter.end();
    assert.deepEqual(parts, [
      ['text', '\n'],
      ['reasoning', 'hm'],
      ['text', '<think>x'],
    ]);
  });

  it('what is held back is less than a tag, and only what may be one', () => {
    const parts: Part[] = [];
    const splitter = new ThinkTagSplitter({ add: (type, delta) => parts.push([type, delta]) });
    splitter.text('a < b <');
    assert.deepEqual(parts, [['text', 'a < b ']]);
    splitter.text('c');
    assert.deepEqual(parts.at(-1), ['text', '<c']);
  });

  const text = fc
    .array(fc.constantFrom('<think>', '</think>', '<', '/', 'th', 'ink>', '\n', ' ', 'a', '`', '世'), {
      maxLength: 12,
    })
    .map((pieces) => pieces.join(''));

  it('any cut gives the same', () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(40), { maxLength: 6 }), fc.boolean(), (whole, positions, startsInReasoning) => {
        const cuts = [0, ...positions.filter((at) => at < whole.length).sort((a, b) => a - b), whole.length];
        const pieces = cuts.slice(1).map((end, index) => whole.slice(cuts[index], end));
        assert.deepEqual(split(pieces, startsInReasoning), split([whole], startsInReasoning));
      }),
      { numRuns: 5000 },
    );
  });

  it('nothing but tags and white space is lost', () => {
    fc.assert(
      fc.property(text, fc.boolean(), (whole, startsInReasoning) => {
        // Until nothing is left to take out: what stood around a tag may be one when it is joined.
        const bare = (value: string): string => {
          const shorter = value.replace(/<\/?think>|\s/g, '');
          return shorter === value ? value : bare(shorter);
        };
        const given = split([whole], startsInReasoning).parts.map(([, part]) => part);
        assert.equal(bare(given.join('')), bare(whole));
      }),
      { numRuns: 5000 },
    );
  });
});
