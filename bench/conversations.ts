import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ConversationRecord } from '../src/core/chat/conversation.ts';
import { toLine } from '../src/core/chat/conversationLog.ts';
import { ConversationStore } from '../src/core/chat/conversationStore.ts';
import { figure, median, printRequirement, printTable, progress } from './support/figures.ts';

const conversations = 500;
const rounds = 9;
const most = { openMs: 150, firstListMs: 1000, listMs: 50, firstSearchMs: 2000, searchMs: 100 };

const root = mkdtempSync(path.join(tmpdir(), 'a2ia-bench-'));
const many = path.join(root, 'many');
const large = path.join(root, 'large');

/** An answer came in `deltas` writes. */
function exchange(number: number, parentId: string | undefined, deltas: number, words: string): ConversationRecord[] {
  const [questionId, answerId] = [crypto.randomUUID(), crypto.randomUUID()];
  return [
    {
      type: 'question',
      id: questionId,
      ...(parentId === undefined ? {} : { parentId }),
      atMs: number,
      text: `How does part ${number} of it work in detail?`,
      attachments: [],
    },
    { type: 'answer', id: answerId, parentId: questionId, atMs: number },
    { type: 'run', id: answerId, atMs: number, backend: 'ollama', model: 'm' },
    ...Array.from({ length: deltas }, () => ({ type: 'delta', id: answerId, text: words }) as const),
    {
      type: 'end',
      id: answerId,
      atMs: number,
      ending: { outcome: { type: 'finished', reason: 'stop' }, speed: { totalMs: 1 } },
    },
  ];
}

interface Answers {
  readonly count: number;
  readonly deltas: number;
  readonly words: string;
}

/** Returns the conversation’s id. */
function writeConversation(folder: string, number: number, ...answers: readonly Answers[]): string {
  const id = `20260101-000000-${number.toString(16).padStart(8, '0')}`;
  const lines = [toLine({ type: 'begin', version: 1, id, atMs: number })];
  let parentId: string | undefined;
  for (const { deltas, words } of answers.flatMap((kind) => Array<Answers>(kind.count).fill(kind))) {
    for (const record of exchange(lines.length, parentId, deltas, words)) {
      lines.push(toLine(record));
      if (record.type === 'answer') parentId = record.id;
    }
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, `${id}.jsonl`), `${lines.join('\n')}\n`);
  return id;
}

const open = (folder: string) =>
  new ConversationStore({
    folder,
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined },
    onTrouble: ({ type }) => {
      throw new Error(type);
    },
  });

/** How long it took, and how long nothing else could run meanwhile. */
async function timed(work: () => Promise<unknown>): Promise<{ readonly tookMs: number; readonly blockMs: number }> {
  let blockMs = 0;
  let lastMs = performance.now();
  const look = () => {
    blockMs = Math.max(blockMs, performance.now() - lastMs);
    lastMs = performance.now();
  };
  const startMs = lastMs;
  const timer = setInterval(look, 1);
  await work();
  clearInterval(timer);
  look();
  return { tookMs: performance.now() - startMs, blockMs };
}

progress('writing conversations');
const usualAnswer = { deltas: 50, words: ' the quick brown fox jumps over it' };
const [first = ''] = Array.from({ length: conversations }, (_, number) =>
  writeConversation(many, number, { ...usualAnswer, count: 22 }),
);
const usual = writeConversation(large, 1, { ...usualAnswer, count: 1000 });
// A slow machine: each token is a write.
const slow = writeConversation(large, 2, { count: 20, deltas: 20_000, words: ' tok1' }, { ...usualAnswer, count: 980 });

progress('opening, listing, searching');
const figures = new Map<string, { readonly tookMs: number; readonly blockMs: number }[]>();
const measure = async (name: string, work: () => Promise<unknown>) => {
  figures.set(name, [...(figures.get(name) ?? []), await timed(work)]);
};
for (let round = 0; round < rounds; round++) {
  const files = open(large);
  await measure('open 2,000 messages', () => files.open(usual));
  await measure('open 2,000 messages, 20 of 20,000 tokens, a write each', () => files.open(slow));
  await files.dispose();
  const store = open(many);
  await measure('list, for the first time', () => store.list());
  await measure('list again', () => store.list());
  await measure('search, the first letter', () => store.search('quick brown zebra'));
  await measure('search, the next letter', () => store.search('quick brown'));
  await store.dispose();
}
const megabytes = (folder: string, id: string) => statSync(path.join(folder, `${id}.jsonl`)).size / 1e6;
const sizes = `The file of the large conversation has ${figure(megabytes(large, usual))} MB, that of the slow machine ${figure(megabytes(large, slow))} MB.`;

const medians = (name: string) => {
  const values = figures.get(name) ?? [];
  return { tookMs: median(values.map(({ tookMs }) => tookMs)), blockMs: median(values.map(({ blockMs }) => blockMs)) };
};
console.log(
  `Conversations as files: ${conversations} of ${figure(megabytes(many, first) * 1000)} KB each in one folder, and two large ones. ${sizes} Medians of ${rounds} rounds, each with a new store; “blocked” is the longest time in which nothing else could run.`,
);
printTable(
  ['what', 'ms', 'blocked ms'],
  [...figures.keys()].map((name) => [name, medians(name).tookMs, medians(name).blockMs]),
);
const requirements: readonly (readonly [string, number])[] = [
  ['open 2,000 messages', most.openMs],
  ['list, for the first time', most.firstListMs],
  ['list again', most.listMs],
  ['search, the first letter', most.firstSearchMs],
  ['search, the next letter', most.searchMs],
];
for (const [name, mostMs] of requirements) {
  const { tookMs } = medians(name);
  printRequirement(`${name}: at most ${mostMs} ms`, tookMs <= mostMs, `${figure(tookMs)} ms`);
}
rmSync(root, { recursive: true, force: true });
