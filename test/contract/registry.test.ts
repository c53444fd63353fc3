import assert from 'node:assert/strict';
import { BackendRegistry } from '../../src/core/clients/registry.ts';
import { answering, collect, dialectOf, never, question, settingsWith } from '../support/dialects.ts';
import { expectError } from '../support/expectations.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';
import { createTestHost } from '../support/testHost.ts';

const ollama = dialectOf('ollama');
const llamaServer = dialectOf('openai-compatible');

describe('registry: servers that change', () => {
  it('case 82: another kind of server on the same port is noticed by the first answer that contradicts', async () => {
    const answer = [ollama.chatPath, answering(ollama, ollama.text('a'), ollama.finish())] as const;
    const first = await ScriptedServer.start({ ...ollama.routes(['m']), [answer[0]]: answer[1] });
    const settings = settingsWith({
      'a2ia.ollamaUrl': first.url,
      'a2ia.openaiCompatibleUrl': first.url,
      'a2ia.vllmUrl': 'http://127.0.0.1:9',
    });
    const registry = new BackendRegistry(createTestHost());
    try {
      const before = await registry.chooseClient(settings, never);
      assert.equal(before.client.backend, 'ollama');
      await first.close();
      const second = await ScriptedServer.start(
        {
          ...llamaServer.routes(['m']),
          [llamaServer.chatPath]: answering(llamaServer, llamaServer.text('b'), llamaServer.finish()),
          '*': (exchange) =>
            exchange.json({ error: { message: 'File Not Found', type: 'not_found_error', code: 404 } }, 404),
        },
        { port: first.port },
      );
      try {
        const stale = await registry.chooseClient(settings, never);
        assert.equal(stale.client.backend, 'ollama', 'what was found is kept until something speaks against it');
        const error = expectError((await collect(stale.client.chat(question(), never))).error, 'notAModelServer');
        registry.contradict(error);
        const { client } = await registry.chooseClient(settings, never);
        assert.equal(client.backend, 'openai-compatible');
        assert.equal((await collect(client.chat(question(), never))).text, 'b');
      } finally {
        await second.close();
      }
    } finally {
      registry.dispose();
    }
  });

  it('settings that change in mid-stream change the next request, not this one', async () => {
    const routes = ollama.routes(['m']);
    const old = await ScriptedServer.start(routes);
    const fresh = await ScriptedServer.start({
      ...routes,
      [ollama.chatPath]: answering(ollama, ollama.text('new'), ollama.finish()),
    });
    old.on(ollama.chatPath, async (exchange) => {
      exchange.start(ollama.contentType);
      await exchange.write(ollama.text('o'));
    });
    const registry = new BackendRegistry(createTestHost());
    const at = (url: string) => registry.client('ollama', settingsWith({ 'a2ia.ollamaUrl': url }));
    const iterator = at(old.url).chat(question(), never)[Symbol.asyncIterator]();
    await iterator.next();
    assert.equal((await collect(at(fresh.url).chat(question(), never))).text, 'new');
    const exchange = await old.exchange(ollama.chatPath);
    await exchange.write(ollama.text('ld') + ollama.finish());
    assert.deepEqual((await iterator.next()).value, { type: 'text', delta: 'ld' });
    assert.equal((await iterator.next()).value?.type, 'finish');
    registry.dispose();
    await old.close();
    await fresh.close();
  });
});
