import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Workbench } from '../test/browser/workbench.ts';
import { StepServer } from '../test/support/stepServer.ts';
import { figure, percentile, printRequirement, printTable, progress } from './support/figures.ts';
import { FrameTrace } from './support/frameTrace.ts';

/** What an edit of a long file costs VS Code's window, which draws it, while it is written and once it is offered. */

const lineCount = 2_000;
const changedEvery = 20;
const piecesPerSecond = 20;
const streamedSeconds = 20;
const scrollSteps = 60;
const mostFrameMs = 16;
/** VS Code draws a box that grows anew each time, which it cannot do within one. */
const mostGrowingFrameMs = 2 * mostFrameMs;

const oldLines = Array.from({ length: lineCount }, (_, index) => {
  if (index % 10 === 0) return `export function step${index}(input: Input): Output {`;
  return index % 10 === 9 ? '}' : `  const value${index} = compute(input.part${index}, ${index}); // of ${index}`;
});
/** Many small changes, and one that is as long as the file. */
const edits = {
  small: oldLines.flatMap((line, index) =>
    index % changedEvery === 5 ? [`${line} changed`, `  check(value${index});`] : [line],
  ),
  large: oldLines.map((line) =>
    line.replace(/value(\d+) = compute\(.*/, 'part$1 = await input.read($1);').replace('{', '{ //'),
  ),
} as const;

const server = await StepServer.start(['qwen2.5-coder-7b']);
const workbench = await Workbench.open(
  { 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url },
  {
    // A language service has work of its own with such a file.
    userSettings: { 'typescript.validate.enable': false },
    prepare: async (folder) => {
      for (const kind of Object.keys(edits)) {
        await writeFile(path.join(folder, `${kind}.ts`), `${oldLines.join('\n')}\n`);
      }
    },
  },
);
try {
  const small = await measure('small');
  const large = await measure('large');
  console.log(
    `A file of ${lineCount} lines, streamed within ${streamedSeconds} s: with ${lineCount / changedEvery} changes, and with one of ${lineCount} lines. What the main thread of VS Code’s window does for each frame that is drawn, VS Code’s own work included, in processor time.`,
  );
  const rows: readonly (readonly [string, readonly number[], number])[] = [
    ['many changes are written', small.writing, mostFrameMs],
    ['they are scrolled through', small.scrolling, mostFrameMs],
    ['one large change is written', large.writing, mostGrowingFrameMs],
    ['it is scrolled through', large.scrolling, mostFrameMs],
  ];
  printTable(['', 'frames', 'median ms', '95 % ms', '99 % ms', 'worst ms'], rows.map(row));
  for (const [title, values, mostMs] of rows) {
    const measured = percentile(values, 95);
    const limit = `a frame takes at most ${mostMs} ms, in 95 of 100`;
    printRequirement(`${title}: ${limit}`, measured <= mostMs, `${figure(measured)} ms`);
  }
} finally {
  await workbench.close();
  await server.stop();
}

/** Asks for an edit of the whole file, streams it, scrolls through it, and leaves the file as it was. */
async function measure(kind: keyof typeof edits) {
  const { page } = workbench;
  const answer = `\`\`\`typescript\n${edits[kind].join('\n')}\n\`\`\`\n`;
  await workbench.openFile(`${kind}.ts`);
  await workbench.focusedEditor('step0').waitFor();
  await page.keyboard.press('Control+A');
  await page.keyboard.press('Control+K');
  await page.keyboard.press('Shift+E');
  await workbench.quickInputTitle(`A2IA: Edit ${kind}.ts`).waitFor();
  await workbench.choose('Check each.', 'Check each.');
  const exchange = await server.nextChat();
  await page.keyboard.press('Control+Home');
  await workbench.focusedEditor('step0').waitFor();
  progress(`${kind}: writing`);
  const pieces = piecesPerSecond * streamedSeconds;
  const writingTrace = await FrameTrace.start(page);
  for (let piece = 0; piece < pieces; piece++) {
    const at = (count: number) => Math.floor((answer.length * count) / pieces);
    exchange.text(answer.slice(at(piece), at(piece + 1)));
    await sleep(1000 / piecesPerSecond);
  }
  exchange.finish();
  await page.locator('.codelens-decoration a', { hasText: 'Retry' }).first().waitFor();
  const writing = await writingTrace.stop();
  progress(`${kind}: scrolling`);
  const scrollingTrace = await FrameTrace.start(page);
  await page.locator('.editor-instance .view-lines').first().hover();
  for (let step = 0; step < scrollSteps; step++) {
    await page.mouse.wheel(0, 600);
    await sleep(50);
  }
  const scrolling = await scrollingTrace.stop();
  await workbench.screenshot(`bench-drawing-${kind}`);
  await workbench.runCommand('A2IA: Reject Edit');
  await page.locator('.review-widget').first().waitFor({ state: 'detached' });
  return { writing, scrolling };
}

function row([title, values]: readonly [string, readonly number[], number]): readonly (string | number)[] {
  return [title, values.length, ...[50, 95, 99, 100].map((percent) => percentile(values, percent))];
}
