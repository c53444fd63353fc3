import assert from 'node:assert/strict';
import { emptyPanel, reducePanel, type Panel, type StateMessage } from '../../../src/webview/panelReducer.ts';
import { answer, panelState, panelStates, question } from '../../support/panelStates.ts';

const state = panelState([
  question('q1', 'Why?'),
  answer('a1', '', { state: { type: 'waiting', what: 'loading the model' } }),
]);
const snapshot: StateMessage = { type: 'snapshot', revision: 7, state };

function after(...messages: readonly StateMessage[]): Panel {
  return messages.reduce(reducePanel, emptyPanel);
}

const append = (revision: number, text: string, reasoning = ''): StateMessage => ({
  type: 'append',
  revision,
  answerId: 'a1',
  text,
  reasoning,
});

const lastAnswer = ({ state }: Panel) => {
  const last = state?.conversation.messages.at(-1);
  assert.ok(last?.role === 'answer');
  return last;
};

describe('What the panel knows', () => {
  it('begins with a snapshot', () => {
    assert.deepEqual(after(snapshot), { revision: 7, state, isStale: false });
  });

  it('grows by what is appended, in order, and sees that an answer began', () => {
    const {
      text,
      reasoning,
      state: itsState,
    } = lastAnswer(after(snapshot, append(8, '', 'Hm.'), append(9, 'One ', ' Yes.'), append(10, 'two')));
    assert.deepEqual([text, reasoning, itsState], ['One two', 'Hm. Yes.', { type: 'streaming' }]);
  });

  it('leaves alone what a change is not about, down to the object', () => {
    const before = after(snapshot);
    const panel = reducePanel(before, append(8, 'One'));
    assert.equal(panel.state?.conversation.messages[0], before.state?.conversation.messages[0]);
    assert.equal(panel.state?.welcome, before.state?.welcome);
    assert.equal(lastAnswer(before).text, '', 'what was known before is as it was');
  });

  it('takes an answer anew', () => {
    const done = answer('a1', 'One two');
    assert.deepEqual(
      lastAnswer(after(snapshot, append(8, 'One'), { type: 'answer', revision: 9, answer: done })),
      done,
    );
  });

  it('takes parts anew, and loses those that are gone', () => {
    const list = panelStates['list']?.list;
    assert.ok(list);
    const open = after(snapshot, { type: 'change', revision: 8, part: { list } });
    assert.deepEqual(open.state?.list, list);
    assert.equal(open.state?.conversation, state.conversation);
    const closed = reducePanel(open, { type: 'change', revision: 9, part: { list: null } });
    assert.equal(closed.state?.list, undefined);
  });

  it('ignores what a snapshot had already', () => {
    const panel = after(snapshot);
    assert.equal(reducePanel(panel, append(7, 'again')), panel);
  });

  const gaps: Readonly<Record<string, readonly StateMessage[]>> = {
    'a change before any snapshot': [append(1, 'One')],
    'a change that skips a number': [snapshot, append(9, 'two')],
    'more of an answer that is not here': [
      snapshot,
      { type: 'append', revision: 8, answerId: 'a9', text: '', reasoning: '' },
    ],
    'more of what is no answer': [snapshot, { type: 'append', revision: 8, answerId: 'q1', text: '', reasoning: '' }],
  };
  for (const [title, messages] of Object.entries(gaps)) {
    it(`is stale after ${title}, until the next snapshot`, () => {
      const panel = after(...messages);
      assert.ok(panel.isStale);
      const { revision } = panel;
      const later = reducePanel(panel, append(revision + 1, 'one'));
      assert.equal(later, panel, 'nothing is taken that may be wrong');
      assert.deepEqual(reducePanel(later, { ...snapshot, revision: 20 }), { revision: 20, state, isStale: false });
    });
  }

  it('comes to the same whether a change is lost or not', () => {
    const changes = [append(8, 'a'), append(9, 'b'), append(10, 'c'), append(11, 'd')];
    const whole = after(snapshot, ...changes);
    for (const lost of changes.keys()) {
      let panel = after(snapshot);
      let truth = panel;
      for (const [index, change] of changes.entries()) {
        truth = reducePanel(truth, change);
        if (index !== lost) panel = reducePanel(panel, change);
        if (panel.isStale && truth.state) {
          panel = reducePanel(panel, { type: 'snapshot', revision: truth.revision, state: truth.state });
        }
      }
      // Of the last change nobody knows that it was lost, before another comes.
      if (lost < changes.length - 1) assert.deepEqual(panel, whole);
    }
  });
});
