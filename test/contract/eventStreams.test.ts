import assert from 'node:assert/strict';
import { answering, collect, dialects, never, question, type Collected, type Dialect } from '../support/dialects.ts';
import { expectError } from '../support/expectations.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';

/** Server-sent events as odd servers send them. */

async function chat(dialect: Dialect, body: string): Promise<Collected> {
  const server = await ScriptedServer.start({ [dialect.chatPath]: answering(dialect, body) });
  const collected = await collect(dialect.client(server.url).chat(question(), never));
  await server.close();
  return collected;
}

async function expectAnswer(dialect: Dialect, body: string, expected: string): Promise<void> {
  const { text, error, events } = await chat(dialect, body);
  assert.equal(error, undefined);
  assert.equal(text, expected);
  assert.equal(events.at(-1)?.type, 'finish');
}

/** One event with its JSON over several `data` lines. */
function spread(frame: string): string {
  return frame.replace(/^data: (\{.*)$/gm, (_, json: string) =>
    JSON.stringify(JSON.parse(json), null, 1)
      .split('\n')
      .map((line) => `data: ${line}`)
      .join('\n'),
  );
}

for (const dialect of dialects.filter(({ backend }) => backend !== 'ollama')) {
  const text = (delta: string) => dialect.text(delta);
  const finish = () => dialect.finish();

  describe(`${dialect.backend}: event streams`, () => {
    it('case 16: comments are ignored', async () => {
      await expectAnswer(dialect, `: ping\n\n${text('a')}:\n: ping\n\n${text('b')}${finish()}`, 'ab');
    });

    it('case 17: a ping event without data and an empty one are ignored', async () => {
      await expectAnswer(dialect, `event: ping\n\ndata:\n\ndata: \n\n${text('a')}event: ping\n\n${finish()}`, 'a');
    });

    it('case 17: fields that mean nothing here are ignored', async () => {
      await expectAnswer(dialect, `id: 7\nretry: 100\nfoo: bar\nfoo\n\n${text('a')}${finish()}`, 'a');
    });

    it('case 22: a last event without its blank line counts', async () => {
      await expectAnswer(dialect, `${text('a')}${finish()}`.trimEnd(), 'a');
    });

    it('case 30: data over several lines is one event', async () => {
      const frames = spread(`${text('a\nb')}${finish()}`);
      assert.ok(frames.includes('data: {\ndata: '), frames);
      await expectAnswer(dialect, frames, 'a\nb');
    });

    it('case 32: an event that is no JSON is a protocol error that does not quote it', async () => {
      const broken = text('secret').replace(/\}\s*$/, '\n\n');
      const { text: kept, error } = await chat(dialect, `${text('a')}${broken}${text('b')}`);
      assert.equal(kept, 'a');
      const { message, hint, backend, serverMessage } = expectError(error, 'protocol');
      assert.equal(backend, dialect.backend);
      assert.ok(!`${message}${hint}${serverMessage}`.includes('secret'));
    });

    const errors: readonly (readonly [name: string, frame: string])[] = [
      ['as a text', 'data: {"error":"engine died"}\n\n'],
      ['flat', 'data: {"object":"error","message":"engine died","code":500}\n\n'],
      ['as an event', 'event: error\ndata: {"message":"engine died"}\n\n'],
      ['as an event with an object', 'event: error\ndata: {"error":{"message":"engine died"}}\n\n'],
      ['as a field', 'error: {"code":500,"message":"engine died"}\n\n'],
    ];
    for (const [name, frame] of errors) {
      it(`case 24: an error ${name} is an error, and what came stands`, async () => {
        const { text: kept, error, events } = await chat(dialect, `${text('a')}${frame}${text('b')}${finish()}`);
        assert.equal(kept, 'a');
        assert.equal(expectError(error, 'serverError').serverMessage, 'engine died');
        assert.ok(!events.some(({ type }) => type === 'finish'));
      });
    }

    it('case 23, 67: an error as the first event is not asked about again', async () => {
      const server = await ScriptedServer.start({
        [dialect.chatPath]: answering(
          dialect,
          'event: error\ndata: {"type":"error","error":{"message":"busy","code":503}}\n\n',
        ),
      });
      const { error } = await collect(dialect.client(server.url).chat(question(), never));
      await server.close();
      expectError(error, 'overloaded');
      assert.equal(server.requestsTo(dialect.chatPath).length, 1);
    });
  });

  if (dialect.backend === 'anthropic') continue;

  describe(`${dialect.backend}: chat completion streams`, () => {
    const done = 'data: [DONE]\n\n';

    it('case 18: [DONE] without a space ends', async () => {
      await expectAnswer(dialect, `${text('a')}data:[DONE]\n\n`, 'a');
    });

    it('case 20: a finish reason without [DONE] is an end', async () => {
      assert.ok(finish().includes(done));
      await expectAnswer(dialect, `${text('a')}${finish().replace(done, '')}`, 'a');
    });

    it('case 27: chunks without choices, without delta, with null are ignored', async () => {
      const odd = ['{}', '{"choices":[]}', '{"choices":[{}]}', '{"choices":[{"delta":null}]}'];
      const frames = odd.map((json) => `data: ${json}\n\n`).join('');
      await expectAnswer(dialect, `${frames}${text('a')}${finish()}`, 'a');
    });

    it('case 34: the same reasoning under both names is shown once', async () => {
      const both = dialect
        .reasoning('hm')
        .replace(/"reasoning(_content)?":"hm"/, '"reasoning_content":"hm","reasoning":"hm"');
      const { reasoning, text: answer } = await chat(dialect, `${both}${finish()}`);
      assert.deepEqual([reasoning, answer], ['hm', '']);
    });

    it('case 28: all-zero usage on chunks does not hide the real one', async () => {
      const zero = 'data: {"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}\n\n';
      const { events } = await chat(dialect, `${text('a')}${zero}${finish().replace(done, `${zero}${done}`)}`);
      const last = events.at(-1);
      assert.deepEqual(last?.type === 'finish' && last.usage, { promptTokens: 7, outputTokens: 3 });
    });
  });
}
