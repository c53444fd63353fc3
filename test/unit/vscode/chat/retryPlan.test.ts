import assert from 'node:assert/strict';
import type { LLMClient } from '../../../../src/core/clients/llmClient.ts';
import { planRetry } from '../../../../src/vscode/chat/retryPlan.ts';
import { conversationOf } from '../../../support/conversations.ts';
import { settingsWith } from '../../../support/dialects.ts';

const words = (tokens: number) => 'ab cd, '.repeat(tokens / 2);
const settings = settingsWith({});

/** Of a server that lists one model. */
function clientWith(contextWindowTokens: number): LLMClient {
  return {
    listModels: () => Promise.resolve([{ id: 'small', contextWindowTokens }]),
    countTokens: ({ messages }: Parameters<LLMClient['countTokens']>[0]) =>
      Promise.resolve({ tokens: messages.reduce((sum, { text }) => sum + text.length / 3.5, 0), isExact: true }),
  } as unknown as LLMClient;
}

describe('planRetry', () => {
  const exchange = { question: words(400), answer: words(800) };

  it('says what the window of another model is too small for, the question that is asked again excepted', async () => {
    const conversation = conversationOf(exchange, exchange, exchange);
    const plan = await planRetry({ client: clientWith(2048), model: 'small' }, conversation, 'a3', settings);
    assert.equal(plan?.fits, false);
    assert.equal(plan.budget.contextTokens, 2048);
    assert.deepEqual(plan.proposals[0]?.records, [{ type: 'leaveOut', ids: ['q1', 'a1', 'q2', 'a2'] }]);
  });

  it('has nothing to say where everything fits, and does not count the answer that is beside', async () => {
    const conversation = conversationOf(exchange, { question: 'Q', answer: words(9000) });
    const plan = await planRetry({ client: clientWith(4096), model: 'small' }, conversation, 'a2', settings);
    assert.deepEqual([plan?.fits, plan?.proposals], [true, []]);
  });

  it('leaves it to the request when the server fails', async () => {
    const client = {
      listModels: () => Promise.reject(new Error('gone')),
      contextWindow: () => Promise.reject(new Error('gone')),
    };
    const asked = { client: client as unknown as LLMClient, model: 'small' };
    assert.equal(await planRetry(asked, conversationOf(exchange), 'a1', settings), undefined);
  });
});
