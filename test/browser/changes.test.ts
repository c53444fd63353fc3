import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Locator } from 'playwright-core';
import { StepServer } from '../support/stepServer.ts';
import { pictureOfFailure, textWhen, Workbench } from './workbench.ts';

describe('Changes of several files in a real workbench', () => {
  let workbench: Workbench;
  let server: StepServer;
  let prices: string;
  let greeting: string;

  before(async () => {
    server = await StepServer.start(['qwen2.5-coder-7b']);
    workbench = await Workbench.open(
      { 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url },
      // A browser saves by itself.
      { userSettings: { 'files.autoSave': 'off' } },
    );
    prices = await read('prices.py');
    greeting = await read('greeting.ts');
    await workbench.runCommand('A2IA: Focus Chat');
  });
  after(async () => {
    await workbench.close();
    await server.stop();
  });
  pictureOfFailure(() => workbench);

  const read = (name: string) => readFile(path.join(workbench.folder, name), 'utf8');
  const isThere = (name: string) =>
    stat(path.join(workbench.folder, name)).then(
      () => true,
      () => false,
    );
  const guarded = () =>
    prices.replace('return total(prices) / len(prices)', 'return total(prices) / len(prices) if prices else 0');
  const waved = () => greeting.replace('Hello', 'Hello again');
  const answer = () => {
    const average = guarded().slice(prices.indexOf('def average'), guarded().indexOf('\n\n\nif'));
    return `The mean of nothing is 0. In \`prices.py\`:

\`\`\`python
${average}
\`\`\`

### \`greeting.ts\`

\`\`\`ts
${waved()}\`\`\`

Create a new file \`tools/report.py\`:

\`\`\`python
from prices import average

print(average([]))
\`\`\`

And outside, \`../notes.md\`:

\`\`\`markdown
# Notes
\`\`\`

Then run it:

\`\`\`bash
python tools/report.py
\`\`\`
`;
  };
  const ask = async () => {
    await workbench.chat.send('Guard the mean, and greet again.');
    const exchange = await server.nextChat();
    exchange.text(answer());
    exchange.finish();
    await workbench.chat.facts('Complete').waitFor();
  };
  const review = async () => {
    const button = workbench.chat.button('Review 4 files');
    await button.focus();
    await workbench.page.keyboard.press('Enter');
    await row('prices.py').waitFor();
  };
  const tree = (): Locator => workbench.page.getByRole('tree', { name: /Changes/ });
  const row = (label: string | RegExp): Locator => tree().getByRole('treeitem', { name: label });
  const pane = (): Locator => workbench.page.locator('.pane', { hasText: 'Nothing is in your files yet' });
  const box = (text: string): Locator => workbench.page.locator('.review-widget', { hasText: text });
  const unchanged = async () => {
    assert.equal(await read('prices.py'), prices);
    assert.equal(await read('greeting.ts'), greeting);
    assert.equal(await isThere('tools'), false);
  };

  it('offers the files of an answer, by key alone, and shows each with its changes', async () => {
    await ask();
    assert.equal(await tree().count(), 0);
    await workbench.screenshot('changes-answer');
    await review();
    for (const label of [
      /^prices\.py, 1 change, 1 line added, 1 removed/,
      /^greeting\.ts, 1 change/,
      /^tools\/report\.py, a new file of 3 lines/,
      /^\.\.\/notes\.md, not changed: .*outside of the workspace/,
    ]) {
      await row(label).waitFor();
    }
    await box('if prices else 0').waitFor();
    await workbench.screenshot('changes-tree');
    await unchanged();
  });

  it('opens a file and its diff', async () => {
    const { page } = workbench;
    await row(/^tools\/report\.py/).click();
    await page.locator('.tab.active', { hasText: 'report.py' }).waitFor();
    await textWhen(page.locator('.editor-instance .view-lines').first(), (text) => text.includes('print(average([]))'));
    await row(/^greeting\.ts/).click();
    await box('Hello again').waitFor();
    await row(/^greeting\.ts/).hover();
    await row(/^greeting\.ts/)
      .getByRole('button', { name: 'Show as Diff' })
      .click();
    await page.locator('.tab.active', { hasText: 'as it is, and with the edit' }).waitFor();
    await textWhen(page.locator('.editor.modified .view-lines'), (text) => text.includes('Hello again'));
    await workbench.screenshot('changes-diff');
    await page.keyboard.press('Control+W');
  });

  it('is accepted as one after a question about what cannot be, and undone with one click', async () => {
    await pane().locator('.pane-header').hover();
    await pane()
      .getByRole('button', { name: /Accept All/ })
      .click();
    await workbench.notification('1 file of the answer cannot be changed').waitFor();
    await workbench.screenshot('changes-question');
    await workbench.notification('cannot be changed').getByRole('button', { name: 'Accept the Other 3' }).click();
    const done = workbench.notification('3 files changed and saved');
    await done.waitFor();
    assert.equal(await read('prices.py'), guarded());
    assert.equal(await read('greeting.ts'), waved());
    assert.match(await read('tools/report.py'), /print\(average\(\[\]\)\)\n$/);
    await tree().waitFor({ state: 'detached' });
    await workbench.screenshot('changes-accepted');
    await done.getByRole('button', { name: 'Undo' }).click();
    await workbench.notification('3 files put back').waitFor();
    await unchanged();
  });

  it('is decided on change by change, with keys', async () => {
    const { page } = workbench;
    await review();
    await row(/^if prices|return total/)
      .first()
      .click();
    await page.keyboard.press('Control+K');
    await page.keyboard.press('Alt+Y');
    await row('prices.py').waitFor({ state: 'detached' });
    await row(/^greeting\.ts/).click();
    await page.keyboard.press('Control+K');
    await page.keyboard.press('Alt+N');
    await row('greeting.ts').waitFor({ state: 'detached' });
    await page.keyboard.press('Control+K');
    await page.keyboard.press('Shift+Alt+N');
    await tree().waitFor({ state: 'detached' });
    await unchanged();
    await workbench.openFile('prices.py');
    await page.keyboard.press('Control+Z');
  });

  it('is taken back by VS Code’s own undo, too', async () => {
    const { page } = workbench;
    await review();
    await workbench.runCommand('A2IA: Accept All Changes and Save');
    await workbench.notification('cannot be changed').getByRole('button', { name: 'Accept the Other 3' }).click();
    await workbench.notification('3 files changed and saved').waitFor();
    await workbench.openFile('greeting.ts');
    await workbench.focusedEditor('Hello again').waitFor();
    await page.keyboard.press('Control+Z');
    await textWhen(page.locator('.editor-instance .view-lines').first(), (text) => !text.includes('Hello again'));
    await page.locator('.tab.dirty', { hasText: 'prices.py' }).waitFor();
    assert.equal(await isThere('tools/report.py'), false);
  });

  it('looks right in a light theme', async () => {
    await workbench.runCommand('A2IA: Undo Accepted Changes');
    await workbench.notification('files put back').waitFor();
    const settings = path.join(workbench.folder, '.vscode', 'settings.json');
    const known = JSON.parse(await readFile(settings, 'utf8')) as object;
    await writeFile(settings, JSON.stringify({ ...known, 'workbench.colorTheme': 'Default Light Modern' }));
    await workbench.page.locator('.monaco-workbench.vs').waitFor();
    await review();
    await box('if prices else 0').waitFor();
    await workbench.screenshot('changes-light');
  });
});
