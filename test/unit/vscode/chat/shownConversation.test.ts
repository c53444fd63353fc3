import assert from 'node:assert/strict';
import { PanelChannel, type PanelSource } from '../../../../src/vscode/chat/panelChannel.ts';
import { RunningAnswers } from '../../../../src/vscode/chat/runningAnswers.ts';
import { ShownConversation } from '../../../../src/vscode/chat/shownConversation.ts';
import { panelState } from '../../../support/panelStates.ts';
import { Desk, exchange } from '../../../support/storedConversations.ts';

describe('The conversation that is shown', () => {
  it('knows under which key something is kept that is told of the one before', async () => {
    const desk = await Desk.create();
    const store = desk.store();
    const state = panelState();
    const source: PanelSource = { part: (part) => state[part], answer: () => undefined };
    const empty = store.create();
    const asked = store.create();
    asked.append(...exchange(1, 'Why?'));
    const shown = new ShownConversation(
      {
        channel: new PanelChannel(source),
        running: new RunningAnswers(),
        knowledge: { running: () => undefined, buttons: () => [] },
        isOwn: () => false,
        onChanged: () => undefined,
      },
      empty,
    );
    assert.equal(shown.keyOf(empty.conversation.id), '');
    shown.show(asked);
    assert.equal(shown.keyOf(empty.conversation.id), '', 'the next new conversation has what was typed');
    assert.equal(shown.keyOf(asked.conversation.id), asked.conversation.id);
    const second = store.create();
    shown.show(second);
    shown.show(asked);
    // A page can be more than one behind.
    assert.deepEqual([shown.keyOf(empty.conversation.id), shown.keyOf(second.conversation.id)], ['', '']);
    shown.show(store.create());
    assert.equal(shown.keyOf(asked.conversation.id), asked.conversation.id);
    shown.dispose();
    await store.dispose();
    await desk.clear();
  });
});
