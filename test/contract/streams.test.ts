import assert from 'node:assert/strict';
import fc from 'fast-check';
import { answering, collect, dialects, never, question, type Dialect } from '../support/dialects.ts';
import { expectError } from '../support/expectations.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';

/** Cut at these byte positions. */
function cutAt(bytes: Buffer, positions: readonly number[]): Buffer[] {
  const cuts = [0, ...[...new Set(positions)].sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end));
}

async function answerInPieces(dialect: Dialect, pieces: readonly Buffer[]) {
  const server = await ScriptedServer.start({
    [dialect.chatPath]: async (exchange) => {
      exchange.start(dialect.contentType);
      await exchange.writePieces(pieces);
      exchange.end();
    },
  });
  try {
    return await collect(dialect.client(server.url).chat(question(), never));
  } finally {
    await server.close();
  }
}

const words = 'Grüße, 世界! 👩‍💻 \u2028 \\ "quoted"\r\n\ttab';

for (const dialect of dialects) {
  describe(`${dialect.backend}: answers`, () => {
    let server: ScriptedServer;
    beforeEach(async () => {
      server = await ScriptedServer.start(dialect.routes(['m', 'other']));
    });
    afterEach(() => server.close());

    const chat = (...frames: readonly string[]) => {
      server.on(dialect.chatPath, answering(dialect, ...frames));
      return collect(dialect.client(server.url).chat(question(), never));
    };

    it('gives the text, then exactly one finish with the usage', async () => {
      const { events, text, error } = await chat(dialect.text('Hel'), dialect.text('lo'), dialect.finish());
      assert.equal(error, undefined);
      assert.equal(text, 'Hello');
      const finishes = events.filter((event) => event.type === 'finish');
      assert.equal(finishes.length, 1);
      assert.equal(events.at(-1), finishes[0]);
      assert.equal(finishes[0]?.reason, 'stop');
      assert.deepEqual(finishes[0]?.usage, { promptTokens: 7, outputTokens: 3 });
    });

    it('tells that the length limit ended the answer', async () => {
      const { events } = await chat(dialect.text('Hel'), dialect.finish('length'));
      const last = events.at(-1);
      assert.equal(last?.type === 'finish' && last.reason, 'length');
    });

    it('ignores what comes after the end', async () => {
      const { events, text, error } = await chat(dialect.text('a'), dialect.finish(), dialect.text('b'));
      assert.equal(error, undefined);
      assert.equal(text, 'a');
      assert.equal(events.at(-1)?.type, 'finish');
    });

    it('case 19: is done at the end marker, though the connection stays open', async () => {
      server.on(dialect.chatPath, async (exchange) => {
        exchange.start(dialect.contentType);
        await exchange.write(dialect.text('a') + dialect.finish());
      });
      const { text, error } = await collect(dialect.client(server.url).chat(question(), never));
      assert.equal(error, undefined);
      assert.equal(text, 'a');
      await (
        await server.exchange(dialect.chatPath)
      ).closed;
    });

    it('gives each piece while the server holds the rest back', async () => {
      server.on(dialect.chatPath, async (exchange) => {
        exchange.start(dialect.contentType);
        await exchange.write(dialect.text('first'));
      });
      const iterator = dialect.client(server.url).chat(question(), never)[Symbol.asyncIterator]();
      assert.deepEqual(await iterator.next(), { done: false, value: { type: 'text', delta: 'first' } });
      const exchange = await server.exchange(dialect.chatPath);
      await exchange.write(dialect.text('second') + dialect.finish());
      exchange.end();
      assert.deepEqual(await iterator.next(), { done: false, value: { type: 'text', delta: 'second' } });
      assert.equal((await iterator.next()).value?.type, 'finish');
      assert.equal((await iterator.next()).done, true);
    });

    it('keeps reasoning apart from text', async () => {
      const { text, reasoning, error } = await chat(
        dialect.reasoning('I think'),
        dialect.reasoning(' so.'),
        dialect.text('Yes.'),
        dialect.finish(),
      );
      assert.equal(error, undefined);
      assert.equal(reasoning, 'I think so.');
      assert.equal(text, 'Yes.');
    });

    it('keeps the order of reasoning and text inside one packet', async () => {
      const { events } = await chat(dialect.text('a'), dialect.reasoning('b'), dialect.text('c'), dialect.finish());
      assert.deepEqual(
        events.slice(0, 3).map((event) => event.type),
        ['text', 'reasoning', 'text'],
      );
    });

    it('gives each tool call once and complete', async () => {
      const { events, error } = await chat(
        dialect.text('Let me look.'),
        dialect.toolCall({ id: 'call_a', name: 'read', arguments: { path: 'ä.ts' } }),
        dialect.finish(),
      );
      assert.equal(error, undefined);
      const calls = events.filter((event) => event.type === 'toolCall');
      assert.equal(calls.length, 1);
      assert.deepEqual(calls[0], {
        type: 'toolCall',
        id: 'call_a',
        name: 'read',
        argumentsJson: JSON.stringify({ path: 'ä.ts' }),
      });
      const last = events.at(-1);
      assert.equal(last?.type === 'finish' && last.reason, 'toolCalls');
    });

    it('case 21: says truncated when the end marker is missing, and keeps what came', async () => {
      const { text, error, events } = await chat(dialect.text('Hel'), dialect.text('lo'));
      assert.equal(text, 'Hello');
      expectError(error, 'truncated');
      assert.ok(!events.some((event) => event.type === 'finish'));
    });

    it('case 21: says truncated for a stream without anything', async () => {
      const { events, error } = await chat();
      assert.deepEqual(events, []);
      expectError(error, 'truncated');
    });

    it('case 33: says streamCut when the connection breaks, and keeps what came', async () => {
      server.on(dialect.chatPath, async (exchange) => {
        exchange.start(dialect.contentType);
        await exchange.write(dialect.text('Hel'));
        exchange.cut();
      });
      const { text, error } = await collect(dialect.client(server.url).chat(question(), never));
      assert.equal(text, 'Hel');
      const { retryable, nextStep } = expectError(error, 'streamCut');
      assert.equal(retryable, true);
      assert.equal(nextStep.do, 'retry');
      assert.equal(server.requestsTo(dialect.chatPath).length, 1, 'nothing is sent again by itself');
    });

    it('case 23: throws an error in mid-stream with the server’s words, and keeps what came', async () => {
      const { text, error } = await chat(dialect.text('Hel'), dialect.streamError('CUDA exploded'), dialect.text('lo'));
      assert.equal(text, 'Hel');
      assert.equal(expectError(error, 'serverError').serverMessage, 'CUDA exploded');
    });

    it('case 23: knows memory trouble in mid-stream', async () => {
      const { error } = await chat(dialect.text('Hel'), dialect.streamError('CUDA error: out of memory'));
      expectError(error, 'outOfMemory');
    });

    it('case 25: takes a JSON error under status 200 for an error', async () => {
      server.on(dialect.chatPath, (exchange) => exchange.json({ error: { message: 'the engine is gone' } }));
      const { events, error } = await collect(dialect.client(server.url).chat(question(), never));
      assert.deepEqual(events, []);
      assert.ok(error instanceof Error && 'serverMessage' in error);
      assert.equal(error.serverMessage, 'the engine is gone');
    });

    it('case 15: gives the same text whatever the cuts: byte by byte', async () => {
      const escaped = dialect.text('smile').replace('smile', String.raw`\ud83d\ude00`);
      const frames = [dialect.text(words), escaped, dialect.reasoning(words), dialect.finish()].join('');
      const bytes = Buffer.from(frames);
      const pieces = cutAt(
        bytes,
        Array.from({ length: bytes.length }, (_, index) => index),
      );
      const { text, reasoning, error } = await answerInPieces(dialect, pieces);
      assert.equal(error, undefined);
      assert.equal(text, `${words}😀`);
      assert.equal(reasoning, words);
    });

    it('case 15: gives the same text whatever the cuts: with CRLF line ends', async () => {
      const frames = [dialect.text(words), dialect.text('x'), dialect.finish()].join('').replaceAll('\n', '\r\n');
      const bytes = Buffer.from(frames);
      const pieces = cutAt(
        bytes,
        Array.from({ length: bytes.length }, (_, index) => index),
      );
      const { text, error } = await answerInPieces(dialect, pieces);
      assert.equal(error, undefined);
      assert.equal(text, `${words}x`);
    });

    it('gives the same text whatever the cuts: 200 random ones', async () => {
      const part = fc.oneof(fc.string({ unit: 'binary', maxLength: 12 }), fc.constant('é😀\n'), fc.constant('data: x'));
      const parts = fc.array(part, { minLength: 1, maxLength: 6 });
      const property = fc.asyncProperty(
        parts,
        fc.array(fc.nat(), { maxLength: 8 }),
        fc.boolean(),
        async (deltas, cuts, crlf) => {
          const frames = [...deltas.map((delta) => dialect.text(delta)), dialect.finish()].join('');
          const bytes = Buffer.from(crlf ? frames.replaceAll('\n', '\r\n') : frames);
          server.on(dialect.chatPath, async (exchange) => {
            exchange.start(dialect.contentType);
            await exchange.writePieces(
              cutAt(
                bytes,
                cuts.map((cut) => cut % bytes.length),
              ),
            );
            exchange.end();
          });
          const { text, error } = await collect(dialect.client(server.url).chat(question(), never));
          assert.equal(error, undefined);
          assert.equal(text, deltas.join(''));
        },
      );
      await fc.assert(property, { numRuns: 200 });
    });
  });
}

describe('ollama: odd servers', () => {
  const dialect = dialects[0] as Dialect;
  const chat = async (...frames: readonly string[]) => {
    const server = await ScriptedServer.start({ [dialect.chatPath]: answering(dialect, ...frames) });
    const collected = await collect(dialect.client(server.url).chat(question(), never));
    await server.close();
    return collected;
  };

  it('skips blank lines, numbers and lines that are no JSON', async () => {
    const { text, error } = await chat(
      '\n',
      dialect.text('a'),
      '17\nnull\noops\n',
      dialect.text('b'),
      dialect.finish(),
    );
    assert.equal(error, undefined);
    assert.equal(text, 'ab');
  });

  it('takes text and tool calls out of the last object too', async () => {
    const { events, text } = await chat(
      `${JSON.stringify({
        message: { content: 'end', tool_calls: [{ function: { name: 'read', arguments: { a: 1 } } }] },
        done: true,
        done_reason: 'stop',
      })}\n`,
    );
    assert.equal(text, 'end');
    const call = events.find((event) => event.type === 'toolCall');
    assert.deepEqual([call?.name, call?.argumentsJson], ['read', '{"a":1}']);
    assert.ok(call?.id, 'a call without an id gets one');
    const last = events.at(-1);
    assert.equal(last?.type === 'finish' && last.reason, 'toolCalls');
  });

  it('leaves out counters that the server leaves out', async () => {
    const { events } = await chat('{"message":{"content":"a"},"done":true,"done_reason":"stop"}\n');
    assert.deepEqual(events.at(-1), { type: 'finish', reason: 'stop', usage: {}, timings: {} });
  });

  it('case 22: takes a last object without its line end', async () => {
    const { error, text } = await chat(dialect.text('a'), dialect.finish().trimEnd());
    assert.equal(error, undefined);
    assert.equal(text, 'a');
  });
});
