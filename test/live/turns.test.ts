import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { Answer } from '../../src/core/chat/conversation.ts';
import { planExactly } from '../../src/core/chat/promptPlan.ts';
import { Turns, type Turn } from '../../src/core/chat/turns.ts';
import { BackendRegistry } from '../../src/core/clients/registry.ts';
import { MemorySink } from '../support/conversations.ts';
import { never, settingsWith } from '../support/dialects.ts';
import { createTestHost } from '../support/testHost.ts';

/** Turns with the real engine: a real model goes on in its own way, which no script foresees. */

const modelPath = process.env['A2IA_TEST_MODEL'] ?? '';
const workerPath =
  process.env['A2IA_WORKER'] ?? fileURLToPath(new URL('../../dist/embeddedWorker.mjs', import.meta.url));

describe('turns, live', function () {
  this.timeout(240_000);
  let registry: BackendRegistry;
  let turns: Turns;
  let sink: MemorySink;

  before(() => {
    assert.ok(modelPath, 'Set A2IA_TEST_MODEL to a GGUF file of an instruct model.');
    const host = createTestHost();
    const engine = { ...host.engine, workerPath, nodePath: process.execPath };
    registry = new BackendRegistry({ ...host, engine });
    turns = new Turns({ registry, log: host.log, name: 'chat' });
  });
  beforeEach(() => {
    sink = new MemorySink();
  });
  after(() => registry.dispose());

  const settings = (maxOutputTokens: number) =>
    settingsWith({
      'a2ia.backend': 'embedded',
      'a2ia.embedded.modelPath': modelPath,
      'a2ia.embedded.contextTokens': 1024,
      'a2ia.temperature': 0,
      'a2ia.maxOutputTokens': maxOutputTokens,
    });
  const ask = (text: string, maxOutputTokens: number) =>
    turns.ask(sink, { text, attachments: [] }, settings(maxOutputTokens));
  const answer = ({ answerId }: Turn): Answer => {
    const message = sink.conversation.message(answerId);
    assert.ok(message?.role === 'answer');
    return message;
  };

  it('continue goes on, without saying again what was said', async () => {
    const turn = ask('Why is the sky blue?', 24);
    await turn.done;
    const first = answer(turn).text;
    assert.deepEqual(answer(turn).runs[0]?.ending?.outcome, { type: 'finished', reason: 'length' });
    await turns.continueAnswer(sink, turn.answerId, settings(60)).done;
    const { text, runs } = answer(turn);
    assert.equal(runs.length, 2);
    assert.equal(runs[1]?.ending?.outcome.type, 'finished');
    assert.ok(text.startsWith(first) && text.length > first.length, text);
    assert.notEqual(text.slice(first.length).trim(), first.trim());
  });

  it('stop stops: the story ends there, and the engine is free for the next question', async () => {
    const story = ask('Tell a very long story about a fox.', 900);
    while (answer(story).text === '') await sink.nextRecord();
    story.stop();
    await story.done;
    const { text, runs } = answer(story);
    assert.deepEqual(runs[0]?.ending?.outcome, { type: 'stopped' });
    const next = ask('What is the capital of France? Answer in one short sentence.', 40);
    await next.done;
    assert.match(answer(next).text, /\w/);
    assert.equal(answer(story).text, text, 'nothing came after it');
    assert.ok(text.length < 2000);
  });

  it('plans with the engine’s own count, which is what the request takes', async () => {
    const text = `Say hello. ${'These words fill the window. '.repeat(120)}`;
    const { client, model } = await registry.choose(settings(8), never);
    const input = {
      conversation: sink.conversation,
      draft: { text, attachments: [] },
      settings: settings(8),
      model,
      contextTokens: undefined,
    };
    const { budget, fits } = await planExactly(input, client, never);
    assert.ok(budget.isExact && fits);
    assert.equal(budget.contextTokens, 1024);
    const turn = ask(text, 8);
    await turn.done;
    const used = answer(turn).runs[0]?.ending?.usage?.promptTokens;
    assert.equal(budget.historyTokens + budget.attachmentTokens + budget.draftTokens, used);
  });
});
