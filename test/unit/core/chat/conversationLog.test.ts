import assert from 'node:assert/strict';
import type { ConversationRecord } from '../../../../src/core/chat/conversation.ts';
import { LogReader, toLine } from '../../../../src/core/chat/conversationLog.ts';
import { delta, exchange, finished } from '../../../support/storedConversations.ts';

const records: readonly ConversationRecord[] = [
  { type: 'begin', version: 1, id: 'c', atMs: 1 },
  ...exchange(1, 'Größe 🙂?'),
  { type: 'delta', id: 'a1', text: 'äöü', reasoning: '思考' },
  // Half of a character, as a stream may cut it.
  { type: 'delta', id: 'a1', text: '\ud83d', reasoning: '' },
  { type: 'delta', id: 'a1', text: '\ude42\n"', reasoning: '' },
  { type: 'toolCall', id: 'a1', call: { id: 't', name: 'n', argumentsJson: '{}' } },
  finished('a1'),
];

function read(pieces: readonly Buffer[]): {
  readonly records: readonly ConversationRecord[];
  readonly reader: LogReader;
} {
  const reader = new LogReader();
  const found: ConversationRecord[] = [];
  for (const piece of pieces) reader.read(piece, (_line, record) => void (record && found.push(record)));
  return { records: found, reader };
}

describe('LogReader', () => {
  const bytes = Buffer.from(records.map((record) => `\n${toLine(record)}\r\n`).join(''));

  it('Gives the records that were written, however the file is cut', () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { records: found, reader } = read([bytes.subarray(0, cut), bytes.subarray(cut)]);
      assert.deepEqual(found, records);
      assert.equal(reader.damagedLines, 0);
    }
    assert.deepEqual(read(Array.from(bytes, (byte) => Buffer.of(byte))).records, records);
  });

  it('Gives what is sure of damaged bytes, the same however they are cut', () => {
    const damaged = Buffer.concat([bytes, Buffer.from('{"half": \n'), Buffer.of(0xff, 0xfe, 0x0a), bytes]);
    for (let cut = 0; cut <= damaged.length; cut++) {
      const { records: found, reader } = read([damaged.subarray(0, cut), damaged.subarray(cut)]);
      assert.deepEqual(found, [...records, ...records]);
      assert.ok(reader.damagedLines > 0);
    }
  });

  it('A line that was cut and is said again at once is no damage', () => {
    const line = toLine(delta('a1', 'some words'));
    for (let length = 1; length < line.length; length++) {
      const { records: found, reader } = read([Buffer.from(`${line.slice(0, length)}\n${line}\n`)]);
      assert.deepEqual(found.length, 1);
      assert.equal(reader.damagedLines, 0, line.slice(0, length));
    }
  });

  it('A delta is a short line', () => {
    assert.equal(toLine(delta('a1', 'word')), '["a1","word"]');
    assert.equal(toLine({ type: 'delta', id: 'a1', reasoning: 'hm' }), '["a1","","hm"]');
  });
});
