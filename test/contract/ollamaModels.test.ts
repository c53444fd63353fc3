import assert from 'node:assert/strict';
import type { PullProgress } from '../../src/core/clients/llmClient.ts';
import { never } from '../support/dialects.ts';
import { expectError } from '../support/expectations.ts';
import {
  dialect,
  line,
  lines,
  loadedAnswer,
  modelName,
  ollamaServer,
  running,
  shown,
} from '../support/ollamaServer.ts';
import type { Exchange } from '../support/scriptedServer.ts';

describe('ollama: its own protocol', () => {
  const ollama = ollamaServer();
  const { client } = ollama;

  describe('models', () => {
    const listed = (id: string, fields: object = {}) => ({
      name: id,
      model: id,
      size: 98363007,
      digest: `digest of ${id}`,
      details: { family: 'llama', quantization_level: 'Q4_1' },
      ...fields,
    });
    const tags = (...models: readonly object[]) =>
      ollama.server.on('/api/tags', (exchange) => exchange.json({ models }));

    it('are listed with what the server knows, asked for once per version of a model', async () => {
      tags(listed(modelName));
      ollama.server.on('/api/ps', (exchange) => exchange.json({ models: [running({ context_length: 4096 })] }));
      const expected = {
        id: modelName,
        loaded: true,
        sizeBytes: 98363007,
        quantization: 'Q4_1',
        contextWindowTokens: 4096,
        trainedContextTokens: 8192,
        capabilities: { chat: true, tools: false, images: false, reasoning: false, fillInTheMiddle: false },
      };
      assert.deepEqual(await client().listModels(never), [expected]);
      assert.deepEqual(await client().listModels(never), [expected]);
      assert.equal(ollama.server.requestsTo('/api/show').length, 1);

      tags(listed(modelName, { digest: 'pulled anew' }));
      ollama.server.on('/api/show', (exchange) => exchange.json(shown({ capabilities: ['embedding'] })));
      const [model] = await client().listModels(never);
      assert.equal(model?.capabilities?.chat, false);
    });

    it('that the list describes are not asked about', async () => {
      const capabilities = ['completion', 'tools', 'thinking', 'insert', 'vision'];
      tags(listed(modelName, { capabilities, details: { context_length: 40960 } }));
      const [model] = await client().listModels(never);
      assert.equal(model?.trainedContextTokens, 40960);
      const all = { chat: true, tools: true, images: true, reasoning: true, fillInTheMiddle: true };
      assert.deepEqual(model.capabilities, all);
      assert.equal(ollama.server.requestsTo('/api/show').length, 0);
    });

    it('are asked about a few at a time, and one that fails is listed all the same', async () => {
      const ids = Array.from({ length: 20 }, (_, index) => `model-${index}:1b`);
      tags(...ids.map((id) => listed(id)));
      let waiting: Exchange[] = [];
      const waitedFor: number[] = [];
      ollama.server.on('/api/show', async (exchange) => {
        waiting.push(exchange);
        if (waiting.length !== 4) return;
        // One more would have time to come.
        await client().probe(never);
        waitedFor.push(waiting.length);
        const asked = waiting;
        waiting = [];
        for (const { request, response } of asked) {
          response.writeHead(request.body.includes('model-7') ? 500 : 200, { 'content-type': 'application/json' });
          response.end(JSON.stringify(shown({})));
        }
      });
      const models = await client().listModels(never);
      assert.deepEqual(
        models.map(({ id }) => id),
        ids,
      );
      assert.deepEqual(
        models.filter(({ capabilities }) => !capabilities).map(({ id }) => id),
        ['model-7:1b'],
      );
      assert.deepEqual(waitedFor, [4, 4, 4, 4, 4]);
    });

    it('of a server before 0.6.4 have no capabilities', async () => {
      tags(listed(modelName));
      ollama.server.on('/api/show', (exchange) => exchange.json({ modelfile: '' }));
      const [model] = await client().listModels(never);
      assert.ok(model && !('capabilities' in model) && !('trainedContextTokens' in model));
    });

    it('in memory: how much, where, for how long', async () => {
      const forever = running({ model: 'kept:7b', size_vram: 190948608, expires_at: '2318-03-04T10:00:00+01:00' });
      ollama.server.on('/api/ps', (exchange) =>
        exchange.json({ models: [running({ context_length: 4096 }), { ...forever, size: 190948608 }] }),
      );
      assert.deepEqual(await client().loadedModels?.(never), [
        {
          id: modelName,
          digest: '10e49fe95dfd',
          sizeBytes: 190948608,
          vramBytes: 0,
          contextWindowTokens: 4096,
          expiresAtMs: Date.parse('2026-11-23T21:53:36.254Z'),
        },
        { id: 'kept:7b', digest: '10e49fe95dfd', sizeBytes: 190948608, vramBytes: 190948608 },
      ]);
    });

    it('are out of memory when unload ends', async () => {
      let looks = 0;
      ollama.server.on('/api/ps', (exchange) => exchange.json({ models: ++looks < 3 ? [running({})] : [] }));
      ollama.server.on('/api/generate', (exchange) => exchange.json({ ...loadedAnswer, done_reason: 'unload' }));
      await client().unload?.('smollm2', never);
      assert.equal(looks, 3);
    });

    it('stop loading when nobody waits any more', async () => {
      ollama.server.on('/api/generate', () => undefined);
      const controller = new AbortController();
      const loading = client().load?.(modelName, controller.signal) ?? assert.fail();
      const exchange = await ollama.server.exchange('/api/generate');
      controller.abort();
      await assert.rejects(loading, { name: 'AbortError' });
      await exchange.closed;
    });
  });

  describe('pull', () => {
    const part = (digest: string, total: number, completed?: number) => ({
      status: `pulling ${digest}`,
      digest: `sha256:${digest}`,
      total,
      ...(completed === undefined ? {} : { completed }),
    });
    const pull = async (signal = never) => {
      const progress: PullProgress[] = [];
      let error: unknown;
      try {
        for await (const step of client().pull?.('qwen3:8b', signal) ?? assert.fail('no pull')) progress.push(step);
      } catch (thrown) {
        error = thrown;
      }
      return { progress, error };
    };

    for (const words of ['pull model manifest: file does not exist', 'invalid model name']) {
      it(`case 53: an unknown model is 200, then an error line: ${words}`, async () => {
        ollama.server.on('/api/pull', lines({ status: 'pulling manifest' }, { error: words }));
        const { progress, error } = await pull();
        assert.deepEqual(progress, [{ status: 'pulling manifest', completedBytes: 0, totalBytes: 0 }]);
        const { message, serverMessage } = expectError(error, 'modelNotFound');
        assert.ok(message.includes('qwen3:8b'));
        assert.equal(serverMessage, words);
      });
    }

    it('case 54: progress is monotone and never more than all', async () => {
      ollama.server.on(
        '/api/pull',
        lines(
          { status: 'pulling manifest' },
          part('aa', 100),
          part('aa', 100, 60),
          part('aa', 100, 60),
          part('bb', 1000),
          part('aa', 100, 20),
          part('aa', 100, 130),
          part('bb', 1000, 1000),
          { status: 'verifying sha256 digest' },
          { status: 'success' },
        ),
      );
      const { progress, error } = await pull();
      assert.equal(error, undefined);
      assert.deepEqual(
        progress.map(({ completedBytes, totalBytes }) => [completedBytes, totalBytes]),
        [
          [0, 0],
          [0, 100],
          [60, 100],
          [60, 100],
          [60, 1100],
          [60, 1100],
          [100, 1100],
          [1100, 1100],
          [1100, 1100],
          [1100, 1100],
        ],
      );
      assert.equal(progress.at(-1)?.status, 'success');
    });

    for (const [kind, words] of [
      ['diskFull', 'write /models/blobs/sha256-aa-partial: no space left on device'],
      [
        'download',
        'pull model manifest: Get "https://registry.ollama.ai/v2/": dial tcp: lookup registry.ollama.ai: no such host',
      ],
    ] as const) {
      it(`a disk or a network that fails: ${kind}, in the server’s words`, async () => {
        ollama.server.on('/api/pull', lines({ status: 'pulling manifest' }, part('aa', 100, 60), { error: words }));
        const { progress, error } = await pull();
        assert.equal(progress.at(-1)?.completedBytes, 60);
        assert.equal(expectError(error, kind).serverMessage, words);
      });
    }

    it('a stream that ends without success is truncated', async () => {
      ollama.server.on('/api/pull', lines(part('aa', 100, 60)));
      expectError((await pull()).error, 'truncated');
    });

    it('an abort ends it without an error and closes the connection', async () => {
      ollama.server.on('/api/pull', async (exchange) => {
        exchange.start(dialect.contentType);
        await exchange.write(line(part('aa', 100, 60)));
      });
      const controller = new AbortController();
      const pulling = client().pull?.('qwen3:8b', controller.signal)[Symbol.asyncIterator]();
      assert.equal((await pulling?.next())?.value?.completedBytes, 60);
      const rest = pulling?.next();
      controller.abort();
      assert.equal((await rest)?.done, true);
      await (
        await ollama.server.exchange('/api/pull')
      ).closed;
    });

    it('silence is no failure: verifying a large model takes minutes', async () => {
      ollama.server.on('/api/pull', async (exchange) => {
        exchange.start(dialect.contentType);
        await exchange.write(line({ status: 'verifying sha256 digest' }));
        setTimeout(() => exchange.response.end(line({ status: 'success' })), 150);
      });
      const steps: string[] = [];
      const pulling = client({ 'a2ia.idleTimeoutMs': 50 }).pull?.('qwen3:8b', never) ?? assert.fail();
      for await (const { status } of pulling) steps.push(status);
      assert.deepEqual(steps, ['verifying sha256 digest', 'success']);
    });
  });
});
