import assert from 'node:assert/strict';
import { catalogueNames, knownModel, modelShapedLike } from '../../../../src/core/fit/catalogue.ts';
import { allocated, checkpointBytes, schemeNamed } from '../../../../src/core/fit/checkpoint.ts';
import { getsMoreBits, mixtureNamed, weightsAs } from '../../../../src/core/fit/ggufMixtures.ts';
import { gpuWeightBytes } from '../../../../src/core/fit/llamaCpp.ts';
import type { ModelFacts } from '../../../../src/core/fit/modelFacts.ts';
import { tensorsOf } from '../../../../src/core/fit/tensors.ts';

const mebibyte = 1024 ** 2;

function model(name: string): ModelFacts {
  const facts = knownModel(name);
  assert.ok(facts, name);
  return facts;
}

function parameters(name: string): number {
  return tensorsOf(model(name)).reduce((sum, { columns, rows }) => sum + columns * rows, 0);
}

describe('The catalogue', () => {
  it('finds models by whatever name they are published under', () => {
    for (const [name, shape] of [
      ['Qwen/Qwen2.5-7B-Instruct-AWQ', 'qwen2.5-7b'],
      ['qwen2.5-coder:7b', 'qwen2.5-7b'],
      ['Qwen2.5-72B-Instruct', 'qwen2.5-72b'],
      ['Qwen/Qwen3-30B-A3B-FP8', 'qwen3-30b-a3b'],
      ['qwen3-30b-a3b-2507', 'qwen3-30b-a3b'],
      ['meta-llama/Llama-3.1-8B-Instruct', 'llama-3.1-8b'],
      ['DeepSeek R1 0528', 'deepseek-v3'],
      ['deepseek-r1:14b', 'qwen2.5-14b'],
      ['phi-3.5-mini-instruct', 'phi-3.5-mini'],
      ['codellama/CodeLlama-7b-hf', 'codellama-7b'],
      ['gemma3:12b', 'gemma-3-12b'],
      ['llama3.2', 'llama-3.2-3b'],
      ['qwen3:latest', 'qwen3-8b'],
      ['nvidia/Llama-3.1-Nemotron-70B-Instruct-HF', 'llama-3.1-70b'],
    ] as const) {
      assert.equal(knownModel(name)?.name, shape, name);
    }
  });

  it('does not take one model for another', () => {
    for (const name of ['qwen9-7b', 'phi-3.9', 'llama3.2-900b-vision', 'my-own-model', ''])
      assert.equal(knownModel(name), undefined, name);
  });

  it('finds a fine-tune by its architecture and size', () => {
    assert.equal(modelShapedLike('qwen35', 32, 9e9)?.name, 'qwen3.5-9b');
    assert.equal(modelShapedLike('qwen35', 33, 9e9), undefined);
    assert.equal(modelShapedLike('unheard-of', 32, 9e9), undefined);
  });

  it('has shapes with as many parameters as their makers say', () => {
    for (const [name, billions] of [
      ['llama-3.1-8b', 8.03],
      ['llama-3.3-70b', 70.554],
      ['qwen2.5-7b', 7.616],
      ['qwen3-235b-a22b', 235.094],
      ['mixtral-8x7b', 46.703],
      ['gemma-3-27b', 27.009],
      ['deepseek-v3', 671.026],
      ['gpt-oss-20b', 20.915],
      ['glm-4-32b', 32.566],
      ['phi-4', 14.66],
      ['granite-4.0-h-tiny', 6.939],
      ['granite-4.1-8b', 8.792],
      ['nemotron-nano-9b-v2', 8.888],
      ['nemotron-nano-12b-v2', 12.31],
      ['nemotron-h-8b', 8.101],
      ['trinity-mini-26b', 26.124],
      ['ling-flash-2.0-103b', 102.89],
      ['solar-open-100b', 102.652],
      ['ernie-4.5-300b-a47b', 299.484],
      ['apertus-70b', 70.6],
      ['gpt-neox-20b', 20.555],
      ['bloom-176b', 176.247],
      ['starcoder-15b', 15.517],
      ['falcon-11b', 11.103],
    ] as const) {
      assert.equal((parameters(name) / 1e9).toFixed(2), billions.toFixed(2), name);
    }
  });

  it('has no name twice, and every one leads to itself', () => {
    assert.equal(new Set(catalogueNames).size, catalogueNames.length);
    for (const name of catalogueNames) assert.equal(knownModel(name)?.name, name);
  });
});

describe('Weights of a GGUF file', () => {
  // What llama.cpp printed: the buffer on the GPU, and the token embedding on the CPU.
  for (const [name, mixture, gpuMiB, cpuMiB] of [
    ['llama-3.1-8b', 'Q4_K_M', 4403.49, 281.81],
    ['qwen2.5-7b', 'Q4_K_M', 4168.09, 292.36],
    ['llama-2-7b', 'Q4_K_M', 3820.94, 70.31],
    ['glm-4-32b', 'IQ4_XS', 16_303.48, 471.75],
    ['gemma-2-9b', 'Q4_0', 5185.21, 717.77],
  ] as const) {
    it(`are right for ${name} as ${mixture}`, () => {
      const facts = model(name);
      const rule = mixtureNamed(mixture);
      assert.ok(rule);
      const weights = weightsAs(rule, facts);
      near(gpuWeightBytes(facts, weights) / mebibyte, gpuMiB, 0.002);
      near(weights.tokenEmbedding / mebibyte, cpuMiB, 0.002);
    });
  }

  // Sizes of published files, in 10^9 bytes.
  for (const [name, mixture, gigabytes] of [
    ['phi-3-mini', 'Q4_K_M', 2.393],
    ['phi-4', 'Q4_K_M', 9.053],
    ['glm-4-9b', 'Q4_K_M', 6.25],
    ['gemma-2-9b', 'Q4_K_M', 5.761],
    ['qwen2.5-7b', 'Q4_K_M', 4.683],
    ['llama-3-8b', 'Q5_K_M', 5.733],
    ['llama-3-8b', 'IQ3_M', 3.78],
    ['llama-3-8b', 'IQ3_S', 3.68],
    ['llama-3-8b', 'IQ3_XS', 3.51],
    ['llama-3-8b', 'IQ3_XXS', 3.27],
    ['llama-3-8b', 'IQ2_M', 2.94],
    ['llama-3-8b', 'IQ2_S', 2.75],
    ['llama-3-8b', 'IQ2_XS', 2.6],
  ] as const) {
    it(`are those of the published file of ${name} as ${mixture}`, () => {
      const rule = mixtureNamed(mixture);
      assert.ok(rule);
      const { tokenEmbedding, output, layers } = weightsAs(rule, model(name));
      const bytes = layers.reduce((sum, { dense, experts }) => sum + dense + experts, tokenEmbedding + output);
      near(bytes / 1e9, gigabytes, 0.004);
    });
  }

  it('are twice the parameters in 16 bits', () => {
    const rule = mixtureNamed('bf16');
    assert.ok(rule);
    const { tokenEmbedding, output, layers } = weightsAs(rule, model('llama-2-7b'));
    const total = tokenEmbedding + output + layers.reduce((sum, { dense }) => sum + dense, 0);
    near(total, parameters('llama-2-7b') * 2, 0.0002);
  });

  it('give more bits to the first and last eighth of the layers, and to every third between', () => {
    const chosen = Array.from({ length: 32 }, (_, index) => index).filter((index) => getsMoreBits(index, 32));
    assert.deepEqual(chosen, [0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31]);
  });

  it('are not made up for files whose types were chosen by hand', () => {
    for (const name of ['UD-Q4_K_XL', 'IQ3_K_R4', 'Q4', '']) assert.equal(mixtureNamed(name), undefined, name);
  });
});

describe('Weights of a checkpoint', () => {
  const alone = { tensor: 1, pipeline: 1 };
  // What vLLM printed as "Model loading took".
  for (const [name, scheme, parallel, mib] of [
    ['llama-3.1-8b', 'bfloat16', alone, 15_350],
    ['llama-3.1-8b', 'bfloat16', { tensor: 2, pipeline: 1 }, 7690],
    ['llama-3.1-8b', 'bfloat16', { tensor: 4, pipeline: 1 }, 3860],
    // The first of four stages has the embedding, a quarter of the layers and the table of rotations.
    ['llama-3.1-8b', 'bfloat16', { tensor: 1, pipeline: 4 }, 4362],
    ['llama-3.1-8b', 'fp8', alone, 8694],
    ['llama-3.1-8b', 'gptq', alone, 5509],
    ['qwen2.5-7b', 'bfloat16', alone, 14_592],
    ['qwen3-30b-a3b', 'bfloat16', alone, 58_245],
    ['deepseek-v2-lite', 'bfloat16', alone, 30_136],
    ['gemma-3-12b', 'bfloat16', alone, 23_869],
    ['qwen3-14b', 'awq', alone, 9587],
  ] as const) {
    it(`are right for ${name} as ${scheme} on ${parallel.tensor * parallel.pipeline} GPU`, () => {
      const stored = schemeNamed(scheme);
      assert.ok(stored);
      near(checkpointBytes(model(name), stored, parallel) / mebibyte, mib, 0.003);
    });
  }

  it('round as PyTorch’s allocator does', () => {
    assert.equal(allocated(1000), 1000);
    assert.equal(allocated(11.5 * mebibyte), 12 * mebibyte);
    assert.equal(allocated(10.5 * mebibyte), 10.5 * mebibyte);
    assert.equal(allocated(12 * mebibyte), 12 * mebibyte);
  });

  it('are named as people name them', () => {
    assert.deepEqual(schemeNamed('compressed-tensors w4a16'), { kind: 'w4a16' });
    assert.deepEqual(schemeNamed('bitsandbytes nf4 (float16)'), { kind: 'nf4' });
    assert.deepEqual(schemeNamed('float32'), { kind: 'plain', bytes: 4 });
    assert.deepEqual(schemeNamed('gguf Q8_0'), { kind: 'gguf', mixture: 'Q8_0' });
    assert.equal(schemeNamed('something new'), undefined);
  });
});

function near(actual: number, expected: number, tolerance: number): void {
  const error = Math.abs(actual - expected) / expected;
  assert.ok(error <= tolerance, `${actual} instead of ${expected}: ${(error * 100).toFixed(2)} % off`);
}
