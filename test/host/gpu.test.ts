import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { BackendRegistry } from '../../src/core/clients/registry.ts';
import { noCalibrations } from '../../src/core/fit/calibration.ts';
import type { GpuSnapshot } from '../../src/core/gpu/gpuText.ts';
import { createNodeGpuHost } from '../../src/core/gpu/nodeGpuHost.ts';
import { EditorSettings } from '../../src/vscode/editorSettings.ts';
import { GpuIndicator } from '../../src/vscode/gpu/gpuIndicator.ts';
import { StatusBar } from '../../src/vscode/statusBar.ts';
import { dialectOf } from '../support/dialects.ts';
import { NvidiaSmi } from '../support/nvidiaSmi.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';
import { createTestHost } from '../support/testHost.ts';
import { withSettings } from './documents.ts';

describe('A2IA: Show GPU Memory', () => {
  let smi: NvidiaSmi;
  let server: ScriptedServer;
  let path: string | undefined;

  before(async () => {
    smi = new NvidiaSmi('rtx-3080-full');
    server = await ScriptedServer.start(dialectOf('ollama').routes(['m:14b']));
    path = process.env['PATH'];
    process.env['PATH'] = `${smi.folder}:${path ?? ''}`;
  });
  after(async () => {
    process.env['PATH'] = path;
    smi.remove();
    await server.close();
  });
  beforeEach(() => smi.set('rtx-3080-full'));
  afterEach(() => vscode.commands.executeCommand('workbench.action.closeQuickOpen'));

  const onOllama = (work: () => Promise<void>) =>
    withSettings({ 'a2ia.backend': 'ollama', 'a2ia.ollamaUrl': server.url }, work);
  const show = () => Promise.resolve(vscode.commands.executeCommand<GpuSnapshot>('a2ia.showGpuMemory'));
  const loaded = (...models: readonly object[]) => server.on('/api/ps', (exchange) => exchange.json({ models }));
  const spilt = { model: 'm:14b', size: 10 * 2 ** 30, size_vram: 6.3 * 2 ** 30, context_length: 32768 };

  it('says what there is, and what is loaded', () =>
    onOllama(async () => {
      loaded(spilt);
      const { reading, server: use } = await show();
      assert.ok(reading.state === 'gpus');
      assert.deepEqual(
        reading.gpus.map(({ name, freeBytes }) => [name, freeBytes]),
        [['NVIDIA GeForce RTX 3080', 660 * 2 ** 20]],
      );
      assert.deepEqual(
        use?.models.map(({ id }) => id),
        ['m:14b'],
      );
    }));

  it('says what is wrong', async () => {
    smi.set('driver-mismatch');
    const { reading } = await show();
    assert.ok(reading.state === 'failed' && reading.kind === 'driverMismatch');
  });

  describe('a window of its own', () => {
    let indicator: GpuIndicator;
    let statusBar: StatusBar;
    let registry: BackendRegistry;
    let madeRegistries: number;
    let items: vscode.StatusBarItem[];
    const original = vscode.window.createStatusBarItem;

    beforeEach(() => {
      items = [];
      madeRegistries = 0;
      const window = vscode.window as { createStatusBarItem: unknown };
      window.createStatusBarItem = (...given: Parameters<typeof original>) => {
        const item = original(...given);
        items.push(item);
        return item;
      };
      const settings = new EditorSettings();
      statusBar = new StatusBar(settings.current());
      registry = new BackendRegistry(createTestHost());
      indicator = new GpuIndicator({
        settings,
        statusBar,
        host: createNodeGpuHost({ platform: 'linux', environment: smi.environment, root: smi.root }),
        backends: () => {
          madeRegistries++;
          const measuredLoads = () => Promise.resolve({ read: () => Promise.resolve(noCalibrations) });
          return Promise.resolve({ registry, host: createTestHost(), measuredLoads });
        },
      });
    });
    afterEach(() => {
      (vscode.window as { createStatusBarItem: unknown }).createStatusBarItem = original;
      indicator.dispose();
      statusBar.dispose();
      registry.dispose();
    });

    const gpuItem = () => items.find(({ id }) => id.endsWith('a2ia.gpu'));

    it('shows the item of a machine with a GPU, with colour and words for what is wrong', () =>
      onOllama(async () => {
        loaded(spilt);
        await indicator.refresh();
        const item = gpuItem();
        assert.equal(item?.text, 'VRAM 9.0/9.6 GiB · 37 % on CPU');
        assert.equal(
          (item.backgroundColor as vscode.ThemeColor & { id: string }).id,
          'statusBarItem.warningBackground',
        );
        assert.equal(item.command, 'a2ia.showGpuMemory');
        assert.match(item.accessibilityInformation?.label ?? '', /^GPU memory: VRAM 9\.0\/9\.6 GiB.*Activate/);
        const { value, isTrusted } = item.tooltip as vscode.MarkdownString;
        for (const words of ['NVIDIA', '660 MiB free', '65 % busy', 'context of 32k', '37 % runs on the CPU'])
          assert.ok(value.replaceAll('&nbsp;', ' ').includes(words), `${words} in ${value}`);
        assert.ok(!isTrusted);
      }));

    it('takes names for text', () =>
      onOllama(async () => {
        loaded({ ...spilt, model: '[x](command:a2ia.ask) $(bug) **b**' });
        await indicator.refresh();
        const { value } = gpuItem()?.tooltip as vscode.MarkdownString;
        assert.ok(!value.includes('[x](command:'), value);
        assert.ok(!/(?<!\\)\$\(bug\)/.test(value), value);
        assert.ok(!value.includes('**b**'), value);
      }));

    it('has no item on a machine without a GPU, and makes no client, until somebody asks', async () => {
      smi.unset();
      assert.equal((await indicator.read())?.state, 'none');
      assert.equal(gpuItem(), undefined);
      assert.equal(madeRegistries, 0);
      await indicator.show();
      assert.equal(gpuItem()?.text, 'No GPU');
    });

    it('starts nothing where the user wants none, except when asked', () =>
      withSettings({ 'a2ia.gpuMemory': 'never' }, async () => {
        const before = smi.calls().length;
        assert.equal(await indicator.read(), undefined);
        statusBar.setAnswering('ask', 1);
        statusBar.setAnswering('ask', 0);
        assert.equal(smi.calls().length, before);
        assert.equal(gpuItem(), undefined);
        await indicator.show();
        assert.match(gpuItem()?.text ?? '', /^VRAM 9\.0\/9\.6 GiB/);
      }));

    it('unloads a model', () =>
      onOllama(async () => {
        loaded(spilt);
        await indicator.refresh();
        server.on('/api/generate', (exchange) => {
          loaded();
          exchange.json({ model: 'm:14b', done: true, done_reason: 'unload' });
        });
        await indicator.unload('m:14b', new AbortController().signal);
        const [request] = server
          .requestsTo('/api/generate')
          .map(({ body }) => JSON.parse(body) as { keep_alive: number });
        assert.equal(request?.keep_alive, 0);
        assert.deepEqual((await indicator.refresh()).server?.models, []);
        assert.equal(gpuItem()?.text, 'VRAM 9.0/9.6 GiB');
      }));
  });
});
