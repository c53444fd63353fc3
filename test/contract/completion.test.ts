import assert from 'node:assert/strict';
import type { LLMClient } from '../../src/core/clients/llmClient.ts';
import { Completer, type CompletionPlace, type CompletionWay } from '../../src/core/completion/completer.ts';
import { fimTemplateOf } from '../../src/core/completion/fimTemplates.ts';
import { never } from '../support/dialects.ts';
import { expectError } from '../support/expectations.ts';
import { fimDialects } from '../support/fimDialects.ts';
import { ScriptedServer, type Exchange } from '../support/scriptedServer.ts';

/** From a place in a file to what is offered there, by the client of each backend that can fill gaps. */

const model = 'qwen2.5-coder:1.5b';
const template = fimTemplateOf([model]);
assert.ok(template);

const place = (prefix: string, suffix = '\n'): CompletionPlace => ({
  document: 'file:///a.ts',
  path: 'src/a.ts',
  prefix,
  suffix,
  neighbours: [],
  isProse: false,
});

/** Time stands still until a test says that a pause is over. */
class PausedClock {
  now = 0;
  readonly #waiting: (() => void)[] = [];
  nowMs = () => this.now;
  wait = (_durationMs: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  pass(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

for (const fim of fimDialects) {
  describe(`${fim.dialect.backend}: completion`, () => {
    let server: ScriptedServer;
    let clock: PausedClock;
    let client: LLMClient;
    const invoked: CompletionWay = { isInvoked: true };
    const typed: CompletionWay = { isInvoked: false };
    beforeEach(async () => {
      server = await ScriptedServer.start(fim.dialect.routes([model]));
      client = fim.dialect.client(server.url);
      clock = new PausedClock();
    });
    afterEach(() => server.close());

    const completer = (budgetTokens = 1000) =>
      new Completer(
        {
          model,
          template,
          budgetTokens,
          ask: (request, signal) => client.complete?.(request, signal) ?? assert.fail(),
        },
        clock,
      );
    const answering = (...deltas: readonly string[]) =>
      server.on(fim.path, (exchange) =>
        exchange.send(deltas.map((delta) => fim.text(delta)).join('') + fim.finish(), fim.dialect.contentType),
      );
    const bodies = () =>
      server.requestsTo(fim.path).map(({ body }) => JSON.parse(body) as Readonly<Record<string, unknown>>);
    /** Begins to answer, and goes on for ever. */
    const endless = (exchange: Exchange) => {
      exchange.start(fim.dialect.contentType);
      void exchange.write(fim.text('a'));
    };

    it('offers what the model puts into the gap', async () => {
      answering('return', ' a + b;', '\n}\n');
      const text = await completer().complete(place('function add(a, b) {\n  ', '\n}\n'), invoked, never);
      assert.equal(text, 'return a + b;');
      const [body] = bodies();
      assert.ok(body);
      const gap = fim.gapOf(body);
      assert.ok(gap.length === 2 || gap[0] === template.prompt(place('function add(a, b) {\n  ', '\n}\n')));
      if (gap.length === 2) assert.deepEqual(gap, ['function add(a, b) {\n  ', '\n}\n']);
    });

    it('gives parts of other files along, in the way the server has for them', async () => {
      answering('1');
      const neighbours = [{ path: 'src/b.ts', text: 'export const b = 1;' }];
      await completer().complete({ ...place('a = '), neighbours }, invoked, never);
      const body = JSON.stringify(bodies()[0]);
      assert.ok(body.includes('src/b.ts') && body.includes('export const b = 1;'), body);
    });

    it('closes the socket as soon as the block is over, though the model goes on', async () => {
      server.on(fim.path, (exchange) => {
        exchange.start(fim.dialect.contentType);
        void exchange.write(fim.text(' = 1;\nmore'));
      });
      assert.equal(await completer().complete(place('const a'), invoked, never), ' = 1;');
      await (
        await server.exchange(fim.path)
      ).closed;
    });

    it('closes the socket of the older request when a newer one begins, and offers nothing for it', async () => {
      const subject = completer();
      server.on(fim.path, endless);
      const first = subject.complete(place('const a'), invoked, never);
      const older = await server.exchange(fim.path);
      answering(' = 2;');
      assert.equal(await subject.complete(place('const b'), invoked, never), ' = 2;');
      await older.closed;
      assert.equal(await first, '');
    });

    it('closes it when nobody wants to know any more', async () => {
      const controller = new AbortController();
      server.on(fim.path, endless);
      const pending = completer().complete(place('const a'), invoked, controller.signal);
      const exchange = await server.exchange(fim.path);
      controller.abort();
      await exchange.closed;
      assert.equal(await pending, '');
    });

    it('asks nothing while somebody types, once when he pauses, and nothing for what was suggested', async () => {
      answering(' = 1;');
      const subject = completer();
      const hasty = ['c', 'co', 'con'].map((text) => subject.complete(place(text), typed, never));
      const last = subject.complete(place('const a'), typed, never);
      assert.deepEqual(await Promise.all(hasty), ['', '', '']);
      assert.equal(bodies().length, 0);
      clock.pass();
      assert.equal(await last, ' = 1;');
      assert.equal(await subject.complete(place('const a ='), typed, never), ' 1;');
      assert.equal(bodies().length, 1);
    });

    it('says that it asks, and that it does no more', async () => {
      answering('1');
      const said: boolean[] = [];
      await completer().complete(
        place('a = '),
        { isInvoked: true, onAsking: (isAsking) => void said.push(isAsking) },
        never,
      );
      assert.deepEqual(said, [true, false]);
    });

    it('asks again where nothing came only when it is told to', async () => {
      answering('');
      const subject = completer();
      assert.equal(await subject.complete(place('a = '), invoked, never), '');
      assert.equal(await subject.complete(place('a = '), typed, never), '');
      assert.equal(bodies().length, 1);
      answering('1');
      assert.equal(await subject.complete(place('a = '), invoked, never), '1');
    });

    it('asks not within a word, nor in an empty file', async () => {
      assert.equal(await completer().complete(place('pri', 'nt()'), typed, never), '');
      assert.equal(await completer().complete(place('', ''), typed, never), '');
      assert.equal(server.requests.length, 0);
    });

    it('asks not where the file holds the model’s own tokens as text', async () => {
      assert.equal(await completer().complete(place("const token = '<|fim_middle|>"), invoked, never), '');
      assert.equal(server.requests.length, 0);
      answering('1');
      const neighbours = [{ path: 'tokens.ts', text: '<|fim_prefix|>' }];
      assert.equal(await completer().complete({ ...place('a = '), neighbours }, invoked, never), '1');
      assert.ok(!JSON.stringify(bodies()[0]).includes('tokens.ts'));
    });

    it('offers no half line of an answer that was cut by its length', async () => {
      server.on(fim.path, (exchange) =>
        exchange.send(fim.text(' = someth') + fim.finish('length'), fim.dialect.contentType),
      );
      assert.equal(await completer().complete(place('const a'), invoked, never), '');
    });

    it('gives the failures of the server', async () => {
      server.on(fim.path, (exchange) => exchange.json({ error: 'the GPU is on fire' }, 500));
      await assert.rejects(completer().complete(place('const a'), invoked, never), (error) => {
        expectError(error, 'serverError');
        return true;
      });
    });

    it('asks for less after a prompt that was too long', async () => {
      const words = 'This model’s maximum context length is 512 tokens. However, you requested 900 tokens.';
      server.on(fim.path, (exchange) =>
        exchange.json({ error: { message: words, type: 'exceed_context_size_error', code: 400 } }, 400),
      );
      const subject = completer();
      const long = (end: string) => place(`${'const a = 1;\n'.repeat(400)}${end}`);
      assert.equal(await subject.complete(long('const b'), invoked, never), '');
      answering(' = 1;');
      assert.equal(await subject.complete(long('const c'), invoked, never), ' = 1;');
      const [first = '', second = ''] = server.requestsTo(fim.path).map(({ body }) => body);
      assert.ok(second.length < first.length * 0.7, `${first.length}, then ${second.length}`);
    });
  });
}
