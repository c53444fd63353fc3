import assert from 'node:assert/strict';
import https from 'node:https';
import net from 'node:net';
import { answering, collect, dialects, never, question } from '../support/dialects.ts';
import { expectError, rejection } from '../support/expectations.ts';
import { certificate, ScriptedServer, type Handler } from '../support/scriptedServer.ts';
import { createTestHost } from '../support/testHost.ts';

/** A port of this machine on which nothing listens. */
async function freePort(): Promise<number> {
  const server = await ScriptedServer.start();
  await server.close();
  return server.port;
}

async function hasIpv6Loopback(): Promise<boolean> {
  const server = net.createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(0, '::1', () => server.close(() => resolve(true)));
  });
}

for (const dialect of dialects) {
  const failingChat = async (url: string, host = createTestHost()) => {
    const { events, error } = await collect(dialect.client(url, { host }).chat(question(), never));
    assert.deepEqual(
      events.filter(({ type }) => type !== 'progress'),
      [],
    );
    return error;
  };

  describe(`${dialect.backend}: answers that are errors`, () => {
    let server: ScriptedServer;
    beforeEach(async () => {
      server = await ScriptedServer.start(dialect.routes(['qwen2.5-coder:7b', 'org/other']));
    });
    afterEach(() => server.close());

    const chatAnswered = async (handler: Handler) => {
      server.on(dialect.chatPath, handler);
      return failingChat(server.url);
    };

    it('an unknown model: names those that exist', async () => {
      const [status, body] = dialect.unknownModel('m');
      const error = expectError(await chatAnswered((exchange) => exchange.json(body, status)), 'modelNotFound');
      assert.deepEqual(error.nextStep, { do: 'chooseModel', models: ['qwen2.5-coder:7b', 'org/other'] });
      assert.ok(error.hint.includes('qwen2.5-coder:7b') && error.hint.includes('org/other'), error.hint);
      assert.equal(error.status, 404);
      assert.equal(error.backend, dialect.backend);
    });

    it('an unknown model where the list fails too: still says so', async () => {
      const [status, body] = dialect.unknownModel('m');
      server.on(dialect.modelsPath, (exchange) => exchange.request.socket.destroy());
      expectError(await chatAnswered((exchange) => exchange.json(body, status)), 'modelNotFound');
    });

    it('case 25: an empty 200: no success', async () => {
      const error = await chatAnswered((exchange) => exchange.send('', dialect.contentType));
      expectError(error, 'truncated');
    });

    it('case 25: an empty 200 without a type: no success', async () => {
      const error = await chatAnswered(({ response }) => response.writeHead(200).end());
      expectError(error, dialect.backend === 'ollama' ? 'truncated' : 'notAModelServer');
    });

    it('case 26: a web page: not a model server', async () => {
      const page = '<!doctype html><html><head><title>My  router</title></head><body>Log in</body></html>';
      const error = expectError(
        await chatAnswered((exchange) => exchange.send(page, 'text/html; charset=utf-8')),
        'notAModelServer',
      );
      assert.ok(error.message.includes('My router'), error.message);
      assert.ok(!/[<>]/.test(error.message + error.hint));
      assert.deepEqual(error.nextStep, { do: 'openSetting', key: dialect.urlSetting });
    });

    it('case 26: another program’s text: not a model server', async () => {
      expectError(await chatAnswered((exchange) => exchange.send('It works!\n', 'text/plain')), 'notAModelServer');
    });

    it('case 70: a 502 page of a proxy: gateway', async () => {
      const page = '<html><head><title>502 Bad Gateway</title></head><body><hr>nginx/1.27</body></html>';
      const error = expectError(await chatAnswered((exchange) => exchange.send(page, 'text/html', 502)), 'gateway');
      assert.equal(error.status, 502);
      assert.ok(!/[<>]/.test(`${error.message}${error.hint}${error.serverMessage ?? ''}`));
    });

    it('case 70: a 504 of a proxy without a page: gateway', async () => {
      expectError(await chatAnswered((exchange) => exchange.send('', 'text/plain', 504)), 'gateway');
    });

    it('case 65: 401: asks for the key of this origin', async () => {
      const error = expectError(
        await chatAnswered((exchange) => exchange.json({ error: 'Unauthorized' }, 401)),
        'unauthorized',
      );
      assert.deepEqual(error.nextStep, { do: 'enterKey', origin: server.url });
      assert.equal(error.serverMessage, 'Unauthorized');
    });

    it('403 without a body: forbidden', async () => {
      const error = expectError(await chatAnswered((exchange) => exchange.send('', 'text/plain', 403)), 'forbidden');
      if (dialect.backend === 'ollama') assert.match(error.hint, /OLLAMA_ORIGINS/);
    });

    it('case 67: 503: busy, asked again twice and no more', async () => {
      const error = expectError(await chatAnswered((exchange) => exchange.json({ error: 'busy' }, 503)), 'overloaded');
      assert.equal(error.retryable, true);
      assert.equal(server.requestsTo(dialect.chatPath).length, 3);
    });

    it('500 with words: the server’s words', async () => {
      const error = await chatAnswered((exchange) => exchange.json({ error: { message: 'boom' } }, 500));
      assert.equal(expectError(error, 'serverError').serverMessage, 'boom');
    });

    it('a body of an error that never ends is cut', async () => {
      const error = await chatAnswered(async (exchange) => {
        exchange.start('text/plain', 500);
        while (exchange.response.writable && !exchange.response.destroyed) {
          await Promise.race([exchange.write('x'.repeat(65_536)), exchange.closed]);
        }
      });
      const { serverMessage } = expectError(error, 'serverError');
      assert.ok((serverMessage ?? '').length <= 2000);
    });

    it('a body of an error that trickles for ever is given up, and what came of it is read', async function () {
      // Five seconds, as the client waits for it.
      this.timeout(60_000);
      const error = await chatAnswered(async (exchange) => {
        exchange.start('text/plain', 500);
        await exchange.write('engine died');
        const timer = setInterval(() => exchange.response.write('!'), 50);
        await exchange.closed;
        clearInterval(timer);
      });
      assert.match(expectError(error, 'serverError').serverMessage ?? '', /^engine died!/);
    });

    for (const status of [301, 302, 307, 308]) {
      it(`case 12: ${status}: is not followed, and the key goes nowhere`, async () => {
        const elsewhere = await ScriptedServer.start({ '*': (exchange) => exchange.json({}) });
        const target = `${elsewhere.url}${dialect.chatPath}?token=1`;
        server.on(dialect.chatPath, (exchange) => exchange.send('', 'text/plain', status, { location: target }));
        const host = createTestHost({ keys: { [server.url]: 'secret-key', [elsewhere.url]: 'other-key' } });
        const error = expectError(await failingChat(server.url, host), 'redirected');
        await elsewhere.close();
        assert.equal(elsewhere.requests.length, 0);
        assert.ok(error.message.includes(elsewhere.url), error.message);
      });
    }
  });

  describe(`${dialect.backend}: connections that fail`, () => {
    it('case 4: nothing listens: says how to start it', async () => {
      const port = await freePort();
      const error = expectError(await failingChat(`http://127.0.0.1:${port}`), 'notRunning');
      assert.ok(error.message.includes(`127.0.0.1:${port}`));
      assert.ok(error.hint.includes(dialect.urlSetting), error.hint);
      // Nobody starts a cloud: there the address is what can be changed.
      const isCloud = dialect.backend === 'openai' || dialect.backend === 'anthropic';
      assert.equal(error.nextStep.do, isCloud ? 'openSetting' : 'startServer');
    });

    it('case 4: nothing listens at localhost, by either of its addresses', async () => {
      expectError(await failingChat(`http://localhost:${await freePort()}`), 'notRunning');
    });

    it('case 5: an unknown machine: dns', async () => {
      const error = expectError(await failingChat('http://no-such-machine.invalid:1234'), 'dns');
      assert.ok(error.message.includes('no-such-machine.invalid'));
    });

    it('case 33: a server that closes before it answers: says so, and nothing is sent again', async () => {
      const server = await ScriptedServer.start({ '*': (exchange) => exchange.response.socket?.destroy() });
      const { message, hint } = expectError(await failingChat(server.url), 'streamCut');
      await server.close();
      assert.match(message, /closed the connection before it answered/);
      assert.match(hint, /look at its log/);
      assert.ok(server.requestsTo(dialect.chatPath).length <= 1);
    });

    it('case 7: http to a port that speaks https: proposes https', async () => {
      const server = await ScriptedServer.start({}, { tls: true });
      const url = server.url.replace('https:', 'http:');
      const error = expectError(await failingChat(url), 'wrongScheme');
      await server.close();
      assert.ok(error.hint.includes(`https://127.0.0.1:${server.port}`), error.hint);
    });

    it('case 7: https to a port that speaks http: proposes http', async () => {
      const server = await ScriptedServer.start();
      const error = expectError(await failingChat(server.url.replace('http:', 'https:')), 'wrongScheme');
      await server.close();
      assert.ok(error.hint.includes(`http://127.0.0.1:${server.port}`), error.hint);
    });

    it('case 6: a certificate that nobody vouches for: tls', async () => {
      const server = await ScriptedServer.start(dialect.routes(['m']), { tls: true });
      const error = expectError(await failingChat(server.url), 'tls');
      await server.close();
      assert.ok(error.message.includes('127.0.0.1'));
      assert.equal(server.requests.length, 0);
    });

    it('case 6: a certificate for another name: tls', async () => {
      const server = await ScriptedServer.start({}, { tls: true });
      const agent = new https.Agent({ ca: certificate(), servername: 'elsewhere.example' });
      const error = await failingChat(server.url, createTestHost({ agent }));
      await server.close();
      expectError(error, 'tls');
    });

    it('case 6: https works where the host trusts the authority', async () => {
      const server = await ScriptedServer.start(
        { [dialect.chatPath]: answering(dialect, dialect.text('safe'), dialect.finish()) },
        { tls: true },
      );
      const host = createTestHost({ agent: new https.Agent({ ca: certificate() }) });
      const { text, error } = await collect(dialect.client(server.url, { host }).chat(question(), never));
      await server.close();
      assert.equal(error, undefined);
      assert.equal(text, 'safe');
    });

    it('case 4: localhost where only ::1 listens: works', async function () {
      if (!(await hasIpv6Loopback())) {
        console.log('      skipped: this machine has no IPv6 loopback');
        this.skip();
      }
      const routes = { [dialect.chatPath]: answering(dialect, dialect.text('six'), dialect.finish()) };
      const server = await ScriptedServer.start(routes, { address: '::1' });
      const { text, error } = await collect(dialect.client(`http://localhost:${server.port}`).chat(question(), never));
      await server.close();
      assert.equal(error, undefined);
      assert.equal(text, 'six');
    });

    it('a model list fails in the same words as a chat', async () => {
      const client = dialect.client(`http://127.0.0.1:${await freePort()}`);
      await rejection(client.listModels(never), 'notRunning');
    });
  });
}
