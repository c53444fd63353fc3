import assert from 'node:assert/strict';
import { memoryRangeText, memoryText, tokensText } from '../../../../src/core/fit/bytesText.ts';
import { knownModel } from '../../../../src/core/fit/catalogue.ts';
import type { FitModel, FitPlan, FitServer } from '../../../../src/core/fit/fitRequest.ts';
import { planFit } from '../../../../src/core/fit/planFit.ts';

const gibibyte = 1024 ** 3;

function model(name: string, rest: Partial<FitModel> = {}): FitModel {
  return { name, facts: knownModel(name) ?? assert.fail(name), ...rest };
}

/** On one card of which so much is free. */
function plan(on: FitModel, server: FitServer, freeGibibytes: number, totalGibibytes = freeGibibytes): FitPlan {
  const gpu = { name: 'RTX 3500 Ada', totalBytes: totalGibibytes * gibibyte, freeBytes: freeGibibytes * gibibyte };
  return planFit({ model: on, server, gpus: [gpu] });
}

function bytesOf({ rows }: FitPlan, part: string): number {
  return rows.filter((row) => row.part === part).reduce((total, { figure }) => total + figure.bytes, 0);
}

const ollama: FitServer = { kind: 'ollama', version: '0.33.0' };
const oldVllm: FitServer = { kind: 'vllm', version: [0, 11] };

describe('A plan for Ollama', () => {
  it('is a row for each part, and what is left is a context', () => {
    const made = plan(model('qwen2.5:7b', { fileType: 'Q4_K_M' }), ollama, 11.1, 11.6);
    assert.equal(made.verdict, 'fits');
    assert.equal(made.contextTokens, 4096);
    assert.equal(made.largestContextTokens, 32_768);
    assert.deepEqual(
      made.rows.map(({ part }) => part),
      ['weights', 'cache', 'compute', 'overhead', 'ram'],
    );
    assert.equal(bytesOf(made, 'cache'), 224 * 1024 ** 2);
    assert.equal(made.failure, undefined);
    assert.deepEqual(made.doubts, []);
    assert.equal(made.command, 'ollama run qwen2.5:7b');
  });

  it('leaves experts in RAM since 0.30 and whole layers before, and says by how much it is too large', () => {
    const mixtral = model('mixtral:8x7b', { fileType: 'Q4_K_M' });
    const now = plan(mixtral, ollama, 11.3, 11.6);
    assert.equal(now.verdict, 'partial');
    assert.equal(now.placement?.gpuLayers, 33);
    assert.ok((now.placement?.layersWithoutExperts ?? 0) > 20);
    assert.match(
      now.failure?.explanation ?? '',
      /^Weights 26\.4 GiB \+ KV cache 512 MiB .* = 27\.\d GiB > 10\.3 GiB free/,
    );
    assert.match(now.failure?.serverError ?? '', /^projected to use \d+ MiB of device memory vs\. 11571 MiB/);
    const before = plan(mixtral, { kind: 'ollama', version: '0.9.0' }, 11.3, 11.6);
    assert.equal(before.placement?.layersWithoutExperts, 0);
    assert.match(before.failure?.serverError ?? '', /^offloaded 1\d\/33 layers to GPU$/);
  });

  it('fails where RAM does not hold the rest', () => {
    const gpus = [{ name: 'RTX 3060', totalBytes: 11.76 * gibibyte, freeBytes: 11.3 * gibibyte }];
    const request = { model: model('mixtral:8x7b', { fileType: 'Q4_K_M' }), server: ollama, gpus };
    const short = planFit({ ...request, freeRamBytes: 8 * gibibyte });
    assert.equal(short.verdict, 'fails');
    assert.match(
      short.failure?.serverError ?? '',
      /model requires more system memory \(1\d\.\d GiB\) than is available \(8\.0 GiB\)/,
    );
    assert.equal(planFit({ ...request, freeRamBytes: 64 * gibibyte }).verdict, 'partial');
  });

  it('clamps a context to what the model was made for, and says so', () => {
    const made = plan(model('phi-3-mini', { fileType: 'Q4_K_M' }), { ...ollama, contextTokens: 32_768 }, 11.3);
    assert.equal(made.contextTokens, 4096);
    assert.match(made.doubts.join(), /made for 4k tokens/);
  });

  it('says only sizes where no GPU is known', () => {
    const made = planFit({ model: model('qwen3:8b'), server: { kind: 'ollama' }, gpus: [] });
    assert.equal(made.verdict, 'unknown');
    assert.ok(bytesOf(made, 'weights') > 4 * gibibyte);
    assert.match(made.doubts.join(), /No GPU .*|usual under this name/);
  });

  it('uses the second GPU only where the first does not take the model', () => {
    const gpus = [8, 12].map((size) => ({ name: 'RTX', totalBytes: size * gibibyte, freeBytes: size * gibibyte }));
    const on = (name: string) => planFit({ model: model(name), server: ollama, gpus }).total?.bytes ?? 0;
    assert.equal(on('qwen2.5:7b') / gibibyte, 12);
    assert.equal(on('gpt-oss:20b') / gibibyte, 20);
  });
});

describe('A plan for llama-server', () => {
  it('fails in the first buffer that has no room, in builds that do not fit by themselves', () => {
    const server: FitServer = { kind: 'llama-server', build: 6000, contextTokens: 32_768 };
    const made = plan(model('qwen2.5-coder:32b', { fileType: 'Q4_K_M' }), server, 23.3);
    assert.equal(made.verdict, 'fails');
    assert.match(made.failure?.serverError ?? '', /allocating 8192\.00 MiB .*cudaMalloc failed[^]*kv cache/);
    assert.match(made.command, /-c 32768 -ngl 99$/);
  });
});

describe('A plan for a llama-server that fits by itself', () => {
  const server: FitServer = { kind: 'llama-server', build: 10_000 };

  it('has the context that it shortens itself, where nobody asked for one', () => {
    const made = plan(model('llama3.1:8b', { fileType: 'Q4_K_M' }), server, 11.3);
    assert.equal(made.verdict, 'fits');
    assert.equal(made.contextTokens, made.largestContextTokens);
    assert.match(made.doubts.join(), /takes as much as fits, about \d\dk of the 128k/);
    const asked = plan(model('llama3.1:8b', { fileType: 'Q4_K_M' }), { ...server, contextTokens: 131_072 }, 11.3);
    assert.equal(asked.verdict, 'partial');
  });

  it('leaves layers on the CPU where the shortest context does not fit', () => {
    const made = plan(model('qwen2.5:32b', { fileType: 'Q4_K_M' }), server, 11.3);
    assert.equal(made.contextTokens, 4096);
    assert.equal(made.verdict, 'partial');
  });

  it('quantises no cache without flash attention', () => {
    const off: FitServer = { ...server, contextTokens: 8192, flashAttention: false };
    const on = model('qwen2.5:7b', { fileType: 'Q4_K_M' });
    const made = plan(on, { ...off, cacheType: 'q8_0' }, 11.3);
    assert.equal(bytesOf(made, 'cache'), bytesOf(plan(on, off, 11.3), 'cache'));
    assert.match(made.doubts.join(), /q8_0 needs flash attention/);
    const told = { kind: 'ollama', version: '0.6.0', contextTokens: 8192, cacheType: 'q8_0' } as const;
    const cacheOf = (one: FitServer) => bytesOf(plan(on, one, 11.3), 'cache');
    const running = { cacheType: 'q8_0' } as const;
    assert.equal(
      cacheOf({ ...told, running }),
      cacheOf({ ...told, cacheType: 'f16' }),
      'it was told no flash attention',
    );
    assert.equal(cacheOf({ ...told, running, flashAttention: true }), cacheOf(told));
    const current = { ...told, version: '0.32.0' };
    assert.equal(cacheOf({ ...current, running }), cacheOf(current), 'it takes that by itself');
  });
});

describe('A plan for vLLM', () => {
  it('names the weights where they are larger than the card', () => {
    const made = plan(model('mistral-7b-v0.3', { scheme: { kind: 'plain', bytes: 2 } }), oldVllm, 11.3, 11.6);
    assert.equal(made.verdict, 'fails');
    assert.match(
      made.failure?.serverError ?? '',
      /Tried to allocate 224\.00 MiB\. GPU 0 has a total capacity of 11\.60 GiB/,
    );
    assert.match(
      made.failure?.explanation ?? '',
      /^Weights 13\.5 GiB > 11\.0 GiB free, because they are larger than the GPU/,
    );
  });

  it('names the context where one request has no room, and the length that has', () => {
    const phi = model('phi-3-mini-128k', { scheme: { kind: 'plain', bytes: 2 } });
    const made = plan(phi, oldVllm, 11.3, 11.6);
    assert.match(
      made.failure?.serverError ?? '',
      /max seq len \(131072\), \(48\.00 GiB KV cache is needed, .* estimated maximum model length is 6\d\d\d/,
    );
    const shorter = plan(phi, { ...oldVllm, contextTokens: made.largestContextTokens ?? 0, eager: true }, 11.3, 11.6);
    assert.equal(shorter.verdict, 'fits');
  });

  it('names no length that fits where the CUDA graphs have no room with any', () => {
    const phi = model('phi-3-mini-128k', { scheme: { kind: 'plain', bytes: 2 } });
    const made = plan(phi, { ...oldVllm, utilization: 0.94 }, 11.6, 11.6);
    assert.equal(made.largestContextTokens, undefined);
    assert.match(made.failure?.serverError ?? '', /GiB KV cache is needed.* \(\d\.\d\d GiB\)\. Try increasing/);
  });

  it('names the budget where the utilization is too low', () => {
    const made = plan(
      model('phi-3-mini', { scheme: { kind: 'plain', bytes: 2 } }),
      { ...oldVllm, utilization: 0.6 },
      11.3,
      11.6,
    );
    assert.match(made.failure?.serverError ?? '', /^No available memory for the cache blocks/);
    assert.match(
      made.failure?.explanation ?? '',
      /> 7\.0 GiB that a utilization of 0\.6 allows, because the weights alone are larger/,
    );
  });

  it('names what others hold where its budget is not free', () => {
    const made = plan(model('qwen2.5-7b', { scheme: { kind: 'awq' } }), oldVllm, 8, 11.6);
    assert.match(
      made.failure?.serverError ?? '',
      /^Free memory on device cuda:0 \(7\.71\/11\.60 GiB\) .*\(0\.9, 10\.44 GiB\)/,
    );
  });

  it('has a command with the flags that were asked for, on the GPUs with the most room', () => {
    const gpus = [4, 24, 24].map((size) => ({
      name: 'RTX 3090',
      totalBytes: 24 * gibibyte,
      freeBytes: size * gibibyte,
    }));
    const server: FitServer = { ...oldVllm, tensorParallel: 2, contextTokens: 8192, cacheType: 'fp8', maxSequences: 8 };
    const { command, verdict } = planFit({ model: model('qwen2.5-14b', { scheme: { kind: 'awq' } }), server, gpus });
    assert.equal(verdict, 'fits');
    assert.equal(
      command,
      'CUDA_VISIBLE_DEVICES=1,2 vllm serve qwen2.5-14b --max-model-len 8192 --max-num-seqs 8 --tensor-parallel-size 2 --kv-cache-dtype fp8',
    );
  });
});

describe('Sizes of memory', () => {
  it('are in the units of nvidia-smi', () => {
    const texts = [
      0,
      500,
      12 * 1024,
      640 * 1024 ** 2,
      1023.7 * 1024 ** 2,
      9.1 * gibibyte,
      120.4 * gibibyte,
      -2 * gibibyte,
    ].map(memoryText);
    assert.deepEqual(texts, ['0 MiB', '1 KiB', '12 KiB', '640 MiB', '1.0 GiB', '9.1 GiB', '120 GiB', '−2.0 GiB']);
    assert.equal(memoryRangeText(8.9 * gibibyte, 9.4 * gibibyte), '8.9–9.4 GiB');
    assert.equal(memoryRangeText(9.41 * gibibyte, 9.42 * gibibyte), '9.4 GiB');
    assert.equal(memoryRangeText(0.5 * gibibyte, 2 * gibibyte), '512 MiB–2.0 GiB');
    assert.deepEqual([512, 4096, 21_760].map(tokensText), ['512', '4k', '21k']);
  });
});
