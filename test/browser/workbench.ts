import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { ensureBrowser, launchBrowser } from '../../scripts/browser.mjs';
import { createReport } from '../../scripts/lib/report.mjs';
import { startVscodeServer, type VscodeServer } from '../../scripts/vscodeServer.mjs';

const root = path.join(import.meta.dirname, '../..');
const screenshotFolder = path.join(root, 'out', 'screenshots');

export interface WorkbenchOptions {
  readonly userSettings?: Readonly<Record<string, unknown>>;
  /** Opens the folder in Restricted Mode, as one that the user has not said to trust. */
  readonly restricted?: true;
}

/** A real workbench in a real browser with A2IA in it, driven as a person drives it: by keys, and by what is on the screen. */
export class Workbench {
  readonly page: Page;
  /** The folder that is open: a copy of the sample. */
  readonly folder: string;
  readonly #browser: Browser;
  readonly #server: VscodeServer;
  readonly #serverDataDir: string;

  /** `settings` are the workspace's, as .vscode/settings.json. */
  static async open(settings: Readonly<Record<string, unknown>>, options: WorkbenchOptions = {}): Promise<Workbench> {
    const folder = await mkdtemp(path.join(tmpdir(), 'a2ia-browser-'));
    await cp(path.join(root, 'media', 'sample'), folder, { recursive: true });
    await mkdir(path.join(folder, '.vscode'), { recursive: true });
    await writeFile(path.join(folder, '.vscode', 'settings.json'), JSON.stringify(settings, undefined, 2));
    const serverDataDir = await mkdtemp(path.join(tmpdir(), 'a2ia-server-'));
    const server = await startVscodeServer({
      serverDataDir,
      workspaceTrust: options.restricted ?? false,
      endWhenUnused: true,
      userSettings: { 'security.workspace.trust.startupPrompt': 'never', ...options.userSettings },
    });
    const executablePath = await ensureBrowser(createReport(process.stderr));
    const browser = await launchBrowser({ executablePath });
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.setDefaultTimeout(20_000);
    await page.goto(server.url(folder, { extensionDevelopmentPath: root, skipWelcome: 'true' }));
    await page
      .locator('.statusbar-item', { hasText: /auto|vllm|embedded|ollama/ })
      .first()
      .waitFor();
    return new Workbench(page, folder, browser, server, serverDataDir);
  }

  private constructor(page: Page, folder: string, browser: Browser, server: VscodeServer, serverDataDir: string) {
    this.page = page;
    this.folder = folder;
    this.#browser = browser;
    this.#server = server;
    this.#serverDataDir = serverDataDir;
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#server.stop();
    for (const folder of [this.folder, this.#serverDataDir])
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async runCommand(title: string): Promise<void> {
    await this.page.keyboard.press('F1');
    const input = this.quickInput();
    await input.fill(`>${title}`);
    await this.page.locator('.quick-input-list .monaco-list-row', { hasText: title }).first().waitFor();
    await this.page.keyboard.press('Enter');
  }

  /** By the palette, as somebody does who has just installed it. */
  async ask(question: string): Promise<void> {
    await this.runCommand('A2IA: Ask');
    await this.page.locator('.quick-input-title', { hasText: 'A2IA: Ask' }).waitFor();
    await this.quickInput().fill(question);
    await this.page.locator('.quick-input-list .monaco-list-row', { hasText: question }).first().waitFor();
    await this.page.keyboard.press('Enter');
  }

  /** Ctrl+P, the way to a file that needs no explorer. */
  async openFile(name: string): Promise<void> {
    await this.page.keyboard.press('Control+P');
    await this.quickInput().fill(name);
    await this.page.locator('.quick-input-list .monaco-list-row', { hasText: name }).first().waitFor();
    await this.page.keyboard.press('Enter');
    await this.page.locator('.tab.active', { hasText: name }).waitFor();
  }

  quickInput(): Locator {
    return this.page.locator('.quick-input-widget input').first();
  }

  /** The text on screen of the editor in which the answer to `question` stands. */
  answer(question: string): Locator {
    return this.page.locator('.editor-instance .view-lines', { hasText: question });
  }

  /**
   * In the list behind the bell: a workbench that is driven by tests shows no toasts.
   */
  async notification(text: string | RegExp): Promise<Locator> {
    const list = this.page.locator('.notifications-center.visible');
    if (!(await list.isVisible())) {
      await this.runCommand('Notifications: Show Notifications');
      await list.waitFor();
    }
    return list.locator('.notification-list-item', { hasText: text });
  }

  statusBarItem(text: string | RegExp): Locator {
    return this.page.locator('.statusbar-item', { hasText: text });
  }

  /** Kept in out/screenshots, to be looked at. */
  async screenshot(name: string): Promise<void> {
    await mkdir(screenshotFolder, { recursive: true });
    await this.page.screenshot({ path: path.join(screenshotFolder, `${name}.png`) });
  }
}

/** Resolves when the text of the element satisfies `enough`, checked at every frame of the page. */
export async function textWhen(element: Locator, enough: (text: string) => boolean): Promise<string> {
  for (;;) {
    // The editor draws spaces as no-break spaces.
    const text = (await element.first().innerText()).replaceAll('\u00a0', ' ');
    if (enough(text)) return text;
    await element.page().evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  }
}
