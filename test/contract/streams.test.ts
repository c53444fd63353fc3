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

    it('is done at the end marker, though the connection stays open', async () => {
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

    it('says truncated when the end marker is missing, and keeps what came', async () => {
      const { text, error, events } = await chat(dialect.text('Hel'), dialect.text('lo'));
      assert.equal(text, 'Hello');
      expectError(error, 'truncated');
      assert.ok(!events.some((event) => event.type === 'finish'));
    });

    it('says truncated for a stream without anything', async () => {
      const { events, error } = await chat();
      assert.deepEqual(events, []);
      expectError(error, 'truncated');
    });

    it('says streamCut when the connection breaks, and keeps what came', async () => {
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

    it('throws an error in mid-stream with the server’s words, and keeps what came', async () => {
      const { text, error } = await chat(dialect.text('Hel'), dialect.streamError('CUDA exploded'), dialect.text('lo'));
      assert.equal(text, 'Hel');
      assert.equal(expectError(error, 'serverError').serverMessage, 'CUDA exploded');
    });

    it('knows memory trouble in mid-stream', async () => {
      const { error } = await chat(dialect.text('Hel'), dialect.streamError('CUDA error: out of memory'));
      expectError(error, 'outOfMemory');
    });

    it('takes a JSON error under status 200 for an error', async () => {
      server.on(dialect.chatPath, (exchange) => exchange.json({ error: { message: 'the engine is gone' } }));
      const { events, error } = await collect(dialect.client(server.url).chat(question(), never));
      assert.deepEqual(events, []);
      assert.ok(error instanceof Error && 'serverMessage' in error);
      assert.equal(error.serverMessage, 'the engine is gone');
    });

    it('gives the same text whatever the cuts: byte by byte', async () => {
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

    it('gives the same text whatever the cuts: with CRLF line ends', async () => {
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

describe('OpenAI-style streams: the odd servers', () => {
  for (const dialect of dialects.filter(({ backend }) => !['ollama', 'anthropic'].includes(backend))) {
    const cases: readonly [name: string, body: string, expected: string | { error: string }][] = [
      ['comments as pings', `: ping\n\n${dialect.text('a')}: ping\n\n${dialect.finish()}`, 'a'],
      ['ping events and empty data', `event: ping\n\ndata:\n\n${dialect.text('a')}${dialect.finish()}`, 'a'],
      ['[DONE] without a space', `${dialect.text('a')}data:[DONE]\n\n`, 'a'],
      [
        'no [DONE] after a finish reason',
        `${dialect.text('a')}${dialect.finish().replace('data: [DONE]\n\n', '')}`,
        'a',
      ],
      ['no blank line after the last event', `${dialect.text('a')}data: [DONE]`, 'a'],
      [
        'chunks without choices, without delta, with null',
        `data: {}\n\ndata: {"choices":[]}\n\ndata: {"choices":[{}]}\n\ndata: {"choices":[{"delta":null}]}\n\n${dialect.text('a')}${dialect.finish()}`,
        'a',
      ],
      ['an error as text', `${dialect.text('a')}data: {"error":"engine died"}\n\n`, { error: 'engine died' }],
      [
        'a flat error',
        `${dialect.text('a')}data: {"object":"error","message":"engine died","code":500}\n\n`,
        { error: 'engine died' },
      ],
      [
        'an error event',
        `${dialect.text('a')}event: error\ndata: {"message":"engine died"}\n\n`,
        { error: 'engine died' },
      ],
      [
        'an error field, as very old llama-servers send it',
        `${dialect.text('a')}error: {"code":500,"message":"engine died"}\n\n`,
        { error: 'engine died' },
      ],
    ];
    for (const [name, body, expected] of cases) {
      it(`${dialect.backend}: ${name}`, async () => {
        const server = await ScriptedServer.start({ [dialect.chatPath]: answering(dialect, body) });
        const { text, error } = await collect(dialect.client(server.url).chat(question(), never));
        await server.close();
        assert.equal(text, 'a');
        if (typeof expected === 'string') assert.equal(error, undefined);
        else assert.equal(expectError(error, 'serverError').serverMessage, expected.error);
      });
    }

    it(`${dialect.backend}: the same reasoning under both names is shown once`, async () => {
      const both = dialect
        .reasoning('hm')
        .replace(/"reasoning(_content)?":"hm"/, '"reasoning_content":"hm","reasoning":"hm"');
      const server = await ScriptedServer.start({ [dialect.chatPath]: answering(dialect, both, dialect.finish()) });
      const { reasoning } = await collect(dialect.client(server.url).chat(question(), never));
      await server.close();
      assert.equal(reasoning, 'hm');
    });

    it(`${dialect.backend}: all-zero usage on chunks does not hide the real one`, async () => {
      const zero = 'data: {"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}\n\n';
      const frames = [dialect.text('a'), zero, dialect.finish().replace('data: [DONE]', `${zero}data: [DONE]`)];
      const server = await ScriptedServer.start({ [dialect.chatPath]: answering(dialect, ...frames) });
      const { events } = await collect(dialect.client(server.url).chat(question(), never));
      await server.close();
      const last = events.at(-1);
      assert.deepEqual(last?.type === 'finish' && last.usage, { promptTokens: 7, outputTokens: 3 });
    });

    it(`${dialect.backend}: an event that is no JSON is a protocol error that does not quote it`, async () => {
      const server = await ScriptedServer.start({
        [dialect.chatPath]: answering(dialect, dialect.text('a'), 'data: {"choices":[{"delta":{"content":"secret\n\n'),
      });
      const { text, error } = await collect(dialect.client(server.url).chat(question(), never));
      await server.close();
      assert.equal(text, 'a');
      const { message, hint } = expectError(error, 'protocol');
      assert.ok(!`${message}${hint}`.includes('secret'));
    });
  }
});

describe('Ollama streams: the odd servers', () => {
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

  it('takes a last object without its line end', async () => {
    const { error, text } = await chat(dialect.text('a'), dialect.finish().trimEnd());
    assert.equal(error, undefined);
    assert.equal(text, 'a');
  });
});
