import { globSync } from 'node:fs';
import path from 'node:path';
import type { ConversationRecord } from '../../src/core/chat/conversation.ts';
import { ConversationStore } from '../../src/core/chat/conversationStore.ts';

/** Where A2IA keeps the conversations of the one workspace that a window had, once there is one. */
export function historyFolder(dataFolder: string): string {
  const [folder] = globSync(path.join(dataFolder, 'data/User/globalStorage/a2ia.a2ia/workspaces/*/conversations'));
  if (folder === undefined) throw new Error('A2IA has written no conversation yet.');
  return folder;
}

/** Adds conversations of so many messages, as another window would. The last words of the conversation `title` are `The end of title.` */
export async function addConversations(folder: string, titles: readonly string[], messages: number): Promise<void> {
  const ignore = () => undefined;
  const store = new ConversationStore({
    folder,
    log: { debug: ignore, info: ignore, warn: ignore },
    onTrouble: ({ type }) => {
      throw new Error(type);
    },
  });
  for (const title of titles) {
    const open = store.create();
    open.append({ type: 'title', title });
    let parentId: string | undefined;
    for (let number = 1; number <= messages / 2; number++) {
      const [question, ...answer] = exchange(number, parentId, number === messages / 2 ? `The end of ${title}.` : '');
      open.append(question, ...answer);
      parentId = question.id.replace('q', 'a');
    }
  }
  await store.dispose();
}

function exchange(
  number: number,
  parentId: string | undefined,
  last: string,
): readonly [ConversationRecord & { type: 'question' }, ...ConversationRecord[]] {
  const [questionId, id] = [`q${number}`, `a${number}`];
  const text = `How does part ${number} of it work in detail?`;
  const parent = parentId === undefined ? {} : { parentId };
  return [
    { type: 'question', id: questionId, ...parent, atMs: number, text, attachments: [] },
    { type: 'answer', id, parentId: questionId, atMs: number },
    { type: 'run', id, atMs: number, backend: 'vllm', model: 'step-model' },
    { type: 'delta', id, text: `${answerText(number)}\n\n${last}` },
    { type: 'end', id, atMs: number, ending: { outcome: { type: 'finished', reason: 'stop' }, speed: { totalMs: 1 } } },
  ];
}

/** About 200 words, of all kinds. */
function answerText(number: number): string {
  const words = 'It keeps **what it was given** and looks it up by its `name` when somebody asks. ';
  return `${words.repeat(4)}

- First, part ${number} reads its input.
- Then it *checks* each line, and says which one is wrong.

\`\`\`ts
export function part${number}(lines: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts; // part ${number}
}
\`\`\`

| lines | ms |
| --- | --- |
| 1,000 | ${number % 7} |
| 10,000 | ${number % 70} |

${words.repeat(4)}`;
}
