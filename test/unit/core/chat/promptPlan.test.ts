import assert from 'node:assert/strict';
import { planExactly, planPrompt, promptTokens, type PlanInput } from '../../../../src/core/chat/promptPlan.ts';
import type { Conversation } from '../../../../src/core/chat/conversation.ts';
import type { Proposal } from '../../../../src/core/chat/proposals.ts';
import type { LLMClient } from '../../../../src/core/clients/llmClient.ts';
import { never, settingsWith } from '../../../support/dialects.ts';
import { conversationOf, imageAttachment, textAttachment } from '../../../support/conversations.ts';

const settings = settingsWith({ 'a2ia.systemPrompt': 'Be brief.' });
/** About this many tokens, by the estimate. */
const words = (tokens: number) => 'ab cd, '.repeat(tokens / 2);
const lines = (count: number) => Array.from({ length: count }, (_, index) => `line number ${1000 + index};`).join('\n');

function plan(input: Partial<PlanInput>) {
  return planPrompt({ conversation: conversationOf(), settings, model: 'm', contextTokens: 4096, ...input });
}

/** What the plan is once its proposal was taken. */
function after(conversation: Conversation, input: Partial<PlanInput>, proposal: Proposal | undefined) {
  assert.ok(proposal);
  for (const record of proposal.records) conversation.apply(record);
  const draft = input.draft && { ...input.draft, attachments: proposal.attachments };
  return plan({ ...input, conversation, ...(draft ? { draft } : {}) });
}

describe('planPrompt', () => {
  it('says what history, attachments, draft and answer take', () => {
    const conversation = conversationOf({ question: words(100), answer: words(200) });
    const draft = { text: words(50), attachments: [textAttachment('f', words(400))] };
    const { budget, fits, proposals, messages } = plan({ conversation, draft });
    assert.ok(Math.abs(budget.historyTokens - 315) < 10, `history ${budget.historyTokens}`);
    assert.ok(Math.abs(budget.attachmentTokens - 405) < 10, `attachments ${budget.attachmentTokens}`);
    assert.ok(Math.abs(budget.draftTokens - 54) < 10, `draft ${budget.draftTokens}`);
    assert.equal(budget.answerTokens, 1024);
    assert.equal(budget.isExact, false);
    assert.ok(fits);
    assert.deepEqual(proposals, []);
    assert.equal(messages.length, 4);
  });

  it('keeps a quarter of a small window for the answer, or as much as it may have', () => {
    assert.equal(plan({ contextTokens: 2048 }).budget.answerTokens, 512);
    assert.equal(plan({ contextTokens: undefined }).budget.answerTokens, 1024);
    assert.equal(plan({ settings: settingsWith({ 'a2ia.maxOutputTokens': 3000 }) }).budget.answerTokens, 3000);
  });

  it('proposes nothing for a window that nobody knows', () => {
    const { fits, proposals } = plan({ contextTokens: undefined, draft: { text: words(90_000), attachments: [] } });
    assert.ok(fits);
    assert.deepEqual(proposals, []);
  });

  it('counts with the size of this model’s tokens, as its server counted them', () => {
    const question = words(500);
    const estimate = plan({ conversation: conversationOf({ question, answer: 'A' }) }).budget.historyTokens;
    const measured = (model: string) => {
      const conversation = conversationOf({ question, answer: 'A', model, usage: { promptTokens: estimate * 2 } });
      return plan({ conversation }).budget.historyTokens;
    };
    assert.ok(Math.abs(measured('m') - estimate * 2) < 20, `${measured('m')}`);
    assert.equal(measured('another'), estimate);
  });

  it('learns from an answer’s own text when messages before it are left out', () => {
    const conversation = conversationOf(
      { question: 'Q', answer: 'A' },
      { question: words(400), answer: words(400), usage: { promptTokens: 10, outputTokens: 800 } },
    );
    const before = plan({ conversation }).budget.historyTokens;
    conversation.apply({ type: 'leaveOut', ids: ['q1', 'a1'] });
    assert.ok(plan({ conversation }).budget.historyTokens > before * 1.8);
  });

  it('takes the server’s count for what it is', () => {
    const conversation = conversationOf({ question: words(600), answer: 'A' });
    const draft = { text: words(200), attachments: [textAttachment('f', words(200))] };
    const { budget } = planPrompt(
      { conversation, draft, settings, model: 'm', contextTokens: 4096 },
      { tokens: 1777, isExact: true },
    );
    assert.equal(promptTokens(budget), 1777);
    assert.ok(budget.isExact);
  });
});

describe('planPrompt: proposals', () => {
  const short = { text: 'Why?', attachments: [] };

  it('the fewest of the first messages', () => {
    const exchange = { question: words(200), answer: words(800) };
    const conversation = conversationOf(exchange, exchange, exchange, exchange);
    const { fits, proposals } = plan({ conversation, draft: short });
    assert.equal(fits, false);
    assert.deepEqual(
      proposals.map(({ label, records }) => [label.replace(/\([\d,]+/, '(N'), records]),
      [['Leave out the first 2 messages (N tokens)', [{ type: 'leaveOut', ids: ['q1', 'a1'] }]]],
    );
    assert.ok(after(conversation, { draft: short }, proposals[0]).fits);
  });

  it('an attachment, or the first lines of one, before half of the conversation', () => {
    const exchange = { question: words(200), answer: words(800) };
    const conversation = conversationOf(exchange, exchange);
    const draft = { text: 'Why?', attachments: [textAttachment('small', 'x'), textAttachment('big', lines(220))] };
    const { proposals } = plan({ conversation, draft });
    assert.deepEqual(
      proposals.map(({ label }) => label.replace(/\d[\d,]*/g, 'N')),
      [
        'Shorten big.ts to its first N of N lines (N tokens)',
        'Leave out the first N messages (N tokens)',
        'Leave out big.ts (N tokens)',
      ],
    );
    const shortened = after(conversation, { draft }, proposals[0]);
    assert.ok(shortened.fits);
    assert.match(
      shortened.messages.at(-1)?.text ?? '',
      /big\.ts, the first \d+ of 220 lines:\n\n```typescript\nline number 1000;\n/,
    );
    // One line more would be too much.
    const kept = Number(/first (\d+) of/.exec(proposals[0]?.label ?? '')?.[1]);
    const attachments = [
      textAttachment('small', 'x'),
      textAttachment('big', lines(kept + 2), 'big.ts, the first 99 of 220 lines'),
    ];
    assert.equal(plan({ conversation, draft: { text: 'Why?', attachments } }).fits, false);
  });

  it('to send again what was left out, once a larger window has plenty of room for all of it', () => {
    const exchange = { question: words(200), attachments: [imageAttachment('i')], answer: words(800) };
    const conversation = conversationOf(exchange, exchange, exchange, exchange);
    const image = [...conversation.messages()].flatMap((one) => (one.role === 'question' ? one.attachments : []))[0]
      ?.id;
    assert.ok(image);
    conversation.apply({ type: 'leaveOut', ids: ['q1', 'a1', image] });
    const again = (contextTokens: number, more: Partial<PlanInput> = {}) =>
      plan({ conversation, draft: short, contextTokens, ...more }).takeBack;
    assert.equal(again(5400), undefined, 'it would fit, but barely');
    assert.match(again(32_768)?.label ?? '', /^Send again what was left out \([\d,]+ tokens\)$/);
    const withoutImages = again(32_768, { takesImages: false });
    assert.deepEqual(withoutImages?.records, [{ type: 'takeBack', ids: ['q1', 'a1'] }]);
    const { takeBack, messages } = after(conversation, { draft: short, contextTokens: 32_768 }, again(32_768));
    assert.equal(takeBack, undefined);
    assert.equal(messages.length, 10);
  });

  it('an attachment of an earlier question, whose absence is said', () => {
    const conversation = conversationOf(
      { question: 'Q', attachments: [textAttachment('big', lines(600))], answer: 'A' },
      { question: 'Q', answer: 'A' },
    );
    const { proposals } = plan({ conversation, draft: short });
    assert.match(proposals[0]?.label ?? '', /^Leave out big\.ts/);
    const { messages, fits } = after(conversation, { draft: short }, proposals[0]);
    assert.ok(fits);
    assert.equal(messages[1]?.text, 'big.ts: left out.\n\nQ');
    assert.equal(messages.length, 6);
  });

  it('the first characters of a text in one line', () => {
    const draft = { text: 'Why?', attachments: [textAttachment('min', 'x'.repeat(20_000), 'app.min.js')] };
    const { proposals } = plan({ draft });
    assert.match(proposals[0]?.label ?? '', /^Shorten app\.min\.js to its first [\d,]+ of 20,000 characters/);
    assert.ok(after(conversationOf(), { draft }, proposals[0]).fits);
  });

  it('both, when neither is enough', () => {
    const conversation = conversationOf({ question: words(2000), answer: words(2000) });
    const draft = { text: 'Why?', attachments: [textAttachment('big', lines(800))] };
    const { proposals } = plan({ conversation, draft });
    assert.match(proposals[0]?.label ?? '', /^Leave out all earlier messages and shorten big\.ts to its first/);
    for (const proposal of proposals) {
      assert.ok(after(conversationOf({ question: words(2000), answer: words(2000) }), { draft }, proposal).fits);
    }
  });

  it('all attachments, when none alone is enough', () => {
    const question = words(2900);
    const attachments = [textAttachment('a', 'x'.repeat(9000)), imageAttachment('b'), imageAttachment('c')];
    const { proposals } = plan({ draft: { text: question, attachments } });
    assert.deepEqual(
      proposals.map(({ label, attachments: left }) => [label.replace(/\([\d,]+/, '(N'), left]),
      [['Leave out a.ts and leave out b.png and leave out c.png (N tokens)', []]],
    );
  });

  it('none for a question that is too long by itself', () => {
    const { fits, proposals } = plan({ draft: { text: words(5000), attachments: [] } });
    assert.equal(fits, false);
    assert.deepEqual(proposals, []);
  });

  it('never the question that is asked again', () => {
    const exchange = { question: words(1000), answer: words(1500) };
    const conversation = conversationOf(exchange, exchange);
    const { proposals } = plan({ conversation, path: conversation.pathTo('q2') });
    assert.deepEqual(
      proposals.flatMap(({ records }) => records),
      [{ type: 'leaveOut', ids: ['q1', 'a1'] }],
    );
  });

  it('for another model’s smaller window', () => {
    const exchange = { question: words(200), answer: words(800) };
    const conversation = conversationOf(exchange, exchange);
    assert.ok(plan({ conversation, draft: short }).fits);
    const smaller = plan({ conversation, draft: short, model: 'small', contextTokens: 2048 });
    assert.match(smaller.proposals[0]?.label ?? '', /^Leave out the first 2 messages/);
  });

  it('the images, for a model that takes none', () => {
    const conversation = conversationOf({ question: 'Q', attachments: [imageAttachment('i')], answer: 'A' });
    const draft = { text: 'And this?', attachments: [imageAttachment('j')] };
    const { fits, proposals } = plan({ conversation, draft, takesImages: false });
    assert.equal(fits, false);
    assert.match(proposals[0]?.label ?? '', /^Leave out 2 images, which m does not take/);
    const { messages, ...rest } = after(conversation, { draft, takesImages: false }, proposals[0]);
    assert.ok(rest.fits);
    assert.ok(!messages.some((message) => 'images' in message));
    assert.equal(proposals.length, 1);
  });

  it('stay quick in a long conversation', () => {
    const exchange = { question: words(40), answer: words(200) };
    const conversation = conversationOf(...Array.from({ length: 1000 }, () => exchange));
    const { proposals } = plan({ conversation, draft: short });
    const [record] = proposals[0]?.records ?? [];
    assert.ok(record?.type === 'leaveOut' && record.ids.length > 1900);
  });
});

describe('planExactly', () => {
  /** A client whose window and count a test decides. */
  const client = (contextTokens: number | undefined, tokens: number) => {
    const asked: string[] = [];
    const fake = {
      backend: 'vllm',
      contextWindow: () => (asked.push('window'), Promise.resolve(contextTokens)),
      countTokens: () => (asked.push('count'), Promise.resolve({ tokens, isExact: true })),
    } as Partial<LLMClient> as LLMClient;
    return { fake, asked };
  };
  const input = (tokens: number): PlanInput => ({
    conversation: conversationOf(),
    draft: { text: words(tokens), attachments: [] },
    settings,
    model: 'm',
    contextTokens: undefined,
  });

  it('asks for the window, and lets the server count where it may become narrow', async () => {
    const { fake, asked } = client(4096, 3500);
    const { budget, fits } = await planExactly(input(2500), fake, never);
    assert.deepEqual(asked, ['window', 'count']);
    assert.equal(promptTokens(budget), 3500);
    assert.equal(budget.contextTokens, 4096);
    assert.equal(fits, false);
  });

  it('needs no count far from the limit, nor without one', async () => {
    for (const contextTokens of [32_768, undefined]) {
      const { fake, asked } = client(contextTokens, 3500);
      assert.ok((await planExactly(input(2500), fake, never)).fits);
      assert.deepEqual(asked, ['window']);
    }
  });

  it('asks for no window that is known', async () => {
    const { fake, asked } = client(undefined, 3500);
    await planExactly({ ...input(100), contextTokens: 4096 }, fake, never);
    assert.deepEqual(asked, []);
  });
});
