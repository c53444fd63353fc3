import * as vscode from 'vscode';
import { BackendRegistry } from '../../src/core/clients/registry.ts';
import { Chat } from '../../src/vscode/chat/chat.ts';
import { ChatCommands } from '../../src/vscode/chat/chatCommands.ts';
import type { ChatPanel } from '../../src/vscode/chat/chatPanel.ts';
import { EditorSettings } from '../../src/vscode/editorSettings.ts';
import { StatusBar } from '../../src/vscode/statusBar.ts';
import { createTestHost } from '../support/testHost.ts';

/** A chat as a window has it, in a folder of its own: the one of the extension keeps its composer to itself. */
export class OpenChat {
  readonly chat: Chat;
  readonly commands: ChatCommands;
  readonly panel: Promise<ChatPanel>;
  readonly #disposables: readonly { dispose(): void }[];

  constructor(folder: string) {
    const host = createTestHost();
    const log = vscode.window.createOutputChannel('A2IA Test', { log: true });
    const registry = new BackendRegistry(host);
    const settings = new EditorSettings();
    const statusBar = new StatusBar(settings.current());
    this.chat = new Chat({
      context: { globalStorageUri: vscode.Uri.file(folder) },
      windowId: 'test',
      registry,
      settings,
      statusBar,
      log,
      mayContact: (origin) => host.mayContact(origin),
      apply: () => Promise.resolve(undefined),
      review: () => Promise.resolve(undefined),
      readGpus: () => Promise.resolve(undefined),
      badges: () => Promise.resolve(new Map()),
      actions: {
        chooseModel: () => undefined,
        enterKey: () => Promise.resolve(false),
        showLog: () => undefined,
        checkConnection: () => undefined,
        memory: { explain: () => undefined, unloadOthers: () => undefined },
      },
    });
    this.commands = new ChatCommands(this.chat);
    this.panel = this.chat.panel;
    this.#disposables = [this.chat, statusBar, registry, log];
  }

  /** As when its window is closed. */
  async close(): Promise<void> {
    await this.chat.close();
    for (const disposable of this.#disposables) disposable.dispose();
  }
}
