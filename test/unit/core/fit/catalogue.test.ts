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
  ] as const) {
    it(`takes ${name} for ${known}`, () => {
      assert.equal(knownModel(name)?.name, known);
    });
  }

  it('does not take a model for a shorter name when its size or another name says that it is not', () => {
    for (const name of [
      'deepseek-r1:8b',
      'Mistral-Nemo-Minitron-8B-Base',
      'GLM-4.5V',
      'Llama-3_3-Nemotron-Super-49B-v1',
      'mistralai/Mamba-Codestral-7B-v0.1',
      'Mistral-Large-3-675B',
      'google/recurrentgemma-2b',
      'DeepSeek-V4',
      'some-model',
    ])
      assert.equal(knownModel(name)?.name, undefined, name);
  });
});
