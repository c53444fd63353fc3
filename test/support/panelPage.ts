import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { parsePanelMessage, type HostMessage, type PanelMessage } from '../../src/protocol/messages.ts';
import type { PanelState } from '../../src/protocol/panelState.ts';
import { BrowserPage, startBrowser } from './browserPage.ts';
import { editorStyle, hostStub, receiveAndDraw, themeFile, type Theme } from './editorLook.ts';

const root = path.join(import.meta.dirname, '../..');
const screenshotFolder = path.join(root, 'out', 'screenshots', 'panel');

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
      editorStyle: editorStyle(variables, 'sideBar'),
      bodyClass,
      viewport: { width: widthPx, height: 720 },
      browser,
      prepare: async (page) => {
        await page.exposeFunction('postToHost', (data: unknown) => panel.#receive(data));
        await page.addInitScript(hostStub);
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
    await this.page.evaluate(receiveAndDraw, JSON.stringify(message));
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

/** In the page: of code that says its language. */
export function allIsHighlighted(): boolean {
  const blocks = [...document.querySelectorAll('.codeBlock')];
  return blocks.every((block) => block.querySelector('[class^=hljs-]') || block.textContent.startsWith('text'));
}
