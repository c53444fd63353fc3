import assert from 'node:assert/strict';
import type { ChatRequest } from '../../src/core/clients/llmClient.ts';
import { answering, collect, never, question } from '../support/dialects.ts';
import { expectError, rejection } from '../support/expectations.ts';
import {
  dialect,
  line,
  lines,
  refusing,
  inTurn,
  modelName,
  loadedAnswer,
  running,
  shown,
  completion,
  completionEnd,
  ollamaServer,
} from '../support/ollamaServer.ts';
import { createTestHost } from '../support/testHost.ts';

/** What only Ollama has. */

describe('ollama: its own protocol', () => {
  const ollama = ollamaServer();
  const { client, chat, gap, complete, sent, answers, warningsOf } = ollama;

  describe('errors', () => {
    it('case 81: an id is sent as it is, whatever is in it', async () => {
      const model = 'hf.co/org/Model name:7b%20 ä?&#';
      ollama.server.on('/api/chat', refusing(404, 'not found'));
      await chat({ model });
      const { body } = ollama.server.requestsTo('/api/chat')[0] ?? assert.fail('nothing was sent');
      assert.equal((JSON.parse(body) as { model: string }).model, model);
    });

    it('case 55: a model that is not there: how to fetch it, and which there are', async () => {
      ollama.server.on('/api/chat', refusing(404, `model 'nope:7b' not found`));
      const { nextStep, hint, serverMessage } = expectError((await chat({ model: 'nope:7b' })).error, 'modelNotFound');
      assert.match(hint, /ollama pull nope:7b.*smollm2:latest/);
      assert.deepEqual(nextStep, { do: 'chooseModel', models: [modelName] });
      assert.equal(serverMessage, `model 'nope:7b' not found`);

      ollama.server.on('/api/generate', refusing(404, `model 'nope:7b' not found`));
      for (const work of ['load', 'unload'] as const) {
        const error = await rejection(client()[work]?.('nope:7b', never) ?? assert.fail(), 'modelNotFound');
        assert.deepEqual(error.nextStep, { do: 'chooseModel', models: [modelName] });
      }
    });

    for (const [kind, words] of [
      ['outOfMemory', 'model requires more system memory (8.4 GiB) than is available (6.1 GiB)'],
      ['outOfMemory', 'llama runner process has terminated: cudaMalloc failed: out of memory'],
      ['outOfMemory', 'unable to load full model on GPU'],
      ['loadFailed', 'llama runner process has terminated: exit status 2'],
      ['loadFailed', 'llama-server process has terminated: exit status 1'],
      ['loadFailed', 'model runner has unexpectedly stopped, this may be due to resource limitations'],
      ['loadFailed', 'timed out waiting for llama runner to start - progress 0.10'],
    ] as const) {
      it(`case 56: ${kind}, and no second load: ${words}`, async () => {
        ollama.server.on('/api/chat', refusing(500, words));
        ollama.server.on('/api/generate', refusing(500, words));
        const { hint, serverMessage } = expectError((await chat()).error, kind);
        assert.match(hint, /memory|smaller/);
        assert.equal(serverMessage, words);
        await rejection(client().load?.(modelName, never) ?? assert.fail(), kind);
        assert.equal(ollama.server.requestsTo('/api/chat').length, 1);
        assert.equal(ollama.server.requestsTo('/api/generate').length, 1);
      });
    }

    it('case 57: busy is asked again twice at most', async () => {
      const host = createTestHost();
      const words = 'server busy, please try again.  maximum pending requests exceeded';
      ollama.server.on('/api/chat', refusing(503, words));
      const { error, events } = await collect(client({}, host).chat(question(), never));
      assert.equal(expectError(error, 'overloaded').serverMessage, words);
      assert.equal(ollama.server.requestsTo('/api/chat').length, 3);
      assert.equal(host.waitedMs.length, 2);
      assert.deepEqual(
        events.map((event) => event.type === 'progress' && event.stage),
        ['busy', 'busy'],
      );
    });

    it('case 58: an overflow as JSON inside the text, with both numbers', async () => {
      const inner = {
        error: {
          code: 400,
          message: 'request (9000 tokens) exceeds the available context size (4096 tokens)',
          type: 'exceed_context_size_error',
          n_prompt_tokens: 9000,
          n_ctx: 4096,
        },
      };
      ollama.server.on('/api/chat', refusing(400, JSON.stringify(inner)));
      const { promptTokens, contextTokens, nextStep, message } = expectError((await chat()).error, 'contextOverflow');
      assert.deepEqual([promptTokens, contextTokens], [9000, 4096]);
      assert.match(message, /9000.*4096/);
      assert.deepEqual(nextStep, { do: 'openSetting', key: 'a2ia.ollama.contextTokens' });
    });

    it('case 58: an overflow without numbers gets them: the window as it is, and an estimate', async () => {
      ollama.server.on('/api/chat', refusing(400, 'the input length exceeds the context length'));
      ollama.server.on('/api/ps', (exchange) => exchange.json({ models: [running({ context_length: 512 })] }));
      const text = 'The quick brown fox jumps over the lazy dog. '.repeat(150);
      const { error } = await chat({ messages: [{ role: 'user', text }] });
      const { promptTokens, contextTokens, message } = expectError(error, 'contextOverflow');
      assert.equal(contextTokens, 512);
      assert.ok(promptTokens && promptTokens > 1400 && promptTokens < 2200, String(promptTokens));
      assert.match(message, /about \d+ tokens.*512/);
    });

    it('case 62: 403 without a body: what to set on the server', async () => {
      ollama.server.on('/api/chat', (exchange) => exchange.response.writeHead(403).end());
      const { hint } = expectError((await chat()).error, 'forbidden');
      assert.ok(hint.includes('OLLAMA_ORIGINS') && hint.includes('OLLAMA_HOST'), hint);
    });
  });

  describe('one set of load options', () => {
    for (const [name, settings, options] of [
      ['without a setting', {}, undefined],
      ['with a context window', { 'a2ia.ollama.contextTokens': 16384 }, 16384],
    ] as const) {
      it(`case 59: every request of a model has the same, ${name}`, async () => {
        answers(dialect.text('a'), dialect.finish());
        let loaded = false;
        ollama.server.on('/api/show', (exchange) => exchange.json(shown({ capabilities: ['completion', 'insert'] })));
        ollama.server.on('/api/generate', (exchange) => {
          loaded = true;
          exchange.send(completion('1') + completionEnd, dialect.contentType);
        });
        ollama.server.on('/api/ps', (exchange) => exchange.json({ models: loaded ? [running({})] : [] }));
        const generation = { temperature: 0, maxOutputTokens: 5, seed: 1, topP: 0.5, stop: ['\n'] };
        await client(settings).contextWindow(modelName, never);
        await client(settings).load?.(modelName, never);
        await chat(generation, settings);
        await chat({ reasoning: 'off' }, settings);
        for (const extra of [{}, { suffix: '' }, { rawPrompt: '<fim>' }]) {
          const request = { ...gap, ...generation, ...extra };
          await collect(client(settings).complete?.(request, never) ?? assert.fail());
        }
        const bodies = [...sent('/api/generate'), ...sent('/api/chat')];
        assert.equal(bodies.length, 7);
        for (const body of bodies) {
          assert.equal(body['shift'], false);
          assert.equal(body['truncate'], false);
          assert.ok(!('keep_alive' in body));
          const sentOptions = (body['options'] ?? {}) as Record<string, unknown>;
          assert.equal(sentOptions['num_ctx'], options);
          const generationOptions = ['num_ctx', 'num_predict', 'temperature', 'top_p', 'seed', 'stop'];
          for (const key of Object.keys(sentOptions)) assert.ok(generationOptions.includes(key), key);
        }
      });
    }
  });

  describe('the context window', () => {
    const ps = (...models: readonly object[]) => ollama.server.on('/api/ps', (exchange) => exchange.json({ models }));
    const window = (settings = {}, model = modelName) => client(settings).contextWindow(model, never);
    /** Loads when asked, and shows it in `/api/ps` from then on. */
    const loadable = (fields: object) => {
      ps();
      ollama.server.on('/api/generate', (exchange) => {
        ps(running(fields));
        exchange.json(loadedAnswer);
      });
    };

    it('of a model that runs: what /api/ps says, and nothing is loaded', async () => {
      ps(running({ model: 'other:1b', context_length: 1 }), running({ context_length: 4096 }));
      assert.equal(await window(), 4096);
      assert.equal(await window({}, 'smollm2'), 4096);
      assert.equal(ollama.server.requestsTo('/api/generate').length, 0);
    });

    it('of a model that does not run: loads it and looks', async () => {
      loadable({ context_length: 32768 });
      assert.equal(await window(), 32768);
      assert.equal(ollama.server.requestsTo('/api/generate').length, 1);
    });

    it('case 61: less than was asked for: the server is right', async () => {
      loadable({ context_length: 8192 });
      assert.equal(await window({ 'a2ia.ollama.contextTokens': 16384 }), 8192);
      assert.deepEqual(sent('/api/generate')[0]?.['options'], { num_ctx: 16384 });
    });

    it('of a model that another program runs with another window: as the next request would load it', async () => {
      loadable({ context_length: 16384 });
      ps(running({ context_length: 4096 }));
      assert.equal(await window({ 'a2ia.ollama.contextTokens': 16384 }), 16384);
    });

    it('of a server that does not say: what was asked for, at most what the model was trained for', async () => {
      loadable({});
      const parameters = 'stop                           "<|im_end|>"\nnum_ctx                        16384';
      assert.equal(await window(), undefined);
      ollama.server.on('/api/show', (exchange) => exchange.json(shown({ parameters })));
      ollama.memory.forget(ollama.server.url);
      assert.equal(await window(), 8192);
      assert.equal(await window({ 'a2ia.ollama.contextTokens': 2048 }), 2048);
    });

    it('of a model in the cloud: all of it, and nothing is loaded', async () => {
      ollama.server.on('/api/show', (exchange) => exchange.json(shown({ remote_model: 'gpt-oss:120b' })));
      assert.equal(await window(), 8192);
      assert.equal(ollama.server.requestsTo('/api/generate').length, 0);
    });

    it('of a model that cannot be loaded: the reason', async () => {
      ps();
      ollama.server.on(
        '/api/generate',
        refusing(500, 'model requires more system memory (8 GiB) than is available (6 GiB)'),
      );
      await rejection(window(), 'outOfMemory');
    });
  });

  describe('prompts that are cut', () => {
    const longText = 'The quick brown fox jumps over the lazy dog. '.repeat(150);
    const long: Partial<ChatRequest> = { messages: [{ role: 'user', text: longText }] };
    const counted = (promptTokens: number, outputTokens = 3) =>
      answers(
        dialect.text('a'),
        line({
          message: { content: '' },
          done: true,
          done_reason: 'stop',
          prompt_eval_count: promptTokens,
          eval_count: outputTokens,
        }),
      );
    const version = (number: string) =>
      ollama.server.on('/api/version', (exchange) => exchange.json({ version: number }));

    it('case 60: an old server that drops a part of the prompt: a warning, once', async () => {
      version('0.9.0');
      counted(512);
      const first = await chat(long);
      const [warning, ...others] = warningsOf(first);
      assert.match(warning ?? '', /prompt was truncated.*0\.9\.0/i);
      assert.deepEqual(others, []);
      assert.equal(first.events.at(-1)?.type, 'finish');
      assert.deepEqual(warningsOf(await chat(long)), []);
      const { tokens } = await client().countTokens({ ...question(modelName), ...long }, never);
      assert.ok(tokens > 1200, `${tokens}: nothing is learnt from a prompt that was cut`);
    });

    it('case 60: a window that prompt and answer fill says it too', async () => {
      version('0.11.4');
      ollama.server.on('/api/ps', (exchange) => exchange.json({ models: [running({ context_length: 2048 })] }));
      await client().contextWindow(modelName, never);
      counted(1500, 547);
      assert.equal(warningsOf(await chat(long)).length, 1);
    });

    it('a server that knows truncate:false is believed, and its count is learnt', async () => {
      counted(900);
      assert.deepEqual(warningsOf(await chat(long)), []);
      const { tokens, isExact } = await client().countTokens({ ...question(modelName), ...long }, never);
      assert.equal(isExact, false);
      assert.ok(Math.abs(tokens - 900) < 10, String(tokens));
    });

    it('a prompt that was not cut needs no look at the version', async () => {
      counted(1500);
      assert.deepEqual(warningsOf(await chat(long)), []);
      ollama.server.on('/api/chat', lines({ message: { content: 'a' }, done: true, done_reason: 'stop' }));
      assert.deepEqual(warningsOf(await chat(long)), []);
      assert.equal(ollama.server.requestsTo('/api/version').length, 0);
    });
  });

  describe('completion', () => {
    const refusal = 'registry.ollama.ai/library/smollm2:latest does not support insert';
    const filled = answering(dialect, completion('1'), completionEnd);

    it('fills a gap in the model’s own way', async () => {
      ollama.server.on('/api/generate', filled);
      const { text, events } = await complete({ maxOutputTokens: 24, stop: ['\n\n'] });
      assert.equal(text, '1');
      assert.equal(events.at(-1)?.type, 'finish');
      const [body] = sent('/api/generate');
      assert.deepEqual([body?.['prompt'], body?.['suffix'], body?.['raw']], ['a = ', '\nprint(a)', undefined]);
      assert.deepEqual(body?.['options'], { num_predict: 24, stop: ['\n\n'] });
    });

    it('continues text without the chat template', async () => {
      ollama.server.on('/api/generate', filled);
      assert.equal((await complete({ suffix: '' })).text, '1');
      const [body] = sent('/api/generate');
      assert.deepEqual([body?.['prompt'], body?.['suffix'], body?.['raw']], ['a = ', undefined, true]);
    });

    it('case 72: a model that cannot gets the raw prompt, from then on at once', async () => {
      ollama.server.on('/api/generate', inTurn(refusing(400, refusal), filled));
      for (let key = 0; key < 3; key++) {
        const { text, events } = await complete({ rawPrompt: '<PRE>a = <SUF>\nprint(a)<MID>' });
        assert.equal(text, '1');
        assert.deepEqual(warningsOf({ events }), []);
      }
      assert.deepEqual(
        sent('/api/generate').map(({ raw, suffix }) => [raw, suffix]),
        [
          [undefined, '\nprint(a)'],
          [true, undefined],
          [true, undefined],
          [true, undefined],
        ],
      );
    });

    it('case 72: without a raw prompt it is refused, from then on without asking', async () => {
      ollama.server.on('/api/generate', refusing(400, refusal));
      for (let key = 0; key < 3; key++) {
        assert.equal(expectError((await complete()).error, 'unsupported').feature, 'fillInTheMiddle');
      }
      assert.equal(ollama.server.requestsTo('/api/generate').length, 1);
    });

    it('case 72: what the list of models has told is not asked again', async () => {
      await client().listModels(never);
      ollama.server.on('/api/generate', filled);
      await complete({ rawPrompt: 'raw' });
      expectError((await complete()).error, 'unsupported');
      assert.deepEqual(
        sent('/api/generate').map(({ prompt }) => prompt),
        ['raw'],
      );
    });
  });
});
