import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Locator } from 'playwright-core';
import { FimServer } from '../support/fimServer.ts';
import { writeGgufWithGap } from '../support/ggufWithGap.ts';
import { pictureOfFailure, textWhen, Workbench } from './workbench.ts';

/** Code that is completed as a person types it: what is drawn, which keys take it, and what the status bar says. */

const model = 'qwen2.5-coder-1.5b';

/** Its first line is drawn as a part of the line that the cursor is in, the others below. */
const ghost = ({ page }: Workbench): Locator => page.locator('.ghost-text-decoration, .suggest-preview-text');

/** Without what the editor draws between two colours. */
const plain = (text: string) => text.replace(/\s/g, '');

async function ghostText(workbench: Workbench, isIt: (text: string) => boolean): Promise<void> {
  const limitMs = Date.now() + 60_000;
  for (;;) {
    const text = (await ghost(workbench).allInnerTexts()).join('\n').replaceAll('\u00a0', ' ');
    if (isIt(text)) return;
    assert.ok(Date.now() < limitMs, `the ghost text is: ${text}`);
    await workbench.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  }
}

const item = ({ page }: Workbench): Locator => page.locator('[id="a2ia.a2ia.a2ia.completion"]');

async function itemSays(workbench: Workbench, what: RegExp): Promise<string> {
  const label = workbench.page.locator('[id="a2ia.a2ia.a2ia.completion"]').getByRole('button', { name: what });
  await label.waitFor();
  return (await label.getAttribute('aria-label')) ?? '';
}

describe('Code completion in a real workbench', () => {
  let workbench: Workbench;
  let server: FimServer;

  before(async () => {
    server = await FimServer.start([model]);
    workbench = await Workbench.open(
      {},
      {
        userSettings: {
          'a2ia.vllmUrl': server.url,
          'a2ia.ollamaUrl': 'http://127.0.0.1:9',
          'a2ia.openaiCompatibleUrl': 'http://127.0.0.1:9',
          // Its list would stand where the ghost text does.
          'editor.quickSuggestions': { other: 'off', comments: 'off', strings: 'off' },
          'editor.suggestOnTriggerCharacters': false,
        },
      },
    );
  });
  after(async () => {
    await workbench.close();
    await server.close();
  });
  pictureOfFailure(() => workbench);

  it('is off, without an item in the status bar, until somebody chooses a model that was found', async () => {
    await workbench.openFile('greeting.ts');
    await workbench.focusedEditor('interface Person').waitFor();
    await workbench.page.keyboard.press('Control+End');
    await workbench.page.keyboard.type('\n// nobody is asked', { delay: 5 });
    assert.equal(await item(workbench).count(), 0);
    assert.equal(server.server.requests.length, 0);
    await workbench.runCommand('A2IA: Choose Completion Model');
    await workbench.row(model).waitFor();
    await workbench.screenshot('completion-choose');
    await workbench.choose(model, model);
    await itemSays(workbench, /Nothing was completed yet/);
  });

  it('draws what the model puts at the cursor, and Tab takes it', async () => {
    await workbench.page.keyboard.press('Control+End');
    await workbench.page.keyboard.type('\nexport function shout(text: string) ', { delay: 5 });
    const gap = await server.next('shout(text: string) <|fim_suffix|>');
    gap.fill('{\n  return text.toUpperCase();\n}\n');
    await ghostText(workbench, (text) => text.includes('{') && text.includes('return text.toUpperCase();'));
    await itemSays(workbench, new RegExp(`${model} on vllm completes code`));
    await workbench.screenshot('completion-ghost-text');
    await workbench.page.keyboard.press('Tab');
    await textWhen(workbench.focusedEditor('shout'), (text) => text.includes('return text.toUpperCase();'));
    assert.equal(await ghost(workbench).count(), 0);
  });

  it('shows the rest of what is typed as suggested, without another request', async () => {
    await workbench.page.keyboard.press('Control+End');
    await workbench.page.keyboard.type('\nconst name ', { delay: 5 });
    const gap = await server.next('const name <|fim_suffix|>');
    gap.fill('= greeting.trim();');
    await ghostText(workbench, (text) => plain(text) === '=greeting.trim();');
    const asked = server.count;
    await workbench.page.keyboard.type('= gree', { delay: 20 });
    await ghostText(workbench, (text) => plain(text) === 'ting.trim();');
    assert.equal(server.count, asked);
    await workbench.page.keyboard.press('Control+ArrowRight');
    await textWhen(workbench.focusedEditor('const name'), (text) => text.includes('= greeting'));
    await workbench.page.keyboard.press('Escape');
    await workbench.page.keyboard.press('Escape');
  });

  it('pauses and resumes from its menu', async () => {
    await item(workbench).click();
    await workbench.row('Pause').waitFor();
    await workbench.screenshot('completion-menu');
    await workbench.choose('Pause', 'Pause');
    await itemSays(workbench, /Paused until you resume it/);
    await workbench.runCommand('A2IA: Resume Code Completion');
    await itemSays(workbench, /completes code/);
  });

  it('says what is wrong with the server in the status bar, and asks it again when it is told to', async () => {
    await workbench.page.keyboard.press('Control+1');
    await workbench.focusedEditor('const name').waitFor();
    await workbench.page.keyboard.press('Control+End');
    await workbench.page.keyboard.type('\nlet other ', { delay: 5 });
    const gap = await server.next('let other <|fim_suffix|>');
    gap.fail(500, { error: { message: 'the GPU has fallen off the bus', type: 'InternalServerError', code: 500 } });
    await workbench.page.locator('[id="a2ia.a2ia.a2ia.completion"] .codicon-warning').waitFor();
    assert.equal(await workbench.notification(/A2IA/).count(), 0);
    await item(workbench).click();
    await workbench.row(/failed with status 500\. It says: “the GPU has fallen off the bus”/).waitFor();
    await workbench.screenshot('completion-failed');
    await workbench.choose('Try Again', 'Try Again');
    await itemSays(workbench, /completes code/);
  });

  it('is turned off from its menu, and gone', async () => {
    await item(workbench).click();
    await workbench.choose('Turn Off', 'Turn Off');
    await item(workbench).waitFor({ state: 'detached' });
    const settings = path.join(workbench.folder, '.vscode', 'settings.json');
    await assert.rejects(readFile(settings), 'nothing of it is written into the workspace');
  });
});

describe('Code completion with the embedded model in a real workbench', () => {
  let workbench: Workbench;

  before(async () => {
    workbench = await Workbench.open(
      {},
      {
        userSettings: {
          'a2ia.ollamaUrl': 'http://127.0.0.1:9',
          'a2ia.vllmUrl': 'http://127.0.0.1:9',
          'a2ia.openaiCompatibleUrl': 'http://127.0.0.1:9',
          'a2ia.completion.mode': 'automatic',
          'a2ia.completion.model': 'embedded/smollm2-135m',
        },
      },
    );
  });
  after(() => workbench.close());
  pictureOfFailure(() => workbench);

  it('says that it cannot, and offers one that can', async () => {
    await workbench.openFile('prices.py');
    await workbench.focusedEditor('def').waitFor();
    await workbench.page.keyboard.press('Control+End');
    await workbench.page.keyboard.type('\ntotal = ', { delay: 20 });
    const said = await itemSays(workbench, /cannot fill a gap in code/);
    assert.match(
      said,
      /SmolLM2 135M Instruct cannot fill a gap in code\. Qwen2\.5 Coder 1\.5B Instruct \(embedded\) can\./,
    );
    await item(workbench).click();
    await workbench.row('Qwen2.5 Coder 1.5B Instruct').waitFor();
    await workbench.screenshot('completion-cannot');
    await workbench.page.keyboard.press('Escape');
    assert.equal(await ghost(workbench).count(), 0);
  });
});

describe('Code completion by a real model in a real workbench', () => {
  let workbench: Workbench;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'a2ia-gap-'));
    await writeGgufWithGap(process.env['A2IA_TEST_MODEL'] ?? '', path.join(folder, 'gap.gguf'));
    workbench = await Workbench.open(
      {},
      {
        userSettings: {
          'a2ia.ollamaUrl': 'http://127.0.0.1:9',
          'a2ia.vllmUrl': 'http://127.0.0.1:9',
          'a2ia.openaiCompatibleUrl': 'http://127.0.0.1:9',
          'a2ia.completion.mode': 'automatic',
          'a2ia.completion.model': 'embedded/gap.gguf',
          'editor.quickSuggestions': { other: 'off', comments: 'off', strings: 'off' },
        },
        modelsFolder: folder,
      },
    );
  });
  after(async () => {
    await workbench.close();
    await rm(folder, { recursive: true, force: true });
  });
  pictureOfFailure(() => workbench);

  it('draws what it wrote, which Tab takes', async () => {
    await workbench.openFile('prices.py');
    await workbench.focusedEditor('def').waitFor();
    await workbench.page.keyboard.press('Control+End');
    await workbench.page.keyboard.type('\nprices = ', { delay: 20 });
    let written = '';
    await ghostText(workbench, (text) => (written = plain(text)) !== '');
    await itemSays(workbench, /gap\.gguf on embedded completes code/);
    await workbench.screenshot('completion-embedded');
    await workbench.page.keyboard.press('Tab');
    await textWhen(workbench.focusedEditor('prices ='), (text) => plain(text).includes(`prices=${written}`));
  });
});

describe('Code completion where a workspace names another machine', () => {
  let workbench: Workbench;
  let proxy: FimServer;

  before(async () => {
    proxy = await FimServer.start([model]);
    workbench = await Workbench.open(
      {
        'a2ia.vllmUrl': 'http://gpu-box.example:8000',
        'a2ia.completion.mode': 'automatic',
        'a2ia.completion.model': `vllm/${model}`,
      },
      { userSettings: { 'http.proxy': proxy.url } },
    );
  });
  after(async () => {
    await workbench.close();
    await proxy.close();
  });
  pictureOfFailure(() => workbench);

  it('sends nothing and asks nothing while somebody types; the status bar says why', async () => {
    await workbench.openFile('prices.py');
    await workbench.focusedEditor('def').waitFor();
    await workbench.page.keyboard.press('Control+End');
    await workbench.page.keyboard.type('\ntotal = ', { delay: 20 });
    await itemSays(workbench, /This workspace names http:\/\/gpu-box\.example:8000/);
    assert.equal(await workbench.page.locator('.monaco-dialog-box').count(), 0);
    assert.equal(proxy.server.requests.length, 0);
    await item(workbench).click();
    await workbench.choose('Allow', 'Allow http://gpu-box.example:8000');
    const dialog = workbench.page.locator('.monaco-dialog-box', { hasText: 'Send prompts to http://gpu-box.example' });
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    assert.equal(proxy.server.requests.length, 0);
  });
});
