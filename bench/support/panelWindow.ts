import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Frame, Locator, Page } from 'playwright-core';
import { ensureBrowser, launchBrowser } from '../../scripts/browser.mjs';
import { createReport } from '../../scripts/lib/report.mjs';
import { startVscodeServer, type VscodeServer } from '../../scripts/vscodeServer.mjs';
import { ProductionBuild } from '../../test/support/productionBuild.ts';
import { timeNextOpening } from './panelProbe.ts';

const root = path.join(import.meta.dirname, '../..');

const stepLimitMs = 60_000;

export const panelKinds = ['A2IA', 'empty'] as const;
export type PanelKind = (typeof panelKinds)[number];

const views: Readonly<Record<PanelKind, { readonly title: string; readonly extensionId: string }>> = {
  A2IA: { title: 'A2IA', extensionId: 'a2ia.a2ia' },
  empty: { title: 'Empty', extensionId: 'bench.empty' },
};

/** The real workbench in a real browser, with A2IA as it is packaged and an extension whose view has nothing but a text box. */
export class PanelWindow {
  readonly page: Page;
  /** Everything that VS Code keeps is in it. */
  readonly dataFolder: string;
  readonly #browser: Browser;
  readonly #server: VscodeServer;

  /** @param folder an empty one, for everything */
  static async open(folder: string, settings: Readonly<Record<string, unknown>>): Promise<PanelWindow> {
    const workspace = path.join(folder, 'workspace');
    const dataFolder = path.join(folder, 'server');
    mkdirSync(workspace);
    makeEmptyExtension(path.join(dataFolder, 'extensions', 'bench.empty-0.0.0'));
    const server = await startVscodeServer({
      serverDataDir: dataFolder,
      extension: makeProductionExtension(path.join(folder, 'a2ia')),
      workspaceTrust: false,
      endWhenUnused: true,
      userSettings: settings,
    });
    const executablePath = await ensureBrowser(createReport(process.stderr));
    const browser = await launchBrowser({ executablePath });
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.setDefaultTimeout(stepLimitMs);
    await page.goto(server.url(workspace));
    const window = new PanelWindow(page, dataFolder, browser, server);
    await window.#ready();
    return window;
  }

  private constructor(page: Page, dataFolder: string, browser: Browser, server: VscodeServer) {
    this.page = page;
    this.dataFolder = dataFolder;
    this.#browser = browser;
    this.#server = server;
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#server.stop();
  }

  /** A window in which no view was opened yet. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.#ready();
  }

  /** Opens the view as somebody does with the mouse. Returns how long it took until one could type into it. */
  async openView(kind: PanelKind): Promise<number> {
    const { title, extensionId } = views[kind];
    await this.page.evaluate(timeNextOpening);
    await this.#icon(title).click();
    const tookMs = await Promise.race([this.page.evaluate(() => window.openingMs), sleep(stepLimitMs)]);
    if (tookMs === undefined) throw new Error(`The view of ${title} did not open.`);
    await (await this.frame(extensionId)).locator('textarea').fill('');
    return tookMs;
  }

  /** Another page of the same browser. */
  newPage(): Promise<Page> {
    return this.#browser.newPage();
  }

  /** The page of the view is gone then. */
  async hideView(): Promise<void> {
    await this.#icon('Explorer').click();
    await this.page.locator('iframe.webview').waitFor({ state: 'detached' });
    // VS Code goes on with what that began: the next opening is not to bear it.
    await sleep(500);
  }

  /** After garbage collection: of all pages of the window, which are in one process. */
  async memory(): Promise<{ readonly heapBytes: number; readonly nodes: number; readonly listeners: number }> {
    const session = await this.page.context().newCDPSession(this.page);
    for (let count = 0; count < 3; count++) {
      await session.send('HeapProfiler.collectGarbage');
      await sleep(300);
    }
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    const { nodes, jsEventListeners } = await session.send('Memory.getDOMCounters');
    await session.detach();
    return { heapBytes: usedSize, nodes, listeners: jsEventListeners };
  }

  /** The page inside the view: VS Code puts it into two frames. */
  async frame(extensionId = views.A2IA.extensionId): Promise<Frame> {
    const outer = this.page.locator(`iframe.webview[src*="extensionId=${extensionId}"]`);
    const inner = outer.contentFrame().locator('iframe#active-frame');
    const frame = await (await inner.elementHandle())?.contentFrame();
    if (!frame) throw new Error(`The view of ${extensionId} has no page.`);
    return frame;
  }

  #icon(title: string): Locator {
    return this.page.locator(`.activitybar .action-item .action-label[aria-label^="${title}"]`);
  }

  /** Nothing of the window’s own start is measured. */
  async #ready(): Promise<void> {
    await this.page.locator('.statusbar-item', { hasText: 'vllm' }).first().waitFor();
    await this.#icon(views.empty.title).waitFor();
    await sleep(3000);
  }
}

/** The page’s policy forbids what Playwright waits by, so this asks again and again. */
export async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await sleep(10);
  }
}

function makeProductionExtension(folder: string): string {
  mkdirSync(folder);
  new ProductionBuild(path.join(folder, 'dist'));
  for (const name of ['package.json', 'media'])
    cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'), 'junction');
  return folder;
}

function makeEmptyExtension(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const manifest = {
    publisher: 'bench',
    name: 'empty',
    version: '0.0.0',
    main: './main.cjs',
    engines: { vscode: '^1.106.0' },
    extensionKind: ['workspace'],
    activationEvents: ['onStartupFinished'],
    contributes: {
      viewsContainers: { activitybar: [{ id: 'empty', title: views.empty.title, icon: 'icon.svg' }] },
      views: { empty: [{ id: 'empty.view', name: 'Empty', type: 'webview' }] },
    },
  };
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
  cpSync(path.join(root, 'media', 'chat.svg'), path.join(folder, 'icon.svg'));
  const main = `const vscode = require('vscode');
exports.activate = () => {
  vscode.window.registerWebviewViewProvider('empty.view', {
    resolveWebviewView: ({ webview }) => void (webview.html = '<!DOCTYPE html><html><body><textarea></textarea></body></html>'),
  });
};
`;
  writeFileSync(path.join(folder, 'main.cjs'), main);
}
