import assert from 'node:assert/strict';
import { dialectOf } from '../support/dialects.ts';
import { NvidiaSmi } from '../support/nvidiaSmi.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';
import { ChatPanel } from './chatPanel.ts';
import { Workbench } from './workbench.ts';

describe('GPU memory in a real workbench', () => {
  let workbench: Workbench;
  let server: ScriptedServer;
  let smi: NvidiaSmi;

  before(async () => {
    smi = new NvidiaSmi('rtx-3080-full');
    server = await ScriptedServer.start(dialectOf('ollama').routes(['qwen2.5-coder:14b']));
    const spilt = { model: 'qwen2.5-coder:14b', size: 14.4e9, size_vram: 9.07e9, context_length: 32768 };
    server.on('/api/ps', (exchange) => exchange.json({ models: [spilt] }));
    const settings = { 'a2ia.backend': 'ollama', 'a2ia.ollamaUrl': server.url };
    workbench = await Workbench.open(settings, { programs: smi.folder });
  });
  after(async () => {
    await workbench.close();
    await server.close();
    smi.remove();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot(`failed: ${this.currentTest.title}`);
  });

  const item = () => workbench.statusBarItem(/VRAM/);

  it('stands in the status bar by itself, and says more to whoever points at it', async () => {
    await item().waitFor();
    assert.match(await item().innerText(), /VRAM 9\.0\/9\.6 GiB · 37 % on CPU/);
    await item().hover();
    const tooltip = workbench.page.locator('.monaco-hover', { hasText: 'NVIDIA GeForce RTX 3080' });
    await tooltip.waitFor();
    const text = (await tooltip.innerText()).replaceAll('\u00a0', ' ');
    for (const words of ['660 MiB free', '65 % busy, 27 °C, 142 W', 'qwen2.5-coder:14b', '37 % runs on the CPU'])
      assert.ok(text.includes(words), `${words} in ${text}`);
    await workbench.screenshot('gpu-tooltip');
    await workbench.page.mouse.move(0, 0);
  });

  it('is a line in the empty chat', async () => {
    await workbench.runCommand('A2IA: Focus Chat');
    const panel = new ChatPanel(workbench.chat);
    await panel.frame.getByText('660 MiB of 9.6 GiB free').waitFor();
    await panel.frame.getByText('NVIDIA GeForce RTX 3080').waitFor();
    await workbench.screenshot('gpu-welcome');
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
    await workbench.statusBarItem(/VRAM 9\.0\/9\.6 GiB$/).waitFor();
  });

  it('says in words what is wrong', async () => {
    smi.set('driver-mismatch');
    await workbench.runCommand('A2IA: Show GPU Memory');
    await workbench.row(/the old one still runs\..*Restart the machine\./).waitFor();
    await workbench.screenshot('gpu-failed');
  });
});
