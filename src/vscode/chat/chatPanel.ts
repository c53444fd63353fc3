import * as vscode from 'vscode';
import { explainMemoryFailure } from '../../core/chat/failureReason.ts';
import type { ConversationRecord } from '../../core/chat/conversation.ts';
import type { ConversationStore, OpenConversation } from '../../core/chat/conversationStore.ts';
import type { Draft } from '../../core/chat/promptMessages.ts';
import { Turns } from '../../core/chat/turns.ts';
import type { BackendRegistry } from '../../core/clients/registry.ts';
import { fileOfCode } from '../../core/edit/answerFiles.ts';
import type { CodeToApply } from '../../core/edit/applyPlace.ts';
import { linesOf } from '../../core/edit/lines.ts';
import type { GpuReading } from '../../core/gpu/gpuReading.ts';
import { errorText } from '../../core/util/errorText.ts';
import type { MessageOf, PanelMessage } from '../../protocol/messages.ts';
import type { PanelState } from '../../protocol/panelState.ts';
import type { EditorSettings } from '../editorSettings.ts';
import { pickOtherModel, type Badges } from '../modelPicker.ts';
import type { ProblemActions } from '../problems.ts';
import type { StatusBar } from '../statusBar.ts';
import { insertAtCursor, openLink, openNewFile } from './codeActions.ts';
import { ComposerActions } from './composerActions.ts';
import { ComposerState } from './composerState.ts';
import { Attachments } from './context/attachments.ts';
import { EditorSource } from './context/editorSource.ts';
import { ConversationListState } from './conversationListState.ts';
import type { Drafts } from './drafts.ts';
import { ModelWatch } from './modelWatch.ts';
import { PanelChannel, type PanelSource } from './panelChannel.ts';
import { PanelNotice } from './panelNotice.ts';
import { planRetry } from './retryPlan.ts';
import { RunningAnswers } from './runningAnswers.ts';
import { ShownConversation } from './shownConversation.ts';
import { TurnActions } from './turnActions.ts';
import { WelcomeState } from './welcomeState.ts';

export interface ChatPanelParts {
  readonly registry: BackendRegistry;
  readonly settings: EditorSettings;
  readonly statusBar: StatusBar;
  readonly log: vscode.LogOutputChannel;
  readonly store: ConversationStore;
  readonly drafts: Drafts;
  readonly actions: Omit<ProblemActions, 'retry'>;
  /** Asks the user whether something may be sent to an origin that the workspace names. */
  readonly mayContact: (origin: string) => Promise<boolean>;
  /** Puts code where it belongs, as a diff. Undefined, else why not. */
  readonly apply: (
    code: CodeToApply,
    editor: vscode.TextEditor | undefined,
    wish: string,
  ) => Promise<string | undefined>;
  /** Offers what an answer changes in several files. Undefined, else why not. */
  readonly review: (answer: string, wish: string) => Promise<string | undefined>;
  /** Undefined where the user wants no look at the GPU. */
  readonly readGpus: () => Promise<GpuReading | undefined>;
  readonly badges: Badges;
}

/** The truth of which the page is a picture, and what becomes of what is done in it. */
export class ChatPanel implements PanelSource {
  readonly channel = new PanelChannel(this);
  readonly attachments = new Attachments({ roomTokens: () => this.composer.roomTokens() });
  readonly composer: ComposerState;
  readonly turns: TurnActions;
  readonly notice = new PanelNotice(() => this.channel.change('notice'));
  readonly #parts: ChatPanelParts;
  readonly #editors = new EditorSource();
  readonly #shown: ShownConversation;
  readonly #model: ModelWatch;
  readonly #composerActions: ComposerActions;
  readonly #welcome: WelcomeState;
  readonly #list: ConversationListState;
  readonly #running = new RunningAnswers();
  #isVisible = false;

  constructor(parts: ChatPanelParts, open: OpenConversation) {
    this.#parts = parts;
    const { registry, settings, statusBar, log, store, drafts } = parts;
    const notify = (what: string) => this.notice.say(what);
    this.turns = new TurnActions({
      turns: new Turns({
        registry,
        log,
        name: 'chat',
        chosen: (given) => this.#model.chosen(given),
        explainFailure: explainMemoryFailure,
      }),
      settings,
      running: this.#running,
      actions: parts.actions,
      onAnswer: (id) => this.channel.answer(id),
      onCount: (count) => statusBar.setAnswering('chat', count),
      onEnd: () => {
        this.#model.look();
        this.composer.recount();
      },
    });
    this.#shown = new ShownConversation(
      {
        channel: this.channel,
        running: this.#running,
        knowledge: { running: (id) => this.#running.get(id), buttons: (id) => this.turns.buttons(id) },
        isOwn: (id) => this.turns.isRunning(id),
        onChanged: (record) => this.#changed(record),
      },
      open,
    );
    this.#model = new ModelWatch({
      registry,
      settings,
      statusBar,
      onChange: () => {
        this.channel.change('model');
        this.composer.recount();
      },
    });
    this.composer = new ComposerState({
      drafts,
      shown: this.#shown,
      model: this.#model,
      settings,
      onChange: () => this.channel.change('composer'),
      onRefused: notify,
    });
    this.#welcome = new WelcomeState({
      registry,
      settings,
      editors: this.#editors,
      readGpus: parts.readGpus,
      onChange: () => this.channel.change('welcome'),
      onConsent: (origin) => void parts.mayContact(origin).then((may) => may && this.settingsChanged()),
      onFailure: notify,
    });
    this.#composerActions = new ComposerActions({
      composer: this.composer,
      attachments: this.attachments,
      shown: this.#shown,
      model: this.#model,
      channel: this.channel,
      say: notify,
    });
    this.#list = new ConversationListState({
      store,
      onChange: () => this.channel.change('list'),
      onOpen: (opened) => this.#show(opened),
      onNew: () => this.newConversation(),
      onFailure: notify,
    });
  }

  get conversation(): OpenConversation {
    return this.#shown.open;
  }

  part<Part extends keyof PanelState>(part: Part): PanelState[Part] {
    const parts: { readonly [Name in keyof PanelState]: () => PanelState[Name] } = {
      conversation: () => this.#shown.view(),
      model: () => this.#model.view,
      composer: () => this.composer.view(),
      list: () => this.#list.view,
      welcome: () => this.#welcome.view,
      notice: () => this.notice.view,
    };
    return parts[part]();
  }

  answer(id: string): ReturnType<ShownConversation['answer']> {
    return this.#shown.answer(id);
  }

  setVisible(isVisible: boolean): void {
    this.#isVisible = isVisible;
    if (!isVisible) this.channel.end();
    this.#model.setVisible(isVisible);
    this.#showWelcome();
    if (!isVisible) return;
    void this.#parts.store.refresh();
    this.#list.refresh();
  }

  /** The settings, and with them perhaps who answers, and how long a prompt may be. */
  settingsChanged(): void {
    this.#model.lookAnew();
    this.#welcome.look();
  }

  /** Never rejects: what did not work is said in the panel. */
  async receive(message: PanelMessage): Promise<void> {
    try {
      await this.#receive(message);
    } catch (error) {
      this.notice.say(errorText(error));
    }
  }

  #receive(message: PanelMessage): unknown {
    switch (message.type) {
      case 'ready':
        // The view answers it: it knows the page.
        return undefined;
      case 'has':
        return this.channel.has(message.revision);
      case 'send':
      case 'stop':
      case 'continue':
      case 'retry':
      case 'edit':
      case 'show':
      case 'problemButton':
        return this.#receiveOfTurns(message);
      case 'newConversation':
      case 'openList':
      case 'closeList':
      case 'search':
      case 'openConversation':
      case 'rename':
      case 'pin':
      case 'export':
      case 'delete':
      case 'undoDelete':
        return this.#list.receive(message);
      case 'draft':
      case 'mention':
      case 'attachMention':
      case 'attachData':
      case 'attachUris':
      case 'removeAttachment':
      case 'openAttachment':
      case 'applyProposal':
        return this.#composerActions.receive(message);
      case 'copy':
        return vscode.env.clipboard.writeText(message.text);
      case 'insert':
        return this.notice.sayWhyNot(insertAtCursor(message.text, this.#editors));
      case 'newFile':
        return openNewFile(message.text, message.language);
      case 'apply':
        return this.notice.sayWhyNot(this.#apply(message));
      case 'reviewFiles': {
        const said = this.#saidIn(message.answerId);
        return said && this.notice.sayWhyNot(this.#parts.review(said.answer, said.wish));
      }
      case 'openLink':
        return this.notice.sayWhyNot(openLink(message.href));
      case 'noticeButton':
        return this.notice.press();
      case 'dismissNotice':
        return this.notice.dismiss();
      case 'pickModel':
        return this.#parts.actions.chooseModel();
      case 'foundButton':
        return this.#welcome.press(message.buttonId);
      case 'useSuggestion':
        return this.#useSuggestion(message.text);
    }
  }

  newConversation(): void {
    if (this.#shown.open.conversation.size > 0) this.#show(this.#parts.store.create());
    this.focus('composer');
  }

  focus(what: 'composer' | 'lastAnswer'): void {
    this.#list.close();
    this.channel.do({ type: 'focus', what });
  }

  /** Shows a conversation that was begun elsewhere, and keeps it with the others. */
  keep(open: OpenConversation): void {
    this.#parts.store.keep(open);
    // Who wants to go on with it does not want it to be deleted any more.
    if (open.conversation.deleted) open.append({ type: 'delete', deleted: false });
    this.#show(open);
    this.#list.close();
  }

  /** False: nothing is sent, and it stays in the composer, where it is said what has to be decided before. */
  async send(text: string): Promise<boolean> {
    const { open } = this.#shown;
    if (!(await this.composer.attached())) return false;
    // Meanwhile another conversation may be shown, to which it was not said; and Enter may have come twice, when it has left the composer already.
    if (this.#shown.open !== open || this.turns.isRunningIn(open)) return false;
    this.composer.setText(text);
    if (text.trim() === '' || !this.composer.mayBeSent()) return false;
    this.#ask(this.composer.draft, { text: '', attachments: [] });
    return true;
  }

  /** A question that was not typed: what is in the composer stays there. One that does not fit goes there too, behind it, since something has to be decided. */
  ask(question: Draft): void {
    const typed = this.composer.draft;
    if (this.composer.mayBeSent(question)) return this.#ask(question, typed);
    this.#addToComposer(question);
  }

  /** Everything that runs has its end, and everything is on the disk. */
  async close(): Promise<void> {
    await this.turns.finish();
    await Promise.all([this.#parts.store.dispose(), this.#parts.drafts.flush()]);
  }

  dispose(): void {
    this.channel.end();
    this.turns.stop();
    this.#shown.dispose();
    this.#model.dispose();
    this.composer.dispose();
    this.#welcome.dispose();
    this.attachments.dispose();
    this.#editors.dispose();
  }

  // ---- Turns ------------------------------------------------------------------------------------------------------------------------------------------

  #useSuggestion(text: string): void {
    const suggestion = this.#welcome.suggestion(text);
    if (!suggestion) return;
    this.composer.attach(suggestion.label, () => this.attachments.fromSubject(suggestion.about));
    this.#addToComposer({ text, attachments: [] });
  }

  #addToComposer(more: Draft): void {
    this.composer.add(more);
    this.channel.do({ type: 'setDraft', text: this.composer.draft.text });
  }

  #ask(question: Draft, staysInComposer: Draft): void {
    this.composer.put({ text: '', attachments: [] });
    this.turns.ask(this.#shown.open, question);
    // What is in the composer belongs to this conversation, which has its id only now.
    this.composer.put(staysInComposer);
    this.#parts.drafts.show(this.#shown.key);
  }

  #receiveOfTurns(message: TurnMessage): unknown {
    const { open } = this.#shown;
    const { conversation } = open;
    // A page can be a moment behind.
    const has = (id: string, role: 'question' | 'answer') => conversation.message(id)?.role === role;
    switch (message.type) {
      case 'send':
        return this.send(message.text);
      case 'stop':
        return this.#stop();
      case 'continue':
        return has(message.answerId, 'answer') && this.turns.continueAnswer(open, message.answerId);
      case 'retry':
        return has(message.answerId, 'answer') && this.#retry(open, message.answerId, message.otherModel);
      case 'edit':
        return has(message.questionId, 'question') && this.turns.edit(open, message.questionId, message.text);
      case 'show':
        return conversation.message(message.messageId) && open.append({ type: 'show', id: message.messageId });
      case 'problemButton':
        return this.turns.pressButton(message.answerId, message.buttonId);
    }
  }

  #stop(): void {
    if (this.composer.stopWaiting()) return;
    this.turns.stop(this.#shown.open);
    // Of a window that is gone nothing more will come.
    for (const id of this.#shown.runningIds()) {
      if (this.turns.isRunning(id)) continue;
      this.#running.forget(id);
      this.channel.answer(id);
    }
  }

  #retry(open: OpenConversation, answerId: string, isOther: boolean): unknown {
    if (!isOther) return this.turns.retry(open, answerId);
    const { registry, settings, badges } = this.#parts;
    return pickOtherModel({ registry, settings: settings.current(), badges }, async (backend, model) => {
      const go = () => void this.turns.retry(open, answerId, { backend, model });
      const current = settings.current();
      const asked = { client: registry.client(backend, current), model };
      const plan = await planRetry(asked, open.conversation, answerId, current);
      // What can be left out is left to the user; where nothing helps, the request says why it is refused.
      if (!plan || plan.proposals.length === 0 || this.#shown.open !== open) return go();
      this.composer.postpone({ plan, occasion: `This is more than ${model} reads at once. You can:`, go });
    });
  }

  // ---- Code -------------------------------------------------------------------------------------------------------------------------------------------

  #apply({ answerId, info, text }: MessageOf<'apply'>): Promise<string | undefined> {
    const lines = linesOf(text.replace(/\n$/, ''));
    const said = this.#saidIn(answerId);
    const saidFile = said && fileOfCode(said.answer, lines);
    const code = { info, lines, ...(saidFile === undefined ? {} : { saidFile }) };
    return this.#parts.apply(code, this.#editors.editor, said?.wish ?? '');
  }

  /** An answer, and what it was asked for. */
  #saidIn(answerId: string): { readonly answer: string; readonly wish: string } | undefined {
    const { conversation } = this.#shown.open;
    const answer = conversation.message(answerId);
    if (answer?.role !== 'answer') return undefined;
    return { answer: answer.text, wish: conversation.message(answer.parentId)?.text ?? '' };
  }

  // ---- What is shown ----------------------------------------------------------------------------------------------------------------------------------

  #show(open: OpenConversation): void {
    this.#shown.show(open);
    this.#parts.drafts.show(this.#shown.key);
    this.composer.recount();
    this.#showWelcome();
  }

  #changed(record: ConversationRecord): void {
    this.composer.recount();
    this.#showWelcome();
    // The page and the list may be looked at beside each other, in two windows.
    this.#list.refresh();
    if (record.type === 'delete' && record.deleted) this.#show(this.#parts.store.create());
  }

  #showWelcome(): void {
    this.#welcome.setSeen(this.#isVisible && this.#shown.open.conversation.size === 0);
  }
}

type TurnMessage = MessageOf<'send' | 'stop' | 'continue' | 'retry' | 'edit' | 'show' | 'problemButton'>;
