import assert from 'node:assert/strict';
import { applyPlace, namedCode } from '../../../../src/core/edit/applyPlace.ts';

describe('namedCode', () => {
  const nameOf = (info: string, first = 'x = 1') => namedCode({ info, lines: [first, 'y = 2'] }).fileName;

  it('finds the file behind the fence', () => {
    assert.equal(nameOf('ts title="src/app.ts"'), 'src/app.ts');
    assert.equal(nameOf('python src/a.py'), 'src/a.py');
    assert.equal(nameOf('src/a.py'), 'src/a.py');
    assert.equal(nameOf('ts:src/app.test.ts'), 'src/app.test.ts');
    assert.equal(nameOf('ts filename=app.ts'), 'app.ts');
    assert.equal(nameOf('12:20:src\\win\\app.ts'), 'src/win/app.ts');
    assert.equal(nameOf('ts'), undefined);
    assert.equal(nameOf(''), undefined);
    assert.equal(nameOf('js {1,3-5}'), undefined);
  });

  it('finds it in a comment, which is no part of the code', () => {
    const named = namedCode({ info: 'ts', lines: ['// src/app.ts', 'run();'] });
    assert.deepEqual([named.fileName, named.lines], ['src/app.ts', ['run();']]);
    assert.equal(nameOf('html', '<!-- index.html -->'), 'index.html');
    assert.equal(nameOf('py', '# file: tools/run.py'), 'tools/run.py');
    assert.equal(nameOf('ts', '// Node.js runs this'), undefined);
    assert.equal(nameOf('ts', '// fileNames.ts'), 'fileNames.ts');
  });
});

describe('applyPlace', () => {
  const document = `import { a } from './a';

/** One. */
export function one(x) {
  if (x) {
    return 1;
  }
  return a(x);
}

export function two(x) {
  const doubled = 2 * x;

  return doubled;
}

class Box {
  size() {
    return 1;
  }

  open() {
    return this.size() > 0;
  }
}
`.split('\n');
  const place = (code: string, lines: readonly string[] = document) => {
    const found = applyPlace(code.split('\n'), lines, 'javascript');
    return found.type === 'found' ? [found.start, found.end] : found.type;
  };

  it('is the function of that name', () => {
    assert.deepEqual(place('export function two(x) {\n  return 2 * x;\n}'), [10, 15]);
    assert.deepEqual(place('function one(x) {\n  return a(x) + 1;\n}'), [3, 9]);
  });

  it('ends where the function does, whatever its first lines are', () => {
    const spread = ['function sum(', '  a,', '  b,', ') {', '', '  return a + b;', '}', '', 'run();'];
    assert.deepEqual(place('function sum(a, b) {\n  return b + a;\n}', spread), [0, 7]);
    const blank = ['function one() {', '', '  return 1;', '}', '', 'function two() {', '  return 2;', '}'];
    assert.deepEqual(place('function one() {\n  return 3;\n}', blank), [0, 4]);
  });

  it('is not another function that is written alike', () => {
    const other = ['function one() {', '  wait(1);', '  log();', '  return 1;', '}'];
    assert.equal(place('function two() {\n  wait(1);\n  log();\n  return 2;\n}', other), 'notFound');
  });

  it('takes the comment along when the code has one', () => {
    assert.deepEqual(place('/** The first. */\nexport function one(x) {\n  return 1;\n}'), [2, 9]);
  });

  it('is the method of that name', () => {
    assert.deepEqual(place('  open() {\n    return true;\n  }'), [21, 24]);
  });

  it('spans several that stand together', () => {
    assert.deepEqual(place('export function one() {\n}\n\nexport function two() {\n}'), [3, 15]);
    assert.equal(place('export function one() {\n}\n\nclass Box {\n}'), 'ambiguous');
  });

  it('is the whole file when most of that is there', () => {
    assert.deepEqual(place(document.join('\n').replace('2 * x', '3 * x')), [0, 25]);
    assert.deepEqual(place('run();', ['']), [0, 1]);
  });

  it('is between the lines that both have', () => {
    assert.deepEqual(place('  const doubled = 2 * x;\n  log(doubled);\n\n  return doubled;'), [11, 14]);
  });

  it('is not guessed', () => {
    assert.equal(place('console.log(1);'), 'notFound');
    assert.equal(place('    return 1;\n  }'), 'notFound');
    assert.equal(place('function size() {\n}', [...document, ...document]), 'ambiguous');
  });
});
