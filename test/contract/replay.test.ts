import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { BackendErrorKind } from '../../src/core/clients/errors.ts';
import { BackendError } from '../../src/core/clients/errors.ts';
import { collect, never, question, type Collected } from '../support/dialects.ts';
import { ScriptedServer, type Exchange } from '../support/scriptedServer.ts';
import { cutAt, seededCuts } from '../support/cuts.ts';
import { bodyOf, clientOf, transcripts, type Transcript } from '../support/transcripts.ts';

/** Recorded streams through the client of the server that sent them. */

const seed = Number(process.env['A2IA_FUZZ_SEED'] ?? Date.now() % 1_000_000);
/** A recording of seconds is played in this time, with its rhythm. */
const playedMs = 40;

type Play = (exchange: Exchange) => Promise<void>;

async function answerOf(transcript: Transcript, play: Play): Promise<Collected> {
  const dialect = clientOf(transcript);
  const server = await ScriptedServer.start(dialect.routes(['m']));
  server.on(transcript.path, async (exchange) => {
    exchange.response.writeHead(transcript.status, transcript.headers);
    await play(exchange);
  });
  const client = dialect.client(server.url);
  const isChat = /\/(chat|chat\/completions|messages)$/.test(transcript.path);
  const completion = { model: 'm', prefix: 'a', suffix: '' };
  const stream = isChat ? client.chat(question(), never) : client.complete?.(completion, never);
  try {
    return await collect(stream ?? assert.fail(`${dialect.backend} completes nothing`));
  } finally {
    await server.close();
  }
}

/** What a person and a program see of an answer; ids that the client makes are left out. */
function seen({ events, text, reasoning, error }: Collected) {
  const calls = events.flatMap((event) => (event.type === 'toolCall' ? [[event.name, event.argumentsJson]] : []));
  const last = events.at(-1);
  return {
    text,
    reasoning,
    calls,
    finish: last?.type === 'finish' ? [last.reason, last.usage] : undefined,
    error: error instanceof BackendError ? error.kind : error,
  };
}

/** The text and reasoning of a body, read in the plainest way. */
function spoken(body: string): string {
  type Event = Record<string, Record<string, string> | undefined> & {
    response?: string;
    choices?: { text?: string; delta?: Record<string, string | null> }[];
  };
  return body
    .split('\n')
    .map((line) => line.replace(/^data: ?/, ''))
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Event)
    .map(({ message, delta, response, choices }) => {
      const choice = choices?.[0];
      const parts = [choice?.delta?.['reasoning_content'] ?? choice?.delta?.['reasoning'], choice?.delta?.['content']];
      return [
        ...parts,
        choice?.text,
        response,
        message?.['thinking'],
        message?.['content'],
        delta?.['thinking'],
        delta?.['text'],
      ].join('');
    })
    .join('');
}

const pieces =
  (parts: readonly Buffer[], end: 'end' | 'cut' = 'end'): Play =>
  async (exchange) => {
    exchange.response.socket?.setNoDelay(true);
    for (const part of parts) {
      exchange.response.write(part);
      await new Promise(setImmediate);
    }
    exchange[end]();
  };

const endMarks = /data: ?\[DONE\]|"done": ?true|"type": ?"message_stop"/;
const finishReason = /"finish_reason": ?"/;

for (const transcript of transcripts.filter(({ status }) => status === 200)) {
  const dialect = clientOf(transcript);
  const body = bodyOf(transcript);
  const bytes = Buffer.from(body);
  const isWhole = endMarks.test(body) || finishReason.test(body);

  describe(`${dialect.backend}: ${transcript.server} ${transcript.version} ${transcript.case}`, () => {
    let reference: ReturnType<typeof seen>;
    before(async () => {
      reference = seen(await answerOf(transcript, pieces([bytes])));
    });

    it('gives the text that was sent, and its end', () => {
      assert.equal(reference.reasoning + reference.text, spoken(body));
      assert.equal(reference.error, isWhole ? undefined : 'truncated');
      assert.equal(reference.finish !== undefined, isWhole);
    });

    it('the same as it was recorded', async () => {
      const { chunks } = transcript;
      const scale = playedMs / Math.max(playedMs, chunks.at(-1)?.[0] ?? 0);
      const play: Play = async (exchange) => {
        exchange.response.socket?.setNoDelay(true);
        let pastMs = 0;
        for (const [atMs, text] of chunks) {
          if (atMs > pastMs) await delay((atMs - pastMs) * scale);
          pastMs = atMs;
          exchange.response.write(text);
        }
        exchange.end();
      };
      assert.deepEqual(seen(await answerOf(transcript, play)), reference);
    });

    it('case 15: the same byte by byte', async () => {
      const singles = Array.from(bytes, (byte) => Buffer.from([byte]));
      assert.deepEqual(seen(await answerOf(transcript, pieces(singles))), reference);
    });

    it(`case 15: the same whatever the cuts (A2IA_FUZZ_SEED=${seed})`, async () => {
      for (let round = 0; round < 5; round++) {
        const cuts = seededCuts(seed + round, bytes.length);
        assert.deepEqual(seen(await answerOf(transcript, pieces(cutAt(bytes, cuts)))), reference);
      }
    });

    it('case 21, 33: ended or cut after any event: what came stands, and the error says which', async () => {
      const separator = dialect.backend === 'ollama' ? /\n/g : /\n\n/g;
      for (const { index } of body.matchAll(separator)) {
        const part = body.slice(0, index) + (dialect.backend === 'ollama' ? '\n' : '\n\n');
        for (const end of ['end', 'cut'] as const) {
          const answer = seen(await answerOf(transcript, pieces([Buffer.from(part)], end)));
          const why = `${end} after ${part.slice(-120)}`;
          assert.equal(answer.reasoning + answer.text, spoken(part), why);
          const allowed: (BackendErrorKind | undefined)[] = endMarks.test(part)
            ? [undefined]
            : end === 'cut'
              ? ['streamCut']
              : [finishReason.test(part) ? undefined : 'truncated'];
          assert.ok(allowed.includes(answer.error as BackendErrorKind | undefined), `${String(answer.error)} ${why}`);
          assert.equal(answer.finish !== undefined, answer.error === undefined, why);
        }
      }
    });
  });
}
