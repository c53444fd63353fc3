import assert from 'node:assert/strict';
import type { LoadedModel } from '../../../../src/core/clients/llmClient.ts';
import { fitGpus, roomsFor, without } from '../../../../src/core/gpu/fitGpus.ts';
import type { GpuProcess, GpuState } from '../../../../src/core/gpu/gpuReading.ts';

const gib = (count: number) => Math.round(count * 1024 ** 3);

const card = (id: string, freeGib: number, ...processes: readonly GpuProcess[]): GpuState => ({
  id,
  name: 'NVIDIA RTX A5000',
  vendor: 'nvidia',
  totalBytes: gib(24),
  freeBytes: gib(freeGib),
  isUnified: false,
  processes,
});
const ollama = (pid: number, usedGib: number): GpuProcess => ({ pid, name: 'Ollama', usedBytes: gib(usedGib) });
const model = (id: string, vramGib: number): LoadedModel => ({ id, vramBytes: gib(vramGib) });
const free = (gpus: readonly { readonly freeBytes?: number }[]) =>
  gpus.map(({ freeBytes = 0 }) => freeBytes / 1024 ** 3);

describe('Cards for the planner', () => {
  it('have what unloading frees, on an only card by what the server says', () => {
    const loaded = [model('a', 5), model('b', 8)];
    assert.deepEqual(free(fitGpus([card('1', 9)], { loaded, unloaded: loaded })), [22]);
    assert.deepEqual(free(fitGpus([card('1', 20)], { loaded, unloaded: loaded })), [24], 'no more than there is');
    assert.deepEqual(free(fitGpus([card('1', 9)])), [9]);
  });

  it('have on several what the driver says that Ollama’s processes hold on each', () => {
    const cards = [
      card('1', 4, ollama(10, 6), ollama(11, 8), { pid: 12, name: 'python', usedBytes: gib(5) }),
      card('2', 15, ollama(11, 9)),
    ];
    const [small, large] = [model('small', 5.5), model('large', 16)];
    const loaded = [small, large];
    assert.deepEqual(free(fitGpus(cards, { loaded, unloaded: loaded })), [18, 24]);
    assert.deepEqual(
      free(fitGpus(cards, { loaded, unloaded: [large] })),
      [12, 24],
      'the largest process has the largest model',
    );
    assert.deepEqual(free(fitGpus(cards, { loaded, unloaded: [small] })), [10, 15]);
  });

  it('are as they are where it is not known on which of them a model is', () => {
    const loaded = [model('a', 5)];
    const untold = { pid: 10, name: 'Ollama' };
    for (const cards of [
      [card('1', 4, untold), card('2', 15)],
      [card('1', 4), card('2', 15)],
      [card('1', 4, ollama(10, 3)), card('2', 15, ollama(11, 3))],
    ]) {
      assert.deepEqual(free(fitGpus(cards, { loaded, unloaded: loaded })), [4, 15]);
    }
  });

  it('are without split ones, those whose memory is not known, and with what makes them page', () => {
    const { totalBytes: _, ...silent } = card('1', 4);
    assert.deepEqual(fitGpus([silent, { ...card('2', 4), isSplit: true }]), []);
    assert.equal(fitGpus([{ ...card('1', 4), spills: true }])[0]?.spills, true);
  });

  it('have room for a model beside the others, and in place of them', () => {
    const loaded = [model('chat:latest', 6), model('complete:1b', 2), { id: 'on-cpu', vramBytes: 0 }];
    const { beside, alone, others } = roomsFor(['chat'], [card('1', 10)], loaded);
    assert.deepEqual([free(beside), free(alone), others], [[16], [18], ['complete:1b']]);
  });

  it('have what a server has there, when that is started anew', () => {
    const vllm = { pid: 9, name: 'vLLM', usedBytes: gib(20) };
    assert.deepEqual(free(without('vLLM', [card('1', 3, vllm)])), [23]);
    assert.deepEqual(free(without('llama-server', [card('1', 3, vllm)])), [3]);
  });
});
