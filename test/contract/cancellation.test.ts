import assert from 'node:assert/strict';
import { getEventListeners, once } from 'node:events';
import http from 'node:http';
import type { ChatEvent } from '../../src/core/clients/llmClient.ts';
import { answering, collect, dialects, joined, never, question } from '../support/dialects.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';
import { createTestHost } from '../support/testHost.ts';

for (const dialect of dialects) {
  describe(`${dialect.backend}: cancellation`, () => {
    let server: ScriptedServer;
    beforeEach(async () => {
      server = await ScriptedServer.start(dialect.routes(['m']));
    });
    afterEach(() => server.close());

    /** The server says one thing and then goes on holding the connection. */
    const sayAndHold = () =>
      server.on(dialect.chatPath, async (exchange) => {
        exchange.start(dialect.contentType);
        await exchange.write(dialect.text('first'));
      });

    it('case 74: before it begins: nothing is sent', async () => {
      const { events, error } = await collect(dialect.client(server.url).chat(question(), AbortSignal.abort()));
      assert.deepEqual([events, error], [[], undefined]);
      assert.equal(server.requests.length, 0);
    });

    it('case 74: while the key is looked up: nothing is sent', async () => {
      const controller = new AbortController();
      const host = {
        ...createTestHost(),
        credentialFor: async () => {
          controller.abort();
          return undefined;
        },
      };
      const stream = dialect.client(server.url, { host }).chat(question(), controller.signal);
      const { events, error } = await collect(stream);
      assert.deepEqual([events, error], [[], undefined]);
      assert.equal(server.requests.length, 0);
    });

    it('case 74: before the headers: ends without error, and the server sees the close', async () => {
      server.on(dialect.chatPath, () => undefined);
      const controller = new AbortController();
      const collected = collect(dialect.client(server.url).chat(question(), controller.signal));
      const exchange = await server.exchange(dialect.chatPath);
      controller.abort();
      assert.deepEqual(await collected, { events: [], text: '', reasoning: '', error: undefined });
      await exchange.closed;
    });

    it('case 74: after the headers, before the body: the same', async () => {
      server.on(dialect.chatPath, (exchange) => exchange.start(dialect.contentType));
      const controller = new AbortController();
      const collected = collect(dialect.client(server.url).chat(question(), controller.signal));
      const exchange = await server.exchange(dialect.chatPath);
      controller.abort();
      assert.deepEqual(await collected, { events: [], text: '', reasoning: '', error: undefined });
      await exchange.closed;
    });

    it('case 74: in mid-stream: no event follows, no error, and the server sees the close', async () => {
      sayAndHold();
      const controller = new AbortController();
      const iterator = dialect.client(server.url).chat(question(), controller.signal)[Symbol.asyncIterator]();
      await iterator.next();
      const waiting = iterator.next();
      controller.abort();
      assert.deepEqual(await waiting, { done: true, value: undefined });
      await (
        await server.exchange(dialect.chatPath)
      ).closed;
      assert.equal((await iterator.next()).done, true);
    });

    it('case 74: among the arguments of a tool call: no half call, no error, and the server sees the close', async () => {
      const call = dialect.toolCall({ id: 'call_a', name: 'read', arguments: { path: 'some/long/path.ts' } });
      server.on(dialect.chatPath, async (exchange) => {
        exchange.start(dialect.contentType);
        await exchange.write(dialect.text('first') + call.slice(0, call.length - 40));
      });
      const controller = new AbortController();
      const iterator = dialect.client(server.url).chat(question(), controller.signal)[Symbol.asyncIterator]();
      assert.equal((await iterator.next()).value?.type, 'text');
      const waiting = iterator.next();
      controller.abort();
      assert.deepEqual(await waiting, { done: true, value: undefined });
      await (
        await server.exchange(dialect.chatPath)
      ).closed;
    });

    it('case 74: gives nothing of what had arrived already and was not read', async () => {
      server.on(dialect.chatPath, answering(dialect, dialect.text('a'), dialect.reasoning('b'), dialect.finish()));
      const controller = new AbortController();
      const events: ChatEvent[] = [];
      for await (const event of dialect.client(server.url).chat(question(), controller.signal)) {
        events.push(event);
        controller.abort();
      }
      assert.deepEqual(events, [{ type: 'text', delta: 'a' }]);
    });

    it('case 75: by a consumer that stops iterating: the server sees the close', async () => {
      sayAndHold();
      for await (const event of dialect.client(server.url).chat(question(), never)) {
        assert.equal(event.type, 'text');
        break;
      }
      await (
        await server.exchange(dialect.chatPath)
      ).closed;
    });

    it('case 74: with a reason that is no error: ends without error too', async () => {
      sayAndHold();
      const controller = new AbortController();
      const collected = collect(dialect.client(server.url).chat(question(), controller.signal));
      await server.exchange(dialect.chatPath);
      controller.abort('enough');
      assert.equal((await collected).error, undefined);
    });

    it('case 78: after the end has no effect', async () => {
      server.on(dialect.chatPath, answering(dialect, dialect.text('a'), dialect.finish()));
      const controller = new AbortController();
      const { events, error } = await collect(dialect.client(server.url).chat(question(), controller.signal));
      controller.abort();
      assert.equal(error, undefined);
      assert.equal(events.at(-1)?.type, 'finish');
    });

    it('case 76: of one of two leaves the other alone', async () => {
      sayAndHold();
      const controller = new AbortController();
      const client = dialect.client(server.url);
      const doomed = client.chat(question(), controller.signal)[Symbol.asyncIterator]();
      await doomed.next();
      const other = client.chat(question(), never)[Symbol.asyncIterator]();
      await other.next();
      const waiting = doomed.next();
      controller.abort();
      assert.equal((await waiting).done, true);
      await (
        await server.exchange(dialect.chatPath, 0)
      ).closed;
      const exchange = await server.exchange(dialect.chatPath, 1);
      await exchange.write(dialect.text('second') + dialect.finish());
      exchange.end();
      assert.deepEqual((await other.next()).value, { type: 'text', delta: 'second' });
      assert.equal((await other.next()).value?.type, 'finish');
    });

    it('case 77: 1000 requests on one long-lived signal leave no listener and no open connection', async () => {
      server.on(dialect.chatPath, answering(dialect, dialect.text('a'), dialect.finish()));
      const controller = new AbortController();
      const client = dialect.client(server.url);
      for (let count = 0; count < 1000; count++) {
        if (count % 3 === 0) await client.listModels(controller.signal);
        else if (count % 3 === 1) await client.probe(controller.signal);
        else await collect(client.chat(question(), controller.signal));
      }
      const listeners = () => getEventListeners(controller.signal, 'abort').length;
      // A request's own cleaning happens when its socket is handed back, at most one turn after its end.
      for (let turn = 0; turn < 10 && listeners() > 0; turn++) await new Promise(setImmediate);
      assert.equal(listeners(), 0);
      // A look at a server that has no sign asks for six at once, and their connections are kept for what comes next.
      assert.ok(server.sockets.size <= 6, `${server.sockets.size} connections are open`);
    });

    it('case 77: 100 cancelled requests leave no listener and no open connection', async () => {
      sayAndHold();
      const longLived = new AbortController();
      const client = dialect.client(server.url);
      for (let count = 0; count < 100; count++) {
        const stream = client.chat(question(), longLived.signal)[Symbol.asyncIterator]();
        await stream.next();
        await stream.return?.();
        await (
          await server.exchange(dialect.chatPath, count)
        ).closed;
      }
      await server.allClosed();
      assert.equal(getEventListeners(longLived.signal, 'abort').length, 0);
    });
  });

  describe(`${dialect.backend}: a reader that does not read`, () => {
    const pieceBytes = 64 * 1024;
    const pieces = 1024;

    it('holds the server back, and gets everything when it reads', async function () {
      this.timeout(60_000);
      let accepted = 0;
      let full: (() => void) | undefined;
      const heldBack = new Promise<void>((resolve) => (full = resolve));
      const server = await ScriptedServer.start({
        [dialect.chatPath]: async ({ response }) => {
          response.writeHead(200, { 'content-type': dialect.contentType });
          const piece = dialect.text('x'.repeat(pieceBytes));
          for (let count = 0; count < pieces; count++) {
            if (!response.write(piece)) {
              const drained = once(response, 'drain');
              // Silence for 300 ms while nobody reads: the system's buffers are full.
              const quiet = setTimeout(() => full?.(), 300);
              await drained;
              clearTimeout(quiet);
            }
            accepted += pieceBytes;
          }
          response.end(dialect.finish());
        },
      });
      const iterator = dialect.client(server.url).chat(question(), never)[Symbol.asyncIterator]();
      const first = await iterator.next();
      await heldBack;
      const total = pieceBytes * pieces;
      assert.ok(accepted < total / 2, `the server got rid of ${accepted} of ${total} bytes`);
      let received = first.done ? 0 : joined([first.value], 'text').length;
      let last: ChatEvent | undefined;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
        received += joined([next.value], 'text').length;
        last = next.value;
      }
      await server.close();
      assert.equal(received, total);
      assert.equal(last?.type, 'finish');
    });
  });

  describe(`${dialect.backend}: kept-alive connections`, () => {
    /** Serves the first request on a connection, and closes it on the second, as a server does whose patience ends just then. */
    const onceOnly = () => {
      const served = new Set<unknown>();
      return (answer: (exchange: Parameters<ReturnType<typeof answering>>[0]) => unknown) =>
        (exchange: Parameters<ReturnType<typeof answering>>[0]) => {
          if (served.has(exchange.request.socket)) return exchange.request.socket.destroy();
          served.add(exchange.request.socket);
          return answer(exchange);
        };
    };

    let server: ScriptedServer;
    beforeEach(async () => {
      server = await ScriptedServer.start(dialect.routes(['m']));
    });
    afterEach(() => server.close());

    /** Node hands a socket back to its pool some turns of the event loop after the end of the answer. */
    const handedBack = async () => {
      for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    };

    it('are used again, for chats too', async () => {
      server.on(dialect.chatPath, answering(dialect, dialect.text('a'), dialect.finish()));
      const client = dialect.client(server.url);
      for (let count = 0; count < 5; count++) {
        await collect(client.chat(question(), never));
        await handedBack();
      }
      const used = new Set(server.requestsTo(dialect.chatPath).map((request) => request.socket));
      assert.equal(used.size, 1);
    });

    it('case 13: that the server closes are replaced, once and unseen', async () => {
      const guard = onceOnly();
      server.on(dialect.chatPath, guard(answering(dialect, dialect.text('a'), dialect.finish())));
      const client = dialect.client(server.url);
      assert.equal((await collect(client.chat(question(), never))).error, undefined);
      await handedBack();
      const { text, error } = await collect(client.chat(question(), never));
      assert.equal(error, undefined);
      assert.equal(text, 'a');
      assert.equal(server.requestsTo(dialect.chatPath).length, 3);
    });

    it('case 13: that the server closes are replaced by a new one, though others lie idle too', async () => {
      const guard = onceOnly();
      let both: (() => void) | undefined;
      const twoAsked = new Promise<void>((resolve) => (both = resolve));
      const answer = answering(dialect, dialect.text('a'), dialect.finish());
      server.on(
        dialect.chatPath,
        guard(async (exchange) => {
          if (server.requestsTo(dialect.chatPath).length >= 2) both?.();
          await twoAsked;
          return answer(exchange);
        }),
      );
      const client = dialect.client(server.url);
      await Promise.all([collect(client.chat(question(), never)), collect(client.chat(question(), never))]);
      await handedBack();
      const { text, error } = await collect(client.chat(question(), never));
      assert.equal(error, undefined);
      assert.equal(text, 'a');
    });

    it('case 13: that break before an answer on a first use are not tried again', async () => {
      server.on(dialect.chatPath, (exchange) => exchange.request.socket.destroy());
      const agent = new http.Agent({ keepAlive: false });
      const { error } = await collect(
        dialect.client(server.url, { host: createTestHost({ agent }) }).chat(question(), never),
      );
      assert.ok(error instanceof Error);
      assert.equal(server.requestsTo(dialect.chatPath).length, 1);
    });
  });
}
