import assert from 'node:assert/strict';
import { ToolCallAssembler, type ToolCallDelta } from '../../../../src/core/clients/toolCalls.ts';

function assembled(...deltas: readonly ToolCallDelta[]) {
  const assembler = new ToolCallAssembler();
  for (const delta of deltas) assembler.add(delta);
  return assembler
    .take()
    .map((call) => (call.type === 'toolCall' ? [call.id, call.name, call.argumentsJson] : assert.fail(call.type)));
}

describe('ToolCallAssembler', () => {
  it('puts one call together from its pieces', () => {
    assert.deepEqual(
      assembled(
        { index: 0, id: 'a', function: { name: 'read', arguments: '' } },
        { index: 0, function: { arguments: '{"path":' } },
        { index: 0, function: { arguments: '"x"}' } },
      ),
      [['a', 'read', '{"path":"x"}']],
    );
  });

  it('keeps calls apart that come mixed, by their index', () => {
    assert.deepEqual(
      assembled(
        { index: 0, id: 'a', function: { name: 'one', arguments: '{' } },
        { index: 1, id: 'b', function: { name: 'two', arguments: '[' } },
        { index: 0, function: { arguments: '}' } },
        { index: 1, function: { arguments: ']' } },
      ),
      [
        ['a', 'one', '{}'],
        ['b', 'two', '[]'],
      ],
    );
  });

  it('takes an id and a name that are repeated in every piece once', () => {
    assert.deepEqual(
      assembled(
        { index: 0, id: 'a', function: { name: 'read', arguments: '{' } },
        { index: 0, id: 'a', function: { name: 'read', arguments: '}' } },
      ),
      [['a', 'read', '{}']],
    );
  });

  it('begins a new call at a new id, though the index is the same', () => {
    assert.deepEqual(
      assembled(
        { index: 0, id: 'a', function: { name: 'one', arguments: '{}' } },
        { index: 0, id: 'b', function: { name: 'two', arguments: '{}' } },
      ),
      [
        ['a', 'one', '{}'],
        ['b', 'two', '{}'],
      ],
    );
  });

  it('does without an index: pieces belong to the last call, a name begins the next', () => {
    const calls = assembled(
      { function: { name: 'one', arguments: '{' } },
      { function: { arguments: '}' } },
      { function: { name: 'two', arguments: '{}' } },
    );
    assert.deepEqual(
      calls.map(([, ...call]) => call),
      [
        ['one', '{}'],
        ['two', '{}'],
      ],
    );
    const [first, second] = calls.map(([id]) => id);
    assert.match(first ?? '', /^[0-9a-f]{9}$/);
    assert.notEqual(first, second);
  });

  it('takes arguments as an object, null for nothing, and none for an empty object', () => {
    assert.deepEqual(assembled({ index: 0, id: 'a', function: { name: 'one', arguments: { path: 'x' } } }), [
      ['a', 'one', '{"path":"x"}'],
    ]);
    const [[, ...call] = []] = assembled({ index: 0, id: null, function: { name: 'one', arguments: null } });
    assert.deepEqual(call, ['one', '{}']);
  });

  it('passes on arguments that are no JSON as they are', () => {
    assert.deepEqual(assembled({ index: 0, id: 'a', function: { name: 'one', arguments: '{"path": "x' } }), [
      ['a', 'one', '{"path": "x'],
    ]);
  });

  it('gives each call once', () => {
    const assembler = new ToolCallAssembler();
    assembler.add({ index: 0, id: 'a', function: { name: 'one', arguments: '{}' } });
    assert.equal(assembler.take().length, 1);
    assert.equal(assembler.take().length, 0);
  });
});
