import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
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
  const earlierMs: number[] = [];
  const earlier = frame.getByRole('button', { name: /Show earlier/ });
  while (await earlier.isVisible()) {
    const before = await frame.locator('.message').count();
    await earlier.click();
    earlierMs.push(await frame.evaluate(() => performance.now() - performance.now()));
    if ((await frame.locator('.message').count()) === before) throw new Error('Nothing came.');
  }
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
  const decoder = await opened.page.context().newPage();
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
const only = process.argv[2] ?? '';
try {
  if (!only || only.includes('o')) {
    const opening = await measureOpening(opened);
    printTable(
      ['view', 'opened', 'median ms', 'least', 'most'],
      panelKinds.flatMap((kind) =>
        (['first', 'later'] as const).map((when) => [
          kind,
          when,
          median(opening[kind][when]),
          Math.min(...opening[kind][when]),
          Math.max(...opening[kind][when]),
        ]),
      ),
    );
  }
  await opened.openView('A2IA');
  const frame = await opened.frame();
  await frame.evaluate(noteInput);
  progress('sending');
  const sendMs = await measureSends(frame, server);
  console.log(JSON.stringify(sendMs.map(Math.round)), median(sendMs));
  if (!only || only.includes('s')) {
    progress('stopping');
    const stopMs = await measureStops(frame, server);
    console.log(JSON.stringify(stopMs.map(Math.round)), median(stopMs));
    progress('streaming');
    const { showMs, longTasksMs } = await measureStream(frame, server);
    console.log(median(showMs), percentile(showMs, 95), Math.max(...showMs), longTasksMs);
  }
  if (!only || only.includes('l')) {
    progress('large');
    const { openMs, gaps } = await measureLarge(opened, frame);
    console.log(openMs, gaps.length, median(gaps), Math.max(...gaps));
  }
  if (!only || only.includes('m')) {
    progress('memory');
    console.log(await measureMemory(opened, frame));
  }
} catch (e) {
  await opened.page.screenshot({ path: '/tmp/panel-fail.png' });
  throw e;
} finally {
  await opened.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
