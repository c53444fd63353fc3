import assert from 'node:assert/strict';
import { Conversation, type ConversationRecord } from '../../../../src/core/chat/conversation.ts';
import { exportMarkdown } from '../../../../src/core/chat/conversationMarkdown.ts';
import { delta, exchange, finished } from '../../../support/storedConversations.ts';

function exported(...records: readonly ConversationRecord[]): string {
  const conversation = new Conversation('c', 1);
  for (const record of records) conversation.apply(record);
  return exportMarkdown(conversation);
}

describe('exportMarkdown', () => {
  it('Has questions with what was attached, answers with their reasoning, and the facts', () => {
    const document = exported(
      {
        type: 'question',
        id: 'q1',
        atMs: 1,
        text: 'What is\nthis?',
        attachments: [
          {
            kind: 'text',
            id: 'x',
            source: 'file',
            label: 'src/a.ts, lines 3 to 4',
            languageId: 'typescript',
            text: 'a\nb\n',
          },
          { kind: 'image', id: 'y', label: 'plot.png', mediaType: 'image/png', base64: 'AAAA' },
        ],
      },
      { type: 'answer', id: 'a1', parentId: 'q1', atMs: 2 },
      { type: 'run', id: 'a1', atMs: 2, backend: 'ollama', model: 'llama3.2' },
      { type: 'delta', id: 'a1', reasoning: 'Well,\n\nlet me see.', text: 'A *file*.' },
      { type: 'warning', id: 'a1', message: 'The seed was left out.' },
      {
        type: 'end',
        id: 'a1',
        atMs: 3,
        ending: {
          outcome: { type: 'finished', reason: 'length' },
          usage: { promptTokens: 20, outputTokens: 214 },
          speed: { totalMs: 9000, firstTokenMs: 420, tokensPerSecond: 35.23 },
          reasoningMs: 1200,
        },
      },
    );
    assert.equal(
      document,
      `# What is

## Question

What is
this?

Attached: src/a.ts, lines 3 to 4

\`\`\`typescript
a
b
\`\`\`

Image: plot.png

## Answer

> **Reasoning**
>
> Well,
>
> let me see.

A *file*.

*The seed was left out.*

*llama3.2 · ollama · 20 prompt tokens · 214 tokens · 35.2 tokens/s · first token after 0.4 s · thought for 1.2 s · ended at the length limit*
`,
    );
  });

  it('Has the branch that is shown, and says what is not sent any more', () => {
    const document = exported(
      ...exchange(1, 'old way'),
      ...exchange(2, 'new way'),
      delta('a2', 'yes'),
      finished('a2'),
      { type: 'leaveOut', ids: ['q2'] },
      { type: 'title', title: 'My title' },
    );
    assert.match(
      document,
      /^# My title\n\n## Question\n\n\*Not sent any more, to make room\.\*\n\nnew way\n\n## Answer\n\nyes\n/,
    );
    assert.doesNotMatch(document, /old way/);
  });

  it('Says how each run ended', () => {
    const end = (outcome: 'stopped' | 'failed'): ConversationRecord => ({
      type: 'end',
      id: 'a1',
      atMs: 9,
      ending: {
        outcome:
          outcome === 'stopped'
            ? { type: 'stopped' }
            : { type: 'failed', problem: { kind: 'serverError', message: 'The server broke.', hint: '' } },
        speed: { totalMs: 1 },
      },
    });
    const run: ConversationRecord = { type: 'run', id: 'a1', atMs: 5, backend: 'vllm', model: 'm' };
    const document = exported(...exchange(1, 'x'), end('stopped'), run, end('failed'), run);
    assert.match(
      document,
      /\*m · ollama · stopped\*\n\n\*m · vllm · failed: The server broke\.\*\n\n\*m · vllm · interrupted\*\n$/,
    );
  });

  it('A fence is longer than any inside of it', () => {
    const text = 'before\n````md\n```\n````\nafter';
    const document = exported({
      type: 'question',
      id: 'q1',
      atMs: 1,
      text: 'x',
      attachments: [{ kind: 'text', id: 'x', source: 'paste', label: 'paste', languageId: '', text }],
    });
    assert.ok(document.endsWith(`\n\`\`\`\`\`\n${text}\n\`\`\`\`\`\n`), document);
  });

  it('A code block that was cut off does not take in what follows', () => {
    const document = exported(
      ...exchange(1, 'x'),
      delta('a1', 'Look:\n````js\nlet a;\n```\nlet b;'),
      finished('a1'),
      ...exchange(2, 'y', 'a1'),
    );
    assert.match(document, /let b;\n````\n\n\*m · ollama\*\n\n## Question\n\ny/);
    const whole = exported(
      ...exchange(1, 'x'),
      delta('a1', '```js\nlet a;\n```\nand ```inline``` more'),
      finished('a1'),
    );
    assert.match(whole, /inline``` more\n\n\*m/);
  });
});
