import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readLines, readServerSentEvents } from '../../../../src/core/clients/streams.ts';
import { rejection } from '../../../support/expectations.ts';

async function* chunks(...pieces: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
}

async function flat<T>(batches: AsyncIterable<T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const batch of batches) all.push(...batch);
  return all;
}

const lines = (...pieces: readonly (string | Uint8Array)[]) => flat(readLines(chunks(...pieces)));
const events = (...pieces: readonly (string | Uint8Array)[]) => flat(readServerSentEvents(chunks(...pieces)));

describe('readLines', () => {
  it('gives lines without their ends, the last one also without one', async () => {
    assert.deepEqual(await lines('a\nb\r\n\nc'), ['a', 'b', '', 'c']);
    assert.deepEqual(await lines('a\n'), ['a']);
    assert.deepEqual(await lines(), []);
  });

  it('gives what one read completed as one batch', async () => {
    const batches: string[][] = [];
    for await (const batch of readLines(chunks('a\nb\nc', 'd\n', 'e'))) batches.push(batch);
    assert.deepEqual(batches, [['a', 'b'], ['cd'], ['e']]);
  });

  it('drops a byte order mark at the very beginning only', async () => {
    assert.deepEqual(await lines('\ufeffa\n', '\ufeffb\n'), ['a', '\ufeffb']);
  });

  it('shows what is no UTF-8, and loses nothing around it', async () => {
    assert.deepEqual(await lines('a', Uint8Array.of(0xff, 0xc3), 'b\n', Uint8Array.of(0xe4, 0xbd)), [
      'a\ufffd\ufffdb',
      '\ufffd',
    ]);
  });

  it('gives the same lines whatever the cuts', async () => {
    const unit = fc.constantFrom('a', 'é', '世', '👩‍💻', '\n', '\r\n', '\u2028', ' ');
    const property = fc.asyncProperty(fc.array(unit), fc.array(fc.nat()), async (units, cuts) => {
      const bytes = Buffer.from(units.join(''));
      const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
      const pieces = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
      const expected = units.join('').split(/\r?\n/);
      if (expected.at(-1) === '') expected.pop();
      assert.deepEqual(await lines(...pieces), expected);
    });
    await fc.assert(property, { numRuns: 500 });
  });

  it('gives up on a line without end', async () => {
    const piece = Buffer.alloc(1024 * 1024, 0x61);
    async function* endless() {
      for (;;) yield piece;
    }
    await rejection(flat(readLines(endless())), 'protocol');
  });
});

describe('readServerSentEvents', () => {
  it('gives name and data; a name counts for its event only', async () => {
    assert.deepEqual(await events('event: ping\ndata: 1\n\ndata: 2\n\n'), [
      { event: 'ping', data: '1' },
      { event: 'message', data: '2' },
    ]);
  });

  it('takes one space after the colon away, and no more', async () => {
    assert.deepEqual(
      (await events('data:a\n\ndata: b\n\ndata:  c \n\n')).map(({ data }) => data),
      ['a', 'b', ' c '],
    );
  });

  it('joins several data lines, ignores comments, other fields and events without data', async () => {
    const text = ': hello\n\nid: 7\nretry: 10\ndata: a\n: between\ndata: b\n\nevent: ping\n\ndata:\n\n';
    assert.deepEqual(await events(text), [{ event: 'message', data: 'a\nb' }]);
  });

  it('counts a last event without its blank line', async () => {
    assert.deepEqual(await events('data: a\n\ndata: [DONE]'), [
      { event: 'message', data: 'a' },
      { event: 'message', data: '[DONE]' },
    ]);
  });

  it('takes the field `error` of very old servers for an event', async () => {
    assert.deepEqual(await events('error: {"message":"x"}\n\n'), [{ event: 'error', data: '{"message":"x"}' }]);
  });
});
