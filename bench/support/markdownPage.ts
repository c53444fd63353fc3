import { marked } from 'marked';
import { MarkdownView } from '../../src/webview/markdown/markdownView.ts';

/** About as many characters as a token of English and code has. */
const tokenChars = 4;
/** Of the text after which it begins again, so that what is measured at its start and far behind is the same. */
const periodTokens = 1_000;

/** What the bench calls in the page. */
export interface MarkdownBenchPage {
  /** Of showing one token more, with the layout of the page: the mean over one period of the text. */
  msPerToken(tokensBefore: number): Promise<number>;
  /** Of making HTML of the whole text for one token more, which is not even shown. */
  naiveMsPerToken(tokensBefore: number): number;
  /** Shows so many tokens a second, with each frame those that are due, as the panel gets them. */
  stream(tokensBefore: number, tokensPerSecond: number, durationMs: number): Promise<void>;
}

const sample = `## Reading a file in pieces

The function below reads a file of **any size** in pieces and gives each line as soon as it is there, so that memory does not grow with the file. It takes a *path* and a \`signal\`; when the signal aborts, it stops [at once](https://example.org/abort).

- It waits for nobody: a line is given when its end has arrived.
- It keeps the last line, which may have no end.
  - An empty file has no lines.
- Errors are those of \`open\`, as they are.

\`\`\`ts
export async function* linesOf(file: string, signal: AbortSignal): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of createReadStream(file, { encoding: 'utf8', signal })) {
    const lines = (rest + piece).split('\\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}
\`\`\`

| size   | time | memory |
| ------ | ---: | -----: |
| 1 MB   | 4 ms |   2 MB |
| 100 MB | 0.3 s |  2 MB |
| 10 GB  | 31 s |   2 MB |

> A line that never ends is kept whole: where that can happen, give it a limit.

1. Open the file.
2. Read a piece, and give its lines.
3. Give what is left.

`;
const period = sample.repeat(4).slice(0, periodTokens * tokenChars - 2) + '\n\n';
const textOf = (tokens: number) => period.repeat(Math.ceil(tokens / periodTokens)).slice(0, tokens * tokenChars);

const element = document.createElement('div');
document.body.append(element);
const noActions = { copy: () => {}, insert: () => {}, apply: () => {}, newFile: () => {}, openLink: () => {} };

async function viewOf(text: string): Promise<MarkdownView> {
  element.replaceChildren();
  const view = new MarkdownView(element, noActions);
  view.update(text, false);
  while (element.hasAttribute('aria-busy')) await turn();
  // What is to be coloured is, and the page is drawn.
  await allIsQuiet();
  followEnd();
  return view;
}

/** Code is coloured while nothing else is to be done: it is over when there is time left again and again. */
async function allIsQuiet(): Promise<void> {
  // Else its loading would look like quiet.
  await import('../../src/webview/markdown/highlight.ts');
  for (let quiet = 0; quiet < 5;) {
    const leftMs = await new Promise<number>((resolve) => {
      requestIdleCallback((deadline) => resolve(deadline.timeRemaining()));
    });
    quiet = leftMs > 8 ? quiet + 1 : 0;
  }
}

/** As the panel does while the user is there; the browser lays the page out to know where the end is. */
function followEnd(): void {
  document.documentElement.scrollTop = document.documentElement.scrollHeight;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

async function msPerToken(tokensBefore: number): Promise<number> {
  const text = textOf(tokensBefore + periodTokens);
  const view = await viewOf(text.slice(0, tokensBefore * tokenChars));
  const startedMs = performance.now();
  for (let end = tokensBefore + 1; end <= tokensBefore + periodTokens; end++) {
    view.update(text.slice(0, end * tokenChars), false);
    followEnd();
  }
  return (performance.now() - startedMs) / periodTokens;
}

function naiveMsPerToken(tokensBefore: number): number {
  const step = 20;
  const text = textOf(tokensBefore + periodTokens);
  const startedMs = performance.now();
  for (let end = tokensBefore + step; end <= tokensBefore + periodTokens; end += step) {
    void marked.parse(text.slice(0, end * tokenChars));
  }
  return (performance.now() - startedMs) / (periodTokens / step);
}

async function stream(tokensBefore: number, tokensPerSecond: number, durationMs: number): Promise<void> {
  const text = textOf(tokensBefore + Math.ceil((tokensPerSecond * durationMs) / 1000));
  const view = await viewOf(text.slice(0, tokensBefore * tokenChars));
  const startedMs = performance.now();
  let passedMs = 0;
  while (passedMs < durationMs) {
    await new Promise((resolve) => requestAnimationFrame(resolve));
    passedMs = performance.now() - startedMs;
    const tokens = tokensBefore + Math.floor((passedMs * tokensPerSecond) / 1000);
    view.update(text.slice(0, tokens * tokenChars), false);
    followEnd();
  }
}

declare global {
  var markdownBench: MarkdownBenchPage;
}
globalThis.markdownBench = { msPerToken, naiveMsPerToken, stream };
