import { type Panel, PanelBrowser } from '../support/panelPage.ts';

/** For the tests of one suite: opens panels, which are closed after the test, with a picture of each if it failed. */
export function openPanels(): PanelBrowser['open'] {
  let browser: PanelBrowser;
  let open: Panel[] = [];
  before(async () => {
    browser = await PanelBrowser.start();
  });
  after(() => browser.stop());
  afterEach(async function () {
    const panels = open;
    open = [];
    if (this.currentTest?.state === 'failed') {
      for (const panel of panels) await panel.screenshot(`failed ${this.currentTest.title.replaceAll('/', ' ')}`);
    }
    for (const panel of panels) await panel.close();
  });
  return async (...args) => {
    const panel = await browser.open(...args);
    open.push(panel);
    return panel;
  };
}
