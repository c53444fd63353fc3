import assert from 'node:assert/strict';
import { collect, dialectOf, never, question } from '../support/dialects.ts';
import { expectError, rejection } from '../support/expectations.ts';
import { bodies, completed, json, withServer } from '../support/openaiStyleServer.ts';

const vllm = dialectOf('vllm');
const eventStream = vllm.contentType;

describe('vllm: what it has of its own', () => {
  it('case 79: the window of an adapter is that of its model', () =>
    withServer(
      {
        '/v1/models': json({
          data: [
            { id: 'base', owned_by: 'vllm', max_model_len: 2048, parent: null },
            { id: 'adapter', owned_by: 'vllm', parent: 'base' },
            { id: 'lost', owned_by: 'vllm', parent: 'gone' },
          ],
        }),
      },
      async ({ url }) => {
        const client = vllm.client(url);
        const windows = ['base', 'adapter', 'lost', 'none'].map((model) => client.contextWindow(model, never));
        assert.deepEqual(await Promise.all(windows), [2048, 2048, undefined, undefined]);
      },
    ));

  it('counts tokens by /tokenize, with what else makes the prompt', () =>
    withServer({ '/tokenize': json({ count: 37, max_model_len: 2048, tokens: [] }) }, async (server) => {
      const tools = [{ name: 'read', description: 'Reads.', parameters: {} }];
      const count = await vllm.client(server.url).countTokens({ ...question(), tools, reasoning: 'off' }, never);
      assert.deepEqual(count, { tokens: 37, isExact: true });
      assert.deepEqual(bodies(server, '/tokenize'), [
        {
          model: 'm',
          messages: [{ role: 'user', content: 'Hello' }],
          tools: [{ type: 'function', function: tools[0] }],
          chat_template_kwargs: { enable_thinking: false },
        },
      ]);
    }));

  it('estimates where a proxy does not let /tokenize through, and says when it is not there at all', () =>
    withServer({}, async (server) => {
      const client = vllm.client(server.url);
      assert.equal((await client.countTokens(question(), never)).isExact, false);
      await server.close();
      await rejection(client.countTokens(question(), never), 'notRunning');
    }));

  it('case 72: a gap is filled by the raw prompt; a suffix is never sent', () =>
    withServer({}, async (server) => {
      server.on('/v1/completions', (exchange) => exchange.send(completed('b'), eventStream));
      const client = vllm.client(server.url);
      const gap = { model: 'm', prefix: 'a(', suffix: ')', seed: 1, temperature: 0, topP: 0.9, maxOutputTokens: 8 };
      assert.equal((await collect(client.complete!({ ...gap, rawPrompt: '<PRE>' }, never))).text, 'b');
      assert.deepEqual(bodies(server, '/v1/completions'), [
        {
          model: 'm',
          prompt: '<PRE>',
          stream: true,
          stream_options: { include_usage: true },
          temperature: 0,
          top_p: 0.9,
          seed: 1,
          max_tokens: 8,
        },
      ]);
      const { error } = await collect(client.complete!(gap, never));
      assert.equal(expectError(error, 'unsupported').feature, 'fillInTheMiddle');
      assert.equal(server.requests.length, 1);
    }));
});
