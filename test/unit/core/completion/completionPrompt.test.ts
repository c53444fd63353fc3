import assert from 'node:assert/strict';
import fc from 'fast-check';
import { completionRequest, fitPlace } from '../../../../src/core/completion/completionPrompt.ts';
import { fimTemplateOf } from '../../../../src/core/completion/fimTemplates.ts';
import { fuzz } from './fuzz.ts';

const line = (number: number) => `const value${number} = ${number};\n`;
const lines = (count: number) => Array.from({ length: count }, (_, number) => line(number)).join('');
const place = { path: 'a.ts', prefix: 'a', suffix: 'b', neighbours: [] };
const bytesOf = (fitted: ReturnType<typeof fitPlace>) =>
  Buffer.byteLength(fitted.prefix) +
  Buffer.byteLength(fitted.suffix) +
  fitted.neighbours.reduce((sum, { path, text }) => sum + Buffer.byteLength(path) + Buffer.byteLength(text), 0);

describe('the prompt of a completion', () => {
  it('is the whole of a small file', () => {
    const small = { ...place, neighbours: [{ path: 'b.ts', text: 'c' }] };
    assert.deepEqual(fitPlace(small, 1000), small);
  });

  it('begins and ends with whole lines where it is cut', () => {
    const { prefix, suffix } = fitPlace({ ...place, prefix: `${lines(500)}const`, suffix: `;\n${lines(500)}` }, 400);
    assert.match(prefix, /^const value\d+ = \d+;\n/);
    assert.ok(prefix.endsWith('\nconst'));
    assert.ok(suffix.startsWith(';\n') && suffix.endsWith(';\n'));
  });

  it('gives the prefix what the suffix and the neighbours leave over', () => {
    const whole = fitPlace({ ...place, prefix: lines(500), suffix: '' }, 400);
    const shared = fitPlace({ ...place, prefix: lines(500), suffix: lines(500) }, 400);
    assert.ok(whole.prefix.length > shared.prefix.length);
    assert.ok(bytesOf(whole) > 400 * 3 * 0.6);
  });

  it('keeps the neighbours that were edited last, in their order', () => {
    const neighbours = ['old', 'middle', 'new'].map((path) => ({ path, text: 'x'.repeat(100) }));
    const fitted = fitPlace({ ...place, neighbours }, 300);
    assert.deepEqual(
      fitted.neighbours.map(({ path }) => path),
      ['middle', 'new'],
    );
  });

  it('has the same beginning for nearly all keys of somebody who writes a long file', () => {
    let text = lines(300);
    let previous = fitPlace({ ...place, prefix: text }, 300).prefix;
    let moves = 0;
    const typed = lines(30);
    for (const character of typed) {
      text += character;
      const { prefix } = fitPlace({ ...place, prefix: text }, 300);
      if (!prefix.startsWith(previous)) moves++;
      previous = prefix;
    }
    // The beginning moves by a quarter of the budget at a time.
    assert.ok(moves <= Math.ceil(typed.length / ((300 * 3) / 8)), `${moves} moves in ${typed.length} keys`);
  });

  it('asks for one line with the line end as stop, for several with more tokens', () => {
    const template = fimTemplateOf(['qwen2.5-coder']);
    assert.ok(template);
    const one = completionRequest({ model: 'm', place, template, isMultiLine: false });
    const several = completionRequest({ model: 'm', place, template, isMultiLine: true });
    assert.deepEqual(one.stop, ['\n', ...template.stop]);
    assert.deepEqual(several.stop, template.stop);
    assert.ok((several.maxOutputTokens ?? 0) > (one.maxOutputTokens ?? 0));
    assert.equal(one.rawPrompt, '<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>');
    assert.equal('rawPrompt' in completionRequest({ model: 'm', place, isMultiLine: false }), false);
  });

  fuzz('keeps to the budget, next to the gap, with whole characters', (options) => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc
        .array(fc.constantFrom('a', '\n', '  ', 'é', '漢', '😀', 'return x;'), { maxLength: 400 })
        .map((parts) => parts.join('')),
    );
    const neighbours = fc.array(fc.record({ path: fc.string({ maxLength: 20 }), text }), { maxLength: 4 });
    fc.assert(
      fc.property(text, text, neighbours, fc.integer({ min: 10, max: 300 }), (prefix, suffix, files, budgetTokens) => {
        const whole = { path: 'a', prefix, suffix, neighbours: files };
        const fitted = fitPlace(whole, budgetTokens);
        assert.ok(bytesOf(fitted) <= budgetTokens * 3, 'within the budget');
        assert.ok(prefix.endsWith(fitted.prefix) && suffix.startsWith(fitted.suffix), 'next to the gap');
        assert.ok(!/^[\uDC00-\uDFFF]/.test(fitted.prefix) || /^[\uDC00-\uDFFF]/.test(prefix), 'no half character');
        assert.deepEqual(fitted.neighbours, files.slice(files.length - fitted.neighbours.length));
      }),
      options,
    );
  });
});
