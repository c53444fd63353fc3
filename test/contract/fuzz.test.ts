import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BackendError } from '../../src/core/clients/errors.ts';
import { cutAt } from '../support/cuts.ts';
import { collect, dialects, never, question, type Dialect } from '../support/dialects.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';

/** Random streams. `npm run test:fuzz` runs 10,000 a client; A2IA_FUZZ_SEED repeats a run. */
const streams = Number(process.env['A2IA_FUZZ_STREAMS'] ?? 300);
/** Of each of the three kinds. */
const runs = Math.ceil(streams / 3);
const seed = Number(process.env['A2IA_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);

/** A stream that goes silent would end with this error, which no run expects. */
const silence = { 'a2ia.idleTimeoutMs': 20_000, 'a2ia.firstByteTimeoutMs': 20_000 };

type Part =
  | { readonly type: 'text'; readonly delta: string }
  | { readonly type: 'reasoning'; readonly delta: string }
  | { readonly type: 'toolCall'; readonly id: string; readonly path: string }
  | { readonly type: 'noise' };

const delta = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('é😀\n', 'data: x', '\r\n\r\n', '{"a":'),
);
const part: fc.Arbitrary<Part> = fc.oneof(
  fc.record({ type: fc.constant('text' as const), delta }),
  fc.record({ type: fc.constant('reasoning' as const), delta }),
  fc.record({ type: fc.constant('toolCall' as const), id: fc.uuid(), path: delta }),
  fc.constant({ type: 'noise' as const }),
);

function frameOf(dialect: Dialect, item: Part): string {
  if (item.type === 'text') return dialect.text(item.delta);
  if (item.type === 'reasoning') return dialect.reasoning(item.delta);
  if (item.type === 'noise') return dialect.backend === 'ollama' ? '\n' : ': ping\n\n';
  if (item.type !== 'toolCall') throw new Error('There is no such part.');
  return dialect.toolCall({ id: item.id, name: 'read', arguments: { path: item.path } });
}

const cuts = fc.array(fc.nat(), { maxLength: 6 });

for (const dialect of dialects) {
  describe(`${dialect.backend}: ${streams} random streams (A2IA_FUZZ_SEED=${seed})`, function () {
    this.timeout(1_200_000);
    let server: ScriptedServer;
    let pieces: readonly Buffer[] = [];
    let isCut = false;
    before(async () => {
      server = await ScriptedServer.start(dialect.routes(['m']));
      server.on(dialect.chatPath, async (exchange) => {
        exchange.start(dialect.contentType);
        exchange.response.socket?.setNoDelay(true);
        for (const piece of pieces) {
          exchange.response.write(piece);
          await new Promise(setImmediate);
        }
        if (isCut) exchange.cut();
        else exchange.end();
      });
    });
    after(() => server.close());

    const chat = async (bytes: Buffer, positions: readonly number[], cut = false) => {
      server.requests.length = 0;
      server.exchanges.length = 0;
      pieces =
        bytes.length === 0
          ? []
          : cutAt(
              bytes,
              positions.map((position) => position % bytes.length),
            );
      isCut = cut;
      return collect(dialect.client(server.url, { settings: silence }).chat(question(), never));
    };

    it('case 15: re-cut anywhere: nothing is lost, nothing comes twice', async () => {
      const property = fc.asyncProperty(
        fc.array(part, { maxLength: 6 }),
        cuts,
        fc.boolean(),
        async (parts, at, crlf) => {
          const calls = parts.flatMap((item) => (item.type === 'toolCall' ? [item] : []));
          // Several calls in one answer need an index each, which the dialects do not give.
          const sent = calls.length > 1 ? parts.filter((item) => item.type !== 'toolCall' || item === calls[0]) : parts;
          const frames = [...sent.map((item) => frameOf(dialect, item)), dialect.finish()].join('');
          const { text, reasoning, events, error } = await chat(
            Buffer.from(crlf ? frames.replaceAll('\n', '\r\n') : frames),
            at,
          );
          assert.equal(error, undefined);
          const expected = (type: 'text' | 'reasoning') =>
            sent.map((item) => (item.type === type ? item.delta : '')).join('');
          assert.equal(text, expected('text'));
          assert.equal(reasoning, expected('reasoning'));
          const got = events.flatMap((event) => (event.type === 'toolCall' ? [[event.name, event.argumentsJson]] : []));
          assert.deepEqual(
            got,
            calls.slice(0, 1).map(({ path }) => ['read', JSON.stringify({ path })]),
          );
          assert.equal(events.filter(({ type }) => type === 'finish').length, 1);
          assert.equal(events.at(-1)?.type, 'finish');
        },
      );
      await fc.assert(property, { numRuns: runs, seed });
    });

    it('case 21, 32, 33: broken anywhere: an end or a BackendError, and no text that was not sent', async () => {
      const letters = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 6 });
      const damage = fc.record({ at: fc.nat(), remove: fc.nat(40), insert: fc.uint8Array({ maxLength: 40 }) });
      const property = fc.asyncProperty(
        letters,
        damage,
        cuts,
        fc.boolean(),
        async (deltas, { at, remove, insert }, positions, cut) => {
          const right = Buffer.from([...deltas.map((letter) => dialect.text(letter)), dialect.finish()].join(''));
          const start = at % right.length;
          const bytes = Buffer.concat([right.subarray(0, start), insert, right.subarray(start + remove)]);
          const { text, events, error } = await chat(bytes, positions, cut);
          assert.ok(error === undefined || error instanceof BackendError, String(error));
          assert.ok(!(error instanceof BackendError) || !error.kind.endsWith('Timeout'), String(error));
          assert.equal(events.filter(({ type }) => type === 'finish').length, error === undefined ? 1 : 0);
          // What came before the damage stands: all events that were complete there.
          const whole =
            right
              .subarray(0, start)
              .toString()
              .split(dialect.backend === 'ollama' ? '\n' : '\n\n').length - 1;
          assert.ok(
            text.startsWith(
              deltas.slice(0, dialect.backend === 'anthropic' ? 0 : Math.min(whole, deltas.length)).join(''),
            ),
            text,
          );
        },
      );
      await fc.assert(property, { numRuns: runs, seed });
    });

    it('case 21, 32: of any bytes: an end or a BackendError', async () => {
      const property = fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        cuts,
        fc.boolean(),
        async (bytes, at, cut) => {
          const { error, events } = await chat(Buffer.from(bytes), at, cut);
          assert.ok(error instanceof BackendError && !error.kind.endsWith('Timeout'), String(error));
          assert.ok(!events.some(({ type }) => type === 'finish'));
        },
      );
      await fc.assert(property, { numRuns: runs, seed });
    });
  });
}
