import assert from 'node:assert/strict';
import { answering, collect, dialectOf, dialects, never, question } from '../support/dialects.ts';
import { expectError } from '../support/expectations.ts';
import { ScriptedServer, type Handler } from '../support/scriptedServer.ts';
import { createTestHost, type TestHost } from '../support/testHost.ts';

const loading: Handler = (exchange) =>
  exchange.json({ error: { message: 'Loading model', type: 'unavailable_error', code: 503 } }, 503);

for (const dialect of dialects) {
  describe(`${dialect.backend}: tries again`, () => {
    let server: ScriptedServer;
    let host: TestHost;
    beforeEach(async () => {
      server = await ScriptedServer.start(dialect.routes(['m']));
      host = createTestHost();
    });
    afterEach(() => server.close());

    const chat = () => collect(dialect.client(server.url, { host }).chat(question(), never));
    const sentTimes = () => server.requestsTo(dialect.chatPath).length;
    /** So many refusals, then an answer. */
    const refusing = (times: number, refuse: Handler) => {
      const answer = answering(dialect, dialect.text('a'), dialect.finish());
      server.on(dialect.chatPath, (exchange) => (sentTimes() <= times ? refuse(exchange) : answer(exchange)));
    };
    const status =
      (code: number, headers: Record<string, string> = {}): Handler =>
      (exchange) =>
        exchange.send('{"error":{"message":"slow down"}}', 'application/json', code, headers);

    for (const code of [429, 502, 503, 504, 529]) {
      it(`case 67: ${code} twice, then an answer: the answer, after two growing waits`, async () => {
        refusing(2, status(code));
        const { text, error, events } = await chat();
        assert.equal(error, undefined);
        assert.equal(text, 'a');
        assert.deepEqual(
          events.slice(0, 2),
          [1, 2].map(() => ({ type: 'progress', stage: 'busy' })),
        );
        const [first = 0, second = 0, ...more] = host.waitedMs;
        assert.ok(first >= 500 && first <= 1000 && second >= 1000 && second <= 2000, `${first}, ${second}`);
        assert.deepEqual(more, []);
      });
    }

    for (const code of [400, 401, 403, 404, 408, 422, 500, 501]) {
      it(`case 67: ${code} is not tried again`, async () => {
        refusing(1, status(code));
        assert.ok((await chat()).error instanceof Error);
        assert.equal(sentTimes(), 1);
      });
    }

    it('case 67: nothing is tried again after the first byte of an answer', async () => {
      server.on(dialect.chatPath, async (exchange) => {
        exchange.start(dialect.contentType);
        await exchange.write(dialect.text('a'));
        exchange.cut();
      });
      expectError((await chat()).error, 'streamCut');
      assert.equal(sentTimes(), 1);
    });

    it('case 66: a wait that the server asks for is kept', async () => {
      refusing(1, status(429, { 'retry-after': '7' }));
      assert.equal((await chat()).text, 'a');
      assert.deepEqual(host.waitedMs, [7000]);
    });

    it('case 66: in milliseconds too', async () => {
      refusing(1, status(429, { 'retry-after-ms': '1500', 'retry-after': '2' }));
      assert.equal((await chat()).text, 'a');
      assert.deepEqual(host.waitedMs, [1500]);
    });

    it('case 66: one of an hour is not waited for but told', async () => {
      refusing(1, status(429, { 'retry-after': '3600' }));
      const { retryAfterMs } = expectError((await chat()).error, 'overloaded');
      assert.equal(retryAfterMs, 3_600_000);
      assert.deepEqual(host.waitedMs, []);
      assert.equal(sentTimes(), 1);
    });

    it('case 66: a quota that is used up is not tried again', async () => {
      const error = {
        message: 'You exceeded your current quota.',
        type: 'insufficient_quota',
        code: 'insufficient_quota',
      };
      refusing(1, (exchange) => exchange.json({ error }, 429));
      const { retryable, serverMessage } = expectError((await chat()).error, 'quota');
      assert.equal(retryable, false);
      assert.equal(serverMessage, error.message);
      assert.equal(sentTimes(), 1);
    });

    it('case 74: a stop while it waits to try again ends it at once', async () => {
      refusing(9, status(503));
      const controller = new AbortController();
      const waiting = { ...host, wait: (_: number, signal: AbortSignal) => stopped(controller, signal) };
      const stream = dialect.client(server.url, { host: waiting }).chat(question(), controller.signal);
      const { events, error } = await collect(stream);
      assert.equal(error, undefined);
      assert.deepEqual(events, [{ type: 'progress', stage: 'busy' }]);
      assert.equal(sentTimes(), 1);
    });
  });
}

/** Presses stop, and resolves when the signal says so. */
async function stopped(controller: AbortController, signal: AbortSignal): Promise<void> {
  const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  controller.abort();
  await aborted;
}

describe('openai-compatible: a llama-server that loads its model', () => {
  const dialect = dialectOf('openai-compatible');
  let server: ScriptedServer;
  beforeEach(async () => {
    server = await ScriptedServer.start({ '*': loading });
  });
  afterEach(() => server.close());

  it('case 68: is asked how it is, and gets the prompt again when it is ready', async () => {
    let waits = 0;
    const host = createTestHost();
    const wait = () => {
      if (++waits === 4) {
        for (const [path, handler] of Object.entries(dialect.routes(['m']))) server.on(path, handler);
        server.on('/health', (exchange) => exchange.json({ status: 'ok' }));
        server.on(dialect.chatPath, answering(dialect, dialect.text('a'), dialect.finish()));
      }
      return new Promise<void>(setImmediate);
    };
    const client = dialect.client(server.url, { host: { ...host, wait } });
    const { text, error, events } = await collect(client.chat(question(), never));
    assert.equal(error, undefined);
    assert.equal(text, 'a');
    assert.deepEqual(events[0], { type: 'progress', stage: 'loading' });
    assert.equal(waits, 4);
    assert.equal(server.requestsTo(dialect.chatPath).length, 2);
  });

  it('case 68, 74: a stop meanwhile ends it at once', async () => {
    const controller = new AbortController();
    const host = {
      ...createTestHost(),
      wait: (_: number, signal: AbortSignal) => stopped(controller, signal),
    };
    const { error, text } = await collect(dialect.client(server.url, { host }).chat(question(), controller.signal));
    assert.deepEqual([error, text], [undefined, '']);
    assert.equal(server.requestsTo(dialect.chatPath).length, 1);
  });
});
