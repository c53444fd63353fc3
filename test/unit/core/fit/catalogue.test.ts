import assert from 'node:assert/strict';
import { catalogueNames, knownModel } from '../../../../src/core/fit/catalogue.ts';

/** As publishers, servers and people spell one and the same model. */
const spellings: readonly ((name: string) => string)[] = [
  (name) => name.replaceAll('-', ' '),
  (name) => name.replaceAll('-', '_'),
  (name) => name.toUpperCase(),
  (name) => name.replace(/-(\d)/, '$1'),
  (name) => `publisher/${name}-instruct-GGUF`,
  (name) => `publisher/${name}-Instruct-AWQ`,
  (name) => `unsloth/${name}-bnb-4bit`,
  (name) => `mlx-community/${name}-8bit`,
  (name) => `${name}-4bit`,
  (name) => `${name}-instruct-q4_K_M`,
  (name) => `/models/${name}-Instruct-2507.Q8_0.gguf`,
  (name) => `hf.co/publisher/${name}-it-GGUF:Q4_K_M`,
  (name) => `nvidia/${name}-NVFP4`,
];

describe('Names of models', () => {
  it('knows each model however it is spelt', () => {
    for (const name of catalogueNames) {
      for (const spelling of spellings) assert.equal(knownModel(spelling(name))?.name, name, spelling(name));
    }
  });

  for (const [name, known] of [
    ['phi4:14b', 'phi-4'],
    ['phi3:14b', 'phi-3-medium'],
    ['deepseek-r1:671b', 'deepseek-v3'],
    ['deepseek-r1:14b-qwen-distill-q4_K_M', 'qwen2.5-14b'],
    ['deepseek-coder-v2:16b', 'deepseek-v2-lite'],
    ['mistral-nemo:12b', 'mistral-nemo'],
    ['Meta Llama 3.1 8B Instruct', 'llama-3.1-8b'],
    ['command-r:35b-08-2024-q4_K_M', 'command-r-08-2024'],
    ['TheBloke/Mistral-7B-Instruct-v0.2-AWQ', 'mistral-7b'],
    ['Mixtral 8x7B Instruct v0.1', 'mixtral-8x7b'],
    ['Qwen3 Coder 30B-A3B', 'qwen3-coder-30b-a3b'],
    ['llama3.2', 'llama-3.2-3b'],
    ['Devstral-2-123B-Instruct-2512', 'devstral-2-123b'],
    ['internlm/internlm2_5-7b-chat', 'internlm2-7b'],
    ['OpenGVLab/InternVL3_5-8B', 'internvl3.5-8b'],
    ['01-ai/Yi-34B-200K', 'yi-34b-200k'],
    ['togethercomputer/LLaMA-2-7B-32K', 'llama-2-7b'],
    ['Command R+', 'command-r-plus'],
    ['mistral:instruct', 'mistral-7b-v0.3'],
    ['yentinglin/Llama-3-Taiwan-8B-Instruct', 'llama-3-8b'],
    ['Qwen3-Something-New-14B', 'qwen3-14b'],
    ['bigscience/bloom', 'bloom-176b'],
    ['nvidia/NVIDIA-Nemotron-Nano-9B-v2', 'nemotron-nano-9b-v2'],
  ] as const) {
    it(`takes ${name} for ${known}`, () => {
      assert.equal(knownModel(name)?.name, known);
    });
  }

  it('does not take a model for a shorter name when its size or another name says that it is not', () => {
    for (const name of [
      'deepseek-r1:8b',
      'cerebras/Qwen3-Coder-REAP-25B-A3B',
      'allenai/Molmo-7B-D-0924',
      'Llama-3.1-8B-Instruct-speculator.eagle3',
      'OpenGVLab/InternVL2-4B',
      'Llama-3-Something-9B',
      'Qwen3-Something-VL-8B',
      'z-lab/Qwen3.6-27B-DFlash',
      'Llama-3_3-Nemotron-Super-49B-v1',
      'mistralai/Mamba-Codestral-7B-v0.1',
      'Mistral-Small-4-119B-2603',
      'google/recurrentgemma-2b',
      'DeepSeek-V4',
      'some-model',
    ])
      assert.equal(knownModel(name)?.name, undefined, name);
  });
});
