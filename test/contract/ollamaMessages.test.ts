import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { ChatRequest } from '../../src/core/clients/llmClient.ts';
import { answering, collect, never, question } from '../support/dialects.ts';
import { expectError } from '../support/expectations.ts';
import {
  dialect,
  line,
  lines,
  refusing,
  inTurn,
  modelName,
  loadedAnswer,
  shown,
  completion,
  completionEnd,
  ollamaServer,
} from '../support/ollamaServer.ts';
import { createTestHost } from '../support/testHost.ts';

describe('ollama: its own protocol', () => {
  const ollama = ollamaServer();
  const { client, chat, complete, sent, answers, warningsOf } = ollama;

  describe('reasoning', () => {
    it('case 36: thinking that was not asked for is reasoning, and completion asks for none', async () => {
      answers(dialect.reasoning('Hm.'), dialect.text('Yes.'), dialect.finish());
      const { text, reasoning } = await chat();
      assert.deepEqual([reasoning, text], ['Hm.', 'Yes.']);
      assert.ok(!('think' in (sent('/api/chat')[0] ?? {})));

      const thinking = line({ model: modelName, response: '', thinking: 'Hm.', done: false });
      ollama.server.on('/api/generate', answering(dialect, thinking, completion('1'), completionEnd));
      const completed = await complete();
      assert.deepEqual([completed.reasoning, completed.text], ['Hm.', '1']);
      assert.equal(sent('/api/generate')[0]?.['think'], false);
    });

    it('case 35: think tags that the server leaves in the text are told from it, whatever the cuts', async () => {
      answers(
        ...['<th', 'ink>\nHm', '.</thi', 'nk>\n\nYes', '.'].map((delta) => dialect.text(delta)),
        dialect.finish(),
      );
      const { text, reasoning } = await chat();
      assert.deepEqual([reasoning, text], ['Hm.', 'Yes.']);

      answers(dialect.text('<think>Hm'));
      const cut = await chat();
      assert.deepEqual([cut.reasoning, cut.text], ['Hm', '']);
      expectError(cut.error, 'truncated');
    });

    it('case 35: a model whose template opens the tag is known from its second answer on', async () => {
      answers(dialect.text('Hm.\n</think>\n\nYes.'), dialect.finish());
      await chat();
      const second = await chat();
      assert.deepEqual([second.reasoning.trim(), second.text], ['Hm.', 'Yes.']);
    });

    it('case 35: what a completion gives stands as it is', async () => {
      ollama.server.on('/api/generate', answering(dialect, completion('<think>a</think>'), completionEnd));
      assert.equal((await complete()).text, '<think>a</think>');
    });

    it('case 37: an output limit that reasoning has used up is told', async () => {
      answers(dialect.reasoning('Hm'), dialect.finish('length'));
      assert.match(warningsOf(await chat()).join(), /used up by reasoning/);
      answers(dialect.reasoning('Hm'), dialect.text('a'), dialect.finish('length'));
      assert.deepEqual(warningsOf(await chat()), []);
    });

    it('off, a level, or nothing: as asked', async () => {
      answers(dialect.text('a'), dialect.finish());
      for (const reasoning of ['off', 'low', 'high'] as const) await chat({ reasoning });
      await chat();
      assert.deepEqual(
        sent('/api/chat').map(({ think }) => think),
        [false, 'low', 'high', undefined],
      );
    });

    for (const words of [
      `"${modelName}" does not support thinking`,
      'think value "low" is not supported for this model',
      'json: cannot unmarshal string into Go struct field ChatRequest.think of type bool',
    ]) {
      it(`a level that is refused is left out, told once and not sent again: ${words.slice(0, 24)}…`, async () => {
        ollama.server.on(
          '/api/chat',
          inTurn(refusing(400, words), answering(dialect, dialect.text('a'), dialect.finish())),
        );
        const first = await chat({ reasoning: 'low' });
        const second = await chat({ reasoning: 'low' });
        await chat({ reasoning: 'off' });
        assert.deepEqual([first.text, second.text], ['a', 'a']);
        assert.equal(warningsOf(first).length, 1);
        assert.deepEqual(warningsOf(second), []);
        assert.deepEqual(
          sent('/api/chat').map(({ think }) => think),
          ['low', undefined, undefined, false],
        );
      });
    }
  });

  describe('tools', () => {
    const tools = [{ name: 'read', description: 'reads a file', parameters: { type: 'object' } }];
    const call = (fields: object) => ({ function: { name: 'read', arguments: { path: 'a.ts' } }, ...fields });

    it('case 45: tool calls in the last object alone', async () => {
      const message = { role: 'assistant', content: '', tool_calls: [call({ id: 'call_ab12cd34' })] };
      ollama.server.on('/api/chat', lines({ model: modelName, message, done: true, done_reason: 'stop' }));
      const { events } = await chat({ tools });
      assert.deepEqual(events[0], {
        type: 'toolCall',
        id: 'call_ab12cd34',
        name: 'read',
        argumentsJson: '{"path":"a.ts"}',
      });
      assert.equal(events[1]?.type === 'finish' && events[1].reason, 'toolCalls');
    });

    it('case 46: a tool call without an id gets one that no other call has; its arguments go back as an object', async () => {
      const message = { role: 'assistant', content: '', tool_calls: [call({}), call({})] };
      ollama.server.on('/api/chat', lines({ model: modelName, message, done: true, done_reason: 'stop' }));
      const calls = [...(await chat({ tools })).events, ...(await chat({ tools })).events].filter(
        (event) => event.type === 'toolCall',
      );
      assert.equal(new Set(calls.map(({ id }) => id)).size, 4);

      const [first] = calls;
      assert.ok(first);
      const broken = { id: 'call_2', name: 'read', argumentsJson: '{"path":' };
      await chat({
        tools,
        messages: [
          { role: 'user', text: 'Read.' },
          { role: 'assistant', text: '', toolCalls: [first, broken] },
          { role: 'tool', toolCallId: first.id, toolName: 'read', text: 'content' },
        ],
      });
      assert.deepEqual(sent('/api/chat').at(-1)?.['messages'], [
        { role: 'user', content: 'Read.' },
        {
          role: 'assistant',
          content: '',
          tool_calls: [
            { id: first.id, function: { name: 'read', arguments: { path: 'a.ts' } } },
            { id: 'call_2', function: { name: 'read', arguments: {} } },
          ],
        },
        { role: 'tool', content: 'content', tool_name: 'read', tool_call_id: first.id },
      ]);
    });

    it('case 47: tools that are refused are left out, told once and not sent again', async () => {
      const refusal = 'registry.ollama.ai/library/smollm2:latest does not support tools';
      ollama.server.on(
        '/api/chat',
        inTurn(refusing(400, refusal), answering(dialect, dialect.text('a'), dialect.finish())),
      );
      const first = await chat({ tools });
      const second = await chat({ tools });
      assert.deepEqual([first.text, second.text], ['a', 'a']);
      assert.match(warningsOf(first).join(), /smollm2:latest cannot use tools/);
      assert.deepEqual(warningsOf(second), []);
      assert.deepEqual(
        sent('/api/chat').map((body) => 'tools' in body),
        [true, false, false],
      );
    });

    it('another refusal is no refusal of tools', async () => {
      ollama.server.on('/api/chat', refusing(400, 'invalid role'));
      expectError((await chat({ tools })).error, 'badRequest');
      assert.equal(ollama.server.requestsTo('/api/chat').length, 1);
    });
  });

  describe('images', () => {
    const base64 = Buffer.from('pixels').toString('base64');
    const look = (image = base64): Partial<ChatRequest> => ({
      messages: [{ role: 'user', text: 'What is this?', images: [{ mediaType: 'image/png', base64: image }] }],
    });

    it('go to a model that can see, or whose server does not say', async () => {
      answers(dialect.text('a'), dialect.finish());
      ollama.server.on('/api/show', (exchange) => exchange.json(shown({ capabilities: ['completion', 'vision'] })));
      assert.equal((await chat(look())).text, 'a');
      ollama.server.on('/api/show', (exchange) => exchange.json({}));
      ollama.memory.forget(ollama.server.url);
      assert.equal((await chat(look())).text, 'a');
      for (const body of sent('/api/chat')) {
        assert.deepEqual(body['messages'], [{ role: 'user', content: 'What is this?', images: [base64] }]);
      }
    });

    it('are not sent to a model without eyes, which would ignore them and say nothing', async () => {
      const { error, events } = await chat(look());
      assert.equal(expectError(error, 'unsupported').feature, 'images');
      assert.deepEqual(events, []);
      assert.equal(ollama.server.requestsTo('/api/chat').length, 0);
    });

    it('case 83: a path in place of an image is never read', async () => {
      const folder = await mkdtemp(path.join(os.tmpdir(), 'a2ia-image-'));
      const file = path.join(folder, 'secret.png');
      const secret = 'the content of the file';
      writeFileSync(file, secret);
      ollama.server.on('/api/show', (exchange) => exchange.json(shown({ capabilities: ['completion', 'vision'] })));
      ollama.server.on('/api/chat', refusing(400, 'illegal base64 data at input byte 4'));
      await chat(look(file));
      await rm(folder, { recursive: true });
      const { body } = ollama.server.requestsTo('/api/chat')[0] ?? assert.fail('nothing was sent');
      assert.ok(body.includes(JSON.stringify(file)), body);
      assert.ok(!body.includes(secret) && !body.includes(Buffer.from(secret).toString('base64')));
    });
  });

  describe('NDJSON', () => {
    it('case 48: blank lines and lines that are no JSON are skipped and counted, without their words', async () => {
      const host = createTestHost();
      answers('\n', dialect.text('a'), 'user secret\n17\n\n', dialect.text('b'), dialect.finish());
      const { text, error } = await collect(client({}, host).chat(question(), never));
      assert.deepEqual([text, error], ['ab', undefined]);
      const logged = host.logged.join('\n');
      assert.match(logged, /skipped 2 lines/);
      assert.ok(!logged.includes('secret'));
    });

    it('case 49: an error line after text is an error; the text stands', async () => {
      answers(dialect.text('Hel'), dialect.text('lo'), line({ error: 'model runner crashed' }));
      const { text, error, events } = await chat();
      assert.equal(text, 'Hello');
      assert.equal(expectError(error, 'serverError').serverMessage, 'model runner crashed');
      assert.ok(!events.some(({ type }) => type === 'finish'));
    });

    it('case 50: a stream without its last object is truncated', async () => {
      answers(dialect.text('aaaa'));
      const { text, error } = await chat();
      assert.equal(text, 'aaaa');
      expectError(error, 'truncated');
    });

    it('case 51: counters that are missing are unknown', async () => {
      ollama.server.on('/api/chat', lines({ message: { content: 'a' }, done: true, done_reason: 'stop' }));
      const { events } = await chat();
      assert.deepEqual(events.at(-1), { type: 'finish', reason: 'stop', usage: {}, timings: {} });
    });

    it('case 52: load and unload are answered by one JSON object', async () => {
      ollama.server.on('/api/generate', (exchange) => exchange.json(loadedAnswer));
      await client().load?.(modelName, never);
      ollama.server.on('/api/generate', (exchange) => exchange.json({ ...loadedAnswer, done_reason: 'unload' }));
      await client().unload?.(modelName, never);
      const [load, unload] = sent('/api/generate');
      assert.ok(load && !('keep_alive' in load));
      assert.equal(unload?.['keep_alive'], 0);
    });
  });
});
