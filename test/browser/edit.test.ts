import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Locator } from 'playwright-core';
import { StepServer } from '../support/stepServer.ts';
import { pictureOfFailure, textWhen, Workbench } from './workbench.ts';

const skipping = (text: string) =>
  text.replace('    """The sum of all prices."""\n', '    """The sum of all prices that are known."""\n');
const guarded = (text: string) =>
  text.replace('    return total(prices) / len(prices)', '    return total(prices) / len(prices) if prices else 0');
const fenced = (text: string) => `Sure! Here it is:\n\n\`\`\`python\n${text}\`\`\`\n`;

describe('A2IA: Edit in a real workbench', () => {
  let workbench: Workbench;
  let server: StepServer;
  let original: string;

  before(async () => {
    server = await StepServer.start(['qwen2.5-coder-7b']);
    workbench = await Workbench.open({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url });
    original = await readFile(path.join(workbench.folder, 'prices.py'), 'utf8');
    await workbench.openFile('prices.py');
  });
  after(async () => {
    await workbench.close();
    await server.stop();
  });
  pictureOfFailure(() => workbench);

  const lens = (title: string): Locator => workbench.page.locator('.codelens-decoration a', { hasText: title }).first();
  const editor = (): Locator => workbench.page.locator('.editor-instance .view-lines').first();
  const box = (text: string): Locator => workbench.page.locator('.review-widget', { hasText: text });
  /** By keys, about the whole file. */
  const ask = async (wish: string) => {
    const { page } = workbench;
    await workbench.focusedEditor('Prices of a small shop').waitFor();
    await page.keyboard.press('Control+A');
    await page.keyboard.press('Control+K');
    await page.keyboard.press('Shift+E');
    await workbench.quickInputTitle('A2IA: Edit prices.py, lines 1 to ').waitFor();
    await workbench.choose(wish, wish);
    return server.nextChat();
  };

  it('shows where, takes a wish, and streams a diff while the file stays as it is', async () => {
    const { page } = workbench;
    await workbench.focusedEditor('Prices of a small shop').waitFor();
    await page.keyboard.press('Control+K');
    await page.keyboard.press('Shift+E');
    await workbench.quickInputTitle('A2IA: Edit prices.py').waitFor();
    await workbench.screenshot('edit-box');
    await page.keyboard.press('Escape');
    const exchange = await ask('An empty list has the mean 0.');
    const text = fenced(guarded(skipping(original)));
    exchange.text(text.slice(0, text.indexOf('def average')));
    await lens('qwen2.5-coder-7b writes').waitFor();
    await box('that are known').waitFor();
    await workbench.screenshot('edit-streaming');
    exchange.text(text.slice(text.indexOf('def average')));
    exchange.finish();
    await lens('Accept All 2').waitFor();
    await box('if prices else 0').waitFor();
    await workbench.screenshot('edit-offered');
    assert.equal(await readFile(path.join(workbench.folder, 'prices.py'), 'utf8'), original);
  });

  it('keeps the offer and the file through a save', async () => {
    const { page } = workbench;
    await workbench.focusedEditor('Prices of a small shop').waitFor();
    await page.keyboard.press('Control+S');
    await lens('Accept All 2').waitFor();
    assert.equal(await readFile(path.join(workbench.folder, 'prices.py'), 'utf8'), original);
  });

  it('puts all of it into the file with one click, and takes it back with one key', async () => {
    const { page } = workbench;
    await lens('Accept All 2').click();
    await textWhen(editor(), (text) => text.includes('that are known') && text.includes('if prices else 0'));
    await lens('Accept').waitFor({ state: 'detached' });
    await workbench.screenshot('edit-accepted');
    await page.keyboard.press('Control+Z');
    await textWhen(editor(), (text) => !text.includes('that are known') && !text.includes('if prices else 0'));
  });

  it('takes one change and leaves the other, in their boxes', async () => {
    const exchange = await ask('Once more.');
    exchange.text(fenced(guarded(skipping(original))));
    exchange.finish();
    await lens('Accept All 2').waitFor();
    await box('that are known').getByRole('button', { name: 'Reject Change' }).click();
    await box('that are known').waitFor({ state: 'detached' });
    await box('if prices else 0').getByRole('button', { name: 'Accept Change' }).click();
    await textWhen(editor(), (text) => text.includes('if prices else 0') && !text.includes('that are known'));
    await workbench.page.keyboard.press('Control+Z');
    await textWhen(editor(), (text) => !text.includes('if prices else 0'));
  });

  it('is driven by keys alone', async () => {
    const { page } = workbench;
    const exchange = await ask('By keys.');
    exchange.text(fenced(guarded(skipping(original))));
    exchange.finish();
    await lens('Accept All 2').waitFor();
    const keys = async (...second: readonly string[]) => {
      await workbench.focusedEditor('Prices of a small shop').waitFor();
      await page.keyboard.press('Control+K');
      for (const key of second) await page.keyboard.press(key);
    };
    await page.keyboard.press('Control+Home');
    await keys(']');
    await workbench.statusBarItem('Ln 5').waitFor();
    await keys(']');
    await workbench.statusBarItem('Ln 14').waitFor();
    await keys('Alt+N');
    await box('if prices else 0').waitFor({ state: 'detached' });
    await keys('Shift+Alt+Y');
    await textWhen(editor(), (text) => text.includes('that are known') && !text.includes('if prices else 0'));
    await page.keyboard.press('Control+Z');
    await textWhen(editor(), (text) => !text.includes('that are known'));
  });

  it('shows VS Code’s own diff of all of it', async () => {
    const { page } = workbench;
    const exchange = await ask('As a diff.');
    exchange.text(fenced(guarded(skipping(original))));
    exchange.finish();
    await lens('Show as Diff').click();
    await page.locator('.tab.active', { hasText: 'as it is, and with the edit' }).waitFor();
    await page.locator('.diffOverview').first().waitFor();
    await textWhen(page.locator('.editor.modified .view-lines'), (text) => text.includes('if prices else 0'));
    await workbench.screenshot('edit-diff');
    await page.keyboard.press('Control+W');
    await workbench.focusedEditor('Prices of a small shop').waitFor();
    await lens('Reject All').click();
    await box('that are known').waitFor({ state: 'detached' });
    await lens('Reject All').waitFor({ state: 'detached' });
  });

  it('asks again with a further wish, and tells the model what it answered', async () => {
    const { page } = workbench;
    const exchange = await ask('First try.');
    exchange.text(fenced(skipping(original)));
    exchange.finish();
    await lens('Retry…').click();
    await workbench.quickInputTitle('A2IA: Ask again').waitFor();
    await workbench.choose('Only the mean.', 'Only the mean.');
    const again = await server.nextChat();
    assert.deepEqual(
      again.body.messages.map(({ role }) => role),
      ['system', 'user', 'assistant', 'user'],
    );
    assert.match(again.body.messages[2]?.content ?? '', /that are known/);
    again.text(fenced(guarded(original)));
    again.finish();
    await box('if prices else 0').waitFor();
    await box('that are known').waitFor({ state: 'detached' });
    await workbench.focusedEditor('Prices of a small shop').waitFor();
    await page.keyboard.press('Control+K');
    await page.keyboard.press('Shift+Alt+N');
    await box('if prices else 0').waitFor({ state: 'detached' });
  });

  it('applies code of a chat where it belongs, as a diff', async () => {
    const { page } = workbench;
    await workbench.runCommand('A2IA: Focus Chat');
    const panel = workbench.chat;
    await panel.send('How do I guard the mean?');
    const exchange = await server.nextChat();
    const average = guarded(original).slice(original.indexOf('def average'), guarded(original).indexOf('\n\n\nif'));
    exchange.text(`In \`prices.py\`:\n\n\`\`\`python prices.py\n${average}\n\`\`\`\n`);
    exchange.finish();
    await panel.facts('Complete').waitFor();
    await panel.button('Apply this code where it belongs, as a diff').click();
    await box('if prices else 0').waitFor();
    await lens('Accept').waitFor();
    await workbench.screenshot('apply-offered');
    assert.equal(await readFile(path.join(workbench.folder, 'prices.py'), 'utf8'), original);
    await lens('Accept').click();
    await textWhen(editor(), (text) => text.includes('if prices else 0'));
    await lens('').waitFor({ state: 'detached' });
    await workbench.focusedEditor('Prices of a small shop').waitFor();
    await page.keyboard.press('Control+Z');
    await textWhen(editor(), (text) => !text.includes('if prices else 0'));
  });

  it('offers nothing of an answer that leaves out code, and shows it on request', async () => {
    const { page } = workbench;
    const exchange = await ask('The lazy one.');
    const half = original.slice(0, original.indexOf('def average'));
    exchange.text(fenced(`${half}# ... rest of the code stays the same\n`));
    exchange.finish();
    const notification = workbench.notification('The answer leaves out code');
    await notification.waitFor();
    await lens('').waitFor({ state: 'detached' });
    await workbench.screenshot('edit-refused');
    await notification.getByRole('button', { name: 'Show Answer' }).click();
    await textWhen(page.locator('.editor-instance .view-lines').last(), (text) => text.includes('stays the same'));
    assert.equal(await readFile(path.join(workbench.folder, 'prices.py'), 'utf8'), original);
  });
});

describe('An edit with a syntax error that only a language service sees', () => {
  let workbench: Workbench;
  let server: StepServer;

  before(async () => {
    server = await StepServer.start(['qwen2.5-coder-7b']);
    workbench = await Workbench.open({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url });
    await workbench.openFile('greeting.ts');
  });
  after(async () => {
    await workbench.close();
    await server.stop();
  });
  pictureOfFailure(() => workbench);

  it('is told of after it was accepted, and taken back with one click', async () => {
    const { page } = workbench;
    const original = await readFile(path.join(workbench.folder, 'greeting.ts'), 'utf8');
    await workbench.focusedEditor('interface Person').waitFor();
    await page.keyboard.press('Control+A');
    await page.keyboard.press('Control+K');
    await page.keyboard.press('Shift+E');
    await workbench.quickInputTitle('A2IA: Edit greeting.ts').waitFor();
    await workbench.choose('Trim it.', 'Trim it.');
    const exchange = await server.nextChat();
    const broken = original.replace('export function greet', 'const mark = of "!";\n\nexport function greet');
    assert.notEqual(broken, original);
    exchange.text(`\`\`\`typescript\n${broken}\`\`\`\n`);
    exchange.finish();
    const accept = page.locator('.codelens-decoration a', { hasText: 'Accept' }).first();
    await accept.click();
    const lines = page.locator('.editor-instance .view-lines').first();
    await textWhen(lines, (text) => text.includes('const mark'));
    const notification = workbench.notification(/With the edit greeting\.ts has a syntax error in line \d+: /);
    await notification.waitFor();
    await workbench.screenshot('edit-syntax-error');
    await notification.getByRole('button', { name: 'Undo' }).click();
    await textWhen(lines, (text) => !text.includes('const mark'));
  });
});

describe('A2IA: Edit in a real workbench, with the embedded model', () => {
  let workbench: Workbench;

  before(async () => {
    const settings = { 'a2ia.backend': 'embedded', 'a2ia.temperature': 0, 'a2ia.maxOutputTokens': 200 };
    workbench = await Workbench.open({}, { userSettings: settings });
  });
  after(() => workbench.close());
  pictureOfFailure(() => workbench);

  it('offers what the model wrote, or says why not; the file stays as it is', async () => {
    const { page } = workbench;
    const file = path.join(workbench.folder, 'greeting.ts');
    const original = await readFile(file, 'utf8');
    await workbench.openFile('greeting.ts');
    await workbench.focusedEditor('interface Person').waitFor();
    await page.keyboard.press('Control+G');
    await workbench.choose(':10', 'Go to line 10');
    await workbench.runCommand('A2IA: Edit');
    await workbench.quickInputTitle(/A2IA: Edit greeting\.ts, lines \d+ to/).waitFor();
    await workbench.choose('Say goodbye instead.', 'Say goodbye instead.');
    const offered = page.locator('.codelens-decoration a', { hasText: 'Accept' }).first();
    const refused = workbench.notification(/A2IA: (?:The answer|The model|Change)/);
    await offered.or(refused).first().waitFor();
    await workbench.screenshot('edit-embedded');
    assert.equal(await readFile(file, 'utf8'), original);
    if (!(await offered.isVisible())) return;
    await offered.click();
    await offered.waitFor({ state: 'detached' });
    await page.keyboard.press('Control+Z');
    await textWhen(page.locator('.editor-instance .view-lines').first(), (text) => text.includes("?? 'en'"));
  });
});
