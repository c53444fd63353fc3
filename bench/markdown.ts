import { globSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BrowserPage } from '../test/support/browserPage.ts';
import { ProductionBuild } from '../test/support/productionBuild.ts';
import { figure, median, printRequirement, printTable, progress, whole } from './support/figures.ts';
import type { MarkdownBenchPage } from './support/markdownPage.ts';

const shortTokens = 1_000;
const longTokens = 20_000;
const rounds = 9;
const naiveRounds = 3;
const mostRatio = 1.2;

const tokensPerSecond = 200;
const streamMs = 5_000;
const streams = 5;
const mostTaskMs = 50;

const mostBundleKB = 250;

declare const markdownBench: MarkdownBenchPage;

/** The longest task of the page's main thread while `work` runs, as the browser's own trace has it. */
async function longestTaskMs(browser: BrowserPage, work: () => Promise<unknown>): Promise<number> {
  const tracer = browser.page.context().browser();
  if (!tracer) throw new Error('The page has no browser.');
  await tracer.startTracing(browser.page, { categories: ['disabled-by-default-devtools.timeline', '__metadata'] });
  let trace: Trace;
  try {
    await work();
  } finally {
    trace = JSON.parse((await tracer.stopTracing()).toString()) as Trace;
  }
  const mainThreads = new Set(
    trace.traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const tasks = trace.traceEvents.filter(
    ({ name, pid, tid, dur }) => name === 'RunTask' && dur !== undefined && mainThreads.has(`${pid} ${tid}`),
  );
  if (tasks.length === 0) throw new Error('The browser traced no task of the page.');
  return Math.max(...tasks.map(({ dur = 0 }) => dur)) / 1000;
}

/** Times in µs. */
interface Trace {
  readonly traceEvents: readonly {
    readonly name: string;
    readonly pid: number;
    readonly tid: number;
    readonly dur?: number;
    readonly args?: { readonly name?: string };
  }[];
}

const browser = await BrowserPage.open({
  entry: 'bench/support/markdownPage.ts',
  styles: ['src/webview/markdown/markdown.css'],
});
const { page } = browser;
const lengths = [shortTokens, longTokens];
const ours = lengths.map((): number[] => []);
const naive = lengths.map((): number[] => []);
const tasksMs: number[] = [];
try {
  // So that both lengths are measured with compiled code.
  await page.evaluate((tokens) => markdownBench.msPerToken(tokens), shortTokens);
  for (let round = 0; round < rounds; round++) {
    progress(`tokens, round ${round + 1} of ${rounds}`);
    for (const [index, length] of lengths.entries()) {
      ours[index]?.push(await page.evaluate((tokens) => markdownBench.msPerToken(tokens), length));
      if (round < naiveRounds)
        naive[index]?.push(await page.evaluate((tokens) => markdownBench.naiveMsPerToken(tokens), length));
    }
  }
  while (tasksMs.length < streams) {
    progress(`stream ${tasksMs.length + 1} of ${streams}`);
    const args = [longTokens, tokensPerSecond, streamMs] as const;
    tasksMs.push(await longestTaskMs(browser, () => page.evaluate((values) => markdownBench.stream(...values), args)));
  }
} finally {
  await browser.close();
}

const ratios = (ours[1] ?? []).map((ms, round) => ms / (ours[0]?.[round] ?? NaN));
const ratio = median(ratios);
const naiveRatio = median(naive[1] ?? []) / median(naive[0] ?? []);
console.log(
  `An answer of prose, lists, code and tables in a browser, token by token (4 characters): from a token to the finished layout of the page, the mean of ${whole(1000)} tokens after the first ${whole(shortTokens)} and after ${whole(longTokens)}; medians of ${rounds} rounds, both lengths by turns. “\`marked.parse\`”: HTML of the whole text for each token, without showing it.`,
);
printTable(
  ['way', `ms at ${whole(shortTokens)}`, `ms at ${whole(longTokens)}`, 'ratio'],
  [
    ['A2IA, shown', median(ours[0] ?? []), median(ours[1] ?? []), ratio],
    ['`marked.parse`', median(naive[0] ?? []), median(naive[1] ?? []), naiveRatio],
  ],
);
printRequirement(
  `a token at ${whole(longTokens)} costs at most ${mostRatio} times one at ${whole(shortTokens)}`,
  ratio <= mostRatio,
  figure(ratio),
);

console.log(
  `\nThe longest task of the page’s main thread (scripts, layout, painting) while an answer that is ${whole(longTokens)} tokens long grows by ${tokensPerSecond} tokens a second for ${streamMs / 1000} s, in the browser’s own trace; ${streams} times.`,
);
printTable(['', 'median ms', 'worst ms'], [['longest task', median(tasksMs), Math.max(...tasksMs)]]);
printRequirement(
  `longest task: at most ${mostTaskMs} ms`,
  median(tasksMs) <= mostTaskMs,
  `${figure(median(tasksMs))} ms`,
);

progress('building for production');
const folder = mkdtempSync(path.join(tmpdir(), 'a2ia-bench-'));
const build = new ProductionBuild(path.join(folder, 'dist'));
const files = globSync('webview/*.js', { cwd: build.folder });
const sizes = files.map((file) => ({ file, kB: statSync(path.join(build.folder, file)).size / 1000 }));
const bundleKB = sizes.reduce((sum, { kB }) => sum + kB, 0);
rmSync(folder, { recursive: true, force: true });
console.log('\nWhat the panel loads, minified; the highlighter comes with the first code block.');
printTable(
  ['file', 'KB'],
  [...sizes.map(({ file, kB }) => [path.basename(file).replace(/-[^-]+\.js$/, '.js'), kB]), ['all', bundleKB]],
);
printRequirement(`panel: at most ${mostBundleKB} KB in all`, bundleKB <= mostBundleKB, `${figure(bundleKB)} KB`);
