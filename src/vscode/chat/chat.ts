import * as vscode from 'vscode';
import { ConversationStore, type OpenConversation } from '../../core/chat/conversationStore.ts';
import { ChatPanel, type ChatPanelParts } from './chatPanel.ts';
import { Drafts } from './drafts.ts';
import { storageFolder } from '../storageFolder.ts';

export interface ChatParts extends Omit<ChatPanelParts, 'store' | 'drafts'> {
  readonly context: Pick<vscode.ExtensionContext, 'globalStorageUri'>;
  readonly windowId: string;
}

/** The chat of this window: made when its view is shown for the first time, or with the first command that needs it. */
export class Chat {
  /** With the conversation that was shown last. */
  readonly panel: Promise<ChatPanel>;
  readonly #parts: ChatParts;
  readonly #following: vscode.Disposable;
  #made: ChatPanel | undefined;

  constructor(parts: ChatParts) {
    this.#parts = parts;
    this.panel = this.#restore();
    this.#following = vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('a2ia')) this.#made?.settingsChanged();
    });
  }

  stop(): void {
    this.#made?.turns.stop();
  }

  /** What has to be done before the window goes. */
  async close(): Promise<void> {
    await (await this.panel).close();
  }

  dispose(): void {
    this.#following.dispose();
    this.#made?.dispose();
  }

  async #restore(): Promise<ChatPanel> {
    const { context, windowId, log } = this.#parts;
    const folder = storageFolder(context.globalStorageUri);
    const store = new ConversationStore({
      folder: vscode.Uri.joinPath(folder, 'conversations').fsPath,
      log,
      onTrouble: (trouble) => void this.panel.then((panel) => panel.notice.storeTrouble(trouble)),
    });
    const drafts = await Drafts.load(folder.fsPath, windowId);
    this.#made = new ChatPanel({ ...this.#parts, store, drafts }, await lastShown(store, drafts));
    return this.#made;
  }
}

async function lastShown(store: ConversationStore, drafts: Drafts): Promise<OpenConversation> {
  if (drafts.shownId === '') return store.create();
  try {
    const open = await store.open(drafts.shownId);
    return open.conversation.deleted ? store.create() : open;
  } catch {
    // Deleted meanwhile, or not to be read: the list says more.
    return store.create();
  }
}
