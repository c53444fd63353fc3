import assert from 'node:assert/strict';
import { Conversation, type ConversationRecord, type RunEnding } from '../../../../src/core/chat/conversation.ts';
import { conversationView, type AnswerKnowledge } from '../../../../src/vscode/chat/conversationView.ts';
import { RunningAnswers } from '../../../../src/vscode/chat/runningAnswers.ts';

const nothing: AnswerKnowledge = { running: () => undefined, buttons: () => [] };

function conversationOf(...records: readonly ConversationRecord[]): Conversation {
  const conversation = new Conversation('c', 0);
  for (const record of records) conversation.apply(record);
  return conversation;
}

const question = (id: string, parentId?: string): ConversationRecord => ({
  type: 'question',
  id,
  ...(parentId === undefined ? {} : { parentId }),
  atMs: 1,
  text: `text of ${id}`,
  attachments: [
    { kind: 'text', id: `${id}-file`, source: 'file', label: 'a.ts', languageId: 'typescript', text: 'let a' },
  ],
});
const answer = (id: string, parentId: string): ConversationRecord => ({ type: 'answer', id, parentId, atMs: 2 });
const run = (id: string): ConversationRecord => ({ type: 'run', id, atMs: 3, backend: 'ollama', model: 'm' });
const end = (id: string, ending: Partial<RunEnding> = {}): ConversationRecord => ({
  type: 'end',
  id,
  atMs: 4,
  ending: { outcome: { type: 'finished', reason: 'stop' }, speed: { totalMs: 5 }, ...ending },
});

function answerIn(conversation: Conversation, knowledge = nothing) {
  const view = conversationView(conversation, knowledge).messages.at(-1);
  assert.ok(view?.role === 'answer');
  return view;
}

describe('What the panel shows of a conversation', () => {
  it('shows the path with the place of each message among those beside it', () => {
    const conversation = conversationOf(question('q1'), answer('a1', 'q1'), answer('a2', 'q1'), answer('a3', 'q1'));
    conversation.apply({ type: 'show', id: 'a2' });
    const [first, second] = conversationView(conversation, nothing).messages;
    assert.deepEqual(first?.branch, { number: 1, count: 1, previousId: undefined, nextId: undefined });
    assert.equal(second?.id, 'a2');
    assert.deepEqual(second.branch, { number: 2, count: 3, previousId: 'a1', nextId: 'a3' });
    assert.ok(first?.role === 'question');
    assert.deepEqual(
      first.attachments.map(({ kind, label }) => [kind, label]),
      [['file', 'a.ts']],
    );
  });

  it('names who wrote an answer, also when nobody was found to continue it', () => {
    const alone: ConversationRecord = { type: 'run', id: 'a1', atMs: 5 };
    const conversation = conversationOf(question('q1'), answer('a1', 'q1'), run('a1'), end('a1'), alone);
    assert.equal(answerIn(conversation).model, 'm');
    assert.equal(answerIn(conversation).backend, 'ollama');
  });

  it('says of messages and attachments whether they are sent', () => {
    const conversation = conversationOf(question('q1'), answer('a1', 'q1'), question('q2', 'a1'));
    conversation.apply({ type: 'leaveOut', ids: ['q1', 'a1', 'q2-file'] });
    const { messages } = conversationView(conversation, nothing);
    assert.deepEqual(
      messages.map(({ isLeftOut }) => isLeftOut),
      [true, true, false],
    );
    const attachments = messages.flatMap((message) => (message.role === 'question' ? message.attachments : []));
    assert.deepEqual(
      attachments.map(({ isLeftOut }) => isLeftOut),
      [false, true],
    );
  });

  it('calls an answer without an end cut off, unless somebody writes it', () => {
    const conversation = conversationOf(question('q1'), answer('a1', 'q1'), run('a1'));
    assert.deepEqual(answerIn(conversation).state, { type: 'interrupted' });
    const running: AnswerKnowledge = { ...nothing, running: () => ({ type: 'streaming' }) };
    assert.deepEqual(answerIn(conversation, running).state, { type: 'streaming' });
  });

  it('shows a failure with what can be done about it', () => {
    const problem = { kind: 'notRunning', message: 'Nothing listens.', hint: 'Start it.' } as const;
    const conversation = conversationOf(question('q1'), answer('a1', 'q1'), run('a1'));
    conversation.apply(end('a1', { outcome: { type: 'failed', problem } }));
    const buttons = [{ id: '0', label: 'Ask Again' }];
    const { state } = answerIn(conversation, { ...nothing, buttons: () => buttons });
    assert.deepEqual(state, { type: 'failed', problem, buttons });
  });

  it('adds up the runs of an answer that was continued', () => {
    const conversation = conversationOf(question('q1'), answer('a1', 'q1'), run('a1'));
    const first = {
      usage: { promptTokens: 10, outputTokens: 20 },
      speed: { totalMs: 9, firstTokenMs: 3 },
      reasoningMs: 2,
    };
    conversation.apply(end('a1', first));
    conversation.apply(run('a1'));
    assert.equal(answerIn(conversation).reasoningMs, undefined);
    const second = {
      usage: { promptTokens: 30, outputTokens: 5 },
      speed: { totalMs: 9, firstTokenMs: 7, tokensPerSecond: 40 },
      reasoningMs: 4,
    };
    conversation.apply(end('a1', second));
    const { facts, reasoningMs } = answerIn(conversation);
    assert.deepEqual(facts, { promptTokens: 30, outputTokens: 25, tokensPerSecond: 40, firstTokenMs: 3 });
    assert.equal(reasoningMs, 6);
  });

  it('says no number of tokens when the server told it of one run only', () => {
    const conversation = conversationOf(question('q1'), answer('a1', 'q1'), run('a1'), end('a1'), run('a1'));
    conversation.apply(end('a1', { usage: { outputTokens: 5 } }));
    assert.deepEqual(answerIn(conversation).facts, {});
  });
});

describe('Answers that are being written', () => {
  it('wait until something comes, and run until their end', () => {
    const running = new RunningAnswers();
    running.note(answer('a1', 'q1'));
    assert.equal(running.get('a1')?.type, 'waiting');
    running.note(run('a1'));
    assert.deepEqual(running.get('a1'), { type: 'waiting', what: 'waiting for m (ollama)' });
    assert.equal(running.waitFor('a1', 'loading the model'), true);
    assert.equal(running.waitFor('a1', 'loading the model'), false);
    running.note({ type: 'delta', id: 'a1', text: 'x' });
    assert.deepEqual(running.get('a1'), { type: 'streaming' });
    assert.equal(running.waitFor('a1', 'too late'), false);
    running.note(end('a1'));
    assert.equal(running.get('a1'), undefined);
  });
});
