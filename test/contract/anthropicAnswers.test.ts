import assert from 'node:assert/strict';
import { answering, collect, dialectOf, never, question } from '../support/dialects.ts';
import { expectError } from '../support/expectations.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';
import type { ChatEvent } from '../../src/core/clients/llmClient.ts';

const dialect = dialectOf('anthropic');
const event = (value: { readonly type: string } & Record<string, unknown>) =>
  `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
const tools = [{ name: 'read', description: 'Reads a file.', parameters: { type: 'object' } }];

describe('anthropic: answers of its own', () => {
  const answer = async (...frames: readonly string[]) => {
    const server = await ScriptedServer.start({
      ...dialect.routes(['m']),
      [dialect.chatPath]: answering(dialect, ...frames),
    });
    const collected = await collect(dialect.client(server.url).chat({ ...question(), tools }, never));
    await server.close();
    return collected;
  };

  for (const [stopReason, reason] of [
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['tool_use', 'toolCalls'],
    ['refusal', 'contentFilter'],
    ['something_new', 'stop'],
  ] as const) {
    it(`stop reason ${stopReason}: ${reason}`, async () => {
      const delta = event({ type: 'message_delta', delta: { stop_reason: stopReason } });
      const { events } = await answer(dialect.text('a'), delta, event({ type: 'message_stop' }));
      const last = events.at(-1);
      assert.equal(last?.type === 'finish' && last.reason, reason);
    });
  }

  it('case 17: pings, comments and events and blocks of unknown kinds change nothing', async () => {
    const { text, events, error } = await answer(
      event({ type: 'ping' }),
      ': comment\n\n',
      event({ type: 'newer_event', index: 0, payload: { text: 'no' } }),
      event({
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'server_tool_use', id: 's', name: 'w' },
      }),
      event({ type: 'content_block_delta', index: 0, delta: { type: 'citations_delta', citation: {} } }),
      dialect.text('ok'),
      event({ type: 'content_block_stop', index: 0 }),
      dialect.finish(),
    );
    assert.equal(error, undefined);
    assert.equal(text, 'ok');
    assert.equal(events.length, 2);
  });

  it('case 24: an error in any shape ends the answer with the server’s words', async () => {
    const shapes = [
      event({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
      'data: {"error":{"message":"Overloaded"}}\n\n',
      'data: {"error":"Overloaded"}\n\n',
      'data: {"object":"error","message":"Overloaded"}\n\n',
      'event: error\ndata: {"message":"Overloaded"}\n\n',
    ];
    for (const shape of shapes) {
      const { text, error } = await answer(dialect.text('Hel'), shape, dialect.finish());
      assert.equal(text, 'Hel');
      assert.ok(error instanceof Error && 'serverMessage' in error, shape);
      assert.equal(error.serverMessage, 'Overloaded', shape);
    }
  });

  for (const [type, kind] of [
    ['overloaded_error', 'overloaded'],
    ['rate_limit_error', 'overloaded'],
    ['billing_error', 'quota'],
    ['authentication_error', 'unauthorized'],
    ['api_error', 'serverError'],
  ] as const) {
    it(`case 24: ${type} in mid-stream is ${kind}`, async () => {
      const { text, error } = await answer(
        dialect.text('Hel'),
        event({ type: 'error', error: { type, message: 'No.' } }),
      );
      assert.equal(text, 'Hel');
      assert.equal(expectError(error, kind).serverMessage, 'No.');
    });
  }

  it('case 28: zero counts hide no real ones, and the cached part of the prompt belongs to it', async () => {
    const { events } = await answer(
      event({
        type: 'message_start',
        message: { usage: { input_tokens: 5, cache_read_input_tokens: 100, cache_creation_input_tokens: 20 } },
      }),
      dialect.text('a'),
      event({
        type: 'message_delta',
        delta: { stop_reason: 'end_turn' },
        usage: { input_tokens: 0, output_tokens: 3 },
      }),
      event({ type: 'message_stop' }),
    );
    const last = events.at(-1);
    assert.deepEqual(last?.type === 'finish' && last.usage, {
      promptTokens: 125,
      outputTokens: 3,
      cachedPromptTokens: 100,
    });
  });

  const start = (index: number, block: object) =>
    event({ type: 'content_block_start', index, content_block: { type: 'tool_use', name: 'read', ...block } });
  const piece = (index: number, json: string | null) =>
    event({ type: 'content_block_delta', index, delta: { type: 'input_json_delta', partial_json: json } });
  const calls = (events: readonly ChatEvent[]) => events.filter((item) => item.type === 'toolCall');

  it('case 39: arguments in single characters over two interleaved blocks', async () => {
    const letters = [...'{"n":1}'].flatMap((letter) => [piece(0, letter), piece(1, letter)]);
    const stops = [0, 1].map((index) => event({ type: 'content_block_stop', index }));
    const { events } = await answer(
      start(0, { id: 'a' }),
      start(1, { id: 'b' }),
      ...letters,
      ...stops,
      dialect.finish(),
    );
    assert.deepEqual(
      calls(events).map(({ id, argumentsJson }) => [id, argumentsJson]),
      [
        ['a', '{"n":1}'],
        ['b', '{"n":1}'],
      ],
    );
    const last = events.at(-1);
    assert.equal(last?.type === 'finish' && last.reason, 'toolCalls', 'case 44: whatever the stop reason says');
  });

  it('case 42: arguments as an object with the start, as null, as nothing', async () => {
    const { events } = await answer(
      start(0, { id: 'a', input: { n: 1 } }),
      event({ type: 'content_block_stop', index: 0 }),
      start(1, { id: 'b', input: {} }) + piece(1, null),
      event({ type: 'content_block_stop', index: 1 }),
      start(2, { id: 'c', input: null }) + piece(2, ''),
      dialect.finish(),
    );
    assert.deepEqual(
      calls(events).map(({ argumentsJson }) => argumentsJson),
      ['{"n":1}', '{}', '{}'],
    );
  });

  it('case 46: a call without an id gets one', async () => {
    const { events } = await answer(start(0, {}), start(1, {}), dialect.finish());
    const ids = calls(events).map(({ id }) => id);
    assert.equal(new Set(ids).size, 2);
    assert.ok(ids.every((id) => id !== ''));
  });
});
