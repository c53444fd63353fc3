import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, glob, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Browser, FrameLocator, Locator, Page } from 'playwright-core';
import { ensureBrowser, launchBrowser } from '../../scripts/browser.mjs';
import { createReport } from '../../scripts/lib/report.mjs';
import { startVscodeServer, type VscodeServer } from '../../scripts/vscodeServer.mjs';
import { ChatPanel } from './chatPanel.ts';

const root = path.join(import.meta.dirname, '../..');
const screenshotFolder = path.join(root, 'out', 'screenshots');

/** How long one step may take before the test says which one: far more than any needs, for a machine that is busy. */
const stepLimitMs = 60_000;

export interface WorkbenchOptions {
  readonly userSettings?: Readonly<Record<string, unknown>>;
  /** Opens the folder in Restricted Mode, as one that the user has not said to trust. */
  readonly restricted?: true;
  /** A folder of programs that come before others on the PATH. */
  readonly programs?: string;
  /** Where the embedded engine has its models. */
  readonly modelsFolder?: string;
  /** Changes the folder before it is opened. */
  readonly prepare?: (folder: string) => Promise<void>;
}

/** A real workbench in a real browser with A2IA in it, driven as a person drives it: by keys, and by what is on the screen. */
export class Workbench {
  readonly page: Page;
  readonly chat: ChatPanel;
  /** The folder that is open: a copy of the sample. */
  readonly folder: string;
  readonly #browser: Browser;
  readonly #server: VscodeServer;
  readonly #temporary: string;

  /** `settings` are the workspace's, as .vscode/settings.json. */
  static async open(settings: Readonly<Record<string, unknown>>, options: WorkbenchOptions = {}): Promise<Workbench> {
    const temporary = await mkdtemp(path.join(tmpdir(), 'a2ia-browser-'));
    const folder = path.join(temporary, 'sample');
    await cp(path.join(root, 'media', 'sample'), folder, { recursive: true });
    if (Object.keys(settings).length > 0) {
      await mkdir(path.join(folder, '.vscode'), { recursive: true });
      await writeFile(path.join(folder, '.vscode', 'settings.json'), JSON.stringify(settings, undefined, 2));
    }
    await options.prepare?.(folder);
    const server = await startVscodeServer({
      serverDataDir: path.join(temporary, 'server'),
      extension: root,
      workspaceTrust: options.restricted ?? false,
      env: {
        ...process.env,
        ...(options.programs ? { PATH: `${options.programs}:${process.env['PATH'] ?? ''}` } : {}),
        ...(options.modelsFolder ? { A2IA_MODELS_DIR: options.modelsFolder } : {}),
      },
      endWhenUnused: true,
      userSettings: {
        'security.workspace.trust.startupPrompt': 'never',
        // So that a picture shows what is there, and not half of what appears.
        'workbench.reduceMotion': 'on',
        ...options.userSettings,
      },
    });
    const executablePath = await ensureBrowser(createReport(process.stderr));
    const browser = await launchBrowser({ executablePath });
    return new Workbench(await openWindow(browser, server, folder), folder, browser, server, temporary);
  }

  private constructor(page: Page, folder: string, browser: Browser, server: VscodeServer, temporary: string) {
    this.page = page;
    this.chat = new ChatPanel(page);
    this.folder = folder;
    this.#browser = browser;
    this.#server = server;
    this.#temporary = temporary;
  }

  /** Another window on the same folder, with an extension host of its own. It closes with this one. */
  async secondWindow(): Promise<Workbench> {
    const page = await openWindow(this.#browser, this.#server, this.folder);
    return new Workbench(page, this.folder, this.#browser, this.#server, this.#temporary);
  }

  /** Where A2IA keeps what belongs to the open folder. */
  async storageFolder(): Promise<string> {
    const places = path.join(
      this.#temporary,
      'server',
      'data',
      'User',
      'globalStorage',
      'a2ia.a2ia',
      'workspaces',
      '*',
    );
    for await (const place of glob(places)) return place;
    return assert.fail(`There is nothing like ${places}.`);
  }

  /** As when it crashes. Only with one window: nobody can tell which host is whose. */
  async killExtensionHost(): Promise<void> {
    const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,args=']);
    const hosts = stdout
      .split('\n')
      .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [])
      .filter(([, , parent, args]) => Number(parent) === this.#server.pid && args?.includes('--type=extensionHost'));
    assert.equal(hosts.length, 1, 'extension hosts below the server');
    process.kill(Number(hosts[0]?.[1]), 'SIGKILL');
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#server.stop();
    await rm(this.#temporary, { recursive: true, force: true, maxRetries: 5 });
  }

  async runCommand(title: string): Promise<void> {
    await this.page.keyboard.press('F1');
    await this.choose(`>${title}`, title);
  }

  /** An empty conversation with an empty composer. */
  async newChat(): Promise<void> {
    await this.runCommand('A2IA: New Chat');
    await this.chat.welcome.waitFor();
    // Whatever is opened before the focus is there is closed by it.
    await this.chat.input.and(this.chat.frame.locator(':focus')).waitFor();
    await this.chat.input.fill('');
  }

  /** By the palette, as somebody does who has just installed it; once the box shows what goes along. */
  async ask(question: string, context = ''): Promise<void> {
    await this.runCommand('A2IA: Ask');
    await this.quickInputTitle(`A2IA: Ask${context && ` with ${context}`}`).waitFor();
    await this.choose(question, question);
  }

  /** Ctrl+P, the way to a file that needs no explorer. */
  async openFile(name: string): Promise<void> {
    await this.page.keyboard.press('Control+P');
    await this.choose(name, name);
    await this.page.locator('.tab.active', { hasText: name }).waitFor();
  }

  /** Types into the open box and presses Enter when the row that it would take shows that text. */
  async choose(typed: string, row: string): Promise<void> {
    await this.quickInput().fill(typed);
    await this.row(row).and(this.page.locator('.focused')).waitFor();
    await this.page.keyboard.press('Enter');
  }

  /** The page of Plan a Model, where it is the only panel of A2IA on screen. */
  get plan(): FrameLocator {
    return this.chat.frame;
  }

  /** Of the list below the open box. */
  row(text: string | RegExp): Locator {
    return this.page.locator('.quick-input-list .monaco-list-row', { hasText: text });
  }

  /** A click on it, once the list is complete: while more is found out, an element may come to show another row. */
  async clickRow(text: string | RegExp): Promise<void> {
    await this.row(text).waitFor();
    await this.page.locator('.quick-input-progress.active').waitFor({ state: 'detached' });
    await this.row(text).click();
  }

  /** Of the open menu, and by Enter: VS Code takes no click in a menu's first 100 ms. */
  async chooseMenuItem(name: string): Promise<void> {
    await this.page.getByRole('menuitem', { name }).hover();
    await this.page.keyboard.press('Enter');
  }

  quickInputTitle(text: string | RegExp): Locator {
    return this.page.locator('.quick-input-title', { hasText: text });
  }

  quickInput(): Locator {
    return this.page.locator('.quick-input-widget input').first();
  }

  /** The text on screen of the editor in which the answer to `question` stands. */
  answer(question: string): Locator {
    return this.page.locator('.editor-instance .view-lines', { hasText: question });
  }

  /** The editor that keys go to, once it is one that shows this text. */
  focusedEditor(text: string): Locator {
    return this.page.locator('.monaco-editor.focused .view-lines', { hasText: text });
  }

  /** As it shows itself, without being looked for. */
  notification(text: string | RegExp): Locator {
    return this.page.locator('.notifications-toasts .notification-list-item', { hasText: text });
  }

  statusBarItem(text: string | RegExp): Locator {
    return this.page.locator('.statusbar-item', { hasText: text });
  }

  /** Kept in out/screenshots, to be looked at; those that a document shows are taken over by `npm run screenshots`. `part`: of the window, else all of it. */
  async screenshot(name: string, part: Page | Locator = this.page): Promise<void> {
    await mkdir(screenshotFolder, { recursive: true });
    await part.screenshot({ path: path.join(screenshotFolder, `${name}.png`) });
  }
}

/** Of every workbench: what was on screen when a test failed. */
export function pictureOfFailure(workbench: () => Workbench): void {
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench().screenshot(`failed: ${this.currentTest.title}`);
  });
}

async function openWindow(browser: Browser, server: VscodeServer, folder: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(stepLimitMs);
  await page.goto(server.url(folder));
  await page
    .locator('.statusbar-item', { hasText: /auto|vllm|embedded|ollama/ })
    .first()
    .waitFor();
  return page;
}

/** What comes of markup that a page makes of a text: an error, where its policy forbids that. */
export function madeOfText(page: FrameLocator): Promise<string> {
  return page.locator('body').evaluate((body) => {
    try {
      body.ownerDocument.createElement('div').innerHTML = '<b>bold</b>';
      return 'made';
    } catch (error) {
      return String(error);
    }
  });
}

/** Resolves when the text of the element, without its line breaks, satisfies `enough`, checked at every frame of the page. */
export async function textWhen(element: Locator, enough: (text: string) => boolean): Promise<string> {
  const limitMs = Date.now() + stepLimitMs;
  for (;;) {
    // The editor draws spaces as no-break spaces, and breaks long lines where they happen to be too long.
    const shown = (await element.first().innerText()).replaceAll('\u00a0', ' ');
    const text = shown.replaceAll('\n', '');
    if (enough(text)) return text;
    assert.ok(Date.now() < limitMs, `after ${stepLimitMs / 1000} s the text is: ${shown}`);
    await element.page().evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  }
}

/** Pastes until the box has this text, and nothing else: what a page copies reaches the clipboard by way of the extension, some time after the click. */
export async function pasteWhen(box: Locator, text: string): Promise<void> {
  const limitMs = Date.now() + stepLimitMs;
  for (;;) {
    await box.fill('');
    await box.press('ControlOrMeta+V');
    await box.page().evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
    const pasted = await box.inputValue();
    if (pasted === text) return;
    assert.ok(Date.now() < limitMs, `after ${stepLimitMs / 1000} s the clipboard has: ${pasted}`);
  }
}
