import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import zlib from 'node:zlib';
import { answering, collect, dialects, never, question } from '../support/dialects.ts';
import { expectError } from '../support/expectations.ts';
import { ScriptedServer, type Exchange } from '../support/scriptedServer.ts';

const MiB = 1024 * 1024;

/** Sends this again and again, to `limitBytes` or until the client has had enough; the bytes that were taken. */
async function flood(
  { response, closed }: Exchange,
  piece: string | ((count: number) => string),
  limitBytes: number,
): Promise<number> {
  let sentBytes = 0;
  for (let count = 0; !response.destroyed && sentBytes < limitBytes; count++) {
    const bytes = typeof piece === 'string' ? piece : piece(count);
    sentBytes += bytes.length;
    if (!response.write(bytes)) await Promise.race([once(response, 'drain'), closed]);
  }
  return sentBytes;
}

/** With another id each time. */
function numbered(piece: string): (count: number) => string {
  return (count) => piece.replaceAll('"ID"', `"${count}"`);
}

/** A server below HTTP: says what `talk` says to every connection. */
async function rawServer(talk: (socket: net.Socket) => void) {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    talk(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

for (const dialect of dialects) {
  describe(`${dialect.backend}: hostile servers`, () => {
    let server: ScriptedServer;
    beforeEach(async () => {
      server = await ScriptedServer.start(dialect.routes(['m']));
    });
    afterEach(() => server.close());

    const chat = (settings: Record<string, unknown> = {}) =>
      collect(dialect.client(server.url, { settings }).chat(question(), never));
    const start = dialect.backend === 'ollama' ? '' : 'data: ';

    it('case 31: an event of 5 MB is read whole', async () => {
      server.on(dialect.chatPath, answering(dialect, dialect.text('x'.repeat(5 * MiB)), dialect.finish()));
      const { text, error } = await chat();
      assert.equal(error, undefined);
      assert.equal(text.length, 5 * MiB);
    });

    it('case 31: a line of 100 MB is refused long before its end, and the connection closed', async () => {
      let sentBytes = 0;
      server.on(dialect.chatPath, async (exchange) => {
        exchange.start(dialect.contentType);
        await exchange.write(dialect.text('a') + start);
        sentBytes = await flood(exchange, 'x'.repeat(64 * 1024), 100 * MiB);
      });
      const before = process.memoryUsage.rss();
      const { text, error } = await chat();
      const grownBytes = process.memoryUsage.rss() - before;
      assert.equal(text, 'a');
      expectError(error, 'protocol');
      await (
        await server.exchange(dialect.chatPath)
      ).closed;
      assert.ok(sentBytes < 40 * MiB, `${sentBytes} bytes were taken`);
      assert.ok(grownBytes < 200 * MiB, `${grownBytes} bytes more`);
    });

    if (dialect.backend !== 'ollama') {
      it('case 31: an event of 100 MB in many lines likewise', async () => {
        let sentBytes = 0;
        server.on(dialect.chatPath, async (exchange) => {
          exchange.start(dialect.contentType);
          sentBytes = await flood(exchange, `data: ${'x'.repeat(64 * 1024)}\n`, 100 * MiB);
        });
        expectError((await chat()).error, 'protocol');
        await (
          await server.exchange(dialect.chatPath)
        ).closed;
        assert.ok(sentBytes < 40 * MiB, `${sentBytes} bytes were taken`);
      });
    }

    const { callPieces } = dialect;
    // Where a call comes whole, it is a line, and ends with it.
    if (callPieces) {
      const call = { id: 'a', name: 'read' };
      for (const [what, first, piece] of [
        ['arguments', callPieces.start(call), callPieces.more('x'.repeat(64 * 1024))],
        ['calls', '', dialect.toolCall({ ...call, id: 'ID', arguments: {} })],
      ] as const) {
        it(`case 31: tool ${what} that never end are refused, and the connection closed`, async () => {
          let sentBytes = 0;
          server.on(dialect.chatPath, async (exchange) => {
            exchange.start(dialect.contentType);
            await exchange.write(dialect.text('a') + first);
            sentBytes = await flood(exchange, numbered(piece), 100 * MiB);
          });
          const { text, events, error } = await chat();
          assert.equal(text, 'a');
          assert.ok(
            events.every((event) => event.type !== 'toolCall' || event.argumentsJson === '{}'),
            'half a call',
          );
          assert.match(expectError(error, 'protocol').message, /tool calls .* no end/);
          await (
            await server.exchange(dialect.chatPath)
          ).closed;
          assert.ok(sentBytes < 40 * MiB, `${sentBytes} bytes were taken`);
        });
      }
    }

    it('case 14: a bomb of compressed nothing stays closed', async () => {
      const bomb = zlib.gzipSync(Buffer.alloc(200 * MiB));
      server.on(dialect.chatPath, (exchange) => {
        exchange.send(bomb, dialect.contentType, 200, { 'content-encoding': 'gzip' });
      });
      const before = process.memoryUsage.rss();
      expectError((await chat()).error, 'protocol');
      assert.ok(process.memoryUsage.rss() - before < 100 * MiB);
    });

    it('headers that never end', async () => {
      const raw = await rawServer((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const more = () => socket.writable && socket.write(`x-more: ${'x'.repeat(1000)}\r\n`, () => setImmediate(more));
        more();
      });
      const { error } = await collect(dialect.client(raw.url).chat(question(), never));
      await raw.close();
      expectError(error, 'protocol');
    });

    it('case 3: headers that trickle', async () => {
      const raw = await rawServer((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const timer = setInterval(() => socket.write('x: y\r\n'), 10);
        socket.once('close', () => clearInterval(timer));
      });
      const settings = { 'a2ia.firstByteTimeoutMs': 100 };
      const { error } = await collect(dialect.client(raw.url, { settings }).chat(question(), never));
      await raw.close();
      expectError(error, 'firstByteTimeout');
    });

    it('case 12: a redirect to itself, and one to a file', async () => {
      for (const location of [server.url + dialect.chatPath, 'file:///etc/passwd', 'http://', '//']) {
        server.on(dialect.chatPath, (exchange) => exchange.send('', 'text/plain', 302, { location }));
        const sentBefore = server.requestsTo(dialect.chatPath).length;
        const { message } = expectError((await chat()).error, 'redirected');
        assert.ok(!message.includes('passwd'), message);
        assert.equal(server.requestsTo(dialect.chatPath).length, sentBefore + 1);
      }
    });

    it('case 26: a stream under a wrong content type is read or refused, never an empty success', async () => {
      for (const type of ['application/octet-stream', 'image/png', '']) {
        server.on(dialect.chatPath, ({ response }) => {
          if (type) response.setHeader('content-type', type);
          response.end(dialect.text('a') + dialect.finish());
        });
        const { text, error } = await chat();
        if (error === undefined) assert.equal(text, 'a');
        else expectError(error, 'notAModelServer');
      }
    });

    it('bytes that are no UTF-8 become a mark, and the rest stands', async () => {
      const [before = '', after = ''] = dialect.text('a|b').split('|');
      const bytes = Buffer.concat([
        Buffer.from(before),
        Buffer.from([0xff, 0xc3]),
        Buffer.from(after + dialect.finish()),
      ]);
      server.on(dialect.chatPath, (exchange) => exchange.send(bytes, dialect.contentType));
      const { text, error } = await chat();
      assert.equal(error, undefined);
      assert.match(text, /^a\ufffd+b$/);
    });

    it('case 2: a clock that jumps is no silence', async () => {
      const now = Date.now;
      server.on(dialect.chatPath, async (exchange) => {
        exchange.start(dialect.contentType);
        await exchange.write(dialect.text('a'));
      });
      const stream = dialect.client(server.url, { settings: { 'a2ia.idleTimeoutMs': 5000 } }).chat(question(), never);
      const iterator = stream[Symbol.asyncIterator]();
      await iterator.next();
      try {
        for (const jumpMs of [86_400_000, -86_400_000]) {
          const next = iterator.next();
          Date.now = () => now() + jumpMs;
          await (await server.exchange(dialect.chatPath)).write(dialect.text('b'));
          assert.deepEqual((await next).value, { type: 'text', delta: 'b' });
        }
      } finally {
        Date.now = now;
        await iterator.return?.();
      }
    });

    it('case 2: what arrived while the machine slept is read', async () => {
      server.on(dialect.chatPath, async (exchange) => {
        exchange.start(dialect.contentType);
        await exchange.write(dialect.text('a'));
      });
      const stream = dialect.client(server.url, { settings: { 'a2ia.idleTimeoutMs': 100 } }).chat(question(), never);
      const iterator = stream[Symbol.asyncIterator]();
      await iterator.next();
      const { response } = await server.exchange(dialect.chatPath);
      const next = iterator.next();
      await new Promise(setImmediate);
      response.write(dialect.text('b'));
      response.end(dialect.finish());
      // Nothing of this process runs for longer than the limit.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
      assert.deepEqual((await next).value, { type: 'text', delta: 'b' });
      assert.equal((await iterator.next()).value?.type, 'finish');
    });
  });
}
