import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { parsePanelMessage, type HostMessage, type PanelMessage } from '../../src/protocol/messages.ts';
import type { PanelState } from '../../src/protocol/panelState.ts';
import { BrowserPage, startBrowser } from './browserPage.ts';

const root = path.join(import.meta.dirname, '../..');
const screenshotFolder = path.join(root, 'out', 'screenshots', 'panel');

export const themes = ['dark', 'light', 'darkHighContrast', 'lightHighContrast'] as const;
export type Theme = (typeof themes)[number];

interface ThemeFile {
  readonly bodyClass: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** A browser for panels. */
export class PanelBrowser {
  readonly #browser: Browser;

  static async start(): Promise<PanelBrowser> {
    return new PanelBrowser(await startBrowser());
  }

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** A panel of its own, with this state. */
  open(state: PanelState, options: PanelOptions = {}): Promise<Panel> {
    return Panel.open(this.#browser, state, options);
  }

  stop(): Promise<void> {
    return this.#browser.close();
  }
}

export interface PanelOptions {
  readonly theme?: Theme;
  readonly widthPx?: number;
}

function themeFile(theme: Theme): ThemeFile {
  return JSON.parse(readFileSync(path.join(root, 'test', 'fixtures', 'themes', `${theme}.json`), 'utf8')) as ThemeFile;
}

/** What VS Code puts into every webview: the theme, the fonts, and a style that one's own may override. */
function editorStyle(theme: ThemeFile['variables']): string {
  const fonts = {
    '--vscode-font-family': 'system-ui, "Ubuntu", "Liberation Sans", sans-serif',
    '--vscode-font-weight': 'normal',
    '--vscode-font-size': '13px',
    '--vscode-editor-font-family': '"Liberation Mono", monospace',
    '--vscode-editor-font-weight': 'normal',
    '--vscode-editor-font-size': '14px',
  };
  const variables = Object.entries({ ...fonts, ...theme });
  return `html { ${variables.map(([name, value]) => `${name}: ${value};`).join(' ')} background: var(--vscode-sideBar-background); }
    body { background: transparent; color: var(--vscode-editor-foreground); font: var(--vscode-font-weight) var(--vscode-font-size) var(--vscode-font-family); margin: 0; padding: 0 20px; }
    a { color: var(--vscode-textLink-foreground); }
    code { font-family: var(--vscode-editor-font-family); color: var(--vscode-textPreformat-foreground); background: var(--vscode-textPreformat-background); }
    blockquote { background: var(--vscode-textBlockQuote-background); border-color: var(--vscode-textBlockQuote-border); }`;
}

/** The panel in a page, and a host that a test is. */
export class Panel {
  /** All that the panel posted, the oldest first. */
  readonly posted: PanelMessage[] = [];
  readonly #errors: string[] = [];
  #opened: BrowserPage | undefined;
  #revision = 0;
  #next = 0;
  #wake: () => void = () => undefined;

  static async open(
    browser: Browser,
    state: PanelState,
    { theme = 'dark', widthPx = 420 }: PanelOptions,
  ): Promise<Panel> {
    const panel = new Panel();
    const { bodyClass, variables } = themeFile(theme);
    panel.#opened = await BrowserPage.open({
      entry: 'src/webview/main.ts',
      styles: ['src/webview/chat.css'],
      editorStyle: editorStyle(variables),
      bodyClass,
      viewport: { width: widthPx, height: 720 },
      browser,
      prepare: async (page) => {
        await page.exposeFunction('postToHost', (data: unknown) => panel.#receive(data));
        await page.addInitScript(stub);
      },
    });
    await panel.next('ready');
    await panel.show(state);
    return panel;
  }

  get page(): Page {
    assert.ok(this.#opened);
    return this.#opened.page;
  }

  /** Says what went wrong in the page meanwhile, a break of its security policy above all. */
  async close(): Promise<void> {
    await this.#opened?.close();
    assert.deepEqual([...this.#errors, ...(this.#opened?.troubles ?? [])], []);
    assert.deepEqual(this.#opened?.foreignRequests, []);
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

/** In the page: of code that says its language. */
export function allIsHighlighted(): boolean {
  const blocks = [...document.querySelectorAll('.codeBlock')];
  return blocks.every((block) => block.querySelector('[class^=hljs-]') || block.textContent.startsWith('text'));
}
