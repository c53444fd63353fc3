import assert from 'node:assert/strict';
import { chooseFormat, withOutcome, type FormatRecord } from '../../../../src/core/edit/editFormat.ts';
import { editMessages } from '../../../../src/core/edit/editPrompt.ts';
import { enclosingBlock } from '../../../../src/core/edit/enclosingBlock.ts';
import { fitToPlace } from '../../../../src/core/edit/fitToPlace.ts';
import { diffHunks } from '../../../../src/core/edit/lineDiff.ts';
import { settledPart } from '../../../../src/core/edit/streamedLines.ts';

describe('The format of an edit', () => {
  const failing = (format: 'whole' | 'searchReplace'): FormatRecord =>
    [1, 2, 3].reduce<FormatRecord>((record) => withOutcome(record, format, false), {});

  it('is all of the code where that is short, or the model small', () => {
    assert.equal(chooseFormat({ lines: 30, isHosted: true, record: {} }), 'whole');
    assert.equal(chooseFormat({ lines: 300, isHosted: false, record: {} }), 'whole');
    assert.equal(chooseFormat({ lines: 300, isHosted: false, sizeBytes: 4e9, record: {} }), 'whole');
  });

  it('is blocks where the model is large', () => {
    assert.equal(chooseFormat({ lines: 300, isHosted: true, record: {} }), 'searchReplace');
    assert.equal(chooseFormat({ lines: 300, isHosted: false, sizeBytes: 40e9, record: {} }), 'searchReplace');
  });

  it('is what the model has shown to be better at', () => {
    assert.equal(chooseFormat({ lines: 300, isHosted: true, record: failing('searchReplace') }), 'whole');
    assert.equal(chooseFormat({ lines: 300, isHosted: false, record: failing('whole') }), 'searchReplace');
    const both = { ...failing('whole'), ...failing('searchReplace') };
    assert.equal(chooseFormat({ lines: 300, isHosted: false, record: both }), 'searchReplace');
    const twice = withOutcome(withOutcome({}, 'whole', false), 'whole', false);
    assert.equal(chooseFormat({ lines: 300, isHosted: false, record: twice }), 'whole');
  });

  it('forgets: thirty good answers do not outweigh ten bad ones that follow', () => {
    let record: FormatRecord = {};
    for (let answer = 0; answer < 40; answer++) record = withOutcome(record, 'whole', answer < 30);
    const { good = 0, bad = 0 } = record.whole ?? {};
    assert.ok(good < 15 && bad > 8, `${good} good, ${bad} bad`);
  });
});

describe('The prompt of an edit', () => {
  const prompt = {
    languageId: 'python',
    wish: 'Be quick.',
    lines: ['x = 1', '```'],
    before: ['import a'],
    after: ['', ''],
    fileName: 'a.py',
    format: 'whole',
    systemPrompt: 'Use tabs.',
    earlier: [{ answer: 'y = 1', further: 'No, x.' }],
  } as const;

  it('has the code in a fence that it cannot close, and the wish at the end', () => {
    const [system, user, ...earlier] = editMessages(prompt);
    assert.match(system?.text ?? '', /Use tabs\.$/);
    assert.match(
      user?.text ?? '',
      /^File: a\.py\n\n[^]*```python\nimport a\n```[^]*````python\nx = 1\n```\n````\n\nBe quick\.$/,
    );
    assert.doesNotMatch(user?.text ?? '', /stands after/);
    assert.deepEqual(earlier, [
      { role: 'assistant', text: 'y = 1' },
      { role: 'user', text: 'No, x.' },
    ]);
  });

  it('begins with the same bytes whatever the wish', () => {
    const first = editMessages(prompt)[1]?.text ?? '';
    const second = editMessages({ ...prompt, wish: 'Be slow.' })[1]?.text ?? '';
    assert.equal(first.slice(0, -'Be quick.'.length), second.slice(0, -'Be slow.'.length));
  });
});

describe('enclosingBlock', () => {
  const lines = `a = 1

def first():
    if a:

        return 2
    return 3

class Second:
    x = 1

function third() {
  return {
    x,
  };
}
`.split('\n');
  const blockAt = (line: number) => {
    const { start, end } = enclosingBlock(lines, line);
    return [start, end];
  };

  it('is the block around the line, with its head and what closes it', () => {
    assert.deepEqual(blockAt(6), [2, 7]);
    assert.deepEqual(blockAt(5), [3, 6]);
    assert.deepEqual(blockAt(9), [8, 10]);
    assert.deepEqual(blockAt(13), [12, 15]);
    assert.deepEqual(blockAt(11), [11, 16]);
    assert.deepEqual(blockAt(0), [0, 1]);
    assert.deepEqual(blockAt(1), [1, 2]);
  });
});

describe('fitToPlace', () => {
  const place = { lines: ['    return 1;'], before: ['class A {', '  one() {'], after: ['  }', '', '  two() {'] };

  it('cuts what the answer repeats of its surroundings, to the letter', () => {
    assert.deepEqual(fitToPlace(['class A {', '  one() {', '    return 2;', '  }', '', '  two() {'], place), [
      '    return 2;',
    ]);
    assert.deepEqual(fitToPlace(['  one() {', '    return 2;', '  }'], place), ['    return 2;', '  }']);
  });

  it('does not cut what only looks like it', () => {
    const own = { ...place, lines: ['  one() {', '    return 1;', '  }'], before: ['  one() {'] };
    assert.deepEqual(fitToPlace(['  one() {', '    return 2;', '  }'], own), ['  one() {', '    return 2;', '  }']);
  });
});

describe('settledPart', () => {
  const old = Array.from({ length: 30 }, (_, index) => `line number ${index}`);

  it('ends with the last lines that were taken over', () => {
    assert.deepEqual(settledPart(old, ['line number 0', 'new', 'line number 1', 'line number 2', 'newer']), {
      lines: 4,
      reach: 3,
    });
    assert.deepEqual(settledPart(old, []), { lines: 0, reach: 0 });
    assert.deepEqual(settledPart(old, ['something', 'else']), { lines: 0, reach: 0 });
  });

  it('takes more than one line of agreement to let many lines go', () => {
    assert.deepEqual(settledPart(old, ['line number 0', 'line number 20']), { lines: 1, reach: 1 });
    const many = ['line number 0', ...old.slice(20, 29)];
    assert.deepEqual(settledPart(old, many), { lines: 10, reach: 29 });
  });
});

describe('diffHunks', () => {
  it('makes one of changes that only a bracket keeps apart', () => {
    const hunks = diffHunks(['a', '}', '', 'b', 'word', 'c'], ['x', '}', '', 'y', 'word', 'z']);
    assert.deepEqual(
      hunks.map(({ oldStart, oldEnd }) => [oldStart, oldEnd]),
      [
        [0, 4],
        [5, 6],
      ],
    );
  });
});
