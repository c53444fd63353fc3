import assert from 'node:assert/strict';
import { askAsConversation } from '../../../../src/core/chat/askAsConversation.ts';
import { pathMessages } from '../../../../src/core/chat/promptMessages.ts';
import { askMessages } from '../../../../src/core/chat/prompts.ts';
import type { Answer } from '../../../../src/core/chat/session.ts';
import { MemorySink } from '../../../support/conversations.ts';
import { dialectOf } from '../../../support/dialects.ts';

describe('askAsConversation', () => {
  const answer: Answer = {
    text: 'Because.',
    reasoning: 'hm',
    outcome: { type: 'finished', reason: 'stop', usage: { promptTokens: 7 } },
    speed: { totalMs: 1200.4 },
  };

  it('is the question with its context and its answer, to be gone on with', () => {
    const context = [
      { label: 'a.ts, lines 3 to 9', languageId: 'typescript', text: 'let a;' },
      { label: 'b.ts', languageId: 'typescript', text: 'let b;' },
    ];
    const client = dialectOf('vllm').client('http://127.0.0.1:9');
    const sink = new MemorySink();
    sink.append(
      ...askAsConversation({ question: 'Why?', context, answer, choice: { client, model: 'm', reason: '' }, atMs: 5 }),
    );
    const path = sink.conversation.path();
    assert.deepEqual(pathMessages(sink.conversation, path, ''), [
      ...askMessages('Why?', context, ''),
      { role: 'assistant', text: 'Because.' },
    ]);
    const [question, kept] = path;
    assert.ok(question?.role === 'question' && kept?.role === 'answer');
    assert.deepEqual(
      question.attachments.map((attachment) => attachment.kind === 'text' && attachment.source),
      ['selection', 'file'],
    );
    assert.equal(kept.reasoning, 'hm');
    assert.deepEqual(kept.runs, [
      {
        atMs: 5,
        backend: 'vllm',
        model: 'm',
        ending: {
          outcome: { type: 'finished', reason: 'stop' },
          usage: { promptTokens: 7 },
          speed: { totalMs: 1200.4 },
        },
      },
    ]);
  });

  it('is a question without an answer when nobody was there', () => {
    const nothing: Answer = { text: '', reasoning: '', outcome: { type: 'stopped' }, speed: { totalMs: 1 } };
    const sink = new MemorySink();
    sink.append(...askAsConversation({ question: 'Why?', context: [], answer: nothing, choice: undefined, atMs: 5 }));
    const kept = sink.conversation.path()[1];
    assert.ok(kept?.role === 'answer' && kept.text === '');
    assert.equal(kept.runs[0]?.ending?.outcome.type, 'stopped');
  });
});
