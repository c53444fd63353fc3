import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { parsePlanMessage, type PlanPageMessage } from '../../src/protocol/planMessages.ts';
import type { PlanState } from '../../src/protocol/planState.ts';
import { BrowserPage } from './browserPage.ts';
import { editorStyle, hostStub, receiveAndDraw, themeFile, type Theme } from './editorLook.ts';

const screenshotFolder = path.join(import.meta.dirname, '../../out/screenshots/plan');

export interface PlanPageOptions {
  readonly theme?: Theme;
  readonly widthPx?: number;
}

/** The page of a plan, and a host that a test is. */
export class PlanPage {
  /** All that the page posted, the oldest first. */
  readonly posted: PlanPageMessage[] = [];
  readonly #errors: string[] = [];
  #opened: BrowserPage | undefined;
  #next = 0;
  #wake: () => void = () => undefined;

  static async open(browser: Browser, state: PlanState, options: PlanPageOptions = {}): Promise<PlanPage> {
    const { theme = 'dark', widthPx = 1100 } = options;
    const plan = new PlanPage();
    const { bodyClass, variables } = themeFile(theme);
    plan.#opened = await BrowserPage.open({
      entry: 'src/webview/plan/main.ts',
      styles: ['src/webview/plan/plan.css'],
      editorStyle: editorStyle(variables, 'editor'),
      bodyClass,
      viewport: { width: widthPx, height: 900 },
      browser,
      prepare: async (page) => {
        await page.exposeFunction('postToHost', (data: unknown) => plan.#receive(data));
        await page.addInitScript(hostStub);
      },
    });
    await plan.next('ready');
    await plan.show(state);
    return plan;
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
  async next<Type extends PlanPageMessage['type']>(type: Type): Promise<Extract<PlanPageMessage, { type: Type }>> {
    for (;;) {
      while (this.#next < this.posted.length) {
        const message = this.posted[this.#next++];
        if (message?.type === type) return message as Extract<PlanPageMessage, { type: Type }>;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Resolves when it is drawn. */
  async show(part: Partial<PlanState>): Promise<void> {
    await this.page.evaluate(receiveAndDraw, JSON.stringify({ type: 'state', part }));
  }

  async screenshot(name: string): Promise<void> {
    await mkdir(screenshotFolder, { recursive: true });
    await this.page.screenshot({ path: path.join(screenshotFolder, `${name}.png`) });
  }

  #receive(data: unknown): void {
    const message = parsePlanMessage(data);
    if (message) this.posted.push(message);
    else this.#errors.push(`The page posted what is no message: ${JSON.stringify(data)}`);
    this.#wake();
  }
}
