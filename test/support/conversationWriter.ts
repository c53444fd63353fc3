// Another window: adds to a conversation, and says on standard output what it has shown. `node conversationWriter.ts stream|share|fill FOLDER [ID]`
import { once } from 'node:events';
import { ConversationStore, type OpenConversation } from '../../src/core/chat/conversationStore.ts';
import { delta, exchange, finished, until } from './storedConversations.ts';

const [, , mode, folder, id = ''] = process.argv;
const say = (text: string) => void process.stdout.write(`${text}\n`);
const ignore = () => undefined;
const store = new ConversationStore({
  folder,
  log: { debug: ignore, info: ignore, warn: ignore },
  onTrouble: ({ type }) => say(type),
});

/** An answer without end; each of its words is the time at which it was shown. */
function stream(open: OpenConversation): void {
  open.append(...exchange(1, 'count'));
  say(open.conversation.id);
  setInterval(() => {
    const word = `${performance.now().toFixed(1)} `;
    open.append(delta('a1', word));
    say(word);
  }, 5);
}

/** A branch of its own, while the other window writes another. */
async function share(open: OpenConversation): Promise<void> {
  open.append(...exchange(2, 'theirs'));
  for (let count = 0; count < 200; count++) {
    open.append(delta('a2', `${count} `));
    if (count % 3 === 0) await open.flush();
  }
  open.append(finished('a2'));
  // Until the other window has written, nothing else keeps this process alive: to watch a folder does not.
  process.stdin.resume();
  await until(open, () => open.conversation.message('a1')?.text.endsWith('199 ') === true);
  say(open.conversation.message('a1')?.text ?? '');
  process.stdin.destroy();
  await store.dispose();
}

/** More than the size that a file may have in this process, until that is raised. */
async function fill(open: OpenConversation): Promise<void> {
  open.append(...exchange(1, 'fill'));
  await open.flush();
  say(open.conversation.id);
  for (let count = 0; count < 40; count++) {
    open.append(delta('a1', `${count} ${'x'.repeat(1000)} `));
    await open.flush();
  }
  open.append(finished('a1'));
  process.stdin.resume();
  await once(process.stdin, 'end');
  await store.dispose();
}

if (mode === 'stream') stream(store.create());
else if (mode === 'share') await share(await store.open(id));
else await fill(store.create());
