import assert from 'node:assert/strict';
import { generationSettings, runRequest, type Answer } from '../../../../src/core/chat/session.ts';
import type { ChatEvent } from '../../../../src/core/clients/llmClient.ts';
import { answering, dialects, never, question, settingsWith, type Dialect } from '../../../support/dialects.ts';
import { expectError } from '../../../support/expectations.ts';
import { ScriptedServer } from '../../../support/scriptedServer.ts';

const find = (backend: string): Dialect => {
  const dialect = dialects.find((candidate) => candidate.backend === backend);
  assert.ok(dialect);
  return dialect;
};
const vllm = find('vllm');
const ollama = find('ollama');

describe('runRequest', () => {
  let server: ScriptedServer;
  beforeEach(async () => {
    server = await ScriptedServer.start({ ...vllm.routes(['m']), ...ollama.routes(['m']) });
  });
  afterEach(() => server.close());

  const run = (
    onEvent: (event: ChatEvent) => void | Promise<void> = () => undefined,
    { dialect = vllm, signal = never } = {},
  ): Promise<Answer> => runRequest(dialect.client(server.url), question(), signal, onEvent);

  it('finished: text, reasoning, why it ended and what was used', async () => {
    server.on(vllm.chatPath, answering(vllm, vllm.reasoning('hm'), vllm.text('a'), vllm.text('b'), vllm.finish()));
    const seen: string[] = [];
    const answer = await run(({ type }) => void seen.push(type));
    assert.equal(answer.text, 'ab');
    assert.equal(answer.reasoning, 'hm');
    assert.deepEqual(answer.outcome, { type: 'finished', reason: 'stop', usage: { promptTokens: 7, outputTokens: 3 } });
    assert.deepEqual(seen, ['reasoning', 'text', 'finish']);
  });

  it('failed: the error, and what came before it', async () => {
    server.on(vllm.chatPath, answering(vllm, vllm.text('half'), vllm.streamError('CUDA exploded')));
    const { text, outcome } = await run();
    assert.equal(text, 'half');
    assert.ok(outcome.type === 'failed');
    assert.equal(expectError(outcome.error, 'serverError').serverMessage, 'CUDA exploded');
  });

  it('failed: a mistake of ours, or of the system, is not said to be the server’s', async () => {
    server.on(vllm.chatPath, answering(vllm, vllm.text('a'), vllm.finish()));
    const failing = async (thrown: Error) => {
      const { outcome } = await run(() => {
        throw thrown;
      });
      assert.ok(outcome.type === 'failed');
      return expectError(outcome.error, 'internal');
    };
    const mistake = await failing(new TypeError('Unexpected token in "the user’s text"'));
    assert.equal(mistake.message, 'A2IA made a mistake (TypeError).');
    const system = { code: 'ENOSPC', syscall: 'write' };
    const full = await failing(Object.assign(new Error('ENOSPC: no space left on device, write'), system));
    assert.match(full.message, /The system refused .*: ENOSPC: no space left on device, write\.$/);
  });

  it('stopped: no error, and what came before', async () => {
    server.on(vllm.chatPath, async (exchange) => {
      exchange.start(vllm.contentType);
      await exchange.write(vllm.text('half'));
    });
    const controller = new AbortController();
    const { text, outcome } = await run(() => controller.abort(), { signal: controller.signal });
    assert.equal(text, 'half');
    assert.deepEqual(outcome, { type: 'stopped' });
    await (
      await server.exchange(vllm.chatPath)
    ).closed;
  });

  it('stopped before it began: nothing is sent', async () => {
    const { outcome } = await run(undefined, { signal: AbortSignal.abort() });
    assert.deepEqual(outcome, { type: 'stopped' });
    assert.equal(server.requestsTo(vllm.chatPath).length, 0);
  });

  it('waits for whoever shows an event before it takes the next', async () => {
    server.on(vllm.chatPath, async (exchange) => {
      exchange.start(vllm.contentType);
      for (const word of ['a', 'b', 'c']) await exchange.write(vllm.text(word));
      exchange.response.end(vllm.finish());
    });
    let shown = 0;
    await run(async () => {
      shown++;
      const before = shown;
      await new Promise(setImmediate);
      assert.equal(shown, before, 'nothing came meanwhile');
    });
    assert.ok(shown >= 2);
  });

  it('speed: the server’s own measure where it gives one', async () => {
    server.on(ollama.chatPath, answering(ollama, ollama.text('a'), ollama.finish()));
    const { speed } = await run(undefined, { dialect: ollama });
    // 3 tokens in the 30 ms of the dialect.
    assert.equal(speed.tokensPerSecond, 100);
    assert.ok(speed.firstTokenMs !== undefined && speed.firstTokenMs <= speed.totalMs);
  });

  it('speed: our clock from the first token on, otherwise', async () => {
    server.on(vllm.chatPath, async (exchange) => {
      exchange.start(vllm.contentType);
      await exchange.write(vllm.text('a'));
      setTimeout(() => exchange.response.end(vllm.text('b') + vllm.finish()), 150);
    });
    const { speed } = await run();
    const elapsedMs = speed.totalMs - (speed.firstTokenMs ?? 0);
    // Two of the three tokens came in that time.
    assert.ok(Math.abs((speed.tokensPerSecond ?? 0) - (2 / elapsedMs) * 1000) < 1e-6, JSON.stringify(speed));
  });

  it('speed: none for an answer in one piece, which tells how it was sent and not how it was written', async () => {
    server.on(vllm.chatPath, answering(vllm, vllm.text('all at once'), vllm.finish()));
    assert.equal((await run()).speed.tokensPerSecond, undefined);
  });
});

describe('generationSettings', () => {
  it('has what is set and nothing else', () => {
    assert.deepEqual(generationSettings(settingsWith({})), {});
    const values = { 'a2ia.temperature': 0, 'a2ia.topP': 1, 'a2ia.seed': 0, 'a2ia.maxOutputTokens': 5 };
    assert.deepEqual(generationSettings(settingsWith(values)), {
      temperature: 0,
      topP: 1,
      seed: 0,
      maxOutputTokens: 5,
    });
  });
});
