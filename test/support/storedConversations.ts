import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ConversationRecord } from '../../src/core/chat/conversation.ts';
import { ConversationStore, type OpenConversation, type StoreTrouble } from '../../src/core/chat/conversationStore.ts';

/** A question and its empty answer, which runs: `q1` and `a1`. */
export function exchange(number: number, text: string, parentId?: string): readonly ConversationRecord[] {
  const question = { type: 'question', id: `q${number}`, atMs: number * 10, text, attachments: [] } as const;
  return [
    parentId === undefined ? question : { ...question, parentId },
    { type: 'answer', id: `a${number}`, parentId: `q${number}`, atMs: number * 10 + 1 },
    { type: 'run', id: `a${number}`, atMs: number * 10 + 1, backend: 'ollama', model: 'm' },
  ];
}

export const delta = (id: string, text: string): ConversationRecord => ({ type: 'delta', id, text });

export const finished = (id: string, atMs = 0): ConversationRecord => ({
  type: 'end',
  id,
  atMs,
  ending: { outcome: { type: 'finished', reason: 'stop' }, speed: { totalMs: 5 } },
});

/** Folders and stores of one test. */
export class Desk {
  /** As told to the user, in order, by all stores. */
  readonly troubles: StoreTrouble[] = [];
  readonly logged: string[] = [];
  readonly #stores: ConversationStore[] = [];
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  static async create(): Promise<Desk> {
    return new Desk(await mkdtemp(path.join(tmpdir(), 'a2ia-conversations-')));
  }

  /** Not made yet. */
  get folder(): string {
    return path.join(this.#root, 'conversations');
  }

  /** As another window would. */
  store({ inMemory = false } = {}): ConversationStore {
    const write = (message: string) => void this.logged.push(message);
    const store = new ConversationStore({
      folder: inMemory ? undefined : this.folder,
      log: { debug: write, info: write, warn: write },
      onTrouble: (trouble) => void this.troubles.push(trouble),
    });
    this.#stores.push(store);
    return store;
  }

  file({ conversation: { id } }: OpenConversation): string {
    return path.join(this.folder, `${id}.jsonl`);
  }

  async clear(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.dispose()));
    await rm(this.#root, { recursive: true, force: true });
  }
}

export function answerText(open: OpenConversation, id: string): string {
  return open.conversation.message(id)?.text ?? '(no such message)';
}

/** Resolves as soon as it holds, which is looked at after each change. The suite's own time limit ends it otherwise. */
export function until(open: OpenConversation, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!holds()) return;
      stop();
      resolve();
    };
    const stop = open.onChange(look);
    look();
  });
}
