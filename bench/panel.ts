import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Frame } from 'playwright-core';
import { StepServer, type ChatExchange } from '../test/support/stepServer.ts';
import { addConversations, historyFolder } from './support/chatHistory.ts';
import { figure, median, percentile, printRequirement, printTable, progress, whole } from './support/figures.ts';
import { noteInput, timeNextText, watchLongTasks, watchNumbers } from './support/panelProbe.ts';
import { panelKinds, PanelWindow, type PanelKind } from './support/panelWindow.ts';
import { longestGaps, ScreenWatch } from './support/screenWatch.ts';

const most = {
  openMs: 300,
  sendMs: 25,
  stopMs: 15,
  showMs: 50,
  longTaskMs: 50,
  openLargeMs: 500,
  gapPx: 100,
  growth: 0.1,
};
const windows = 8;
const laterInWindow = 4;
const sends = 30;
const stops = 30;
const streamedTokens = 4000;
const tokensPerSecond = 200;
const largeConversations = 5;
const largeMessages = 2000;
const smallConversations = 50;
const smallMessages = 20;

/** On the clock that the pages have, too. */
const nowMs = () => performance.timeOrigin + performance.now();

async function measureOpening(opened: PanelWindow) {
  const times: Record<PanelKind, { readonly first: number[]; readonly later: number[] }> = {
    A2IA: { first: [], later: [] },
    empty: { first: [], later: [] },
  };
  for (let round = 0; round < windows; round++) {
    for (const kind of panelKinds) {
      progress(`window ${round + 1} of ${windows}, ${kind}`);
      await opened.reload();
      times[kind].first.push(await opened.openView(kind));
      for (let count = 0; count < laterInWindow; count++) {
        await opened.hideView();
        times[kind].later.push(await opened.openView(kind));
      }
      await opened.hideView();
    }
  }
  return times;
}

interface Asked {
  readonly exchange: ChatExchange;
  readonly tookMs: number;
}

/** Types at the speed of a quick person, so that nothing that typing begins is over when Enter is pressed. */
async function ask(frame: Frame, server: StepServer, question: string): Promise<Asked> {
  const input = frame.getByRole('textbox', { name: 'Question' });
  await input.pressSequentially(question, { delay: 30 });
  const arriving = server.nextChat().then((exchange) => ({ exchange, atMs: nowMs() }));
  await input.press('Enter');
  const { exchange, atMs } = await arriving;
  const pressedAtMs = await frame.evaluate(() => window.inputAtMs ?? NaN);
  return { exchange, tookMs: atMs - pressedAtMs };
}

const finished = (frame: Frame) => frame.getByRole('button', { name: 'Send (Enter)' }).waitFor();

async function measureSends(frame: Frame, server: StepServer): Promise<readonly number[]> {
  const times: number[] = [];
  while (times.length < sends) {
    const { exchange, tookMs } = await ask(frame, server, `What is closure ${times.length}?`);
    times.push(tookMs);
    exchange.text('A function and its scope.');
    exchange.finish();
    await finished(frame);
  }
  return times;
}

async function measureStops(frame: Frame, server: StepServer): Promise<readonly number[]> {
  const times: number[] = [];
  while (times.length < stops) {
    const { exchange } = await ask(frame, server, `Count to ${times.length}`);
    const streaming = setInterval(() => exchange.text('one more '), 1000 / tokensPerSecond);
    const closed = exchange.closedByClient.then(nowMs);
    await sleep(200 + Math.random() * 100);
    await frame.getByRole('button', { name: 'Stop (Esc)' }).click();
    const closedAtMs = await closed;
    clearInterval(streaming);
    times.push(closedAtMs - (await frame.evaluate(() => window.inputAtMs ?? NaN)));
    await finished(frame);
  }
  return times;
}

/** Numbers, in paragraphs of 50. A timer that is late catches up. */
async function measureStream(frame: Frame, server: StepServer) {
  const { exchange } = await ask(frame, server, 'Count');
  await frame.evaluate(watchNumbers);
  await frame.evaluate(watchLongTasks);
  const startMs = nowMs();
  const writtenAtMs: number[] = [];
  while (writtenAtMs.length < streamedTokens) {
    const due = Math.min(streamedTokens, ((nowMs() - startMs) / 1000) * tokensPerSecond);
    while (writtenAtMs.length < due) {
      const number = writtenAtMs.length;
      writtenAtMs.push(nowMs());
      exchange.text(number % 50 === 49 ? `${number}\n\n` : `${number} `);
    }
    await sleep(1000 / tokensPerSecond);
  }
  exchange.finish();
  await finished(frame);
  await sleep(500);
  const { numbersAtMs = [], longTasksMs = [] } = await frame.evaluate(() => ({
    numbersAtMs: window.numbersAtMs ?? [],
    longTasksMs: window.longTasksMs ?? [],
  }));
  if (numbersAtMs.length < streamedTokens) throw new Error(`Only ${numbersAtMs.length} numbers were shown.`);
  return { showMs: numbersAtMs.map((atMs, number) => atMs - (writtenAtMs[number] ?? NaN)), longTasksMs };
}

async function openConversation(frame: Frame, title: string): Promise<number> {
  await frame.getByRole('button', { name: 'Conversations' }).click();
  const item = frame.locator('.conversation-open', { hasText: new RegExp(`^${title}(?!\\d)`) });
  await item.waitFor();
  await frame.evaluate(timeNextText, `The end of ${title}.`);
  await item.click();
  const tookMs = await Promise.race([frame.evaluate(() => window.shownMs), sleep(60_000)]);
  if (tookMs === undefined) throw new Error(`${title} was not shown.`);
  return tookMs;
}

async function measureLarge(opened: PanelWindow, frame: Frame) {
  const titles = Array.from({ length: largeConversations }, (_, number) => `Large ${number}`);
  await addConversations(historyFolder(opened.dataFolder), titles, largeMessages);
  const openMs: number[] = [];
  for (const title of titles) openMs.push(await openConversation(frame, title));
  progress('all of its messages');
  const earlier = frame.getByRole('button', { name: /Show earlier/ });
  while (await earlier.isVisible()) await earlier.click();
  progress('scrolling');
  const gaps = await measureScrolling(opened, frame);
  return { openMs, gaps };
}

async function measureScrolling(opened: PanelWindow, frame: Frame): Promise<readonly number[]> {
  const transcript = frame.locator('.transcript');
  const box = await transcript.boundingBox();
  if (!box) throw new Error('There is no transcript.');
  await opened.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  const watch = await ScreenWatch.start(opened.page);
  for (let count = 0; count < 200; count++) {
    await opened.page.mouse.wheel(0, count % 100 < 50 ? -600 : 600);
    await sleep(16);
  }
  const pictures = await watch.stop();
  const decoder = await opened.newPage();
  const gaps = await longestGaps(decoder, pictures, transcript);
  await decoder.close();
  return gaps;
}

async function measureMemory(opened: PanelWindow, frame: Frame) {
  const titles = Array.from({ length: smallConversations + 1 }, (_, number) => `Small ${number}`);
  await addConversations(historyFolder(opened.dataFolder), titles, smallMessages);
  const [first = '', ...others] = titles;
  for (const title of titles.slice(0, 4)) await openConversation(frame, title);
  await openConversation(frame, first);
  const before = await opened.memory();
  for (const title of others) await openConversation(frame, title);
  await openConversation(frame, first);
  const after = await opened.memory();
  await opened.hideView();
  return { before, after, without: await opened.memory() };
}

const folder = mkdtempSync(path.join(tmpdir(), 'a2ia-bench-'));
const server = await StepServer.start();
progress('opening VS Code');
const opened = await PanelWindow.open(folder, { 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url });
const measured = await measure(opened).finally(async () => {
  await opened.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function measure(opened: PanelWindow) {
  const opening = await measureOpening(opened);
  await opened.openView('A2IA');
  const frame = await opened.frame();
  await frame.evaluate(noteInput);
  progress('sending');
  const sendMs = await measureSends(frame, server);
  progress('stopping');
  const stopMs = await measureStops(frame, server);
  progress('streaming');
  const stream = await measureStream(frame, server);
  progress('a large conversation');
  const large = await measureLarge(opened, frame);
  progress('many conversations');
  return { opening, sendMs, stopMs, stream, large, memory: await measureMemory(opened, frame) };
}

const { opening, sendMs, stopMs, stream, large, memory } = measured;
const cpus = availableParallelism();

console.log(
  `The panel in VS Code’s own server and a headless browser, which here share ${cpus} cores with everything else; A2IA as it is packaged, and a model server that answers what the bench wants, when it wants. ` +
    'This server puts the panel into the process and the thread of the whole workbench; a desktop gives it a process of its own.',
);

console.log(
  `\nFrom the click on the view’s icon until a frame is drawn in which one can type into it. “Empty” is an extension whose view has a text box and nothing else: what VS Code itself takes. ` +
    `${windows} windows for each, in which it is the first view that is opened; then ${laterInWindow} times more in each.`,
);
printTable(
  ['view', 'opened', 'median ms', 'least ms', 'most ms'],
  panelKinds.flatMap((kind) =>
    (['first', 'later'] as const).map((when) => {
      const times = opening[kind][when];
      return [kind, when, median(times), Math.min(...times), Math.max(...times)];
    }),
  ),
);
for (const when of ['first', 'later'] as const) {
  const tookMs = median(opening.A2IA[when]);
  printRequirement(`opened, ${when}: at most ${most.openMs} ms`, tookMs <= most.openMs, `${figure(tookMs)} ms`);
}

console.log(
  `\nTyped, 30 ms a key, and sent with Enter: from the key to the request at the model server (${sends} questions of one conversation). Stopped with a click while an answer of ${tokensPerSecond} tokens a second comes: from the click until the model server sees the socket close (${stops} stops). ` +
    `An answer of ${whole(streamedTokens)} tokens at ${tokensPerSecond} a second: from the write to the socket until the frame is drawn that has the token.`,
);
const delays: readonly (readonly [string, readonly number[]])[] = [
  ['Enter → request', sendMs],
  ['click → closed socket', stopMs],
  ['token at socket → drawn', stream.showMs],
];
printTable(
  ['what', 'median ms', '95 % ms', 'most ms'],
  delays.map(([what, times]) => [what, median(times), percentile(times, 95), Math.max(...times)]),
);
const show95Ms = percentile(stream.showMs, 95);
const longestMs = Math.max(0, ...stream.longTasksMs);
printRequirement(
  `Enter → request: median at most ${most.sendMs} ms`,
  median(sendMs) <= most.sendMs,
  `${figure(median(sendMs))} ms`,
);
printRequirement(
  `click → closed socket: median at most ${most.stopMs} ms`,
  median(stopMs) <= most.stopMs,
  `${figure(median(stopMs))} ms`,
);
printRequirement(`token → drawn: 95 % within ${most.showMs} ms`, show95Ms <= most.showMs, `${figure(show95Ms)} ms`);
printRequirement(
  `longest task of the panel meanwhile: at most ${most.longTaskMs} ms`,
  longestMs <= most.longTaskMs,
  longestMs === 0
    ? `none above ${most.longTaskMs} ms`
    : `${figure(longestMs)} ms (${stream.longTasksMs.length} above ${most.longTaskMs} ms)`,
);

const blank = large.gaps.filter((gap) => gap > most.gapPx).length;
console.log(
  `\n${largeConversations} conversations of ${whole(largeMessages)} messages, each opened from the list once: from the click until its last answer is drawn. Then, with all messages of one in the page, the wheel is turned up and down by 600 pixels a frame, and every picture that the browser draws is looked at: one is blank when more than ${most.gapPx} rows of the conversation that follow each other have nothing on them.`,
);
printTable(
  ['what', 'figure'],
  [
    ['opened, median ms', median(large.openMs)],
    ['opened, most ms', Math.max(...large.openMs)],
    ['pictures while scrolling', large.gaps.length],
    ['most empty rows', Math.max(...large.gaps)],
  ],
);
printRequirement(
  `${whole(largeMessages)} messages: at most ${most.openLargeMs} ms`,
  median(large.openMs) <= most.openLargeMs,
  `${figure(median(large.openMs))} ms`,
);
printRequirement('no blank picture while scrolling', blank === 0, `${blank} of ${large.gaps.length}`);

const ownBytes = memory.before.heapBytes - memory.without.heapBytes;
const growth = (memory.after.heapBytes - memory.before.heapBytes) / ownBytes;
console.log(
  `\nA conversation is shown, then ${smallConversations} others of ${smallMessages} messages one after the other, then the first again. After garbage collection; the panel’s part of the heap is what goes when the view is hidden.`,
);
printTable(
  ['when', 'heap MB', 'nodes', 'listeners'],
  [
    ['before', memory.before.heapBytes / 1e6, memory.before.nodes, memory.before.listeners],
    ['after', memory.after.heapBytes / 1e6, memory.after.nodes, memory.after.listeners],
    ['hidden', memory.without.heapBytes / 1e6, memory.without.nodes, memory.without.listeners],
  ],
);
printRequirement(
  `growth of the panel’s memory: at most ${most.growth * 100} %`,
  growth <= most.growth,
  `${figure(growth * 100)} % of ${figure(ownBytes / 1e6)} MB`,
);
