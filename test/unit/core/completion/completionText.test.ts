import assert from 'node:assert/strict';
import fc from 'fast-check';
import { shapeCompletion, wantsMultiLine } from '../../../../src/core/completion/completionText.ts';
import { fimTemplateOf, tokensOf } from '../../../../src/core/completion/fimTemplates.ts';
import { fuzz } from './fuzz.ts';

const tokens = tokensOf(fimTemplateOf(['qwen2.5-coder']));

/** `|` is the cursor. */
function aroundOf(code: string) {
  const [before = '', after = ''] = code.split('|');
  return { before, after, isMultiLine: wantsMultiLine(before, after), tokens };
}

const shaped = (code: string, answer: string, isAll = true) => shapeCompletion(answer, aroundOf(code), isAll).text;

describe('when several lines are asked for', () => {
  const cases: readonly [code: string, isMultiLine: boolean][] = [
    ['function f() {|\n}', true],
    ['function f() {|}', true],
    ['def f(x):\n    |\n', true],
    ['|', true],
    ['const a = [|];', true],
    ['    if (a)|', true],
    ['export async function load(url: string)|', true],
    ['const total = |', true],
    ['const total = prices|', false],
    ['foo(|, b)', false],
    ['return a + |b;', false],
    ['x = |y\n', false],
  ];
  for (const [code, isMultiLine] of cases) {
    it(`${JSON.stringify(code)}: ${isMultiLine ? 'several' : 'one'}`, () =>
      assert.equal(aroundOf(code).isMultiLine, isMultiLine));
  }
});

describe('what of an answer is offered', () => {
  const cases: readonly [name: string, code: string, answer: string, offered: string][] = [
    // One line.
    ['the rest of a line', 'const total = prices|\n', '.reduce((a, b) => a + b);', '.reduce((a, b) => a + b);'],
    ['one line where one is wanted', 'const total = prices|\n', '.sum();\nconst other = 1;', '.sum();'],
    ['nothing where nothing comes', 'const a|\n', '', ''],
    ['nothing of white space', 'const a|\n', '   \n', ''],
    ['no white space at the end', 'const a|\n', ' = 1;  ', ' = 1;'],
    // The rest of the line.
    ['no bracket that is there', 'print(|)\n', 'value)', 'value'],
    ['a bracket of its own', 'print(|)\n', 'len(value)', 'len(value)'],
    ['a bracket of its own before one that is there', 'print(|)\n', 'len(value))', 'len(value)'],
    ['no quote that is there', 'print("|")\n', 'hello")', 'hello'],
    ['a quote of its own', 'print(|")\n', '"a" + "', '"a" + "'],
    ['no semicolon that is there', 'const a = |;\n', '1;', '1'],
    ['not the words that follow', 'return left + | right;\n', 'middle + right;', 'middle +'],
    ['not a part of them', 'foo(|, second, third)\n', 'first, second', 'first'],
    // Blocks.
    [
      'the body of a block, without the bracket that is there',
      'function f() {|\n}\n',
      '\n  return 1;\n}\n\nfunction g() {\n}',
      '\n  return 1;',
    ],
    [
      'the bracket of the block where there is none',
      'function f() {|\n',
      '\n  return 1;\n}\n\nfunction g() {\n}',
      '\n  return 1;\n}',
    ],
    [
      'brackets within',
      'function f() {|\n}\n',
      '\n  if (a) {\n    b();\n  }\n  c();\n}',
      '\n  if (a) {\n    b();\n  }\n  c();',
    ],
    ['both branches', 'if (a) {|\n', '\n  b();\n} else {\n  c();\n}\nd();', '\n  b();\n} else {\n  c();\n}'],
    ['the bracket that follows on a line of its own', 'f(() => {|})\n', '\n  a();\n})', '\n  a();\n'],
    ['the line end before it', 'f(() => {|})\n', '\n  a();\n', '\n  a();\n'],
    [
      'an indented block, up to where it is left',
      'def f(x):|\n',
      '\n    if x:\n        return 1\n    return 2\n\ndef g():\n    pass',
      '\n    if x:\n        return 1\n    return 2',
    ],
    [
      'a block up to where an empty line ends it',
      'class A:\n    |\n',
      'x = 1\n    y = 2\n\n    z = 3',
      'x = 1\n    y = 2',
    ],
    ['not what is less indented', 'def f():\n    |\n', 'return 1\nprint(f())', 'return 1'],
    [
      'one function at the left margin',
      '|\n',
      'def f():\n    a()\n\n    b()\n\ndef g():\n    c()',
      'def f():\n    a()\n\n    b()',
    ],
    ['all branches at the left margin', '|\n', 'if a:\n    b()\nelse:\n    c()\nd()', 'if a:\n    b()\nelse:\n    c()'],
    ['a paragraph at the left margin', '|\n', 'import a\nimport b\n\nimport c', 'import a\nimport b'],
    ['not the next line of the file', 'a = 1\n|\nprint(a)\n', 'b = 2\nprint(a)\nprint(b)', 'b = 2'],
    ['nothing that is the next line', 'a = 1\n|\nprint(a)\n', 'print(a)\n', ''],
    ['a line once or twice, not for ever', '|\n', 'go()\ngo()\ngo()\ngo()', 'go()\ngo()'],
    ['with Windows line ends', 'function f() {|\n}\n', '\r\n  return 1;\r\n}', '\n  return 1;'],
    // What is no code.
    ['no token of the model', 'a = |\n', '1<|fim_pad|><|file_sep|>b.py', '1'],
    ['no fence around it', 'function f() {\n  |\n}\n', '```js\nreturn 1;\n```\nThis returns 1.', 'return 1;'],
    ['nothing after a fence', 'function f() {\n  |\n}\n', 'return 1;\n```\n\nExplanation', 'return 1;'],
    ['no talk', 'def f():\n    |\n', 'Here is the completed code:\n```python\nreturn 1\n```', ''],
    ['no assurance', 'def f():\n    |\n', 'Sure! The code should return 1.', ''],
    ['no apology', 'def f():\n    |\n', 'I’m sorry, but I cannot help with that.', ''],
    ['a loop over i', 'for |\n', 'i in range(10):', 'i in range(10):'],
    ['talk in a comment', '// |\n', 'Here is the list:', 'Here is the list:'],
  ];
  for (const [name, code, answer, offered] of cases) {
    it(name, () => assert.equal(shaped(code, answer), offered));
  }

  it('in prose, fences and sentences too', () => {
    const around = { ...aroundOf('|\n'), isProse: true };
    assert.equal(shapeCompletion('Here is how:\n```\na\n```', around, true).text, 'Here is how:\n```\na\n```');
  });

  it('no half line of an answer that broke off', () => {
    assert.equal(shaped('const total = prices|\n', '.reduce((a, b) =>', false), '');
    assert.equal(shaped('def f():|\n', '\n    a = 1\n    b = so', false), '\n    a = 1');
  });

  it('at most sixteen lines', () => {
    const answer = Array.from({ length: 40 }, (_, number) => `    line${number}()`).join('\n');
    assert.equal(shaped('def f():|\n', `\n${answer}`).split('\n').length, 16);
  });

  it('is complete as soon as more cannot change it, so that the server can stop', () => {
    const complete = (code: string, answer: string) => shapeCompletion(answer, aroundOf(code), false).isComplete;
    assert.ok(complete('const a|\n', ' = 1;\n'));
    assert.ok(!complete('const a|\n', ' = 1;'));
    assert.ok(complete('function f() {|\n}\n', '\n  return 1;\n}\n'));
    assert.ok(!complete('function f() {|\n}\n', '\n  return 1;\n'));
    assert.ok(complete('def f():\n    |\n', 'Sure! '));
  });
});

const piece = fc.constantFrom(
  'a',
  'return x;',
  '\n',
  '\n  ',
  '\n    ',
  '\n}',
  '}',
  '{',
  '(',
  ')',
  ' ',
  '"',
  "'",
  '```\n',
  '`',
  '<',
  '<|fim',
  '_pad|>',
  '<|file_sep|>',
  ';',
  'else {',
  '\r\n',
  'Sure! ',
  'é😀',
);
const code = fc.array(piece, { maxLength: 14 }).map((parts) => parts.join(''));
/** A line that no other part of these texts can be. */
const landmark = fc.constantFrom('landmarkOne();', 'landmarkTwo = 2', '# landmark three');

describe('what of an answer is offered, whatever the answer', () => {
  fuzz('is a beginning of it, and nothing else', (options) => {
    fc.assert(
      fc.property(code, code, code, fc.boolean(), (before, after, answer, isAll) => {
        const around = { ...aroundOf('|'), before, after, isMultiLine: wantsMultiLine(before, after) };
        const { text } = shapeCompletion(answer, around, isAll);
        const clean = answer.replaceAll('\r', '');
        const unfenced = clean.replace(/^\s*```[^\n`]*\n/, '');
        assert.ok(clean.startsWith(text) || unfenced.startsWith(text), JSON.stringify(text));
        assert.ok(!tokens.some((token) => text.includes(token)), 'no token of the model');
        assert.ok(text === '' || text.trim() !== '', 'not only white space');
        if (!around.isMultiLine) assert.ok(!text.includes('\n'), 'one line');
        if ((after.split('\n')[0] ?? '').trim() === '') assert.equal(text, text.trimEnd());
      }),
      options,
    );
  });

  fuzz('is the same whatever the cuts, and nothing comes after it is complete', (options) => {
    fc.assert(
      fc.property(code, code, code, fc.array(fc.nat(), { maxLength: 8 }), (before, after, answer, cuts) => {
        const around = { ...aroundOf('|'), before, after, isMultiLine: wantsMultiLine(before, after) };
        const whole = shapeCompletion(answer, around, true).text;
        const ends = cuts.map((cut) => cut % (answer.length + 1)).sort((a, b) => a - b);
        for (const end of ends) {
          const part = shapeCompletion(answer.slice(0, end), around, false);
          if (part.isComplete) assert.equal(part.text, whole, `after ${end} of ${JSON.stringify(answer)}`);
        }
      }),
      options,
    );
  });

  fuzz('never repeats what follows', (options) => {
    fc.assert(
      fc.property(code, code, landmark, fc.boolean(), (before, middle, next, isIndented) => {
        const opened = `${before}\n${isIndented ? '    ' : ''}`;
        const after = `\n${next}\nmore();\n`;
        const around = { ...aroundOf('|'), before: opened, after, isMultiLine: wantsMultiLine(opened, after) };
        const { text } = shapeCompletion(`${middle}${after}`, around, true);
        assert.ok(!text.includes(next), JSON.stringify(text));
      }),
      options,
    );
  });
});
