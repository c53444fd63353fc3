import * as vscode from 'vscode';
import { explainMemoryFailure } from '../../core/chat/failureReason.ts';
import type { Attachment, ConversationRecord } from '../../core/chat/conversation.ts';
import type { ConversationStore, OpenConversation, StoreTrouble } from '../../core/chat/conversationStore.ts';
import type { Draft } from '../../core/chat/promptMessages.ts';
import { Turns } from '../../core/chat/turns.ts';
import type { BackendRegistry } from '../../core/clients/registry.ts';
import type { GpuReading } from '../../core/gpu/gpuReading.ts';
import { errorText } from '../../core/util/errorText.ts';
import type { PanelMessage } from '../../protocol/messages.ts';
import type { NoticeView, PanelState } from '../../protocol/panelState.ts';
import type { EditorSettings } from '../editorSettings.ts';
import { pickOtherModel, type Badges } from '../modelPicker.ts';
import type { Button, ProblemActions } from '../problems.ts';
import type { StatusBar } from '../statusBar.ts';
import { insertAtCursor, openLink, openNewFile } from './codeActions.ts';
import { ComposerState } from './composerState.ts';
import type { Attached } from './context/attached.ts';
import { Attachments } from './context/attachments.ts';
import { EditorSource } from './context/editorSource.ts';
import { ConversationListState } from './conversationListState.ts';
import type { Drafts } from './drafts.ts';
import { ModelWatch } from './modelWatch.ts';
import { PanelChannel, type PanelSource } from './panelChannel.ts';
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
  readonly #parts: ChatPanelParts;
  readonly #editors = new EditorSource();
  readonly #shown: ShownConversation;
  readonly #model: ModelWatch;
  readonly #welcome: WelcomeState;
  readonly #list: ConversationListState;
  readonly #running = new RunningAnswers();
  #isVisible = false;
  #notice: { readonly text: string; readonly button: Button } | undefined;
  /** That nothing can be written; anything else that is said stays when it can. */
  #writeNotice: { readonly text: string; readonly button: Button } | undefined;
  #mentioning = new AbortController();

  constructor(parts: ChatPanelParts, open: OpenConversation) {
    this.#parts = parts;
    const { registry, settings, statusBar, log, store, drafts } = parts;
    const notify = (what: string) => this.#say(what);
    this.turns = new TurnActions({
      turns: new Turns({
        registry,
        log,
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
    this.#list = new ConversationListState({ store, onChange: () => this.channel.change('list'), onFailure: notify });
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
      notice: () => this.#noticeView(),
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

  /** Of the store: said in the panel, since it concerns all of it. */
  storeTrouble(trouble: StoreTrouble): void {
    switch (trouble.type) {
      case 'cannotWrite':
        this.#say(trouble.message);
        this.#writeNotice = this.#notice;
        return;
      case 'writesAgain':
        if (this.#notice === this.#writeNotice) this.#dismiss();
        return;
      case 'newer':
        return this.#say('A newer version of A2IA wrote this conversation. You can read it; what you add is not kept.');
      case 'setAside': {
        // A file manager would show it only where the files are: not of a remote machine.
        const show = () => void vscode.commands.executeCommand('vscode.open', vscode.Uri.file(trouble.keptAs));
        return this.#say(
          'The file of a conversation is damaged. What could be read of it is shown, and the file is kept as it was.',
          { label: 'Show File', run: show },
        );
      }
    }
  }

  /** Never rejects: what did not work is said in the panel. */
  async receive(message: PanelMessage): Promise<void> {
    try {
      await this.#receive(message);
    } catch (error) {
      this.#say(errorText(error));
    }
  }

  #receive(message: PanelMessage): unknown {
    switch (message.type) {
      case 'ready':
        // The view answers it: it knows the page.
        return undefined;
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
        return this.#receiveOfConversations(message);
      case 'draft':
      case 'mention':
      case 'attachMention':
      case 'attachData':
      case 'attachUris':
      case 'removeAttachment':
      case 'openAttachment':
      case 'applyProposal':
        return this.#receiveOfComposer(message);
      case 'copy':
        return vscode.env.clipboard.writeText(message.text);
      case 'insert':
        return this.#sayIf(insertAtCursor(message.text, this.#editors));
      case 'newFile':
        return openNewFile(message.text, message.language);
      case 'openLink':
        return this.#sayIf(openLink(message.href));
      case 'noticeButton':
        return this.#pressNotice();
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
    this.#list.close();
    this.channel.do({ type: 'focus', what: 'composer' });
  }

  /** A conversation of these records, which is shown. */
  begin(records: readonly ConversationRecord[]): void {
    const open = this.#parts.store.create();
    open.append(...records);
    this.#show(open);
    this.#list.close();
  }

  attach(reading: Promise<readonly (Attached | undefined)[]>): void {
    this.composer.attach(reading);
  }

  /** False: nothing is sent, and it stays in the composer, where it is said what has to be decided before. */
  async send(text: string): Promise<boolean> {
    const { open } = this.#shown;
    await this.composer.attached();
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
    this.attach(this.attachments.fromSubject(suggestion.about));
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

  // ---- Conversations ----------------------------------------------------------------------------------------------------------------------------------

  async #receiveOfConversations(message: ConversationMessage): Promise<void> {
    switch (message.type) {
      case 'newConversation':
        return this.newConversation();
      case 'openList':
        return this.#list.open();
      case 'closeList':
        return this.#list.close();
      case 'search':
        return this.#list.search(message.query);
      case 'openConversation':
        return this.#openConversation(message.id);
      case 'rename':
        return this.#list.rename(message.id, message.title);
      case 'pin':
        return this.#list.pin(message.id, message.pinned);
      case 'export':
        return this.#list.export(message.id);
      case 'delete':
        return this.#list.delete(message.id);
      case 'undoDelete':
        return this.#list.undoDelete(message.id);
    }
  }

  async #openConversation(id: string): Promise<void> {
    try {
      this.#show(await this.#parts.store.open(id));
      this.#list.close();
    } catch (error) {
      this.#say(errorText(error));
      this.#list.refresh();
    }
  }

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

  // ---- Composer ---------------------------------------------------------------------------------------------------------------------------------------

  #receiveOfComposer(message: ComposerMessage): unknown {
    const { signal } = new AbortController();
    switch (message.type) {
      case 'draft':
        this.#model.lookAgain();
        return this.composer.setText(message.text, message.conversationId);
      case 'mention':
        return this.#mention(message.query);
      case 'attachMention':
        return this.attach(this.attachments.attachMention(message.mentionId, signal).then((attached) => [attached]));
      case 'attachData': {
        const { name, mediaType, base64 } = message;
        return this.attach(this.attachments.fromData(name, mediaType, base64).then((attached) => [attached]));
      }
      case 'attachUris':
        return this.attach(this.attachments.fromUris(message.uris, signal));
      case 'removeAttachment':
        return this.composer.remove(message.attachmentId);
      case 'openAttachment':
        return this.#openAttachment(message.attachmentId);
      case 'applyProposal':
        return this.composer.apply(message.proposalId);
    }
  }

  async #mention(query: string): Promise<void> {
    this.#mentioning.abort();
    const { signal } = (this.#mentioning = new AbortController());
    const items = await this.attachments.mentions(query, signal);
    if (!signal.aborted) this.channel.do({ type: 'mentions', query, items });
  }

  async #openAttachment(id: string): Promise<void> {
    const ofQuestions = this.#shown.open.conversation
      .path()
      .flatMap((message): readonly Attachment[] => (message.role === 'question' ? message.attachments : []));
    const attachment = [...this.composer.draft.attachments, ...ofQuestions].find((one) => one.id === id);
    const refusal = attachment && (await this.attachments.open(attachment));
    if (refusal) this.#say(refusal.refused);
  }

  // ---- Notices ----------------------------------------------------------------------------------------------------------------------------------------

  #say(text: string, button: Button = { label: 'OK', run: () => undefined }): void {
    this.#notice = { text, button };
    this.channel.change('notice');
  }

  async #sayIf(result: Promise<string | undefined>): Promise<void> {
    const why = await result;
    if (why !== undefined) this.#say(why);
  }

  #dismiss(): void {
    this.#notice = undefined;
    this.channel.change('notice');
  }

  #pressNotice(): void {
    const pressed = this.#notice;
    this.#dismiss();
    pressed?.button.run();
  }

  #noticeView(): NoticeView | undefined {
    return this.#notice && { text: this.#notice.text, button: { id: 'notice', label: this.#notice.button.label } };
  }
}

type OneOf<Type extends PanelMessage['type']> = Extract<PanelMessage, { readonly type: Type }>;
type TurnMessage = OneOf<'send' | 'stop' | 'continue' | 'retry' | 'edit' | 'show' | 'problemButton'>;
type ConversationMessage = OneOf<
  | 'newConversation'
  | 'openList'
  | 'closeList'
  | 'search'
  | 'openConversation'
  | 'rename'
  | 'pin'
  | 'export'
  | 'delete'
  | 'undoDelete'
>;
type ComposerMessage = OneOf<
  | 'draft'
  | 'mention'
  | 'attachMention'
  | 'attachData'
  | 'attachUris'
  | 'removeAttachment'
  | 'openAttachment'
  | 'applyProposal'
>;
