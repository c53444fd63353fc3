import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { BrowserPage } from './browserPage.ts';
import { editorStyle, hostStub, receiveAndDraw, themeFile, type Theme } from './editorLook.ts';

export interface PageOptions {
  readonly theme?: Theme;
  readonly widthPx?: number;
}

export interface HostedPageParts<Message> {
  readonly entry: string;
  readonly styles: string;
  /** The part of the window that it is in. */
  readonly background: 'sideBar' | 'editor';
  readonly heightPx: number;
  readonly parse: (data: unknown) => Message | undefined;
  /** In out/screenshots. */
  readonly screenshotFolder: string;
}

/** A page of A2IA as VS Code shows it, and a host that a test is. */
export class HostedPage<Message extends { readonly type: string }> {
  /** All that the page posted, the oldest first. */
  readonly posted: Message[] = [];
  readonly #parts: HostedPageParts<Message>;
  readonly #errors: string[] = [];
  #opened: BrowserPage | undefined;
  #next = 0;
  #wake: () => void = () => undefined;

  protected constructor(parts: HostedPageParts<Message>) {
    this.#parts = parts;
  }

  /** Resolves when the page has loaded its program. */
  protected async load(browser: Browser, theme: Theme, widthPx: number): Promise<void> {
    const { entry, styles, background, heightPx } = this.#parts;
    const { bodyClass, variables } = themeFile(theme);
    this.#opened = await BrowserPage.open({
      entry,
      styles: [styles],
      editorStyle: editorStyle(variables, background),
      bodyClass,
      viewport: { width: widthPx, height: heightPx },
      browser,
      prepare: async (page) => {
        await page.exposeFunction('postToHost', (data: unknown) => this.#receive(data));
        await page.addInitScript(hostStub);
      },
    });
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
  async next<Type extends Message['type']>(type: Type): Promise<Extract<Message, { type: Type }>> {
    for (;;) {
      while (this.#next < this.posted.length) {
        const message = this.posted[this.#next++];
        if (message?.type === type) return message as Extract<Message, { type: Type }>;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Resolves when the page has drawn it. */
  protected async receive(message: unknown): Promise<void> {
    await this.page.evaluate(receiveAndDraw, JSON.stringify(message));
  }

  async screenshot(name: string): Promise<void> {
    const folder = path.join(import.meta.dirname, '../../out/screenshots', this.#parts.screenshotFolder);
    await mkdir(folder, { recursive: true });
    await this.page.screenshot({ path: path.join(folder, `${name}.png`) });
  }

  #receive(data: unknown): void {
    const message = this.#parts.parse(data);
    if (message) this.posted.push(message);
    else this.#errors.push(`The page posted what is no message: ${JSON.stringify(data)}`);
    this.#wake();
  }
}
