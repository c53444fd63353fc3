import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import type { ConversationRecord } from '../../src/core/chat/conversation.ts';
import { OpenConversation } from '../../src/core/chat/openConversation.ts';
import { planPrompt } from '../../src/core/chat/promptPlan.ts';
import type { ChatPanel } from '../../src/vscode/chat/chatPanel.ts';
import { textAttachment, type Attached } from '../../src/vscode/chat/context/attached.ts';
import { StepServer, type ChatExchange } from '../support/stepServer.ts';
import { closeEverything, inFolder, select, withSettings } from './documents.ts';
import { OpenChat } from './openChat.ts';

const asked = ({ body }: ChatExchange) => body.messages.at(-1)?.content ?? '';

/** q1, a1, q2, a2, …, each about a thousand tokens. */
function exchangesOf(count: number): readonly ConversationRecord[] {
  const text = 'ab cd, '.repeat(500);
  return Array.from({ length: count }, (_, index): readonly ConversationRecord[] => {
    const [question, answer, parentId] = [`q${index + 1}`, `a${index + 1}`, `a${index}`];
    return [
      { type: 'question', id: question, ...(index > 0 ? { parentId } : {}), atMs: 1, text, attachments: [] },
      { type: 'answer', id: answer, parentId: question, atMs: 1 },
      { type: 'run', id: answer, atMs: 1, backend: 'vllm', model: 'step-model' },
      { type: 'delta', id: answer, text },
      { type: 'end', id: answer, atMs: 2, ending: { outcome: { type: 'stopped' }, speed: { totalMs: 1 } } },
    ];
  }).flat();
}

/** A conversation of these records. */
function show(panel: ChatPanel, records: readonly ConversationRecord[]): void {
  const begun = OpenConversation.begin();
  begun.append(...records);
  panel.keep(begun);
}

/** A thing that is read for as long as a test says. */
class Slow {
  readonly arrive: () => void;
  signal: AbortSignal | undefined;
  readonly read: (signal?: AbortSignal) => Promise<readonly Attached[]>;

  constructor(label: string) {
    let arrive: () => void = () => undefined;
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    this.arrive = arrive;
    const attachment = textAttachment({ source: 'file', label, languageId: '', text: `text of ${label}` });
    this.read = async (signal) => {
      this.signal ??= signal;
      await arrived;
      return [attachment];
    };
  }
}

/** Why something is proposed, and what. */
function proposed({ composer }: ChatPanel): readonly (string | undefined)[] {
  const { occasion, proposals } = composer.view().budget;
  return [occasion, ...proposals.map(({ label }) => label.replace(/ \([\d,]+ tokens\)$/, ''))];
}

describe('The chat of a window', () => {
  let server: StepServer;
  let folder: string;
  let open: OpenChat;

  before(async () => {
    server = await StepServer.start();
  });
  after(() => server.stop());
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'a2ia-chat-'));
    open = new OpenChat(folder);
  });
  afterEach(async () => {
    await open.close();
    await rm(folder, { recursive: true, force: true });
    await closeEverything();
  });

  const onServer = (work: () => Promise<void>) =>
    withSettings({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url }, work);
  const chips = async () => (await open.panel).composer.view().attachments.map(({ label }) => label);

  it('sends what was added to it with the next question, and only with that', () =>
    onServer(async () => {
      const panel = await open.panel;
      await open.commands.add(inFolder('greeting.ts'), [inFolder('greeting.ts'), inFolder('prices.py')]);
      await panel.composer.attached();
      await select('greeting.ts', 0, 3);
      await open.commands.add(inFolder('greeting.ts'), undefined);
      await panel.composer.attached();
      assert.deepEqual(await chips(), ['greeting.ts', 'prices.py', 'greeting.ts, lines 1 to 3']);
      await panel.send('What are these?');
      const exchange = await server.nextChat();
      assert.match(asked(exchange), /prices\.py[^]*def total[^]*greeting\.ts, lines 1 to 3[^]*What are these\?/);
      exchange.text('Samples.');
      exchange.finish();
      await panel.turns.finish();
      assert.deepEqual(await chips(), []);
    }));

  it('attaches what is selected to ask about it', () =>
    onServer(async () => {
      const panel = await open.panel;
      await select('prices.py', 3, 9);
      await open.commands.askAboutSelection();
      await panel.send('Why a loop?');
      const exchange = await server.nextChat();
      assert.match(asked(exchange), /prices\.py, lines 4 to 9[^]*def total[^]*Why a loop\?$/);
      exchange.finish();
    }));

  it('keeps what is typed and attached when a command asks something', () =>
    onServer(async () => {
      const panel = await open.panel;
      panel.composer.setText('half a thought');
      await open.commands.add(inFolder('greeting.ts'), undefined);
      await panel.composer.attached();
      await select('prices.py', 3, 9);
      await open.commands.askAboutCode('explain');
      const exchange = await server.nextChat();
      assert.doesNotMatch(asked(exchange), /half a thought|greeting/);
      assert.equal(panel.composer.view().draft, 'half a thought');
      assert.deepEqual(await chips(), ['greeting.ts']);
      exchange.finish();
    }));

  it('is where an answer of A2IA: Ask goes on: the same conversation, kept from then on, however often', () =>
    onServer(async () => {
      const panel = await open.panel;
      const asked = OpenConversation.begin();
      asked.append(...exchangesOf(1));
      await open.commands.continueAsk(asked);
      assert.equal(panel.conversation, asked);
      await panel.send('Since when?');
      const exchange = await server.nextChat();
      assert.equal(exchange.body.messages.length, 4);
      exchange.finish();
      await panel.turns.finish();
      panel.newConversation();
      await open.commands.continueAsk(asked);
      assert.equal(panel.conversation, asked);
      await open.close();
      open = new OpenChat(folder);
      const { conversation } = (await open.panel).conversation;
      assert.deepEqual([conversation.id, conversation.size], [asked.conversation.id, 4]);
    }));

  it('has a conversation back that was deleted, when its answer is gone on with', () =>
    onServer(async () => {
      const panel = await open.panel;
      const asked = OpenConversation.begin();
      asked.append(...exchangesOf(1));
      await open.commands.continueAsk(asked);
      await panel.receive({ type: 'delete', id: asked.conversation.id });
      assert.notEqual(panel.conversation, asked);
      await open.commands.continueAsk(asked);
      assert.deepEqual([panel.conversation, asked.conversation.deleted], [asked, false]);
    }));

  it('leaves out what does not fit another model only as the user says, and then asks it', () =>
    onServer(async () => {
      const panel = await open.panel;
      show(panel, exchangesOf(3));
      const conversation = panel.conversation.conversation;
      const settings = { systemPrompt: '' };
      const plan = planPrompt({
        conversation,
        path: conversation.path().slice(0, -1),
        settings,
        model: 'small',
        contextTokens: 2048,
      });
      let asked = 0;
      const postponed = { plan, occasion: 'small reads less. You can:', go: () => void asked++ };
      panel.composer.setText('typed');
      panel.composer.postpone(postponed);
      assert.deepEqual(proposed(panel), [
        'small reads less. You can:',
        'Leave out all earlier messages',
        'Leave it as it is',
      ]);
      await panel.receive({ type: 'applyProposal', proposalId: 'nothing' });
      assert.deepEqual([asked, conversation.isLeftOut('q1'), proposed(panel)], [0, false, [undefined]]);
      panel.composer.postpone(postponed);
      await panel.receive({ type: 'applyProposal', proposalId: plan.proposals[0]?.id ?? '' });
      assert.deepEqual([asked, conversation.isLeftOut('q1'), proposed(panel)], [1, true, [undefined]]);
      assert.equal(panel.composer.view().draft, 'typed');
    }));

  it('sends again what was left out when the user says so', () =>
    onServer(async () => {
      const panel = await open.panel;
      show(panel, [...exchangesOf(2), { type: 'leaveOut', ids: ['q1', 'a1'] }]);
      panel.setVisible(true);
      // The window is known once the server has said it; until then nothing is proposed.
      while (panel.composer.view().budget.contextTokens === undefined) await new Promise(setImmediate);
      assert.match(proposed(panel).join(), /fits again\. You can:,Send again what was left out/);
      await panel.receive({ type: 'applyProposal', proposalId: 'takeBack' });
      assert.deepEqual(proposed(panel), [undefined]);
      await panel.send('And now?');
      const exchange = await server.nextChat();
      assert.equal(exchange.body.messages.length, 6);
      exchange.finish();
    }));

  it('asks once when Enter comes twice, and has nothing left to ask then', () =>
    onServer(async () => {
      const panel = await open.panel;
      assert.deepEqual(await Promise.all([panel.send('Once?'), panel.send('Once?')]), [true, false]);
      const exchange = await server.nextChat();
      assert.equal(panel.composer.view().draft, '');
      exchange.finish();
      await panel.turns.finish();
      assert.equal(panel.conversation.conversation.size, 2);
    }));

  it('asks nothing in a conversation that took the place of another while something was attached', () =>
    onServer(async () => {
      const panel = await open.panel;
      await panel.send('One?');
      (await server.nextChat()).finish();
      await panel.turns.finish();
      const first = panel.conversation.conversation;
      let attached: () => void = () => assert.fail('nothing is attached');
      panel.composer.attach('slow', () => new Promise((resolve) => (attached = () => resolve([]))));
      await panel.receive({ type: 'draft', conversationId: first.id, text: 'Two?' });
      const sending = panel.send('Two?');
      await panel.receive({ type: 'newConversation' });
      attached();
      assert.equal(await sending, false);
      assert.equal(panel.conversation.conversation.size, 0);
      assert.equal(panel.composer.view().draft, '');
      await panel.receive({ type: 'openConversation', id: first.id });
      assert.equal(panel.composer.view().draft, 'Two?');
      assert.equal(first.size, 2);
    }));

  it('waits with a question until everything is read, in the order in which it was asked for', () =>
    onServer(async () => {
      const panel = await open.panel;
      const [first, second] = [new Slow('one'), new Slow('two')];
      panel.composer.attach('one', first.read);
      panel.composer.attach('two', second.read);
      const sending = panel.send('Which?');
      second.arrive();
      await second.read();
      const view = () => {
        const { attachments, isWaiting } = panel.composer.view();
        return [
          isWaiting,
          ...attachments.map(({ label, tokens }) => `${label}${tokens === undefined ? ' is read' : ''}`),
        ];
      };
      while (view().includes('two is read')) await new Promise(setImmediate);
      assert.deepEqual(view(), [true, 'one is read', 'two']);
      first.arrive();
      assert.equal(await sending, true);
      const exchange = await server.nextChat();
      assert.match(asked(exchange), /^one:[^]*two:[^]*Which\?$/);
      exchange.finish();
      assert.deepEqual(view(), [false]);
    }));

  it('lets the waiting be stopped, and what is read be left out', () =>
    onServer(async () => {
      const panel = await open.panel;
      const slow = new Slow('slow');
      panel.composer.attach('slow', slow.read);
      const stopped = panel.send('Stopped?');
      await panel.receive({ type: 'stop' });
      assert.equal(await stopped, false);
      assert.equal(slow.signal?.aborted, false, 'it is read all the same');
      const sending = panel.send('Without it?');
      const [chip] = panel.composer.view().attachments;
      await panel.receive({ type: 'removeAttachment', attachmentId: chip?.id ?? '' });
      assert.equal(await sending, true);
      assert.equal(slow.signal?.aborted, true);
      const exchange = await server.nextChat();
      assert.equal(asked(exchange), 'Without it?');
      exchange.finish();
      slow.arrive();
    }));

  it('knows of an answer that runs in a conversation that is not shown', () =>
    onServer(async () => {
      const panel = await open.panel;
      await panel.send('One?');
      (await server.nextChat()).finish();
      await panel.turns.finish();
      const first = panel.conversation;
      const [, answer] = first.conversation.path();
      panel.newConversation();
      // As when another model was chosen for it, and something else was opened meanwhile.
      panel.turns.retry(first, answer?.id ?? '');
      const exchange = await server.nextChat();
      await panel.receive({ type: 'openConversation', id: first.conversation.id });
      const [, shown] = panel.part('conversation').messages;
      assert.equal(shown?.role === 'answer' && shown.state.type, 'waiting');
      exchange.finish();
    }));

  it('has back each conversation that was deleted, not only the last one', () =>
    onServer(async () => {
      const panel = await open.panel;
      const ids: string[] = [];
      for (const count of [1, 2]) {
        show(panel, exchangesOf(count));
        ids.push(panel.conversation.conversation.id);
      }
      await panel.receive({ type: 'openList' });
      for (const id of ids) await panel.receive({ type: 'delete', id });
      const deleted = () => panel.part('list')?.deleted.map(({ id }) => id);
      assert.deepEqual(deleted(), ids.toReversed());
      await panel.receive({ type: 'closeList' });
      await panel.receive({ type: 'openList' });
      assert.deepEqual(deleted(), ids.toReversed());
      for (const id of ids) await panel.receive({ type: 'undoDelete', id });
      assert.deepEqual(deleted(), []);
      for (const id of ids) {
        await panel.receive({ type: 'openConversation', id });
        assert.deepEqual([panel.conversation.conversation.id, panel.conversation.conversation.deleted], [id, false]);
      }
    }));

  it('puts code at each cursor of the editor that was used last, in place of what is selected', async () => {
    const panel = await open.panel;
    const document = await vscode.workspace.openTextDocument({ content: 'one\ntwo\nthree\n' });
    const editor = await vscode.window.showTextDocument(document);
    editor.selections = [new vscode.Selection(0, 0, 0, 3), new vscode.Selection(2, 5, 2, 5)];
    await panel.receive({ type: 'insert', text: 'x = 1' });
    assert.equal(document.getText(), 'x = 1\ntwo\nthreex = 1\n');
    await vscode.commands.executeCommand('undo');
    assert.equal(document.getText(), 'one\ntwo\nthree\n');
    assert.equal(panel.part('notice'), undefined);
  });

  it('says why code cannot be put into an editor', async () => {
    const panel = await open.panel;
    const readOnly = vscode.workspace.registerTextDocumentContentProvider('a2ia-test', {
      provideTextDocumentContent: () => 'fixed',
    });
    try {
      await vscode.window.showTextDocument(vscode.Uri.parse('a2ia-test:fixed.txt'));
      await panel.receive({ type: 'insert', text: 'x' });
      assert.match(panel.part('notice')?.text ?? '', /fixed\.txt cannot be changed: it may be read-only/);
    } finally {
      readOnly.dispose();
    }
  });

  for (const [written, language] of [
    ['py', 'python'],
    ['C++', 'cpp'],
    ['sh', 'shellscript'],
    ['constructor', 'plaintext'],
    ['', 'plaintext'],
  ] as const) {
    it(`makes a new file of code: “${written}” is ${language}`, async () => {
      await (await open.panel).receive({ type: 'newFile', text: 'the code', language: written });
      const editor = vscode.window.activeTextEditor;
      assert.deepEqual([editor?.document.getText(), editor?.document.languageId], ['the code', language]);
      assert.equal(editor?.document.isUntitled, true);
    });
  }

  for (const [href, why] of [
    ['javascript:alert(1)', /A link to javascript: is not opened/],
    ['command:workbench.action.quit', /A link to command: is not opened/],
    ['file:///etc/passwd', /A link to file: is not opened/],
    ['data:text/html,x', /A link to data: is not opened/],
    ['docs/chat.md', /leads nowhere/],
  ] as const) {
    it(`opens no ${href.slice(0, 20)}`, async () => {
      const panel = await open.panel;
      await panel.receive({ type: 'openLink', href });
      assert.match(panel.part('notice')?.text ?? '', why);
    });
  }

  it('continues an earlier answer in place of the one that runs', () =>
    onServer(async () => {
      const panel = await open.panel;
      await panel.send('One?');
      (await server.nextChat()).finish();
      await panel.turns.finish();
      const [, first] = panel.part('conversation').messages;
      await panel.send('Two?');
      const running = await server.nextChat();
      await panel.receive({ type: 'continue', answerId: first?.id ?? '' });
      await running.closedByClient;
      (await server.nextChat()).finish();
      await panel.turns.finish();
      assert.equal(panel.conversation.conversation.size, 4);
    }));

  it('stops an answer whose conversation is deleted, and has what came when that is undone', () =>
    onServer(async () => {
      const panel = await open.panel;
      await panel.send('One?');
      const { conversation } = panel.conversation;
      const came = new Promise<void>((resolve) =>
        panel.conversation.onChange((record) => record.type === 'delta' && resolve()),
      );
      const exchange = await server.nextChat();
      exchange.text('Some of it.');
      await came;
      await panel.receive({ type: 'delete', id: conversation.id });
      await exchange.closedByClient;
      await panel.receive({ type: 'undoDelete', id: conversation.id });
      await panel.receive({ type: 'openConversation', id: conversation.id });
      const [, answer] = panel.part('conversation').messages;
      assert.ok(answer?.role === 'answer');
      assert.deepEqual([answer.text, answer.state], ['Some of it.', { type: 'stopped' }]);
    }));

  it('says what did not work, and keeps saying it when conversations are written again', async () => {
    const panel = await open.panel;
    panel.notice.storeTrouble({ type: 'cannotWrite', message: 'The disk is full.' });
    assert.equal(panel.part('notice')?.text, 'The disk is full.');
    await panel.receive({ type: 'openConversation', id: 'gone' });
    assert.match(panel.part('notice')?.text ?? '', /This conversation is not there any more/);
    panel.notice.storeTrouble({ type: 'writesAgain' });
    assert.match(panel.part('notice')?.text ?? '', /This conversation is not there any more/);
    panel.notice.storeTrouble({ type: 'cannotWrite', message: 'The disk is full.' });
    panel.notice.storeTrouble({ type: 'writesAgain' });
    assert.equal(panel.part('notice'), undefined);
  });

  it('is the same one after its window was closed: the conversation, and what was typed', () =>
    onServer(async () => {
      const before = await open.panel;
      await before.send('One?');
      const first = await server.nextChat();
      first.text('Two.');
      first.finish();
      await open.commands.add(inFolder('greeting.ts'), undefined);
      await before.composer.attached();
      before.composer.setText('Thr');
      await open.close();
      open = new OpenChat(folder);
      const panel = await open.panel;
      assert.equal(panel.conversation.conversation.id, before.conversation.conversation.id);
      assert.equal(panel.composer.view().draft, 'Thr');
      assert.deepEqual(await chips(), ['greeting.ts']);
      await panel.send('Three?');
      const second = await server.nextChat();
      const [, question, answer, next] = second.body.messages.map(({ content }) => content);
      assert.deepEqual([question, answer], ['One?', 'Two.']);
      assert.match(next ?? '', /greeting\.ts[^]*Three\?$/);
      second.finish();
    }));
});
