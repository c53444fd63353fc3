import * as vscode from 'vscode';
import { exportMarkdown } from '../../core/chat/conversationMarkdown.ts';
import type { ConversationStore, ConversationSummary } from '../../core/chat/conversationStore.ts';
import { errorText } from '../../core/util/errorText.ts';
import type { ConversationItemView, ConversationListView } from '../../protocol/panelState.ts';

export interface ConversationListParts {
  readonly store: ConversationStore;
  readonly onChange: () => void;
  /** A sentence: what did not work, and why. */
  readonly onFailure: (what: string) => void;
}

/** The list of conversations, while it is open. */
export class ConversationListState {
  readonly #parts: ConversationListParts;
  #view: ConversationListView | undefined;
  /** The list that is being read; an earlier one comes too late. */
  #reading = 0;

  constructor(parts: ConversationListParts) {
    this.#parts = parts;
  }

  get view(): ConversationListView | undefined {
    return this.#view;
  }

  open(): void {
    this.#view ??= { query: '', items: [], deleted: undefined };
    this.refresh();
  }

  close(): void {
    this.#view = undefined;
    this.#parts.onChange();
  }

  search(query: string): void {
    if (!this.#view) return;
    this.#view = { ...this.#view, query };
    this.refresh();
  }

  refresh(): void {
    if (this.#view) void this.#read(this.#view.query);
  }

  async rename(id: string, title: string): Promise<void> {
    await this.#change(id, { type: 'title', title });
  }

  async pin(id: string, pinned: boolean): Promise<void> {
    await this.#change(id, { type: 'pin', pinned });
  }

  async delete(id: string): Promise<void> {
    const title = this.#view?.items.find((item) => item.id === id)?.title ?? '';
    const isDeleted = await this.#change(id, { type: 'delete', deleted: true });
    if (!this.#view || !isDeleted) return;
    this.#view = { ...this.#view, deleted: { id, title } };
    this.#parts.onChange();
  }

  async undoDelete(id: string): Promise<void> {
    if (this.#view) this.#view = { ...this.#view, deleted: undefined };
    await this.#change(id, { type: 'delete', deleted: false });
  }

  /** As a document that is not saved: where it goes is the user's to say. */
  async export(id: string): Promise<void> {
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
    record: { type: 'title'; title: string } | { type: 'pin'; pinned: boolean } | Deletion,
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

interface Deletion {
  readonly type: 'delete';
  readonly deleted: boolean;
}

function itemView(summary: ConversationSummary & { readonly excerpt?: string }): ConversationItemView {
  const { id, title, changedAtMs, pinned, messageCount, excerpt } = summary;
  return { id, title, changedAtMs, pinned, messageCount, excerpt };
}
