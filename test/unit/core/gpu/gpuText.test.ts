import assert from 'node:assert/strict';
import type { LoadedModel } from '../../../../src/core/clients/llmClient.ts';
import { gpuPressure } from '../../../../src/core/gpu/gpuPressure.ts';
import type { GpuReading, GpuState } from '../../../../src/core/gpu/gpuReading.ts';
import {
  elsewhere,
  freeMemory,
  itemText,
  pagingAlarm,
  loadedUse,
  memoryUse,
  processUse,
  readingLine,
  sensors,
  shortMemory,
  snapshotLines,
  spillAlarm,
} from '../../../../src/core/gpu/gpuText.ts';
import { isThisMachine, type ServerUse } from '../../../../src/core/gpu/serverUse.ts';

const gib = (count: number) => count * 1024 ** 3;
const gpu = (more: Partial<GpuState> = {}): GpuState => ({
  id: 'GPU-1',
  name: 'RTX',
  vendor: 'nvidia',
  isUnified: false,
  totalBytes: gib(11.6),
  usedBytes: gib(9.1),
  freeBytes: gib(2.5),
  processes: [],
  ...more,
});
const untold = (): GpuState => ({ id: 'a', name: 'A', vendor: 'apple', isUnified: true, processes: [] });
const server = (more: Partial<ServerUse> = {}): ServerUse => ({
  backend: 'ollama',
  endpoint: 'http://127.0.0.1:11434',
  isHere: true,
  models: [],
  ...more,
});
const loaded = (more: Partial<LoadedModel>): LoadedModel => ({ id: 'm', ...more });
const reading = (...gpus: GpuState[]): GpuReading => ({ state: 'gpus', gpus, readAtMs: 0 });

describe('Words for GPU memory', () => {
  it('in a narrow place', () => {
    assert.equal(shortMemory([gpu()]), '9.1/11.6 GiB');
    assert.equal(shortMemory([gpu(), gpu({ usedBytes: 0 })]), '9.1/11.6, 0.0/11.6 GiB');
    assert.equal(shortMemory([gpu(), gpu(), gpu({ totalBytes: gib(79.2), usedBytes: 0 })]), '18.2/102 GiB on 3 GPUs');
    assert.equal(shortMemory([untold()]), undefined);
    assert.equal(shortMemory([{ ...untold(), totalBytes: gib(48) }]), '48.0 GiB');
  });

  it('says where Windows pages', () => {
    const full = gpu({ usedBytes: gib(11.4), freeBytes: gib(0.2) });
    assert.equal(pagingAlarm(full), undefined);
    assert.match(pagingAlarm({ ...full, spills: true }) ?? '', /Windows pages into the machine’s memory/);
    assert.equal(pagingAlarm({ ...gpu({ freeBytes: gib(2) }), spills: true }), undefined);
    assert.ok(snapshotLines({ reading: reading({ ...full, spills: true }) }).some((line) => line.includes('pages')));
  });

  it('in the status bar', () => {
    const models = [loaded({ sizeBytes: gib(10), vramBytes: gib(6.3) })];
    assert.equal(itemText({ reading: reading(gpu()) }), 'VRAM 9.1/11.6 GiB');
    assert.equal(itemText({ reading: reading(gpu()), server: server({ models }) }), 'VRAM 9.1/11.6 GiB · 37 % on CPU');
    const remote = server({ models, isHere: false, endpoint: 'http://gpu-box:11434' });
    assert.equal(itemText({ reading: reading(gpu()), server: remote }), 'VRAM 6.3 GiB on gpu-box');
    assert.equal(
      itemText({ reading: { state: 'none', message: '', readAtMs: 0 }, server: remote }),
      'VRAM 6.3 GiB on gpu-box',
    );
    const cache = { models: [{ id: 'team', kvCacheUsage: 0.426 }], isHere: false, backend: 'vllm' } as const;
    assert.equal(
      itemText({ reading: reading(gpu()), server: server({ ...cache, endpoint: 'http://gpu-box:8000/v1' }) }),
      'KV cache 43 % on gpu-box',
    );
    assert.equal(itemText({ reading: reading(untold()) }), 'VRAM not told');
    assert.equal(itemText({ reading: { state: 'asleep', readAtMs: 0 } }), 'GPU off');
  });

  it('what is free', () => {
    assert.equal(freeMemory(gpu()), '2.5 of 11.6 GiB free');
    assert.equal(freeMemory(gpu({ freeBytes: gib(0.5) })), '512 MiB of 11.6 GiB free');
    assert.equal(freeMemory(untold()), 'The driver does not tell its memory.');
  });

  it('in a sentence', () => {
    assert.equal(memoryUse(gpu()), '9.1 of 11.6 GiB used, 2.5 GiB free');
    assert.equal(
      memoryUse({ ...untold(), totalBytes: gib(48), isApproximate: true }),
      'about 48.0 GiB of the machine’s memory; how much is in use is not told',
    );
    assert.equal(memoryUse(untold()), 'The driver does not tell its memory.');
    assert.equal(memoryUse({ ...untold(), isSplit: true }), 'Split into parts, each with its own memory.');
    assert.equal(sensors(gpu({ temperatureCelsius: 61.4, powerWatts: 99.6 })), '61 °C, 100 W');
    assert.equal(sensors(gpu()), '');
  });

  it('who uses it: one name once, the largest first, and what nobody listed', () => {
    const processes = [
      { pid: 1, name: 'python', usedBytes: gib(1) },
      { pid: 2, name: 'Ollama', usedBytes: gib(4) },
      { pid: 3, name: 'Ollama', usedBytes: gib(3) },
    ];
    assert.equal(processUse(gpu({ processes })), 'Ollama 7.0 GiB, others 1.1 GiB, python 1.0 GiB');
    assert.equal(processUse(gpu({ processes, hasDisplay: true })), 'Ollama 7.0 GiB, desktop 1.1 GiB, python 1.0 GiB');
    assert.equal(processUse(gpu({ processes, usedBytes: gib(8.01) })), 'Ollama 7.0 GiB, python 1.0 GiB');
    assert.equal(processUse(gpu({ usedBytes: 0 })), '');
  });

  it('who uses it, where the driver does not tell how much', () => {
    const processes = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name, pid) => ({ pid: pid + 1, name }));
    assert.equal(processUse(gpu({ processes })), 'a, b, c, d, e, f and 1 more (how much each takes is not told here)');
  });

  it('a model that is on the GPU, and one that is not', () => {
    const onGpu = loaded({ sizeBytes: gib(5), vramBytes: gib(5), contextWindowTokens: 32768 });
    assert.equal(loadedUse(onGpu), '5.0 GiB, context of 32k, all on the GPU');
    assert.equal(spillAlarm(onGpu), undefined);
    // Some buffers are always in RAM.
    assert.equal(spillAlarm(loaded({ sizeBytes: gib(10), vramBytes: gib(9.99) })), undefined);
    const spilt = loaded({ sizeBytes: gib(10), vramBytes: gib(6.3) });
    assert.equal(spillAlarm(spilt), '37 % runs on the CPU, expect slow.');
    assert.equal(spillAlarm(spilt, 24576), '37 % runs on the CPU, expect slow; a context of 24k would fit.');
    assert.equal(spillAlarm(loaded({ sizeBytes: gib(1), vramBytes: 0 })), 'All of it runs on the CPU, expect slow.');
    assert.equal(spillAlarm(loaded({ contextWindowTokens: 4096 })), undefined);
    assert.equal(
      loadedUse(loaded({ kvCacheUsage: 0.43, contextWindowTokens: 2048 })),
      'context of 2k, 43 % of its KV cache in use',
    );
  });

  it('whose GPU it is not', () => {
    assert.equal(elsewhere({ reading: reading(gpu()) }), undefined);
    assert.equal(elsewhere({ reading: reading(gpu()), server: server() }), undefined);
    const remote = server({ isHere: false, endpoint: 'http://gpu-box:11434' });
    assert.equal(
      elsewhere({ reading: reading(gpu()), server: remote }),
      'ollama runs on another machine (gpu-box:11434): a GPU here is not its GPU.',
    );
    const inside = server({ backend: 'embedded', endpoint: '/models' });
    assert.match(elsewhere({ reading: reading(gpu()), server: inside }) ?? '', /runs on the CPU/);
  });

  it('a forwarded port is noticed where it must be one, and only there', () => {
    const models = [loaded({ vramBytes: gib(9) })];
    const note = (...gpus: GpuState[]) => elsewhere({ reading: reading(...gpus), server: server({ models }) });
    assert.match(note(gpu({ usedBytes: gib(1) })) ?? '', /forwarded port/);
    assert.equal(note(gpu({ usedBytes: gib(8.8) })), undefined);
    assert.equal(note(gpu({ usedBytes: gib(4.5) }), gpu({ usedBytes: gib(4.5) })), undefined);
    assert.equal(note({ ...untold(), totalBytes: gib(48) }), undefined);
  });

  it('what there is, in a line', () => {
    assert.equal(readingLine(reading(gpu())), 'RTX: 9.1 of 11.6 GiB used, 2.5 GiB free');
    assert.match(readingLine({ state: 'asleep', readAtMs: 0 }), /^The GPU is switched off to save power/);
    assert.match(readingLine({ state: 'asleep', name: 'RTX', readAtMs: 0 }), /^RTX is switched off/);
    assert.equal(readingLine({ state: 'none', message: 'None.', readAtMs: 0 }), 'None.');
    assert.equal(readingLine({ state: 'failed', kind: 'gpuLost', message: 'A.', hint: 'B.', readAtMs: 0 }), 'A. B.');
  });

  it('this machine by its names', () => {
    for (const name of ['127.0.0.1', 'localhost', '[::1]', 'host.docker.internal'])
      assert.ok(isThisMachine(name), name);
    for (const name of ['gpu-box', '127.0.0.1.example', '192.0.2.7', '[2001:db8::1]'])
      assert.ok(!isThisMachine(name), name);
  });
});

describe('Pressure on GPU memory', () => {
  const full = (freeBytes: number) => gpu({ freeBytes, usedBytes: gib(11.6) - freeBytes });
  const model = loaded({ sizeBytes: gib(9), vramBytes: gib(9) });
  const spilt = loaded({ sizeBytes: gib(10), vramBytes: gib(6) });

  it('is none where a model fills the GPU and has room to work', () => {
    assert.equal(gpuPressure([full(gib(0.5))], server({ models: [model] })), 'none');
    // Its server is seen among the processes, though nobody asked it.
    const processes = [{ pid: 1, name: 'vLLM', usedBytes: gib(10) }];
    assert.equal(gpuPressure([{ ...full(gib(0.5)), processes }], undefined), 'none');
  });

  it('is low where something else fills it, and where a model has little room', () => {
    assert.equal(gpuPressure([full(gib(0.5))], undefined), 'low');
    assert.equal(gpuPressure([full(gib(0.2))], server({ models: [model] })), 'low');
    assert.equal(gpuPressure([full(gib(4))], undefined), 'none');
  });

  it('is low where a model is partly on the CPU, critical where nothing is left', () => {
    assert.equal(gpuPressure([full(gib(3))], server({ models: [spilt] })), 'low');
    assert.equal(gpuPressure([full(gib(0.05))], server({ models: [model] })), 'critical');
  });

  it('counts the card with the most room, and nothing that is not told', () => {
    assert.equal(gpuPressure([full(gib(0.05)), full(gib(10))], undefined), 'none');
    assert.equal(gpuPressure([untold()], undefined), 'none');
    assert.equal(gpuPressure([], undefined), 'none');
  });
});
