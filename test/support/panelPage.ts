import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import esbuild from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { ensureBrowser, launchBrowser } from '../../scripts/browser.mjs';
import { createReport } from '../../scripts/lib/report.mjs';
import { parsePanelMessage, type HostMessage, type PanelMessage } from '../../src/protocol/messages.ts';
import type { PanelState } from '../../src/protocol/panelState.ts';

const root = path.join(import.meta.dirname, '../..');
const screenshotFolder = path.join(root, 'out', 'screenshots', 'panel');

export const themes = ['dark', 'light', 'darkHighContrast', 'lightHighContrast'] as const;
export type Theme = (typeof themes)[number];

interface ThemeFile {
  readonly bodyClass: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** A browser, and the panel served to it as VS Code does: with its Content-Security-Policy, its variables, its own style sheet for webviews. */
export class PanelBrowser {
  readonly #browser: Browser;
  readonly #server: Server;

  static async start(): Promise<PanelBrowser> {
    const { outputFiles } = await esbuild.build({
      absWorkingDir: root,
      entryPoints: { chat: 'src/webview/main.ts', chatStyle: 'src/webview/chat.css' },
      bundle: true,
      write: false,
      format: 'esm',
      target: 'chrome138',
      outdir: 'out',
    });
    const files = new Map(outputFiles.map((file) => [`/${path.basename(file.path)}`, file.text]));
    const server = createServer(({ url = '/' }, response) => {
      const { pathname, searchParams } = new URL(url, 'http://127.0.0.1');
      const theme = themes.find((name) => name === searchParams.get('theme')) ?? 'dark';
      const text =
        pathname === '/' ? page(theme, response) : pathname === '/theme.css' ? themeStyle(theme) : files.get(pathname);
      const type = pathname === '/' ? 'text/html' : pathname.endsWith('.css') ? 'text/css' : 'text/javascript';
      response.setHeader('Content-Type', `${type}; charset=utf-8`);
      // A browser asks for an icon of its own accord.
      response.writeHead(text === undefined ? 204 : 200).end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const executablePath = await ensureBrowser(createReport(process.stderr));
    return new PanelBrowser(await launchBrowser({ executablePath }), server);
  }

  private constructor(browser: Browser, server: Server) {
    this.#browser = browser;
    this.#server = server;
  }

  /** A panel of its own, with this state. */
  async open(state: PanelState, options: { readonly theme?: Theme; readonly widthPx?: number } = {}): Promise<Panel> {
    const viewport = { width: options.widthPx ?? 420, height: 720 };
    const context = await this.#browser.newContext({ viewport, reducedMotion: 'reduce' });
    const { port } = this.#server.address() as AddressInfo;
    return Panel.open(await context.newPage(), `http://127.0.0.1:${port}/?theme=${options.theme ?? 'dark'}`, state);
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function page(theme: Theme, response: { setHeader(name: string, value: string): unknown }): string {
  const nonce = randomBytes(16).toString('base64');
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'self'; font-src 'self'; img-src 'self' data:; require-trusted-types-for 'script'`;
  response.setHeader('Content-Security-Policy', policy);
  return `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>A2IA Chat</title><link rel="stylesheet" href="/theme.css?theme=${theme}"><link rel="stylesheet" href="/chatStyle.css"></head>
<body class="${themeFile(theme).bodyClass}"><script type="module" nonce="${nonce}" src="/chat.js"></script></body>
</html>`;
}

function themeFile(theme: Theme): ThemeFile {
  return JSON.parse(readFileSync(path.join(root, 'test', 'fixtures', 'themes', `${theme}.json`), 'utf8')) as ThemeFile;
}

/** What VS Code puts into every webview: the theme, the fonts, and a style that one's own may override. */
function themeStyle(theme: Theme): string {
  const fonts = {
    '--vscode-font-family': 'system-ui, "Ubuntu", "Liberation Sans", sans-serif',
    '--vscode-font-weight': 'normal',
    '--vscode-font-size': '13px',
    '--vscode-editor-font-family': '"Liberation Mono", monospace',
    '--vscode-editor-font-weight': 'normal',
    '--vscode-editor-font-size': '14px',
  };
  const variables = Object.entries({ ...fonts, ...themeFile(theme).variables });
  return `html { ${variables.map(([name, value]) => `${name}: ${value};`).join(' ')} background: var(--vscode-sideBar-background); }
    body { background: transparent; color: var(--vscode-editor-foreground); font: var(--vscode-font-weight) var(--vscode-font-size) var(--vscode-font-family); margin: 0; padding: 0 20px; }
    a { color: var(--vscode-textLink-foreground); }
    code { font-family: var(--vscode-editor-font-family); color: var(--vscode-textPreformat-foreground); background: var(--vscode-textPreformat-background); }
    blockquote { background: var(--vscode-textBlockQuote-background); border-color: var(--vscode-textBlockQuote-border); }`;
}

/** The panel in a page, and a host that a test is. */
export class Panel {
  readonly page: Page;
  /** All that the panel posted, the oldest first. */
  readonly posted: PanelMessage[] = [];
  readonly #errors: string[] = [];
  #revision = 0;
  #next = 0;
  #wake: () => void = () => undefined;

  static async open(page: Page, url: string, state: PanelState): Promise<Panel> {
    const panel = new Panel(page);
    page.on('pageerror', (error) => panel.#errors.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') panel.#errors.push(message.text());
    });
    await page.exposeFunction('postToHost', (data: unknown) => panel.#receive(data));
    await page.addInitScript(stub);
    await page.goto(url);
    await panel.next('ready');
    await panel.show(state);
    return panel;
  }

  private constructor(page: Page) {
    this.page = page;
  }

  /** Says what went wrong in the page meanwhile, a break of its security policy above all. */
  async close(): Promise<void> {
    await this.page.context().close();
    assert.deepEqual(this.#errors, []);
  }

  /** The next message of this kind that was not looked at yet; those before it are passed over. */
  async next<Type extends PanelMessage['type']>(type: Type): Promise<Extract<PanelMessage, { type: Type }>> {
    for (;;) {
      while (this.#next < this.posted.length) {
        const message = this.posted[this.#next++];
        if (message?.type === type) return message as Extract<PanelMessage, { type: Type }>;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** As a snapshot, and drawn. */
  async show(state: PanelState): Promise<void> {
    await this.post({ type: 'snapshot', revision: ++this.#revision, state });
  }

  async change(part: Partial<PanelState>): Promise<void> {
    const wired = Object.fromEntries(Object.entries(part).map(([name, value]) => [name, value ?? null]));
    await this.post({ type: 'change', revision: ++this.#revision, part: wired });
  }

  async append(answerId: string, text: string, reasoning = ''): Promise<void> {
    await this.post({ type: 'append', revision: ++this.#revision, answerId, text, reasoning });
  }

  /** The next change is lost on its way. */
  loseOne(): void {
    this.#revision++;
  }

  /** Resolves when the panel has drawn it. */
  async post(message: HostMessage): Promise<void> {
    // As it travels in VS Code.
    const json = JSON.stringify(message);
    await this.page.evaluate(async (text) => {
      window.postMessage(JSON.parse(text), '*');
      await new Promise((resolve) => setTimeout(resolve));
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    }, json);
  }

  async screenshot(name: string): Promise<void> {
    await mkdir(screenshotFolder, { recursive: true });
    await this.page.screenshot({ path: path.join(screenshotFolder, `${name}.png`) });
  }

  #receive(data: unknown): void {
    const message = parsePanelMessage(data);
    if (message) this.posted.push(message);
    else this.#errors.push(`The panel posted what is no message: ${JSON.stringify(data)}`);
    this.#wake();
  }
}

/** In the page, before its script: what VS Code gives a webview. The state outlives a reload. */
function stub(): void {
  const scope = window as unknown as Record<string, unknown> & { postToHost(data: unknown): void };
  scope['acquireVsCodeApi'] = () => ({
    postMessage: (message: unknown) => scope.postToHost(message),
    getState: (): unknown => JSON.parse(sessionStorage.getItem('state') ?? 'null') ?? undefined,
    setState: (state: unknown) => sessionStorage.setItem('state', JSON.stringify(state)),
  });
}
