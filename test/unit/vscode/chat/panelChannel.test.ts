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
  readonly hasSaid: number[] = [];
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
      else if (message.type === 'check') queueMicrotask(() => this.#answerCheck(message.lastRevision));
      else if ('revision' in message) {
        const wasStale = this.page.isStale;
        this.page = reducePanel(this.page, message);
        if (this.page.isStale && !wasStale) queueMicrotask(() => this.ready());
      }
    });
  }

  /** As the page does it. */
  #answerCheck(lastRevision: number): void {
    const { isStale, revision } = this.page;
    if (isStale || revision !== lastRevision) return this.ready();
    this.hasSaid.push(revision);
    this.channel.has(revision);
  }

  write(text: string): void {
    const { conversation } = this.state;
    const messages = conversation.messages.map((message) =>
      message.role === 'answer' ? { ...message, text: message.text + text } : message,
    );
    this.state = { ...this.state, conversation: { ...conversation, messages } };
    this.channel.append('a', text, '');
  }

  /** After the next bundle, or the next message of this type, and what the page answers to it. */
  async posted(type?: HostMessage['type']): Promise<void> {
    do await new Promise<void>((resolve) => this.#waiting.push(resolve));
    while (type !== undefined && this.messages.at(-1)?.type !== type);
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

  it('notices by itself that the last change was lost, and asks again when even that is lost', async () => {
    const desk = new Desk();
    desk.ready();
    // The change, and the first question whether it arrived.
    desk.lost = 2;
    desk.write('lost');
    await desk.posted('check');
    assert.notDeepEqual(desk.page.state, desk.state);
    await desk.posted('snapshot');
    assert.deepEqual(desk.page.state, desk.state);
    desk.channel.end();
  });

  it('asks a page no more that has said that it has everything', async () => {
    const desk = new Desk();
    desk.ready();
    await desk.posted('check');
    desk.write('more');
    await desk.posted('check');
    const { messages } = desk;
    assert.deepEqual(
      messages.map(({ type }) => type),
      ['snapshot', 'check', 'append', 'check'],
    );
    assert.deepEqual(desk.hasSaid, [1, 2]);
    desk.channel.end();
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
    desk.state = { ...desk.state, notice: { text: 'full', buttonLabel: undefined } };
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
