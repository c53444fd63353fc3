import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import zlib from 'node:zlib';
import { BackendError, type BackendErrorKind } from '../../src/core/clients/errors.ts';
import { answering, collect, dialects, never, question } from '../support/dialects.ts';
import { expectError, visibleText } from '../support/expectations.ts';
import { ScriptedServer, type Exchange } from '../support/scriptedServer.ts';
import { createTestHost } from '../support/testHost.ts';

/** Ports that browsers and `fetch` refuse to connect to. */
const forbiddenPorts = [6000, 6665, 6666, 6667, 6668, 6669, 10080, 4190, 5060, 5061, 1719, 1720];

async function onForbiddenPort(routes: Parameters<typeof ScriptedServer.start>[0]): Promise<ScriptedServer> {
  for (const port of forbiddenPorts) {
    const server = await ScriptedServer.start(routes, { port }).catch(() => undefined);
    if (server) return server;
  }
  assert.fail(`all of these ports are taken: ${forbiddenPorts.join(', ')}`);
}

/** Fails every connection with this error. */
class FailingAgent extends http.Agent {
  readonly #error: Error;
  constructor(error: Error) {
    super();
    this.#error = error;
  }
  override createConnection() {
    const socket = new net.Socket();
    process.nextTick(() => socket.destroy(this.#error));
    return socket;
  }
}

const withCode = (code: string) => Object.assign(new Error(`connect ${code}`), { code });

/** What systems and VS Code's two network stacks say. */
const connectionFailures: readonly (readonly [Error, BackendErrorKind, number])[] = [
  [withCode('ECONNREFUSED'), 'notRunning', 4],
  [new AggregateError([withCode('ECONNREFUSED'), withCode('ECONNREFUSED')]), 'notRunning', 4],
  [new Error('net::ERR_CONNECTION_REFUSED'), 'notRunning', 4],
  [withCode('ENOTFOUND'), 'dns', 5],
  [withCode('EAI_AGAIN'), 'dns', 5],
  [new Error('net::ERR_NAME_NOT_RESOLVED'), 'dns', 5],
  [withCode('ETIMEDOUT'), 'unreachable', 5],
  [withCode('EHOSTUNREACH'), 'unreachable', 5],
  [withCode('ENETUNREACH'), 'unreachable', 5],
  [new Error('net::ERR_INTERNET_DISCONNECTED'), 'unreachable', 5],
  [new Error('net::ERR_CONNECTION_TIMED_OUT'), 'unreachable', 5],
  [withCode('DEPTH_ZERO_SELF_SIGNED_CERT'), 'tls', 6],
  [withCode('SELF_SIGNED_CERT_IN_CHAIN'), 'tls', 6],
  [withCode('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'tls', 6],
  [withCode('CERT_HAS_EXPIRED'), 'tls', 6],
  [withCode('ERR_TLS_CERT_ALTNAME_INVALID'), 'tls', 6],
  [new Error('net::ERR_CERT_AUTHORITY_INVALID'), 'tls', 6],
  [withCode('EPROTO'), 'wrongScheme', 7],
  [withCode('ERR_SSL_WRONG_VERSION_NUMBER'), 'wrongScheme', 7],
  [new Error('net::ERR_SSL_PROTOCOL_ERROR'), 'wrongScheme', 7],
  [withCode('ECONNRESET'), 'streamCut', 33],
  [withCode('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'), 'protocol', 7],
];

for (const dialect of dialects) {
  const answer = () => answering(dialect, dialect.text('a'), dialect.finish());
  const chat = (url: string, host = createTestHost()) => collect(dialect.client(url, { host }).chat(question(), never));

  describe(`${dialect.backend}: connections`, () => {
    for (const [error, kind, number] of connectionFailures) {
      it(`case ${number}: ${error.message || 'several errors'} is ${kind}, and not tried again`, async () => {
        let connections = 0;
        const agent = new FailingAgent(error);
        agent.createConnection = new Proxy(agent.createConnection.bind(agent), {
          apply: (target, _, args: []) => {
            connections++;
            return target(...args);
          },
        });
        const failure = expectError((await chat('http://gpu-box.example:1234', createTestHost({ agent }))).error, kind);
        assert.ok(`${failure.message}${failure.hint}`.includes('gpu-box.example'), failure.message);
        // Anthropic's asks for the model's limits first.
        assert.equal(connections, dialect.backend === 'anthropic' ? 2 : 1);
      });
    }

    it('case 8: ports that browsers refuse work', async () => {
      const server = await onForbiddenPort({ [dialect.chatPath]: answer() });
      const { text, error } = await chat(server.url);
      await server.close();
      assert.equal(error, undefined);
      assert.equal(text, 'a');
    });

    it('case 7: a server that speaks HTTP/2 only is named as one', async () => {
      // Its settings are the first that such a server says: an empty frame of type 4.
      const server = net.createServer((socket) => {
        socket.on('error', () => undefined);
        socket.write(Buffer.from('000000040000000000', 'hex'));
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { error } = await chat(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      server.close();
      assert.match(expectError(error, 'protocol').message, /HTTP\/2/);
    });
  });

  describe(`${dialect.backend}: addresses`, () => {
    const withV1: readonly (readonly [written: string, prefix: string])[] =
      dialect.backend === 'ollama'
        ? []
        : [
            ['/v1', ''],
            ['/v1/', ''],
            ['/team/llm/v1/', '/team/llm'],
          ];
    for (const [written, prefix] of [
      ['', ''],
      ['/', ''],
      ['/team/llm', '/team/llm'],
      ['/team/llm/', '/team/llm'],
      ...withV1,
    ] as const) {
      it(`case 9: an address that ends in “${written}” asks ${prefix}${dialect.chatPath}`, async () => {
        const server = await ScriptedServer.start({ [prefix + dialect.chatPath]: answer() });
        const { text, error } = await chat(server.url + written);
        await server.close();
        assert.equal(error, undefined);
        assert.equal(text, 'a');
      });
    }
  });

  describe(`${dialect.backend}: keys and headers`, () => {
    let server: ScriptedServer;
    beforeEach(async () => {
      server = await ScriptedServer.start({ ...dialect.routes(['m']), [dialect.chatPath]: answer() });
    });
    afterEach(() => server.close());
    const sent = () => JSON.stringify(server.requests.map(({ path, headers, body }) => [path, headers, body]));

    it('case 10: a key is trimmed, and goes with the request', async () => {
      const { error } = await chat(server.url, createTestHost({ keys: { [server.url]: ' \tsecret-key\r\n' } }));
      assert.equal(error, undefined);
      const [request] = server.requestsTo(dialect.chatPath);
      const values = Object.values(request?.headers ?? {});
      assert.ok(values.includes('secret-key') || values.includes('Bearer secret-key'), JSON.stringify(values));
    });

    for (const [what, key] of [
      ['a line break', 'secret\nkey'],
      ['a space', 'secret key'],
      ['a letter that headers cannot carry', 'secret-schlüssel'],
    ] as const) {
      it(`case 10: a key with ${what} is refused before anything is sent, and not shown`, async () => {
        const host = createTestHost({ keys: { [server.url]: key } });
        const error = expectError((await chat(server.url, host)).error, 'config');
        assert.deepEqual(error.nextStep, { do: 'enterKey', origin: server.url });
        assert.equal(server.requests.length, 0);
        assert.ok(!(visibleText(error) + host.logged.join(' ')).includes('secret'));
      });
    }

    it('case 10: a server that quotes the key does not bring it into an error', async () => {
      server.on(dialect.chatPath, (exchange) => {
        exchange.json({ error: { message: `Received API key secret-key, which is wrong.` } }, 401);
      });
      const host = createTestHost({ keys: { [server.url]: 'secret-key' } });
      const error = expectError((await chat(server.url, host)).error, 'unauthorized');
      assert.match(error.serverMessage ?? '', /Received API key/);
      assert.ok(!(visibleText(error) + host.logged.join(' ')).includes('secret-key'));
    });

    it('case 10: nor one that quotes it in mid-stream, or instead of a stream', async () => {
      // As a JSON writer may escape it, once or inside of a text.
      const key = 'sk/"secret"\\\\key';
      const host = createTestHost({ keys: { [server.url]: key } });
      const words = `Key ${key} has no credit.`;
      const frames = [
        dialect.streamError(words),
        dialect.streamError(words).replaceAll('/', '\\/').replaceAll('s', '\\u0073'),
        dialect.streamError(JSON.stringify({ error: { message: words } })),
      ];
      const answers = [
        ...frames.map((frame) => answering(dialect, dialect.text('a') + frame)),
        (exchange: Exchange) => exchange.json({ error: { message: words } }),
      ];
      for (const answer of answers) {
        server.on(dialect.chatPath, answer);
        const { error } = await chat(server.url, host);
        assert.ok(error instanceof BackendError);
        assert.equal(error.serverMessage, 'Key … has no credit.');
        assert.ok(!(visibleText(error) + host.logged.join(' ')).includes('secret'));
      }
    });

    it('case 11: nothing of the environment reaches the server', async () => {
      const planted: Record<string, string> = {
        OPENAI_API_KEY: 'planted-1',
        OPENAI_ORG_ID: 'planted-2',
        OPENAI_PROJECT_ID: 'planted-3',
        OPENAI_BASE_URL: 'http://127.0.0.1:1/planted-4',
        OPENAI_CUSTOM_HEADERS: 'x-planted: planted-5',
        ANTHROPIC_API_KEY: 'planted-6',
        ANTHROPIC_AUTH_TOKEN: 'planted-7',
        ANTHROPIC_BASE_URL: 'http://127.0.0.1:1/planted-8',
        OLLAMA_API_KEY: 'planted-9',
        OLLAMA_HOST: 'http://127.0.0.1:1/planted-10',
      };
      const before = { ...process.env };
      Object.assign(process.env, planted);
      try {
        const client = dialect.client(server.url);
        assert.equal((await collect(client.chat(question(), never))).error, undefined);
        await client.listModels(never);
      } finally {
        for (const name of Object.keys(planted)) delete process.env[name];
        Object.assign(process.env, before);
      }
      assert.ok(server.requests.length >= 2);
      assert.ok(!sent().includes('planted'), sent());
    });

    it('case 14: compressed answers are not asked for, and refused', async () => {
      const stream = zlib.gzipSync(dialect.text('a') + dialect.finish());
      server.on(dialect.chatPath, (exchange) => {
        exchange.send(stream, dialect.contentType, 200, { 'content-encoding': 'gzip' });
      });
      const { events, error } = await chat(server.url);
      assert.deepEqual(events, []);
      assert.match(expectError(error, 'protocol').message, /gzip/);
      assert.equal(server.requestsTo(dialect.chatPath)[0]?.headers['accept-encoding'], 'identity');
    });

    it('case 14: a compressed error still has its status', async () => {
      const body = zlib.gzipSync('{"error":"no"}');
      server.on(dialect.chatPath, (exchange) => {
        exchange.send(body, 'application/json', 401, { 'content-encoding': 'gzip' });
      });
      assert.equal(expectError((await chat(server.url)).error, 'unauthorized').serverMessage, undefined);
    });
  });
}
