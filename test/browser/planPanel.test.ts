import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { dialectOf } from '../support/dialects.ts';
import { NvidiaSmi } from '../support/nvidiaSmi.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';
import { ggufBytes, tinyLlama } from '../unit/core/fit/ggufBytes.ts';
import { madeOfText, pasteWhen, pictureOfFailure, textWhen, Workbench } from './workbench.ts';

describe('A2IA: Plan a Model in a real workbench', () => {
  let workbench: Workbench;

  before(async () => {
    workbench = await Workbench.open({ 'a2ia.backend': 'ollama', 'a2ia.ollamaUrl': 'http://127.0.0.1:9' });
  });
  after(() => workbench.close());
  pictureOfFailure(() => workbench);

  it('plans a model of the catalogue for a card, and follows the slider', async () => {
    await workbench.runCommand('A2IA: Plan a Model');
    const plan = workbench.plan;
    const model = plan.getByRole('combobox', { name: 'Model', exact: true });
    await model.fill('qwen3-14b');
    await plan.getByRole('option', { name: 'qwen3-14b' }).waitFor();
    await model.press('Enter');
    await plan.getByLabel('GPU', { exact: true }).selectOption('RTX 3500 Ada');
    await plan.getByRole('heading', { name: /Fits|Tight|layers/ }).waitFor();
    await plan.locator('.curve svg').waitFor();
    const command = plan.locator('.command code');
    const slider = plan.getByRole('slider', { name: 'Context window' });
    await slider.focus();
    await slider.press('Home');
    await textWhen(command, (text) => text.includes('num_ctx 1024'));
    await plan.getByRole('heading', { name: 'Fits on the GPU' }).waitFor();
    await slider.press('End');
    await textWhen(command, (text) => text.includes('num_ctx 40960'));
    await plan.getByRole('heading', { name: /layers on the GPU/ }).waitFor();
    await plan.getByRole('list', { name: 'What would do better' }).waitFor();
    await workbench.screenshot('plan-partial');
  });

  it('takes a proposal', async () => {
    const { plan } = workbench;
    await plan.getByRole('button', { name: /^Context of/ }).click();
    await plan.getByRole('heading', { name: 'Fits on the GPU' }).waitFor();
    await workbench.screenshot('plan-fits');
  });

  it('copies the command', async () => {
    const { plan } = workbench;
    const command = await plan.locator('.command code').innerText();
    await plan.getByRole('button', { name: 'Copy command' }).click();
    await workbench.page.keyboard.press('F1');
    await pasteWhen(workbench.quickInput(), command.replaceAll('\n', ' '));
    await workbench.page.keyboard.press('Escape');
  });

  it('lets no markup be made of text', async () => {
    const made = await madeOfText(workbench.plan);
    assert.match(made, /TrustedHTML/);
  });

  it('is there again after a reload of the window, with what was chosen', async () => {
    const before = await workbench.plan.locator('.command code').innerText();
    await workbench.runCommand('Developer: Reload Window');
    await workbench.page.locator('.quick-input-widget').waitFor({ state: 'detached' });
    await textWhen(workbench.plan.locator('.command code'), (text) => text === before.replaceAll('\n', ''));
    assert.equal(await workbench.plan.getByRole('combobox', { name: 'Model', exact: true }).inputValue(), 'qwen3-14b');
  });
});

/** As Ollama shows a model of 8B that it quantised itself. */
const shown = {
  details: { quantization_level: 'Q4_K_M' },
  model_info: {
    'general.architecture': 'llama',
    'llama.block_count': 32,
    'llama.context_length': 131_072,
    'llama.embedding_length': 4096,
    'llama.feed_forward_length': 14_336,
    'llama.attention.head_count': 32,
    'llama.attention.head_count_kv': 8,
    'llama.vocab_size': 128_256,
  },
};

describe('A2IA: Plan a Model on a machine with a GPU and Ollama', () => {
  let workbench: Workbench;
  let server: ScriptedServer;
  let smi: NvidiaSmi;

  before(async () => {
    smi = new NvidiaSmi('rtx-3060-idle');
    server = await ScriptedServer.start(dialectOf('ollama').routes(['team-8b']));
    const listed = { name: 'team-8b', model: 'team-8b', size: 4.92e9, details: shown.details };
    server.on('/api/tags', (exchange) => exchange.json({ models: [listed] }));
    server.on('/api/show', (exchange) => exchange.json(shown));
    const head = ggufBytes(tinyLlama, [{ name: 'token_embd.weight', dimensions: [256, 100], type: 8 }]);
    workbench = await Workbench.open(
      { 'a2ia.backend': 'ollama', 'a2ia.ollamaUrl': server.url },
      {
        programs: smi.folder,
        prepare: (folder) => writeFile(path.join(folder, 'tiny.gguf'), Buffer.concat([head, Buffer.alloc(65_536)])),
      },
    );
  });
  after(async () => {
    await workbench.close();
    await server.close();
    smi.remove();
  });
  pictureOfFailure(() => workbench);

  const choose = async (name: string): Promise<void> => {
    const model = workbench.plan.getByRole('combobox', { name: 'Model', exact: true });
    await model.fill(name);
    await workbench.plan.getByRole('option', { name }).waitFor();
    await model.press('Enter');
  };

  it('plans a model that Ollama has, for the GPU that is there', async () => {
    await workbench.runCommand('A2IA: Plan a Model');
    await choose('team-8b');
    const { plan } = workbench;
    await plan.getByText('32 layers, made for 128k tokens. Read from Ollama.').waitFor();
    await plan.getByRole('heading', { name: 'Fits on the GPU' }).waitFor();
    await plan.getByText(/^11\.\d GiB of 1[12]\.\d GiB are free$/).waitFor();
    const formats = plan.getByLabel('Quantisation', { exact: true });
    assert.match(await formats.locator('option:checked').innerText(), /^Q4_K_M · 4\.\d GiB$/);
    await textWhen(plan.locator('.command code'), (text) => text.startsWith('ollama run team-8b'));
    await workbench.screenshot('plan-machine');
  });

  it('says what Ollama would unload for it, and plans a second model beside it', async () => {
    const size = 9 * 2 ** 30;
    server.on('/api/ps', (exchange) =>
      exchange.json({ models: [{ model: 'other:14b', size, size_vram: size, context_length: 8192 }] }),
    );
    smi.set('rtx-3080-full');
    const { plan } = workbench;
    await plan.getByRole('button', { name: 'Look for models and GPUs again' }).click();
    await plan.getByRole('heading', { name: 'Fits on the GPU after unloading other:14b' }).waitFor();
    await plan.getByText('Ollama does that by itself').waitFor();
    const second = plan.getByRole('combobox', { name: 'Second model at the same time' });
    await second.fill('qwen3-0.6b');
    await plan.getByRole('option', { name: 'qwen3-0.6b' }).waitFor();
    await second.press('Enter');
    await plan.getByRole('heading', { name: /^(Both fit|Tight: both)/ }).waitFor();
    await plan.getByRole('table', { name: 'Every figure' }).getByRole('row', { name: 'qwen3:0.6b' }).waitFor();
    await workbench.screenshot('plan-together');
    await plan.getByRole('button', { name: 'No second model at the same time' }).click();
    await plan.getByRole('heading', { name: 'Fits on the GPU after unloading other:14b' }).waitFor();
  });

  it('plans a file of the workspace', async () => {
    await choose('tiny.gguf');
    const { plan } = workbench;
    await plan.getByText('2 layers, made for 8k tokens. Read from the file.').waitFor();
    await textWhen(plan.locator('.command code'), (text) => text.includes('tiny.gguf'));
  });
});
