import assert from 'node:assert/strict';
import type { HostMessage } from '../../../../src/protocol/messages.ts';
import type { PanelState } from '../../../../src/protocol/panelState.ts';
import { PanelChannel, type PanelSource } from '../../../../src/vscode/chat/panelChannel.ts';
import { emptyPanel, reducePanel, type Panel } from '../../../../src/webview/panelReducer.ts';
import { answer, panelState, question } from '../../../support/panelStates.ts';

/** A host with one answer that grows, and the real reducer as the page. */
class Desk implements PanelSource {
  readonly channel = new PanelChannel(this);
  readonly messages: HostMessage[] = [];
  state: PanelState = panelState([question('q', 'Why?'), answer('a', '', { state: { type: 'streaming' } })]);
  page: Panel = emptyPanel;
  /** Of the messages that come next. */
  lost = 0;
  arrives = true;
  #waiting: (() => void)[] = [];

  part<Part extends keyof PanelState>(part: Part): PanelState[Part] {
    return this.state[part];
  }

  answer(id: string) {
    const found = this.state.conversation.messages.find((message) => message.id === id);
    return found?.role === 'answer' ? found : undefined;
  }

  /** As the page does it: at first, and whenever it misses something. */
  ready(): void {
    this.channel.begin((message) => {
      this.messages.push(message);
      for (const wake of this.#waiting.splice(0)) wake();
      if (this.lost > 0) this.lost--;
      else if ('revision' in message) {
        const wasStale = this.page.isStale;
        this.page = reducePanel(this.page, message);
        if (this.page.isStale && !wasStale) queueMicrotask(() => this.ready());
      }
      return Promise.resolve(this.arrives);
    });
  }

  write(text: string): void {
    const { conversation } = this.state;
    const messages = conversation.messages.map((message) =>
      message.role === 'answer' ? { ...message, text: message.text + text } : message,
    );
    this.state = { ...this.state, conversation: { ...conversation, messages } };
    this.channel.append('a', text, '');
  }

  /** After the next bundle, and what the page answers to it. */
  async posted(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('The channel to the chat panel', () => {
  it('begins with a snapshot, and says then only what is added', async () => {
    const desk = new Desk();
    desk.ready();
    assert.equal(desk.messages[0]?.type, 'snapshot');
    desk.write('one ');
    desk.write('two');
    await desk.posted();
    assert.deepEqual(desk.messages.slice(1), [
      { type: 'append', revision: 2, answerId: 'a', text: 'one two', reasoning: '' },
    ]);
    assert.deepEqual(desk.page.state, desk.state);
  });

  it('posts nothing to a page that is hidden, and brings it up to date when it is shown again', async () => {
    const desk = new Desk();
    desk.ready();
    desk.write('seen, ');
    desk.channel.end();
    desk.write('not seen');
    desk.channel.change('composer');
    assert.equal(desk.messages.length, 1);
    desk.page = emptyPanel;
    desk.ready();
    assert.equal(desk.messages.length, 2);
    assert.deepEqual(desk.page.state, desk.state);
    desk.write(', more');
    await desk.posted();
    assert.deepEqual(desk.page.state, desk.state);
  });

  it('recovers from a message that was lost', async () => {
    const desk = new Desk();
    desk.ready();
    desk.lost = 1;
    desk.write('lost, ');
    await desk.posted();
    assert.notDeepEqual(desk.page.state, desk.state);
    desk.write('and found');
    await desk.posted();
    assert.deepEqual(desk.page.state, desk.state);
  });

  it('says everything anew after a message of which the editor says that it did not arrive', async () => {
    const desk = new Desk();
    desk.ready();
    desk.arrives = false;
    desk.lost = 1;
    desk.write('lost');
    await desk.posted();
    desk.arrives = true;
    desk.channel.change('model');
    await desk.posted();
    assert.equal(desk.messages.at(-1)?.type, 'snapshot');
    assert.deepEqual(desk.page.state, desk.state);
  });

  it('says a whole answer or conversation instead of what was appended to it', async () => {
    const desk = new Desk();
    desk.ready();
    desk.write('text');
    desk.channel.answer('a');
    await desk.posted();
    assert.deepEqual(desk.page.state, desk.state);
    desk.write(' more');
    desk.channel.answer('a');
    desk.channel.change('conversation');
    await desk.posted();
    assert.deepEqual(
      desk.messages.map(({ type }) => type),
      ['snapshot', 'answer', 'change'],
    );
    assert.deepEqual(desk.page.state, desk.state);
  });

  it('says that a part is gone', async () => {
    const desk = new Desk();
    desk.state = { ...desk.state, notice: { text: 'full', button: undefined } };
    desk.ready();
    desk.state = { ...desk.state, notice: undefined };
    desk.channel.change('notice');
    await desk.posted();
    assert.equal(JSON.parse(JSON.stringify(desk.messages.at(-1))).part.notice, null);
    assert.deepEqual(desk.page.state, desk.state);
  });

  it('does what is to be done once after the changes before it, and keeps the focus for a page that is not there yet', () => {
    const desk = new Desk();
    desk.channel.do({ type: 'focus', what: 'composer' });
    desk.channel.do({ type: 'setDraft', text: 'for nobody' });
    desk.ready();
    desk.channel.change('composer');
    desk.channel.do({ type: 'setDraft', text: 'typed' });
    assert.deepEqual(
      desk.messages.map(({ type }) => type),
      ['snapshot', 'focus', 'change', 'setDraft'],
    );
  });
});
