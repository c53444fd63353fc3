import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseCacheConfig } from '../../src/core/clients/vllmMetrics.ts';
import type { TransportOptions } from '../../src/core/clients/transport.ts';
import { readFitModel } from '../../src/core/fit/fitModels.ts';
import { runningCalibration, type OtherLoad } from '../../src/core/fit/observedLoad.ts';
import { readRunningLlamaServer } from '../../src/core/fit/runningLlamaServer.ts';
import { readRunningVllm } from '../../src/core/fit/runningVllm.ts';
import type { GpuState } from '../../src/core/gpu/gpuReading.ts';
import { safetensorsHead, tinyConfig } from '../support/checkpointFiles.ts';
import { dialectOf, never } from '../support/dialects.ts';
import { FakeMachine } from '../support/fakeMachine.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';
import { createTestHost } from '../support/testHost.ts';

const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;

/** As vLLM 0.32.0 writes it, of which only some labels are of use here. */
const cacheConfig = (labels: Readonly<Record<string, string>> = {}) => {
  const all = {
    _block_size_resolved: 'True',
    block_size: '16',
    cache_dtype: 'auto',
    engine: '0',
    gpu_memory_utilization: '0.5',
    kv_cache_memory_bytes: 'None',
    kv_cache_size_tokens: '46592',
    num_gpu_blocks: '100000',
    num_gpu_blocks_override: 'None',
    sliding_window: 'None',
    ...labels,
  };
  const text = Object.entries(all).map(([name, value]) => `${name}="${value}"`);
  return `# TYPE vllm:cache_config_info gauge\nvllm:cache_config_info{${text.join(',')}} 1.0\n`;
};

const gpu: GpuState & OtherLoad['gpu'] = {
  id: 'GPU-1',
  name: 'NVIDIA GeForce RTX 3060',
  vendor: 'nvidia',
  totalBytes: 11.6 * gibibyte,
  freeBytes: 5 * gibibyte,
  isUnified: false,
  processes: [{ pid: 21, name: 'llama-server', usedBytes: 600 * mebibyte }],
};

describe('What vLLM tells of its cache', () => {
  it('is the pool that it measured', () => {
    assert.deepEqual(parseCacheConfig(cacheConfig()), {
      blocks: 100_000,
      blockTokens: 16,
      utilization: 0.5,
      cacheType: 'auto',
    });
    assert.equal(parseCacheConfig(cacheConfig({ cache_dtype: 'fp8_e4m3' }))?.cacheType, 'fp8');
    assert.equal(parseCacheConfig(cacheConfig({ cache_dtype: 'nvfp4' }))?.cacheType, undefined);
  });

  it('is none where it was told its size, has several engines, or says something else', () => {
    for (const text of [
      cacheConfig({ kv_cache_memory_bytes: '1073741824' }),
      cacheConfig({ num_gpu_blocks_override: '512' }),
      cacheConfig() + cacheConfig({ engine: '1' }),
      cacheConfig({ num_gpu_blocks: 'None' }),
      cacheConfig({ block_size: '-16' }),
      cacheConfig({ gpu_memory_utilization: '7' }),
      'vllm:cache_config_info 1.0\n',
      '<html></html>',
      '',
    ]) {
      assert.equal(parseCacheConfig(text), undefined, text);
    }
  });
});

describe('A server of this machine as it runs', () => {
  let machine: FakeMachine;
  let server: ScriptedServer;
  let folder: string;
  let transport: TransportOptions;

  before(async () => {
    machine = new FakeMachine();
    folder = path.join(machine.root, 'models', 'tiny');
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, 'config.json'), JSON.stringify(tinyConfig));
    const tensors = { w: { dtype: 'BF16', shape: [1000, 256], data_offsets: [0, 512_000] } };
    await writeFile(
      path.join(folder, 'model.safetensors'),
      Buffer.concat([safetensorsHead(tensors), Buffer.alloc(512_000)]),
    );
  });
  after(() => machine.remove());
  beforeEach(async () => {
    server = await ScriptedServer.start(dialectOf('vllm').routes(['tiny']));
    transport = {
      backend: 'vllm',
      host: createTestHost(),
      firstByteTimeoutMs: 5000,
      idleTimeoutMs: 5000,
      urlSetting: 'a2ia.vllmUrl',
    };
    server.on('/v1/models', (exchange) =>
      exchange.json({ data: [{ id: 'team', owned_by: 'vllm', root: folder, max_model_len: 4096 }] }),
    );
    server.on('/version', (exchange) => exchange.json({ version: '0.32.0' }));
    server.on('/metrics', (exchange) => exchange.send(cacheConfig(), 'text/plain'));
  });
  afterEach(() => server.close());

  const port = () => new URL(server.url).port;
  const vllm = (...flags: readonly string[]) => {
    const program = ['/venv/bin/python3', '/venv/bin/vllm', 'serve', folder, '--port', port()];
    machine.process(20, [...program, '--api-key', 'secret', ...flags]);
  };
  const load: OtherLoad = { backend: 'vllm', endpoint: '', model: { id: 'team' }, gpu };
  const readVllm = () => readRunningVllm(server.url, transport, machine.host, never);

  it('is vLLM with its flags, its pool and its model', async () => {
    vllm('--max_num_seqs=16', '--enforce-eager', '--max-num-batched-tokens', '1024');
    const running = (await readVllm()) ?? assert.fail('it was not found');
    assert.deepEqual(running.server, {
      kind: 'vllm',
      version: [0, 32],
      contextTokens: 4096,
      utilization: 0.5,
      maxSequences: 16,
      maxBatchedTokens: 1024,
      eager: true,
    });
    assert.equal(running.model, folder);
    const reading = await readFitModel(running.model, createTestHost(), never);
    const model = reading.outcome === 'model' ? reading.model : assert.fail(reading.problem);
    // Two layers with two heads of 32, keys and values, in 16 bits.
    const pool = 100_000 * 16 * (2 * 2 * 32 * 2 * 2);
    assert.deepEqual(running.measured(model), { pool });
    assert.equal(runningCalibration(load, running, model, 0)?.bytes.pool, undefined, 'a pool that no plan comes near');
    server.on('/metrics', (exchange) => exchange.send(cacheConfig({ num_gpu_blocks: '660000' }), 'text/plain'));
    const other = (await readVllm()) ?? assert.fail('it was not found');
    const found = runningCalibration(load, other, model, 7) ?? assert.fail('nothing was learned');
    assert.deepEqual([found.of, found.on, found.atMs, Object.keys(found.bytes)], [folder, gpu.name, 7, ['pool']]);
    assert.ok(Math.abs(found.bytes.pool ?? 0) < gibibyte);
    assert.ok(!JSON.stringify(found).includes('secret'));
  });

  it('is not measured with flags that no plan follows, on several GPUs, or where it is not to be seen', async () => {
    for (const flags of [
      ['--tensor-parallel-size', '2'],
      ['--cpu-offload-gb', '4'],
      ['--speculative-config', '{}'],
      ['--quantization', 'fp8'],
      ['--dtype', 'float32'],
      ['--config', 'x.yaml'],
      ['--kv_cache_memory_bytes=1073741824'],
      ['--compilation-config.mode', '0'],
      ['-O0'],
      ['--max-num-batched-tokens', '8k'],
    ]) {
      vllm(...flags);
      assert.equal(await readVllm(), undefined, flags.join(' '));
    }
    machine.process(20, ['/venv/bin/vllm', 'serve', folder, '--port', '1']);
    assert.equal(await readVllm(), undefined, 'another port');
    vllm();
    server.on('/v1/models', (exchange) => exchange.json({ data: [{ id: 'a', max_model_len: 8 }, { id: 'b' }] }));
    assert.equal(await readVllm(), undefined, 'two models');
  });

  it('is llama-server with what its process holds', async () => {
    const file = path.join(folder, 'tiny.gguf');
    machine.process(21, [
      '/opt/llama-server',
      '-m',
      file,
      '--port',
      port(),
      '-c',
      '8192',
      '-np',
      '2',
      '-ctk',
      'q8_0',
      '-ctv',
      'q8_0',
      '-fa',
      '-ngl',
      '3',
    ]);
    const props = {
      default_generation_settings: { n_ctx: 4096 },
      total_slots: 2,
      model_path: file,
      build_info: 'b11434-abcdef',
    };
    server.on('/props', (exchange) => exchange.json(props));
    const read = (card = gpu) => readRunningLlamaServer(server.url, transport, machine.host, card, never);
    const running = (await read()) ?? assert.fail('it was not found');
    assert.deepEqual(running.server, {
      kind: 'llama-server',
      build: 11_434,
      contextTokens: 8192,
      parallel: 2,
      cacheType: 'q8_0',
      flashAttention: true,
    });
    assert.equal(running.model, file);
    const reading = await readFitModel(folder, createTestHost(), never);
    const model = reading.outcome === 'model' ? reading.model : assert.fail(reading.problem);
    assert.deepEqual(running.measured(model), { all: 600 * mebibyte });
    const [layer] = model.facts.layers;
    const longer = { ...model.facts, layers: [...model.facts.layers, layer ?? assert.fail()] };
    assert.equal(running.measured({ ...model, facts: longer }), undefined, 'a layer, or the output, is on the CPU');
    assert.equal(await read({ ...gpu, processes: [] }), undefined, 'the driver does not tell what it holds');
    server.on('/props', (exchange) => exchange.json({ ...props, model_path: 7 }));
    assert.equal(await read(), undefined, 'it is something else');
    server.on('/props', (exchange) => exchange.json(props));
    for (const flags of [['--n-cpu-moe', '4'], ['-nkvo'], ['-ctk', 'q8_0'], ['-b', '256']]) {
      machine.process(21, ['/opt/llama-server', '-m', file, '--port', port(), '-c', '8192', ...flags]);
      assert.equal(await read(), undefined, flags.join(' '));
    }
    machine.process(21, ['/opt/llama-server', '-m', file, '--port', port(), '-c', '8192']);
    assert.ok(await read());
    server.on('/props', (exchange) => exchange.json({ ...props, modalities: { vision: true } }));
    assert.equal(await read(), undefined, 'an encoder that is in no plan');
  });
});
