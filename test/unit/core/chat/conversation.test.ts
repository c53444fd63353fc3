import assert from 'node:assert/strict';
import { Conversation, type ConversationRecord } from '../../../../src/core/chat/conversation.ts';
import { delta, exchange, finished } from '../../../support/storedConversations.ts';

function sumOf(records: readonly ConversationRecord[]): Conversation {
  const conversation = new Conversation('c', 1);
  for (const record of records) conversation.apply(record);
  return conversation;
}

const pathIds = (conversation: Conversation) => conversation.path().map(({ id }) => id);

const answer = (id: string, parentId: string): ConversationRecord => ({ type: 'answer', id, parentId, atMs: 50 });

/** Two questions, the second asked in two ways and answered twice. */
const branched: readonly ConversationRecord[] = [
  ...exchange(1, 'first'),
  delta('a1', 'one'),
  finished('a1'),
  ...exchange(2, 'second', 'a1'),
  delta('a2', 'two'),
  finished('a2'),
  ...exchange(3, 'second, edited', 'a1'),
  answer('a4', 'q3'),
];

describe('Conversation', () => {
  it('Shows the branch that was made last, and its beginning', () => {
    assert.deepEqual(pathIds(sumOf(branched)), ['q1', 'a1', 'q3', 'a4']);
  });

  it('Shows another branch when it is told to, and goes on from there', () => {
    const conversation = sumOf([...branched, { type: 'show', id: 'q2' }]);
    assert.deepEqual(pathIds(conversation), ['q1', 'a1', 'q2', 'a2']);
    for (const record of exchange(5, 'third', 'a2')) conversation.apply(record);
    assert.deepEqual(pathIds(conversation), ['q1', 'a1', 'q2', 'a2', 'q5', 'a5']);
  });

  it('A message beside what is shown, or before it, is shown with all that leads to it', () => {
    const conversation = sumOf([...branched, answer('a6', 'q2')]);
    assert.deepEqual(pathIds(conversation), ['q1', 'a1', 'q2', 'a6']);
    conversation.apply(answer('a7', 'q1'));
    assert.deepEqual(pathIds(conversation), ['q1', 'a7']);
  });

  it('A second beginning is a branch as well', () => {
    const conversation = sumOf([...branched, ...exchange(8, 'another beginning')]);
    assert.deepEqual(pathIds(conversation), ['q8', 'a8']);
    assert.deepEqual(conversation.siblings(conversation.message('q8')!), ['q1', 'q8']);
  });

  it('The path to a message begins with the first question', () => {
    assert.deepEqual(
      sumOf(branched)
        .pathTo('a2')
        .map(({ id }) => id),
      ['q1', 'a1', 'q2', 'a2'],
    );
    assert.deepEqual(sumOf(branched).pathTo('nowhere'), []);
  });

  it('Has the same sum as the records it gives', () => {
    const outcome = { type: 'failed', problem: { kind: 'serverError', message: 'm', hint: 'h' } } as const;
    const conversation = sumOf([
      ...branched,
      { type: 'delta', id: 'a4', text: 'a', reasoning: 'r' },
      { type: 'toolCall', id: 'a4', call: { id: 't', name: 'n', argumentsJson: '{}' } },
      { type: 'warning', id: 'a4', message: 'w' },
      { type: 'run', id: 'a4', atMs: 60 },
      { type: 'end', id: 'a4', atMs: 70, ending: { outcome, speed: { totalMs: 1 }, reasoningMs: 3 } },
      { type: 'run', id: 'a4', atMs: 80, backend: 'vllm', model: 'other' },
      { type: 'leaveOut', ids: ['q1', 'a1', 'q2'] },
      { type: 'takeBack', ids: ['q2'] },
      { type: 'title', title: 'named' },
      { type: 'pin', pinned: true },
      { type: 'delete', deleted: true },
      { type: 'show', id: 'a2' },
    ]);
    const again = sumOf(conversation.records());
    assert.deepEqual([...again.messages()], [...conversation.messages()]);
    assert.deepEqual(pathIds(again), pathIds(conversation));
    assert.deepEqual([again.title, again.pinned, again.deleted], ['named', true, true]);
    assert.ok(again.isLeftOut('a1') && !again.isLeftOut('q2'));
    assert.deepEqual(again.records(), conversation.records());
  });
});
