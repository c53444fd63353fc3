import assert from 'node:assert/strict';
import type { ChatEvent, ChatRequest } from '../../src/core/clients/llmClient.ts';
import { answering, collect, dialectOf, event, never, question } from '../support/dialects.ts';
import { expectError, rejection } from '../support/expectations.ts';
import { finish } from '../support/openaiStyleServer.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';
import { bodyOf, transcripts } from '../support/transcripts.ts';

/** What the clients of OpenAI-style servers have in common. What a server refuses is in its own words, recorded or as its users have quoted them. */

interface SentBody {
  readonly messages: readonly { readonly role: string; readonly content: unknown; readonly tool_calls?: unknown }[];
  readonly [field: string]: unknown;
}

const delta = (fields: object) => event({ id: 'chatcmpl-1', choices: [{ index: 0, delta: fields }] });

const tools = [{ name: 'read', description: 'Reads a file.', parameters: { type: 'object', properties: {} } }];
const warnings = (events: readonly ChatEvent[]) =>
  events.flatMap((given) => (given.type === 'warning' ? [given.message] : []));
const calls = (events: readonly ChatEvent[]) =>
  events.flatMap((given) => (given.type === 'toolCall' ? [[given.name, given.argumentsJson]] : []));
const reasonOf = (events: readonly ChatEvent[]) => {
  const last = events.at(-1);
  return last?.type === 'finish' ? last.reason : undefined;
};

const recorded = (server: string, name: string) => {
  const transcript = transcripts.find((candidate) => candidate.server === server && candidate.case === name);
  assert.ok(transcript, `${server}/${name}`);
  return transcript;
};

for (const dialect of [dialectOf('vllm'), dialectOf('openai-compatible'), dialectOf('openai')]) {
  describe(`${dialect.backend}: requests and answers of OpenAI’s style`, () => {
    let server: ScriptedServer;
    beforeEach(async () => {
      server = await ScriptedServer.start(dialect.routes(['m']));
    });
    afterEach(() => server.close());

    const sent = () => server.requestsTo(dialect.chatPath).map(({ body }) => JSON.parse(body) as SentBody);
    const answerWith = (...frames: readonly string[]) => server.on(dialect.chatPath, answering(dialect, ...frames));
    const chat = (fields: Partial<ChatRequest> = {}, client = dialect.client(server.url)) =>
      collect(client.chat({ ...question(), ...fields }, never));

    /** Refuses a request with the field, and answers one without it. */
    const refuse = (field: string, status: number, body: object) =>
      server.on(dialect.chatPath, (exchange) => {
        if (field in (JSON.parse(exchange.request.body) as object)) return exchange.json(body, status);
        return answering(dialect, delta({ content: 'yes' }), finish('stop'))(exchange);
      });

    it('sends what was asked for, and nothing else', async () => {
      answerWith(finish('stop'));
      await chat();
      assert.deepEqual(sent(), [
        {
          model: 'm',
          messages: [{ role: 'user', content: 'Hello' }],
          stream: true,
          stream_options: { include_usage: true },
        },
      ]);
    });

    it('case 9: every way to write the address is the same', async () => {
      const prefixed = await ScriptedServer.start({
        '*': (exchange) =>
          exchange.request.path === '/team/v1/models'
            ? exchange.json({ data: [{ id: 'm' }] })
            : exchange.send('404 page not found', 'text/plain', 404),
      });
      for (const ending of ['', '/', '/v1', '/v1/', '/v1/chat/completions', '/v1/models']) {
        const models = await dialect.client(`${server.url}${ending}`).listModels(never);
        assert.deepEqual(
          models.map(({ id }) => id),
          ['m'],
          ending,
        );
        const behindPrefix = await dialect.client(`${prefixed.url}/team${ending}`).listModels(never);
        assert.equal(behindPrefix.length, 1, ending);
      }
      await prefixed.close();
    });

    it('case 9: an API without /v1, or below another version, is found, told of and remembered', async () => {
      for (const [address, apiPath] of [
        ['/openai', '/openai'],
        ['/api/v3', '/api/v3/v1'],
      ] as const) {
        const elsewhere = await ScriptedServer.start({
          [`${apiPath}/models`]: (exchange) => exchange.json({ data: [{ id: 'm', owned_by: 'library' }] }),
          [`${apiPath}/chat/completions`]: answering(dialect, delta({ content: 'a' }), finish('stop')),
          '*': (exchange) => exchange.json({ detail: 'Not Found' }, 404),
        });
        const client = dialect.client(`${elsewhere.url}${address}`);
        const status = await client.probe(never);
        assert.equal(status.state === 'ready' && status.detail, `Its API is at ${elsewhere.url}${apiPath}.`);
        assert.equal((await collect(client.chat(question(), never))).text, 'a');
        assert.equal(elsewhere.requests.filter(({ path }) => path.endsWith('/chat/completions')).length, 1);
        await elsewhere.close();
      }
    });

    it('case 9: what is nowhere is said of the usual place', async () => {
      server.on('/v1/models', (exchange) => exchange.json({ detail: 'Not Found' }, 404));
      const status = await dialect.client(server.url).probe(never);
      assert.equal(status.state, 'unavailable');
      assert.ok(status.state === 'unavailable' && status.reason.includes('/v1/models'), JSON.stringify(status));
    });

    it('case 28: the last usage that says something is the one', async () => {
      const usage = (prompt_tokens: number, completion_tokens: number) =>
        event({
          choices: [],
          usage: { prompt_tokens, completion_tokens, prompt_tokens_details: { cached_tokens: 5 } },
        });
      answerWith(
        delta({ content: 'a' }),
        usage(7, 1),
        usage(7, 2),
        finish('stop').replace(/data: \{"choices":\[\],.*\n\n/, ''),
      );
      const { events } = await chat();
      const last = events.at(-1);
      assert.deepEqual(last?.type === 'finish' && last.usage, {
        promptTokens: 7,
        outputTokens: 2,
        cachedPromptTokens: 5,
      });
    });

    const streamOptionsRefusals: readonly (readonly [string, number, object])[] = [
      ['OpenAI’s form', 400, { error: { message: 'Unrecognized request argument supplied: stream_options' } }],
      [
        'FastAPI’s form',
        422,
        {
          detail: [{ type: 'extra_forbidden', loc: ['body', 'stream_options'], msg: 'Extra inputs are not permitted' }],
        },
      ],
      [
        'Azure’s form',
        400,
        { detail: "Extra parameters ['stream_options'] are not allowed when extra-parameters is not set" },
      ],
    ];
    for (const [name, status, body] of streamOptionsRefusals) {
      it(`case 29: stream_options refused in ${name}: left out from then on, without a word`, async () => {
        refuse('stream_options', status, body);
        const client = dialect.client(server.url);
        for (let time = 0; time < 2; time++) {
          const { text, error, events } = await chat({}, client);
          assert.equal(error, undefined);
          assert.equal(text, 'yes');
          assert.deepEqual(warnings(events), []);
        }
        assert.deepEqual(
          sent().map((body) => 'stream_options' in body),
          [true, false, false],
        );
      });
    }

    it('case 34: reasoning under either name is reasoning', async () => {
      answerWith(
        delta({ reasoning_content: 'h' }),
        delta({ reasoning: 'm' }),
        delta({ content: 'Hi' }),
        finish('stop'),
      );
      const { text, reasoning } = await chat();
      assert.deepEqual([reasoning, text], ['hm', 'Hi']);
    });

    it('case 35: <think> tags split over chunks', async () => {
      answerWith(...'<think>\nhm</think>\n\nHi'.split('').map((content) => delta({ content })), finish('stop'));
      const { text, reasoning, error } = await chat();
      assert.equal(error, undefined);
      assert.deepEqual([reasoning, text], ['hm', 'Hi']);
    });

    it('case 35: <think> without its end is reasoning', async () => {
      answerWith(delta({ content: '<think>hm' }), finish('length'));
      assert.equal((await chat()).reasoning, 'hm');
    });

    it('case 35: what is held back is given, however the answer ends', async () => {
      const held = delta({ content: 'a <thi' });
      for (const [end, kind] of [
        ['', 'truncated'],
        [event({ error: { message: 'engine died' } }), 'serverError'],
        ['data: {\n\n', 'protocol'],
      ] as const) {
        answerWith(held, end);
        const { text, error } = await chat();
        assert.equal(text, 'a <thi', kind);
        expectError(error, kind);
      }
      server.on(dialect.chatPath, async (exchange) => {
        exchange.start(dialect.contentType);
        await exchange.write(held);
        exchange.cut();
      });
      const { text, error } = await chat();
      assert.equal(text, 'a <thi');
      expectError(error, 'streamCut');
    });

    it('case 35: without the opening tag, which a template has written, from the second answer on', async () => {
      answerWith(delta({ content: 'hm\n</think>\n\nHi' }), finish('stop'));
      const client = dialect.client(server.url);
      assert.equal((await chat({}, client)).text, 'hm\nHi');
      const { text, reasoning } = await chat({}, client);
      assert.deepEqual([reasoning, text], ['hm\n', 'Hi']);
    });

    it('case 35: once an answer without tags shows that reasoning is over, the next is text again', async () => {
      const client = dialect.client(server.url);
      const texts: string[] = [];
      for (const content of ['hm\n</think>\n\nHi', 'Hi', 'Hi']) {
        answerWith(delta({ content }), finish('stop'));
        texts.push((await chat({}, client)).text);
      }
      assert.deepEqual(texts, ['hm\nHi', '', 'Hi']);
    });

    it('case 37: an output limit that reasoning has used up is told', async () => {
      answerWith(delta({ reasoning: 'hm' }), finish('length'));
      const { events } = await chat({ maxOutputTokens: 3 });
      assert.match(warnings(events).join(), /output limit.*reasoning.*a2ia\.maxOutputTokens/);
      assert.equal(reasonOf(events), 'length');
      answerWith(delta({ reasoning: 'hm' }), delta({ content: 'Hi' }), finish('length'));
      assert.deepEqual(warnings((await chat()).events), []);
    });

    it('case 39: arguments in pieces of one letter over two calls at once', async () => {
      const piece = (index: number, args: string) => delta({ tool_calls: [{ index, function: { arguments: args } }] });
      const opened = [0, 1].map((index) =>
        delta({ tool_calls: [{ index, id: `call_${index}`, function: { name: `tool${index}`, arguments: '' } }] }),
      );
      const [first, second] = ['{"path":"a.ts"}', '{"path":"b.ts"}'];
      const pieces = [...first].flatMap((letter, at) => [piece(0, letter), piece(1, second[at] ?? '')]);
      answerWith(...opened, ...pieces, finish('tool_calls'));
      const { events } = await chat({ tools });
      assert.deepEqual(calls(events), [
        ['tool0', first],
        ['tool1', second],
      ]);
      assert.equal(reasonOf(events), 'toolCalls');
    });

    it('case 40: no index, the id in the first piece only', async () => {
      answerWith(
        delta({ tool_calls: [{ id: 'a', function: { name: 'read', arguments: '{"x"' } }] }),
        delta({ tool_calls: [{ function: { arguments: ':1}' } }] }),
        finish('tool_calls'),
      );
      assert.deepEqual(calls((await chat({ tools })).events), [['read', '{"x":1}']]);
    });

    it('case 40: id and name in every piece', async () => {
      const piece = (args: string) =>
        delta({ tool_calls: [{ index: 0, id: 'a', function: { name: 'read', arguments: args } }] });
      answerWith(piece('{"x"'), piece(':1}'), finish('tool_calls'));
      assert.deepEqual(calls((await chat({ tools })).events), [['read', '{"x":1}']]);
    });

    it('case 41: another id at the same index is another call', async () => {
      const call = (id: string) =>
        delta({ tool_calls: [{ index: 0, id, function: { name: 'read', arguments: `{"id":"${id}"}` } }] });
      answerWith(call('a'), call('b'), finish('tool_calls'));
      assert.deepEqual(calls((await chat({ tools })).events), [
        ['read', '{"id":"a"}'],
        ['read', '{"id":"b"}'],
      ]);
    });

    it('case 42: arguments as an object, as null, as an empty text', async () => {
      const call = (index: number, args: unknown) =>
        delta({ tool_calls: [{ index, id: `call_${index}`, function: { name: 'read', arguments: args } }] });
      answerWith(call(0, { x: 1 }), call(1, null), call(2, ''), finish('tool_calls'));
      assert.deepEqual(
        calls((await chat({ tools })).events).map(([, args]) => args),
        ['{"x":1}', '{}', '{}'],
      );
    });

    it('case 43: arguments that are no JSON are given as they are, and go back as valid ones', async () => {
      answerWith(
        delta({ tool_calls: [{ index: 0, id: 'a', function: { name: 'read', arguments: '{"x' } }] }),
        finish('tool_calls'),
      );
      const { events, error } = await chat({ tools });
      assert.equal(error, undefined);
      const call = events.find((given) => given.type === 'toolCall');
      assert.ok(call);
      assert.equal(call.argumentsJson, '{"x');
      await chat({ messages: [{ role: 'assistant', text: '', toolCalls: [call] }] });
      assert.deepEqual(sent().at(-1)?.messages[0]?.tool_calls, [
        { id: 'a', type: 'function', function: { name: 'read', arguments: '{}' } },
      ]);
    });

    it('case 44: finish reason stop with a tool call is a turn of tools', async () => {
      answerWith(
        delta({ tool_calls: [{ index: 0, id: 'a', function: { name: 'read', arguments: '{}' } }] }),
        finish('stop'),
      );
      assert.equal(reasonOf((await chat({ tools })).events), 'toolCalls');
    });

    it('case 46: a call without an id gets one, another in every answer, and its result refers to it', async () => {
      const answer = (id: string) =>
        event({ id, choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { name: 'read' } }] } }] });
      const ids: string[] = [];
      for (const id of ['chatcmpl-1', 'chatcmpl-2']) {
        answerWith(answer(id), finish('tool_calls'));
        const call = (await chat({ tools })).events.find((given) => given.type === 'toolCall');
        assert.match(call?.id ?? '', /^[a-z0-9]{9}$/);
        ids.push(call?.id ?? '');
      }
      assert.notEqual(ids[0], ids[1]);
      const toolCalls = [{ id: ids[0] ?? '', name: 'read', argumentsJson: '{}' }];
      await chat({
        messages: [
          { role: 'assistant', text: '', toolCalls },
          { role: 'tool', toolCallId: ids[0] ?? '', toolName: 'read', text: 'x' },
        ],
      });
      assert.deepEqual(sent().at(-1)?.messages[1], { role: 'tool', tool_call_id: ids[0], content: 'x' });
    });

    const toolRefusals: readonly (readonly [string, number, object])[] = [
      [
        'vLLM',
        recorded('vllm', 'chat-tools-no-parser').status,
        JSON.parse(bodyOf(recorded('vllm', 'chat-tools-no-parser'))) as object,
      ],
      [
        'LiteLLM',
        recorded('litellm', 'chat-tools-unsupported').status,
        JSON.parse(bodyOf(recorded('litellm', 'chat-tools-unsupported'))) as object,
      ],
      [
        'an old llama-server',
        500,
        { error: { code: 500, message: 'tools param requires --jinja flag', type: 'server_error' } },
      ],
    ];
    for (const [name, status, body] of toolRefusals) {
      it(`case 47: tools refused by ${name}: answered without them, told once, remembered`, async () => {
        refuse('tools', status, body);
        const client = dialect.client(server.url);
        const first = await chat({ tools }, client);
        assert.equal(first.error, undefined);
        assert.equal(first.text, 'yes');
        assert.equal(warnings(first.events).length, 1);
        assert.match(warnings(first.events).join(), /cannot use tools/);
        assert.deepEqual(warnings((await chat({ tools }, client)).events), []);
        assert.deepEqual(
          sent().map((body) => 'tools' in body),
          [true, false, false],
        );
      });
    }

    it('case 69: an image that the model cannot read is no reason to ask again', async () => {
      const images = [{ mediaType: 'image/png', base64: 'iVBORw0KGgo=' }];
      for (const [name, file] of [
        ['vllm', 'chat-image-to-text-model'],
        ['llama-server', 'chat-image-to-text-model'],
      ] as const) {
        const answer = recorded(name, file);
        server.on(dialect.chatPath, (exchange) => exchange.send(bodyOf(answer), 'application/json', answer.status));
        const before = sent().length;
        const { error } = await chat({ messages: [{ role: 'user', text: 'What is it?', images }] });
        assert.equal(expectError(error, 'unsupported').feature, 'images');
        assert.equal(sent().length, before + 1);
      }
    });

    it('images go along as what they are', async () => {
      answerWith(finish('stop'));
      const images = [{ mediaType: 'image/png', base64: 'iVBORw0KGgo=' }];
      await chat({ messages: [{ role: 'user', text: 'What is it?', images }] });
      assert.deepEqual(sent()[0]?.messages, [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is it?' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
          ],
        },
      ]);
    });

    it('case 71: the name of the output limit that is refused gives way to the other', async () => {
      const [usual, other] =
        dialect.backend === 'openai'
          ? ['max_completion_tokens', 'max_tokens']
          : ['max_tokens', 'max_completion_tokens'];
      const message = `Unsupported parameter: '${usual}' is not supported with this model. Use '${other}' instead.`;
      refuse(usual ?? '', 400, {
        error: { message, type: 'invalid_request_error', param: usual, code: 'unsupported_parameter' },
      });
      const client = dialect.client(server.url);
      for (let time = 0; time < 2; time++) {
        const { error, events } = await chat({ maxOutputTokens: 5 }, client);
        assert.equal(error, undefined);
        assert.deepEqual(warnings(events), []);
      }
      assert.deepEqual(
        sent().map((body) => [body[usual ?? ''], body[other ?? '']]),
        [
          [5, undefined],
          [undefined, 5],
          [undefined, 5],
        ],
      );
    });

    it('case 71: a temperature and a top-p that are refused are left out, and told of once', async () => {
      server.on(dialect.chatPath, (exchange) => {
        const body = JSON.parse(exchange.request.body) as SentBody;
        const field = ['temperature', 'top_p'].find((name) => name in body);
        const message = `Unsupported value: '${field}' does not support 0.2 with this model. Only the default (1) value is supported.`;
        if (field) return exchange.json({ error: { message, param: field, code: 'unsupported_value' } }, 400);
        return answering(dialect, delta({ content: 'yes' }), finish('stop'))(exchange);
      });
      const client = dialect.client(server.url);
      const settings = { temperature: 0.2, topP: 0.2 };
      assert.match(warnings((await chat(settings, client)).events).join('|'), /temperature.*\|.*top-p/);
      assert.deepEqual(warnings((await chat(settings, client)).events), []);
      assert.equal(sent().length, 4);
    });

    it('case 71: a value that is wrong is an error, not a refusal', async () => {
      const answer = recorded('vllm', 'chat-temperature-out-of-range');
      server.on(dialect.chatPath, (exchange) => exchange.send(bodyOf(answer), 'application/json', answer.status));
      expectError((await chat({ temperature: 2 })).error, 'badRequest');
      assert.equal(sent().length, 1);
    });

    it('how much to think is left to the model where it cannot be told, with a warning', async () => {
      server.on(dialect.chatPath, (exchange) => {
        const asked = /reasoning_effort|chat_template_kwargs/.exec(exchange.request.body)?.[0];
        const message = `Unsupported parameter: '${asked}' is not supported with this model.`;
        if (asked) return exchange.json({ error: { message } }, 400);
        return answering(dialect, delta({ content: 'yes' }), finish('stop'))(exchange);
      });
      const { text, events } = await chat({ reasoning: 'low' });
      assert.equal(text, 'yes');
      assert.match(warnings(events).join(), /how much to think/);
      assert.equal(sent().length, 2);
    });

    const oddLists: readonly (readonly [string, unknown, readonly string[]])[] = [
      ['null', { object: 'list', data: null }, []],
      ['with what are no models', { data: [null, 7, {}, { id: 7 }, { id: 'm' }] }, ['m']],
    ];
    for (const [name, body, ids] of oddLists) {
      it(`case 79: a list of models that is ${name}`, async () => {
        server.on('/v1/models', (exchange) => exchange.json(body));
        const models = await dialect.client(server.url).listModels(never);
        assert.deepEqual(
          models.map(({ id }) => id),
          ids,
        );
      });
    }

    it('case 79: an answer without a list is no model server’s', async () => {
      server.on('/v1/models', (exchange) => exchange.json({ hello: 'world' }));
      await rejection(dialect.client(server.url).listModels(never), 'notAModelServer');
    });

    it('case 81: an id is sent as it is, whatever is in it', async () => {
      answerWith(finish('stop'));
      const model = 'org/Model name:7b%20 ä?&#';
      await chat({ model });
      assert.equal(sent()[0]?.['model'], model);
    });

    it('case 83: a path in the place of an image is never read', async () => {
      answerWith(finish('stop'));
      await chat({
        messages: [{ role: 'user', text: '', images: [{ mediaType: 'image/png', base64: '/etc/hostname' }] }],
      });
      assert.deepEqual(sent()[0]?.messages[0]?.content, [
        { type: 'image_url', image_url: { url: 'data:image/png;base64,/etc/hostname' } },
      ]);
    });

    it('a refusal of the model is its answer', async () => {
      answerWith(delta({ refusal: 'I cannot.' }), finish('content_filter'));
      const { text, events } = await chat();
      assert.equal(text, 'I cannot.');
      assert.equal(reasonOf(events), 'contentFilter');
    });

    it('an answer that the engine gave up is truncated', async () => {
      answerWith(delta({ content: 'Hel' }), finish('abort'));
      const { text, error } = await chat();
      assert.equal(text, 'Hel');
      expectError(error, 'truncated');
    });
  });
}
