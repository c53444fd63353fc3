import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StepServer } from '../support/stepServer.ts';
import { pictureOfFailure, textWhen, Workbench } from './workbench.ts';

/** By what VS Code calls them in its settings, and on its page. */
const themes = {
  dark: ['Default Dark Modern', 'vs-dark'],
  light: ['Default Light Modern', 'vs'],
  darkHighContrast: ['Default High Contrast', 'hc-black'],
  lightHighContrast: ['Default High Contrast Light', 'hc-light'],
} as const;

describe('An edit in each theme', () => {
  let workbench: Workbench;
  let server: StepServer;
  let original: string;

  before(async () => {
    server = await StepServer.start(['qwen2.5-coder-7b']);
    workbench = await Workbench.open(settings());
    original = await readFile(path.join(workbench.folder, 'prices.py'), 'utf8');
    await workbench.openFile('prices.py');
  });
  after(async () => {
    await workbench.close();
    await server.stop();
  });
  const settings = () => ({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url });
  pictureOfFailure(() => workbench);

  for (const [name, [theme, pageClass]] of Object.entries(themes)) {
    it(`can be read while it is written, offered and accepted: ${name}`, async () => {
      const { page } = workbench;
      const chosen = { ...settings(), 'workbench.colorTheme': theme };
      await writeFile(path.join(workbench.folder, '.vscode', 'settings.json'), JSON.stringify(chosen));
      await page.locator(`.monaco-workbench.${pageClass}`).waitFor();
      await workbench.focusedEditor('Prices of a small shop').waitFor();
      await page.keyboard.press('Control+A');
      await page.keyboard.press('Control+K');
      await page.keyboard.press('Shift+E');
      await workbench.quickInputTitle('A2IA: Edit prices.py').waitFor();
      await workbench.choose('Guard the mean.', 'Guard the mean.');
      const exchange = await server.nextChat();
      const text = original
        .replace('The sum of all prices.', 'The sum of all prices that are known.')
        .replace('    return total(prices) / len(prices)', '    return total(prices) / len(prices) if prices else 0')
        .replace('\n\nif ', '\n\ndef most(prices):\n    return max(prices, default=0)\n\n\nif ');
      exchange.text(`\`\`\`python\n${text.slice(0, text.indexOf('\n\ndef average'))}`);
      await page.locator('.review-widget', { hasText: 'that are known' }).waitFor();
      await workbench.screenshot(`edit-writing-${name}`);
      exchange.text(`${text.slice(text.indexOf('\n\ndef average'))}\`\`\`\n`);
      exchange.finish();
      const accept = page.locator('.codelens-decoration a', { hasText: 'Accept All' }).first();
      await accept.waitFor();
      await workbench.screenshot(`edit-offered-${name}`);
      assert.ok((await page.evaluate(markedLines)) >= 2, 'what would go is marked');
      assert.equal(await page.locator('.comments-panel').count(), 0, 'the Comments view stays closed');
      await accept.click();
      const lines = page.locator('.editor-instance .view-lines').first();
      await textWhen(lines, (shown) => shown.includes('if prices else 0'));
      await workbench.screenshot(`edit-accepted-${name}`);
      await workbench.focusedEditor('Prices of a small shop').waitFor();
      await page.keyboard.press('Control+Z');
      await textWhen(lines, (shown) => !shown.includes('if prices else 0'));
    });
  }
});

/** In the page: over how many lines there is a decoration of an extension with a colour or a border. */
function markedLines(): number {
  const isSeen = (color: string) => !/^(?:transparent|rgba\(.*, 0\))$/.test(color);
  const decorations = [...document.querySelectorAll('.view-overlays [class*="ced-"]')].map((one) =>
    getComputedStyle(one),
  );
  return decorations.filter(
    ({ backgroundColor, borderTopColor, borderTopWidth }) =>
      isSeen(backgroundColor) || (borderTopWidth !== '0px' && isSeen(borderTopColor)),
  ).length;
}
