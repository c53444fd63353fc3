import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import type { LLMClient } from '../../src/core/clients/llmClient.ts';
import type { EngineProcess } from '../../src/core/embedded/engineProcess.ts';
import { all, assertStops, engineMs, failure, finishOf, textOf, until } from '../support/answers.ts';
import { ask, complete, modelPath, never, startEngine, type LiveEngine } from '../support/embeddedEngine.ts';

describe('embedded backend, live: answers', function () {
  this.timeout(240_000);
  let live: LiveEngine;
  let engine: EngineProcess;
  let client: LLMClient;

  before(async () => {
    live = await startEngine();
    ({ engine } = live);
  });
  beforeEach(() => {
    ({ client } = live);
  });
  after(() => live.stop());

  it('streams a sensible answer, and the same one again', async () => {
    const request = ask('What is the capital of France? Answer in one short sentence.', {
      temperature: 0,
      maxOutputTokens: 40,
    });
    const events = await all(client.chat(request, never));
    assert.ok(events.filter((event) => event.type === 'text').length > 3, 'several pieces');
    assert.match(textOf(events), /Paris/);
    const finish = finishOf(events);
    assert.equal(finish.reason, 'stop');
    assert.ok((finish.usage?.promptTokens ?? 0) > 10);
    assert.ok((finish.usage?.outputTokens ?? 0) > 3);
    assert.ok((finish.timings?.loadMs ?? 0) > 0);
    const again = await all(client.chat(request, never));
    assert.equal(textOf(again), textOf(events));
    assert.ok((finishOf(again).usage?.cachedPromptTokens ?? 0) > 10, 'the prompt is kept');
    assert.equal(finishOf(again).timings?.loadMs, undefined);
  });

  it('goes on with a conversation that has a system message, a tool result and an answer', async () => {
    const events = await all(
      client.chat(
        {
          model: modelPath,
          temperature: 0,
          maxOutputTokens: 20,
          messages: [
            { role: 'system', text: 'You answer in few words.' },
            { role: 'user', text: 'Look up a word and say it.' },
            { role: 'assistant', text: '', toolCalls: [{ id: '1', name: 'word', argumentsJson: '{}' }] },
            { role: 'tool', toolCallId: '1', toolName: 'word', text: 'banana' },
            { role: 'assistant', text: 'The word is banana.' },
            { role: 'user', text: 'Say that word again.' },
          ],
        },
        never,
      ),
    );
    assert.match(textOf(events), /banana/i);
  });

  it('never cuts a character in two', async () => {
    const events = await all(
      client.chat(ask('Repeat: 🎉👩‍👩‍👧🇫🇷 é 你好 🎉👩‍👩‍👧🇫🇷', { temperature: 0, maxOutputTokens: 60 }), never),
    );
    const deltas = events.flatMap((event) => (event.type === 'text' ? [event.delta] : []));
    assert.match(deltas.join(''), /[\u{1F000}-\u{1FFFF}]/u);
    for (const delta of deltas) assert.doesNotMatch(delta, /\p{Surrogate}|\uFFFD/u);
  });

  it('says length at the limit of the request, and stop at a stop text', async () => {
    const counting = 'Count from 1 to 50, separated by commas.';
    const limited = await all(client.chat(ask(counting, { temperature: 0, maxOutputTokens: 12 }), never));
    assert.equal(finishOf(limited).reason, 'length');
    assert.equal(finishOf(limited).usage?.outputTokens, 12);
    const stop = textOf(limited).slice(6, 10);
    const stopped = await all(client.chat(ask(counting, { temperature: 0, maxOutputTokens: 12, stop: [stop] }), never));
    assert.equal(finishOf(stopped).reason, 'stop');
    assert.equal(textOf(stopped), textOf(limited).slice(0, textOf(limited).indexOf(stop)));
  });

  it('says length at the end of the context window, and forgets nothing to go on', async () => {
    const small = live.clientWith({ 'a2ia.embedded.modelPath': modelPath, 'a2ia.embedded.contextTokens': 256 });
    const long = ask(`Write a very long story about a ship. ${'It has many chapters. '.repeat(28)}`, {
      temperature: 0.8,
      seed: 7,
    });
    const finish = finishOf(await all(small.chat(long, never)));
    assert.equal(finish.reason, 'length');
    const { promptTokens = 0, outputTokens = 0 } = finish.usage ?? {};
    assert.ok(promptTokens + outputTokens <= 256, `${promptTokens} + ${outputTokens}`);
  });

  it('refuses a prompt that is longer than the context window, with both numbers', async () => {
    const error = await failure(client.chat(ask('word '.repeat(3000)), never), 'contextOverflow');
    assert.match(error.message, /\b3\d\d\d tokens.*\b1024\b/);
  });

  it('case 74: stops computing when the request is aborted in mid-answer', async () => {
    const abort = new AbortController();
    let pieces = 0;
    let isAborted = false;
    for await (const event of client.chat(ask('Write a long story.', { temperature: 0.8, seed: 1 }), abort.signal)) {
      assert.ok(!isAborted, `${event.type} after the abort`);
      if (++pieces === 5) {
        isAborted = true;
        abort.abort();
      }
    }
    assert.ok(isAborted, 'the answer ended by itself');
    await assertStops(engine);
  });

  it('case 75: stops computing when the consumer leaves, and when a long prompt is being read', async () => {
    for await (const event of client.chat(ask('Write a long story.', { temperature: 0.8, seed: 2 }), never)) {
      if (event.type === 'text') break;
    }
    await assertStops(engine);
    const abort = new AbortController();
    const beforeMs = await engineMs(engine);
    const answer = all(client.chat(ask(`Summarise: ${'The ship sails on. '.repeat(150)}`), abort.signal));
    await until(async () => (await engineMs(engine)) > beforeMs + 300);
    abort.abort();
    assert.ok((await answer).every((event) => event.type === 'progress'));
    await assertStops(engine);
  });

  it('answers two requests at once, and a third after them', async () => {
    const answers = await Promise.all(
      ['one', 'two', 'three'].map((word) =>
        all(client.chat(ask(`Write about ${word}.`, { temperature: 0, maxOutputTokens: 16 }), never)),
      ),
    );
    for (const events of answers) {
      assert.ok(finishOf(events));
      assert.ok(textOf(events).length > 10);
    }
  });

  it('case 76: one of two that is aborted leaves the other alone', async () => {
    const abort = new AbortController();
    const request = (seed: number) => ask('Write a long story.', { temperature: 0.8, seed, maxOutputTokens: 40 });
    const other = all(client.chat(request(3), never));
    for await (const event of client.chat(request(4), abort.signal)) if (event.type === 'text') abort.abort();
    assert.ok(textOf(await other).length > 40);
    assert.ok(finishOf(await other));
  });

  it('case 77, 78: requests on one signal leave no listener, and an abort after the end changes nothing', async () => {
    const abort = new AbortController();
    const request = ask('Hi', { temperature: 0, maxOutputTokens: 1 });
    for (let count = 0; count < 20; count++) finishOf(await all(client.chat(request, abort.signal)));
    assert.equal(getEventListeners(abort.signal, 'abort').length, 0);
    abort.abort();
    finishOf(await all(client.chat(request, never)));
  });

  it('changes the context window after the answer under way', async () => {
    const order: string[] = [];
    const other = live.clientWith({ 'a2ia.embedded.modelPath': modelPath, 'a2ia.embedded.contextTokens': 512 });
    const request = ask('Write about the sea.', { temperature: 0, maxOutputTokens: 16 });
    const answer = client.chat(request, never)[Symbol.asyncIterator]();
    await answer.next();
    const first = all({ [Symbol.asyncIterator]: () => answer }).then((events) =>
      order.push(`first ${finishOf(events).reason}`),
    );
    const pid = engine.processId;
    const second = all(other.chat(request, never)).then((events) => order.push(`second ${finishOf(events).reason}`));
    await Promise.all([first, second]);
    assert.deepEqual(order, ['first length', 'second length']);
    assert.notEqual(engine.processId, pid);
  });

  it('fails when the engine is killed in mid-answer, keeps what came, and starts anew', async () => {
    const pieces: string[] = [];
    await failure(
      (async function* () {
        for await (const event of client.chat(ask('Write a long story.', { temperature: 0.8, seed: 3 }), never)) {
          if (event.type === 'text') pieces.push(event.delta);
          if (pieces.length === 3) process.kill(engine.processId ?? 0, 'SIGKILL');
          yield event;
        }
      })(),
      'engineCrashed',
      /SIGKILL/,
    );
    assert.ok(pieces.length >= 3);
    const events = await all(client.chat(ask('Say hello.', { maxOutputTokens: 5 }), never));
    assert.ok(textOf(events).length > 0);
  });

  it('goes on with raw text, to its limit and to a stop text', async () => {
    const request = { model: modelPath, prefix: 'One, two, three, four, five,', suffix: '', temperature: 0 };
    const events = await all(complete(client, { ...request, maxOutputTokens: 12 }));
    assert.match(textOf(events), /^ six, seven/);
    assert.equal(finishOf(events).reason, 'length');
    assert.equal(finishOf(events).usage?.outputTokens, 12);
    const stopped = await all(complete(client, { ...request, maxOutputTokens: 12, stop: [' seven'] }));
    assert.equal(textOf(stopped), ' six,');
    assert.equal(finishOf(stopped).reason, 'stop');
  });

  it('keeps the beginning of raw text that fills the context to the last', async () => {
    const prefix = `The first word is banana. ${'word '.repeat(960)}`;
    const { usage } = finishOf(
      await all(complete(client, { model: modelPath, prefix, suffix: '', maxOutputTokens: 4 })),
    );
    assert.ok((usage?.promptTokens ?? 0) > 960);
    await failure(complete(client, { model: modelPath, prefix: 'word '.repeat(1100), suffix: '' }), 'contextOverflow');
  });

  it('case 72: fills no gap where the model has no tokens for it, unless they are given', async () => {
    const gap = { model: modelPath, prefix: 'def add(a, b):\n    return ', suffix: '\n\nprint(add(1, 2))\n' };
    const error = await failure(complete(client, gap), 'unsupported');
    assert.equal(error.feature, 'fillInTheMiddle');
    const events = await all(complete(client, { ...gap, rawPrompt: gap.prefix, maxOutputTokens: 6 }));
    assert.ok(textOf(events).length > 0);
  });

  it('stops completing when it is aborted', async () => {
    const abort = new AbortController();
    for await (const event of complete(
      client,
      { model: modelPath, prefix: 'Once upon a time', suffix: '' },
      abort.signal,
    )) {
      if (event.type === 'text') abort.abort();
    }
    await assertStops(engine);
  });

  it('logged no prompt and no answer', () => {
    for (const line of live.logged) assert.doesNotMatch(line, /story|Paris|capital/);
  });
});
