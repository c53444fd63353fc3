import * as vscode from 'vscode';
import type { ConversationRecord } from '../../core/chat/conversation.ts';
import { exportMarkdown } from '../../core/chat/conversationMarkdown.ts';
import type { ConversationStore, ConversationSummary } from '../../core/chat/conversationStore.ts';
import type { OpenConversation } from '../../core/chat/openConversation.ts';
import { errorText } from '../../core/util/errorText.ts';
import type { MessageOf } from '../../protocol/messages.ts';
import type { ConversationItemView, ConversationListView, DeletedView } from '../../protocol/panelState.ts';

export interface ConversationListParts {
  readonly store: ConversationStore;
  readonly onChange: () => void;
  readonly onOpen: (open: OpenConversation) => void;
  readonly onNew: () => void;
  /** A sentence: what did not work, and why. */
  readonly onFailure: (what: string) => void;
}

export type ConversationMessage = MessageOf<
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

/** The list of conversations, while it is open, and what is done in it. */
export class ConversationListState {
  readonly #parts: ConversationListParts;
  #view: ConversationListView | undefined;
  /** Since the window was opened, the latest first. */
  #deleted: readonly DeletedView[] = [];
  /** The list that is being read; an earlier one comes too late. */
  #reading = 0;

  constructor(parts: ConversationListParts) {
    this.#parts = parts;
  }

  get view(): ConversationListView | undefined {
    return this.#view;
  }

  receive(message: ConversationMessage): unknown {
    switch (message.type) {
      case 'newConversation':
        return this.#parts.onNew();
      case 'openList':
        this.#view ??= { query: '', items: [], deleted: this.#deleted };
        return this.refresh();
      case 'closeList':
        return this.close();
      case 'search':
        return this.#search(message.query);
      case 'openConversation':
        return this.#open(message.id);
      case 'rename':
        return this.#change(message.id, { type: 'title', title: message.title });
      case 'pin':
        return this.#change(message.id, { type: 'pin', pinned: message.pinned });
      case 'export':
        return this.#export(message.id);
      case 'delete':
        return this.#delete(message.id);
      case 'undoDelete':
        return this.#undoDelete(message.id);
    }
  }

  close(): void {
    this.#view = undefined;
    this.#parts.onChange();
  }

  refresh(): void {
    if (this.#view) void this.#read(this.#view.query);
  }

  #search(query: string): void {
    if (!this.#view) return;
    this.#view = { ...this.#view, query };
    this.refresh();
  }

  async #open(id: string): Promise<void> {
    if (await this.#try(async () => this.#parts.onOpen(await this.#parts.store.open(id)))) return this.close();
    this.refresh();
  }

  async #delete(id: string): Promise<void> {
    const title = this.#view?.items.find((item) => item.id === id)?.title ?? '';
    if (await this.#change(id, { type: 'delete', deleted: true }))
      this.#setDeleted([{ id, title }, ...this.#others(id)]);
  }

  async #undoDelete(id: string): Promise<void> {
    this.#setDeleted(this.#others(id));
    await this.#change(id, { type: 'delete', deleted: false });
  }

  #others(id: string): readonly DeletedView[] {
    return this.#deleted.filter((one) => one.id !== id);
  }

  #setDeleted(deleted: readonly DeletedView[]): void {
    this.#deleted = deleted;
    if (!this.#view) return;
    this.#view = { ...this.#view, deleted };
    this.#parts.onChange();
  }

  /** As a document that is not saved: where it goes is the user's to say. */
  async #export(id: string): Promise<void> {
    await this.#try(async () => {
      const { conversation } = await this.#parts.store.open(id);
      const content = exportMarkdown(conversation);
      await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language: 'markdown', content }), {
        preview: false,
      });
    });
  }

  async #change(
    id: string,
    record: Extract<ConversationRecord, { readonly type: 'title' | 'pin' | 'delete' }>,
  ): Promise<boolean> {
    const isDone = await this.#try(async () => {
      const open = await this.#parts.store.open(id);
      open.append(record);
      await open.flush();
    });
    this.refresh();
    return isDone;
  }

  /** Whether it worked; that it did not is said. */
  async #try(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.#parts.onFailure(errorText(error));
      return false;
    }
  }

  async #read(query: string): Promise<void> {
    const reading = ++this.#reading;
    await this.#try(async () => {
      const { store } = this.#parts;
      const found = query.trim() === '' ? await store.list() : await store.search(query);
      if (!this.#view || reading !== this.#reading) return;
      this.#view = { ...this.#view, items: found.map(itemView) };
      this.#parts.onChange();
    });
  }
}

function itemView(summary: ConversationSummary & { readonly excerpt?: string }): ConversationItemView {
  const { id, title, changedAtMs, pinned, messageCount, excerpt } = summary;
  return { id, title, changedAtMs, pinned, messageCount, excerpt };
}
