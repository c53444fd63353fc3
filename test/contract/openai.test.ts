import assert from 'node:assert/strict';
import { answering, dialectOf, never, question } from '../support/dialects.ts';
import { bodies, chat, finish, json, list, withServer } from '../support/openaiStyleServer.ts';

const openai = dialectOf('openai');

describe('openai: what it has of its own', () => {
  it('knows the context window of its families without asking, of others what the list says', () =>
    withServer({ '/v1/models': list('me', { max_model_len: 2048 }) }, async (server) => {
      const client = openai.client(server.url);
      const windows: Readonly<Record<string, number | undefined>> = {
        'gpt-6-astra': 1_050_000,
        'gpt-5.5': 1_050_000,
        'gpt-5.4-mini': 400_000,
        'gpt-5.1-codex': 400_000,
        'gpt-5-chat-latest': 128_000,
        'gpt-4.1-nano': 1_047_576,
        'gpt-4o-2024-08-06': 128_000,
        'gpt-4': 8192,
        'o3-mini': 200_000,
        'gpt-3.5-turbo-0125': 16_385,
      };
      for (const [model, expected] of Object.entries(windows)) {
        assert.equal(await client.contextWindow(model, never), expected, model);
      }
      assert.equal(server.requests.length, 0);
      assert.equal(await client.contextWindow('m', never), 2048);
      assert.equal(await client.contextWindow('ft:gpt-4o:team', never), undefined);
    }));

  it('counts tokens by the Responses API, in whose shape the conversation is', () =>
    withServer({ '/v1/responses/input_tokens': json({ input_tokens: 37 }) }, async (server) => {
      const count = await openai.client(server.url).countTokens(
        {
          model: 'm',
          messages: [
            { role: 'system', text: 'Be brief.' },
            { role: 'user', text: 'Look', images: [{ mediaType: 'image/png', base64: 'AAAA' }] },
            { role: 'assistant', text: '', toolCalls: [{ id: 'a', name: 'read', argumentsJson: '{"x":1}' }] },
            { role: 'tool', toolCallId: 'a', toolName: 'read', text: 'done' },
          ],
          tools: [{ name: 'read', description: 'Reads.', parameters: {} }],
        },
        never,
      );
      assert.deepEqual(count, { tokens: 37, isExact: true });
      assert.deepEqual(bodies(server, '/v1/responses/input_tokens'), [
        {
          model: 'm',
          input: [
            { role: 'system', content: 'Be brief.' },
            {
              role: 'user',
              content: [
                { type: 'input_text', text: 'Look' },
                { type: 'input_image', image_url: 'data:image/png;base64,AAAA' },
              ],
            },
            { type: 'function_call', call_id: 'a', name: 'read', arguments: '{"x":1}' },
            { type: 'function_call_output', call_id: 'a', output: 'done' },
          ],
          tools: [{ type: 'function', name: 'read', description: 'Reads.', parameters: {} }],
        },
      ]);
    }));

  it('estimates where there is no such API', () =>
    withServer({}, async (server) => {
      assert.equal((await openai.client(server.url).countTokens(question(), never)).isExact, false);
    }));

  it('asks nothing beside its API', () =>
    withServer({ '/v1/models': list('system') }, async (server) => {
      const client = openai.client(server.url);
      await client.probe(never);
      await client.listModels(never);
      assert.deepEqual(new Set(server.requests.map(({ path }) => path)), new Set(['/v1/models']));
    }));

  it('how much to think, in its own words', () =>
    withServer({ [openai.chatPath]: answering(openai, finish('stop')) }, async (server) => {
      const client = openai.client(server.url);
      await chat(client, { reasoning: 'off' });
      await chat(client, { reasoning: 'high' });
      assert.deepEqual(
        bodies(server, openai.chatPath).map((body) => body['reasoning_effort']),
        ['none', 'high'],
      );
    }));

  it('has nothing that continues raw text, and none of a server’s memory', () => {
    const client = openai.client('http://127.0.0.1:1');
    assert.deepEqual(
      ['complete', 'loadedModels', 'load', 'unload'].filter((name) => name in client),
      [],
    );
  });
});
