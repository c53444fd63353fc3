import type { Browser } from 'playwright-core';
import { parsePanelMessage, type HostMessage, type PanelMessage } from '../../src/protocol/messages.ts';
import type { PanelState } from '../../src/protocol/panelState.ts';
import { HostedPage, type PageOptions } from './hostedPage.ts';

/** The panel in a page, and a host that a test is. */
export class Panel extends HostedPage<PanelMessage> {
  #revision = 0;

  static async open(
    browser: Browser,
    state: PanelState,
    { theme = 'dark', widthPx = 420 }: PageOptions,
  ): Promise<Panel> {
    const panel = new Panel({
      entry: 'src/webview/main.ts',
      styles: 'src/webview/chat.css',
      background: 'sideBar',
      heightPx: 720,
      parse: parsePanelMessage,
      screenshotFolder: 'panel',
    });
    await panel.load(browser, theme, widthPx);
    await panel.next('ready');
    await panel.show(state);
    return panel;
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
  post(message: HostMessage): Promise<void> {
    return this.receive(message);
  }
}

/** In the page: of code that says its language. */
export function allIsHighlighted(): boolean {
  const blocks = [...document.querySelectorAll('.codeBlock')];
  return blocks.every((block) => block.querySelector('[class^=hljs-]') || block.textContent.startsWith('text'));
}
