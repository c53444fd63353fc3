import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CompletionCache } from '../../../../src/core/completion/completionCache.ts';
import { fuzz } from './fuzz.ts';

const at = (before: string, after = '\n', document = 'a') => ({ document, before, after });

describe('the cache of completions', () => {
  const remembering = (before: string, text: string, after = '\n') => {
    const cache = new CompletionCache();
    cache.remember(at(before, after), text);
    return cache;
  };

  it('has it where it was suggested, and the rest of it while it is typed', () => {
    const cache = remembering('const a', ' = 1;');
    assert.equal(cache.find(at('const a')), ' = 1;');
    assert.equal(cache.find(at('const a =')), ' 1;');
    assert.equal(cache.find(at('const a = 1')), ';');
  });

  it('has it again for who goes back', () => {
    const cache = remembering('const a', ' = 1;');
    cache.remember(at('const a = 2'), '0;');
    assert.equal(cache.find(at('const a =')), ' 1;');
  });

  it('has nothing for who types something else, elsewhere, or in another document', () => {
    const cache = remembering('const a', ' = 1;');
    assert.equal(cache.find(at('const a :')), undefined);
    assert.equal(cache.find(at('const ')), undefined);
    assert.equal(cache.find(at('const a', '\nmore')), undefined);
    assert.equal(cache.find(at('const a', '\n', 'b')), undefined);
  });

  it('asks anew when all of it was typed', () => {
    assert.equal(remembering('const a', ' = 1;').find(at('const a = 1;')), undefined);
  });

  it('knows where nothing came', () => {
    assert.equal(remembering('const a', '').find(at('const a')), '');
    assert.equal(remembering('const a', '').find(at('const ab')), undefined);
  });

  it('leaves out the bracket that the editor closes while one types', () => {
    const cache = remembering('x = ', 'f(a, b)');
    assert.equal(cache.find(at('x = f(', ')\n')), 'a, b');
    assert.equal(cache.find(at('x = f(a', ')\n')), ', b');
    assert.equal(remembering('x = ', 'f(\n  a)').find(at('x = f(', ')\n')), undefined);
  });

  it('keeps the newest forty', () => {
    const cache = new CompletionCache();
    for (let number = 0; number < 41; number++) cache.remember(at(`${number}:`), 'x');
    assert.equal(cache.find(at('0:')), undefined);
    assert.equal(cache.find(at('1:')), 'x');
  });

  it('forgets', () => {
    const cache = remembering('a', 'b');
    cache.clear();
    assert.equal(cache.find(at('a')), undefined);
  });

  fuzz('what is typed and what is left are the suggestion', (options) => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\n', ' ', '(', ')', '😀'), maxLength: 12 });
    fc.assert(
      fc.property(text, text, text, fc.nat(), (before, after, suggestion, cut) => {
        const cache = new CompletionCache();
        cache.remember(at(before, after), suggestion);
        const typed = suggestion.slice(0, cut % (suggestion.length + 1));
        const rest = cache.find(at(before + typed, after));
        if (rest !== undefined) assert.equal(typed + rest, suggestion);
        else assert.equal(typed, suggestion);
        assert.equal(cache.find(at(`${before}${typed}§`, after)), undefined);
      }),
      options,
    );
  });
});
