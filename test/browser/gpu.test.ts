import assert from 'node:assert/strict';
import { dialectOf } from '../support/dialects.ts';
import { NvidiaSmi } from '../support/nvidiaSmi.ts';
import { qwen14b, qwen7b, serveModels } from '../support/ollamaModels.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';
import { pictureOfFailure, Workbench } from './workbench.ts';

const uuid = 'GPU-7d0fb9c2-33a1-4be8-9f61-52c2a1e4b7aa';
/** As `nvidia-smi` tells it of a laptop on which a model is a little too large. */
const laptop = {
  gpus: [
    {
      uuid,
      name: 'NVIDIA RTX 3500 Ada Generation Laptop GPU',
      driver_version: '580.95.05',
      'memory.total': '12282',
      'memory.reserved': '404',
      'memory.used': '10830',
      'memory.free': '1049',
      'utilization.gpu': '31',
      'temperature.gpu': '58',
      'power.draw': '41.20',
      'mig.mode.current': '[N/A]',
      display_active: 'Enabled',
    },
  ],
  processes: [[uuid, '4242', '/usr/local/lib/ollama/llama-server', '10490']],
};

describe('GPU memory in a real workbench', () => {
  let workbench: Workbench;
  let server: ScriptedServer;
  let smi: NvidiaSmi;

  before(async () => {
    smi = new NvidiaSmi(laptop);
    server = await ScriptedServer.start(dialectOf('ollama').routes([]));
    serveModels(server, [qwen7b, qwen14b]);
    const spilt = { model: 'qwen2.5-coder:14b', size: 16 * 2 ** 30, size_vram: 10.08 * 2 ** 30, context_length: 32768 };
    server.on('/api/ps', (exchange) => exchange.json({ models: [spilt] }));
    const settings = { 'a2ia.backend': 'ollama', 'a2ia.ollamaUrl': server.url };
    workbench = await Workbench.open(settings, { programs: smi.folder });
  });
  after(async () => {
    await workbench.close();
    await server.close();
    smi.remove();
  });
  pictureOfFailure(() => workbench);

  const item = () => workbench.statusBarItem(/VRAM/);

  it('stands in the status bar by itself, and says more to whoever points at it', async () => {
    await item().waitFor();
    assert.match(await item().innerText(), /VRAM 10\.6\/11\.6 GiB · 37 % on CPU/);
    await item().hover();
    const tooltip = workbench.page.locator('.monaco-hover', { hasText: 'RTX 3500 Ada' });
    await tooltip.waitFor();
    const text = (await tooltip.innerText()).replaceAll('\u00a0', ' ');
    const loaded = 'qwen2.5-coder:14b: 16.0 GiB, context of 32k';
    for (const words of ['Ollama 10.2 GiB, desktop 340 MiB', '31 % busy, 58 °C, 41 W', loaded])
      assert.ok(text.includes(words), `${words} in ${text}`);
    assert.match(text, /37 % runs on the CPU, expect slow; a context of \d+k would fit\./);
    await workbench.screenshot('gpu-tooltip');
    await workbench.page.mouse.move(0, 0);
  });

  it('is a line in the empty chat', async () => {
    await workbench.runCommand('A2IA: Focus Chat');
    const panel = workbench.chat;
    await panel.frame.getByText('1.0 of 11.6 GiB free').waitFor();
    await panel.frame.getByText('NVIDIA RTX 3500 Ada Generation Laptop GPU').waitFor();
    await workbench.screenshot('gpu-welcome');
  });

  it('says in the list of models what a model would take', async () => {
    await workbench.runCommand('A2IA: Switch Model');
    await workbench.row('qwen2.5-coder:7b').and(workbench.row('fits 32k')).waitFor();
    await workbench.screenshot('gpu-models');
    await workbench.page.keyboard.press('Escape');
  });

  it('unloads a model, by a click and the keys', async () => {
    server.on('/api/generate', (exchange) => {
      server.on('/api/ps', (each) => each.json({ models: [] }));
      exchange.json({ model: 'qwen2.5-coder:14b', done: true, done_reason: 'unload' });
    });
    await item().click();
    await workbench.row('Unload qwen2.5-coder:14b').waitFor();
    await workbench.screenshot('gpu-menu');
    await workbench.quickInput().fill('unload');
    await workbench.row('Unload qwen2.5-coder:14b').and(workbench.page.locator('.focused')).waitFor();
    await workbench.page.keyboard.press('Enter');
    const { request } = await server.exchange('/api/generate');
    assert.equal((JSON.parse(request.body) as { keep_alive: number }).keep_alive, 0);
    await workbench.statusBarItem(/VRAM 10\.6\/11\.6 GiB$/).waitFor();
  });

  it('says in words what is wrong', async () => {
    smi.set('driver-mismatch');
    await workbench.runCommand('A2IA: Show GPU Memory');
    await workbench.row(/the old one still runs\..*Restart the machine\./).waitFor();
    await workbench.screenshot('gpu-failed');
  });
});
