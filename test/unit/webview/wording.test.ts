import assert from 'node:assert/strict';
import type { AnswerState } from '../../../src/protocol/panelState.ts';
import { canContinue } from '../../../src/webview/answering.ts';
import {
  announcement,
  factsText,
  formatAge,
  formatDuration,
  formatShort,
  reasoningSummary,
} from '../../../src/webview/wording.ts';
import { answer, panelStates } from '../../support/panelStates.ts';

const failed = panelStates['failed']?.conversation.messages.at(-1);
assert.ok(failed?.role === 'answer');

describe('The words of the panel', () => {
  it('say how an answer went, and only what is known', () => {
    const facts = (...args: Parameters<typeof answer>) => factsText(answer(...args)).replaceAll('\u00a0', ' ');
    assert.equal(
      facts('a', ''),
      'Complete · 214 tokens · 38 tokens/s · first token 0.4 s · prompt 1,204 (1,100 cached)',
    );
    assert.equal(
      facts('a', '', { state: { type: 'stopped' }, facts: { outputTokens: 1, tokensPerSecond: 2.25 } }),
      'Stopped · 1 token · 2.3 tokens/s',
    );
    assert.equal(facts('a', '', { state: { type: 'interrupted' }, facts: {} }), 'Cut off when the editor closed');
    assert.equal(
      facts('a', '', { state: { type: 'waiting', what: 'loading the model, 40 %' } }),
      'loading the model, 40 %',
    );
  });

  it('tell those who listen once what happened', () => {
    const said = (state: AnswerState) => announcement(answer('a', 'It adds  prices.\n\nAll.', { state }));
    assert.equal(said({ type: 'streaming' }), 'Answering');
    assert.equal(said({ type: 'finished', reason: 'stop' }), 'Answer complete, 4 words');
    assert.equal(said({ type: 'finished', reason: 'length' }), 'Cut off at the output limit, 4 words');
    assert.equal(said({ type: 'stopped' }), 'Stopped');
    assert.equal(announcement(failed), 'Failed: Nothing listens at http://127.0.0.1:11434.');
  });

  it('say how long it thought', () => {
    const thought = { reasoning: 'One two three' };
    assert.equal(reasoningSummary(answer('a', '', { ...thought, reasoningMs: 4200 })), 'Thought for 4.2 s, 3 words');
    assert.equal(reasoningSummary(answer('a', '', thought)), 'Thought, 3 words');
    assert.equal(reasoningSummary(answer('a', '', { ...thought, reasoningMs: 2 })), 'Thought, 3 words');
    const running = { state: { type: 'streaming' } as const };
    assert.equal(reasoningSummary(answer('a', '', { ...thought, ...running })), 'Thinking…');
    assert.equal(
      reasoningSummary(answer('a', '', { reasoning: 'x'.repeat(1234), ...running })),
      'Thinking… 1,000 characters',
    );
  });

  it('make figures short', () => {
    const short = [0, 999, 1000, 1240, 9949, 9950, 32768, 999_499, 999_500, 4_096_000, 12_000_000].map(formatShort);
    assert.equal(short.join(' '), '0 999 1k 1.2k 9.9k 10k 33k 999k 1M 4.1M 12M');
    assert.deepEqual([40, 9940, 12_000, 200_000].map(formatDuration), ['40 ms', '9.9 s', '12 s', '3 min 20 s']);
    const now = Date.UTC(2026, 10, 24, 12);
    const ages = [0, 5 * 60, 3 * 3600, 2 * 86_400, 200 * 86_400, 400 * 86_400].map((s) =>
      formatAge(now - s * 1000, now),
    );
    assert.deepEqual(ages, ['now', '5 min', '3 h', '2 d', '8 May', '20 Oct 2025']);
  });

  it('offer to continue what is not whole', () => {
    const can = (state: AnswerState, text = 'It') => canContinue(answer('a', text, { state }));
    assert.ok(can({ type: 'stopped' }) && can({ type: 'interrupted' }) && can({ type: 'finished', reason: 'length' }));
    assert.ok(can(failed.state));
    assert.ok(!can(failed.state, '') && !can({ type: 'finished', reason: 'stop' }) && !can({ type: 'streaming' }));
  });
});
