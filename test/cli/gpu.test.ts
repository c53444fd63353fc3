import assert from 'node:assert/strict';
import type { GpuSnapshot } from '../../src/core/gpu/gpuText.ts';
import { Run } from '../support/cliRun.ts';
import { dialectOf } from '../support/dialects.ts';
import { freePort } from '../support/doctor.ts';
import { NvidiaSmi, type Situation } from '../support/nvidiaSmi.ts';
import { qwen7b, serveModels } from '../support/ollamaModels.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';

describe('a2ia gpu', () => {
  let smi: NvidiaSmi;
  let server: ScriptedServer;
  let nowhere: string;

  before(async () => {
    smi = new NvidiaSmi();
    server = await ScriptedServer.start(dialectOf('ollama').routes(['m']));
    nowhere = `http://127.0.0.1:${await freePort()}`;
  });
  after(async () => {
    smi.remove();
    await server.close();
  });

  const start = (situation: Situation, url: string, args: readonly string[] = []) => {
    smi.set(situation);
    const urls = { A2IA_OLLAMA_URL: url, A2IA_VLLM_URL: nowhere, A2IA_OPENAI_COMPATIBLE_URL: nowhere };
    const PATH = `${smi.folder}:${process.env['PATH'] ?? ''}`;
    return new Run(['gpu', ...args], { ...urls, A2IA_MODELS_DIR: '/nonexistent/a2ia-models', PATH });
  };
  const loaded = (sizeBytes: number, vramBytes: number) =>
    server.on('/api/ps', (exchange) =>
      exchange.json({ models: [{ model: 'm:14b', size: sizeBytes, size_vram: vramBytes, context_length: 32768 }] }),
    );

  it('says who uses it, and what the server has loaded', async () => {
    loaded(9.0 * 2 ** 30, 9.0 * 2 ** 30);
    const run = start('rtx-3080-full', server.url);
    assert.equal(await run.code(), 0);
    assert.deepEqual(run.stdout.split('\n'), [
      'NVIDIA GeForce RTX 3080 (driver 595.58.03)',
      '  9.0 of 9.6 GiB used, 660 MiB free',
      '  65 % busy, 27 °C, 142 W',
      '  programs that the driver does not list 9.0 GiB',
      `ollama at ${server.url}`,
      '  m:14b: 9.0 GiB, context of 32k, all on the GPU',
      '',
    ]);
    assert.equal(run.stderr, '');
  });

  it('raises the alarm for a model that is partly on the CPU', async () => {
    loaded(10 * 2 ** 30, 6.3 * 2 ** 30);
    const run = start('rtx-3080-full', server.url);
    assert.equal(await run.code(), 0);
    assert.match(run.stdout, /\n {2}m:14b: 10\.0 GiB, context of 32k\n {4}37 % runs on the CPU, expect slow\.\n/);
  });

  it('says which context would fit', async () => {
    serveModels(server, [qwen7b]);
    const spilt = { model: qwen7b.name, size: 6.5 * 2 ** 30, size_vram: 5 * 2 ** 30, context_length: 32_768 };
    server.on('/api/ps', (exchange) => exchange.json({ models: [spilt] }));
    const run = start('rtx-3080-full', server.url);
    assert.equal(await run.code(), 0);
    assert.match(run.stdout, /\n {4}23 % runs on the CPU, expect slow; a context of \d+k would fit\.\n/);
    const json = start('rtx-3080-full', server.url, ['--json']);
    assert.equal(await json.code(), 0);
    const { fittingTokens } = JSON.parse(json.stdout) as { fittingTokens: Record<string, number> };
    assert.ok((fittingTokens[qwen7b.name] ?? 0) >= 2048);
  });

  it('says that a server behind a forwarded port is not on this GPU', async () => {
    loaded(8 * 2 ** 30, 8 * 2 ** 30);
    const run = start('rtx-3060-idle', server.url);
    assert.equal(await run.code(), 0);
    assert.match(run.stdout, /more on its GPU than the GPUs here have in use: it probably runs on another machine/);
  });

  it('shows the GPU alone where no server is', async () => {
    const run = start('rtx-4000-desktop', nowhere);
    assert.equal(await run.code(), 0);
    assert.match(run.stdout, /\n {2}desktop 3\.1 GiB, chromium 183 MiB, python 160 MiB\n$/);
  });

  it('--json: one object, with bytes', async () => {
    loaded(9 * 2 ** 30, 9 * 2 ** 30);
    const run = start('two-a5000', server.url, ['--json']);
    assert.equal(await run.code(), 0);
    const [snapshot, ...others] = run.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as GpuSnapshot);
    assert.ok(snapshot?.reading.state === 'gpus' && others.length === 0);
    assert.deepEqual(
      snapshot.reading.gpus.map(({ usedBytes, processes }) => [usedBytes, processes]),
      [
        [22437 * 2 ** 20, [{ pid: 2211, name: 'vLLM', usedBytes: 22428 * 2 ** 20 }]],
        [2 ** 20, []],
      ],
    );
    assert.deepEqual(
      snapshot.server?.models.map(({ id, vramBytes }) => [id, vramBytes]),
      [['m:14b', 9 * 2 ** 30]],
    );
  });

  it('what went wrong and what to do, 1', async () => {
    const run = start('driver-mismatch', nowhere);
    assert.equal(await run.code(), 1);
    assert.equal(run.stdout, 'NVIDIA’s driver was updated, and the old one still runs. Restart the machine.\n');
    const json = start('wsl-blocked', nowhere, ['--json']);
    assert.equal(await json.code(), 1);
    const { reading } = JSON.parse(json.stdout) as GpuSnapshot;
    assert.ok(reading.state === 'failed' && reading.kind === 'blocked');
  });

  it('takes no argument, 2', async () => {
    const run = start('rtx-3060-idle', nowhere, ['0']);
    assert.equal(await run.code(), 2);
    assert.match(run.stderr, /gpu takes no "0"/);
    assert.deepEqual(
      smi.calls().filter(({ args }) => args.includes('0')),
      [],
    );
  });
});
