import type { Browser } from 'playwright-core';
import { startBrowser } from '../support/browserPage.ts';
import type { HostedPage, PageOptions } from '../support/hostedPage.ts';

interface PageKind<State, Opened> {
  open(browser: Browser, state: State, options: PageOptions): Promise<Opened>;
}

/** For the tests of one suite: opens pages in one browser, which are closed after the test, with a picture of each if it failed. */
export function openPages<State, Opened extends Pick<HostedPage<{ type: string }>, 'screenshot' | 'close'>>(
  kind: PageKind<State, Opened>,
): (state: State, options?: PageOptions) => Promise<Opened> {
  let browser: Browser;
  let pages: Opened[] = [];
  before(async () => {
    browser = await startBrowser();
  });
  after(() => browser.close());
  afterEach(async function () {
    const opened = pages;
    pages = [];
    if (this.currentTest?.state === 'failed') {
      for (const page of opened) await page.screenshot(`failed ${this.currentTest.title.replaceAll('/', ' ')}`);
    }
    for (const page of opened) await page.close();
  });
  return async (state, options = {}) => {
    const page = await kind.open(browser, state, options);
    pages.push(page);
    return page;
  };
}
