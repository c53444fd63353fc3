import * as vscode from 'vscode';
import { commandQuestion, type CodeCommand } from '../../core/chat/commandPrompts.ts';
import type { OpenConversation } from '../../core/chat/openConversation.ts';
import type { Chat } from './chat.ts';
import { nameOf } from './context/attached.ts';

/** What the commands of the chat do. Each shows the panel, so that one sees what becomes of it. */
export class ChatCommands {
  readonly #chat: Chat;

  constructor(chat: Chat) {
    this.#chat = chat;
  }

  async focus(): Promise<void> {
    await this.#focus('composer');
  }

  /** To read it, or to go on from there by Tab. */
  async focusLastAnswer(): Promise<void> {
    await this.#focus('lastAnswer');
  }

  async #focus(what: 'composer' | 'lastAnswer'): Promise<void> {
    await vscode.commands.executeCommand('a2ia.chat.focus');
    (await this.#chat.panel).focus(what);
  }

  async newChat(): Promise<void> {
    // At once: until the panel has the focus one may have typed and sent something.
    (await this.#chat.panel).newConversation();
    await this.focus();
  }

  async askAboutSelection(): Promise<void> {
    // Before the panel has the focus: what is selected then may be something else.
    const panel = await this.#chat.panel;
    panel.composer.attach('Selection', () => Promise.resolve([panel.attachments.fromSelection()]));
    await this.focus();
  }

  /** What the explorer or an editor gives: one thing, and all that are selected beside it. */
  async add(clicked: unknown, selected: unknown): Promise<void> {
    const panel = await this.#chat.panel;
    // Before the panel has the focus: what is selected then may be something else.
    const label = clicked instanceof vscode.Uri ? nameOf(clicked) : 'Selection';
    panel.composer.attach(label, (signal) => panel.attachments.fromCommand(clicked, selected, signal));
    await this.focus();
  }

  /** In a conversation of its own: what was said before has nothing to do with it, and would take the room. */
  async askAboutCode(command: CodeCommand): Promise<void> {
    const panel = await this.#chat.panel;
    const [attached] = await panel.attachments.fromCommand(undefined, undefined, new AbortController().signal);
    if (!attached) return;
    if ('refused' in attached) return void vscode.window.showWarningMessage(`A2IA: ${attached.refused}`);
    await this.newChat();
    panel.ask({ text: commandQuestion(command, attached.label), attachments: [attached] });
  }

  async copyLastAnswer(): Promise<void> {
    const path = (await this.#chat.panel).conversation.conversation.path();
    const answer = path.findLast((message) => message.role === 'answer' && message.text !== '');
    if (!answer) return void vscode.window.showInformationMessage('A2IA: There is no answer to copy yet.');
    await vscode.env.clipboard.writeText(answer.text);
    vscode.window.setStatusBarMessage('A2IA: answer copied', 2000);
  }

  /** Goes on with a question that was asked outside of the chat. */
  async continueAsk(asked: OpenConversation | undefined): Promise<void> {
    if (!asked) {
      const why = 'This is not an answer that can be gone on with. Open one of A2IA: Ask, when it is complete.';
      return void vscode.window.showInformationMessage(`A2IA: ${why}`);
    }
    (await this.#chat.panel).keep(asked);
    await this.focus();
  }
}
