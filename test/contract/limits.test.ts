import assert from 'node:assert/strict';
import { collect, dialects, never, question } from '../support/dialects.ts';
import { expectError } from '../support/expectations.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';

const limitMs = 100;

for (const dialect of dialects) {
  describe(`${dialect.backend}: time limits`, () => {
    let server: ScriptedServer;
    beforeEach(async () => {
      server = await ScriptedServer.start();
    });
    afterEach(() => server.close());

    const chat = (settings: Record<string, unknown>) =>
      collect(dialect.client(server.url, { settings }).chat(question(), never));
    const chatClosed = async () => (await server.exchange(dialect.chatPath)).closed;

    it('case 3: no headers: firstByteTimeout, which names the setting and closes the connection', async () => {
      server.on(dialect.chatPath, () => undefined);
      const { error } = await chat({ 'a2ia.firstByteTimeoutMs': limitMs });
      const { hint, nextStep } = expectError(error, 'firstByteTimeout');
      assert.ok(hint.includes('a2ia.firstByteTimeoutMs'), hint);
      assert.deepEqual(nextStep, { do: 'openSetting', key: 'a2ia.firstByteTimeoutMs' });
      await chatClosed();
      assert.equal(server.requestsTo(dialect.chatPath).length, 1);
    });

    it('case 3: headers, but no body: firstByteTimeout too', async () => {
      server.on(dialect.chatPath, (exchange) => exchange.start(dialect.contentType));
      const { error } = await chat({ 'a2ia.firstByteTimeoutMs': limitMs });
      expectError(error, 'firstByteTimeout');
      await chatClosed();
    });

    it('case 2: silence inside the answer: idleTimeout, and what came stands', async () => {
      server.on(dialect.chatPath, async (exchange) => {
        exchange.start(dialect.contentType);
        await exchange.write(dialect.text('Hel'));
      });
      const { text, error } = await chat({ 'a2ia.idleTimeoutMs': limitMs });
      assert.equal(text, 'Hel');
      const { hint, nextStep } = expectError(error, 'idleTimeout');
      assert.ok(hint.includes('a2ia.idleTimeoutMs'), hint);
      assert.deepEqual(nextStep, { do: 'openSetting', key: 'a2ia.idleTimeoutMs' });
      await chatClosed();
    });

    it('case 1: silence before the first byte is not idleness', async () => {
      server.on(dialect.chatPath, (exchange) => {
        exchange.start(dialect.contentType);
        setTimeout(() => exchange.response.end(dialect.text('late') + dialect.finish()), 3 * limitMs);
      });
      const { text, error } = await chat({ 'a2ia.idleTimeoutMs': limitMs, 'a2ia.firstByteTimeoutMs': 0 });
      assert.equal(error, undefined);
      assert.equal(text, 'late');
    });

    it('case 1, 2: 0 is no limit', async () => {
      server.on(dialect.chatPath, (exchange) => {
        setTimeout(() => {
          exchange.start(dialect.contentType);
          exchange.response.write(dialect.text('a'));
          setTimeout(() => exchange.response.end(dialect.text('b') + dialect.finish()), 2 * limitMs);
        }, 2 * limitMs);
      });
      const { text, error } = await chat({ 'a2ia.idleTimeoutMs': 0, 'a2ia.firstByteTimeoutMs': 0 });
      assert.equal(error, undefined);
      assert.equal(text, 'ab');
    });

    it('case 2: a consumer that takes its time is no silence', async () => {
      server.on(dialect.chatPath, async (exchange) => {
        exchange.start(dialect.contentType);
        await exchange.write(dialect.text('a'));
        await exchange.write(dialect.text('b') + dialect.finish());
        exchange.end();
      });
      const settings = { 'a2ia.idleTimeoutMs': 2 * limitMs };
      let text = '';
      for await (const event of dialect.client(server.url, { settings }).chat(question(), never)) {
        if (event.type !== 'text') continue;
        text += event.delta;
        await new Promise((resolve) => setTimeout(resolve, 4 * limitMs));
      }
      assert.equal(text, 'ab');
    });
  });
}

for (const dialect of dialects.filter(({ backend }) => backend !== 'ollama')) {
  describe(`${dialect.backend}: pings`, () => {
    it('case 16: are no silence', async () => {
      const server = await ScriptedServer.start({
        [dialect.chatPath]: async (exchange) => {
          exchange.start(dialect.contentType);
          await exchange.write(dialect.text('a'));
          let pings = 0;
          const timer = setInterval(() => {
            exchange.response.write(': ping\n\n');
            if (++pings < 15) return;
            clearInterval(timer);
            exchange.response.end(dialect.text('b') + dialect.finish());
          }, 100);
        },
      });
      // Much longer than from ping to ping, for a machine that is busy, and shorter than all of them together.
      const settings = { 'a2ia.idleTimeoutMs': 1200 };
      const { text, error } = await collect(dialect.client(server.url, { settings }).chat(question(), never));
      await server.close();
      assert.equal(error, undefined);
      assert.equal(text, 'ab');
    });
  });
}
