import assert from 'node:assert/strict';
import type { ChatEvent } from '../../src/core/clients/llmClient.ts';
import { answering, collect, dialectOf, event, never, question } from '../support/dialects.ts';
import { expectError, rejection } from '../support/expectations.ts';
import { bodies, chat, completed, finish, json, lastOf, list, withServer } from '../support/openaiStyleServer.ts';
import type { Handler } from '../support/scriptedServer.ts';
import { createTestHost } from '../support/testHost.ts';
import { answerOf, transcripts } from '../support/transcripts.ts';

/** What llama-server has of its own. */

const compatible = dialectOf('openai-compatible');
const eventStream = compatible.contentType;
const loading = transcripts.find(({ case: name }) => name === 'loading-health');
const noInfill = transcripts.find(({ server, case: name }) => server === 'llama-server' && name === 'infill');
assert.ok(loading && noInfill);
const stillLoading = answerOf(loading);

describe('openai-compatible: llama-server', () => {
  const routes = {
    '/v1/models': list('llamacpp'),
    '/props': json({ build_info: 'b11434', default_generation_settings: { n_ctx: 1024 } }),
  };
  const counted = '/v1/chat/completions/input_tokens';

  it('tells how far it has read the prompt, once it is known to be one', () =>
    withServer(routes, async (server) => {
      const progress = (processed: number) =>
        event({ choices: [{ delta: { content: null } }], prompt_progress: { total: 100, cache: 20, processed } });
      server.on(
        compatible.chatPath,
        answering(compatible, progress(20), progress(60), compatible.text('a'), finish('stop')),
      );
      const client = compatible.client(server.url);
      await chat(client);
      await client.probe(never);
      const { events } = await chat(client);
      assert.deepEqual(events.slice(0, 3), [
        { type: 'progress', stage: 'readingPrompt', fraction: 0 },
        { type: 'progress', stage: 'readingPrompt', fraction: 0.5 },
        { type: 'text', delta: 'a' },
      ]);
      assert.deepEqual(
        bodies(server, compatible.chatPath).map((body) => body['return_progress']),
        [undefined, true],
      );
    }));

  it('reasoning is left to the chat template', () =>
    withServer(routes, async (server) => {
      server.on(compatible.chatPath, answering(compatible, finish('stop')));
      const client = compatible.client(server.url);
      await client.probe(never);
      await chat(client, { reasoning: 'off' });
      await chat(client, { reasoning: 'high' });
      assert.deepEqual(
        bodies(server, compatible.chatPath).map((body) => [body['chat_template_kwargs'], body['reasoning_effort']]),
        [
          [{ enable_thinking: false }, undefined],
          [{ enable_thinking: true }, 'high'],
        ],
      );
    }));

  it('case 68: is waited for while it loads its model, which is told', () =>
    withServer(
      { '/v1/models': stillLoading, '/props': stillLoading, [compatible.chatPath]: stillLoading },
      async (server) => {
        let looks = 0;
        server.on('/v1/models', (exchange) => {
          if (++looks < 3) return stillLoading(exchange);
          server.on(compatible.chatPath, answering(compatible, compatible.text('a'), finish('stop')));
          return list('llamacpp')(exchange);
        });
        server.on('/props', json({ build_info: 'b1' }));
        const host = createTestHost();
        const { events, text, error } = await chat(compatible.client(server.url, { host }));
        assert.equal(error, undefined);
        assert.equal(text, 'a');
        assert.deepEqual(events[0], { type: 'progress', stage: 'loading' });
        assert.deepEqual(host.waitedMs, [1000, 1000, 1000]);
        assert.equal(server.requestsTo(compatible.chatPath).length, 2);
      },
    ));

  it('case 68: is still loading while only its list is there', () =>
    withServer({ '/v1/models': list('llamacpp', { meta: null }), '/props': stillLoading }, async ({ url }) => {
      assert.equal((await compatible.client(url).probe(never)).state, 'loading');
    }));

  it('case 68, 74: waiting for it can be stopped', () =>
    withServer({ '*': stillLoading }, async (server) => {
      const controller = new AbortController();
      const events: ChatEvent[] = [];
      for await (const given of compatible.client(server.url).chat(question(), controller.signal)) {
        events.push(given);
        controller.abort();
      }
      assert.deepEqual(events, [{ type: 'progress', stage: 'loading' }]);
    }));

  it('counts the tokens of a prompt itself', () =>
    withServer({ ...routes, [counted]: json({ input_tokens: 37 }) }, async (server) => {
      const client = compatible.client(server.url);
      assert.deepEqual(await client.countTokens(question(), never), { tokens: 37, isExact: true });
      assert.deepEqual(bodies(server, counted), [{ model: 'm', messages: [{ role: 'user', content: 'Hello' }] }]);
    }));

  it('counts by template and tokens where it is older', () =>
    withServer(
      {
        ...routes,
        [counted]: json({ error: { code: 404, message: 'File Not Found', type: 'not_found_error' } }, 404),
        '/apply-template': json({ prompt: '<user>Hello<assistant>' }),
        '/tokenize': json({ tokens: [1, 2, 3] }),
      },
      async (server) => {
        const client = compatible.client(server.url);
        assert.deepEqual(await client.countTokens(question(), never), { tokens: 3, isExact: true });
        assert.equal(bodies(server, '/tokenize')[0]?.['content'], '<user>Hello<assistant>');
      },
    ));

  const gap = { model: 'm', prefix: 'a(', suffix: ')', maxOutputTokens: 8, stop: ['\n'] };

  it('fills a gap by /infill', () =>
    withServer(routes, async (server) => {
      const end = { content: '', stop: true, stop_type: 'limit', tokens_evaluated: 8, tokens_predicted: 2 };
      const frames = [
        { content: 'b', stop: false },
        { content: 'c', stop: false },
        { ...end, timings: { prompt_ms: 9 } },
      ];
      server.on('/infill', (exchange) => exchange.send(frames.map(event).join(''), eventStream));
      const { text, events, error } = await collect(compatible.client(server.url).complete!(gap, never));
      assert.equal(error, undefined);
      assert.equal(text, 'bc');
      assert.deepEqual(lastOf(events), {
        type: 'finish',
        reason: 'length',
        usage: { promptTokens: 8, outputTokens: 2 },
        timings: { promptMs: 9 },
      });
      const { input_prefix, input_suffix, n_predict, stop } = bodies(server, '/infill')[0] ?? {};
      assert.deepEqual([input_prefix, input_suffix, n_predict, stop], ['a(', ')', 8, ['\n']]);
    }));

  it('a gap that breaks off is truncated', () =>
    withServer(routes, async (server) => {
      server.on('/infill', (exchange) => exchange.send(event({ content: 'b', stop: false }), eventStream));
      const { text, error } = await collect(compatible.client(server.url).complete!(gap, never));
      assert.equal(text, 'b');
      expectError(error, 'truncated');
    }));

  it('case 72: a model without tokens for gaps gets the raw prompt, from then on at once', () =>
    withServer({ ...routes, '/infill': answerOf(noInfill) }, async (server) => {
      server.on('/v1/completions', (exchange) => exchange.send(completed('b'), eventStream));
      const client = compatible.client(server.url);
      for (let time = 0; time < 2; time++) {
        const { text, error } = await collect(client.complete!({ ...gap, rawPrompt: '<PRE>a(<SUF>)<MID>' }, never));
        assert.equal(error, undefined);
        assert.equal(text, 'b');
      }
      assert.equal(server.requestsTo('/infill').length, 1);
      assert.equal(bodies(server, '/v1/completions')[1]?.['prompt'], '<PRE>a(<SUF>)<MID>');
    }));

  it('case 72: without a raw prompt it is refused, from then on without asking', () =>
    withServer({ ...routes, '/infill': answerOf(noInfill) }, async (server) => {
      const client = compatible.client(server.url);
      for (let time = 0; time < 2; time++) {
        const { error } = await collect(client.complete!(gap, never));
        assert.equal(expectError(error, 'unsupported').feature, 'fillInTheMiddle');
      }
      assert.equal(server.requestsTo('/infill').length, 1);
      assert.equal(server.requestsTo('/v1/completions').length, 0);
    }));

  it('case 72: Ollama behind it is not asked: it would put the chat template around the prompt', () =>
    withServer({ ...dialectOf('ollama').routes(['m']), '/v1/models': list('library') }, async (server) => {
      const { error } = await collect(compatible.client(server.url).complete!({ ...gap, rawPrompt: '<PRE>' }, never));
      assert.equal(expectError(error, 'unsupported').feature, 'fillInTheMiddle');
      assert.equal(server.requestsTo('/v1/completions').length, 0);
    }));

  it('a router loads and unloads, and is waited for', () =>
    withServer({ '/props': json({ build_info: 'b1' }) }, async (server) => {
      // What its list says now, and what it will say next; then that for ever.
      let states = ['unloaded'];
      const becomes = (...next: string[]): Handler => {
        return (exchange) => {
          states = next;
          exchange.json({ success: true });
        };
      };
      server.on('/v1/models', (exchange) => {
        const value = states.length > 1 ? states.shift() : states[0];
        return list('llamacpp', { status: { value } })(exchange);
      });
      server.on('/models/load', becomes('loading', 'loaded'));
      server.on('/models/unload', becomes('loaded', 'unloaded'));
      const host = createTestHost();
      const client = compatible.client(server.url, { host });
      await client.load!('m', never);
      assert.deepEqual(bodies(server, '/models/load'), [{ model: 'm' }]);
      assert.deepEqual([host.waitedMs, states], [[1000], ['loaded']]);
      await client.load!('m', never);
      assert.equal(server.requestsTo('/models/load').length, 1, 'it is there already');
      await client.unload!('m', never);
      assert.deepEqual(bodies(server, '/models/unload'), [{ model: 'm' }]);
      assert.deepEqual([host.waitedMs, states], [[1000, 1000], ['unloaded']]);
    }));

  it('a router that cannot load a model, or does not have it, says so; one that is none too', () =>
    withServer({ '/props': json({ build_info: 'b1' }), '/models/load': json({ success: true }) }, async (server) => {
      server.on('/v1/models', list('llamacpp', { status: { value: 'unloaded' } }));
      await rejection(compatible.client(server.url).load!('m', never), 'loadFailed');
      await rejection(compatible.client(server.url).load!('other', never), 'modelNotFound');
      server.on('/v1/models', list('llamacpp'));
      await rejection(compatible.client(server.url).load!('other', never), 'unsupported');
    }));
});
