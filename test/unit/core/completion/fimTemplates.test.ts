import assert from 'node:assert/strict';
import {
  fimTemplateOf,
  fimTemplates,
  isKnownWithoutFim,
  tokensOf,
} from '../../../../src/core/completion/fimTemplates.ts';

const place = { path: 'src/a.ts', prefix: 'PRE', suffix: 'SUF', neighbours: [] };
const beside = { ...place, neighbours: [{ path: 'src/b.ts', text: 'BESIDE' }] };

describe('fill-in-the-middle templates', () => {
  const names: Readonly<Record<string, string | undefined>> = {
    'qwen2.5-coder:1.5b-base': 'Qwen Coder',
    'Qwen/Qwen2.5-Coder-7B-Instruct-AWQ': 'Qwen Coder',
    'hf.co/unsloth/Qwen3-Coder-30B-A3B-Instruct-GGUF:Q4_K_M': 'Qwen Coder',
    '/models/starcoder2-3b-Q8_0.gguf': 'StarCoder2',
    'bigcode/starcoder': 'StarCoder, Granite Code, CodeQwen, Stable Code, Refact',
    'granite-code:8b': 'StarCoder, Granite Code, CodeQwen, Stable Code, Refact',
    'granite4:350m-base': 'Granite 4',
    'ibm-granite/granite-4.0-h-tiny-base': 'Granite 4',
    'codestral:22b': 'Codestral',
    'mistralai/Mamba-Codestral-7B-v0.1': undefined,
    'codellama:7b-code': 'Code Llama',
    'codellama/CodeLlama-7b-Python-hf': undefined,
    'codellama:34b': undefined,
    'deepseek-coder-v2:16b-lite-base': 'DeepSeek Coder',
    'deepseek-r1:7b': undefined,
    'codegemma:2b-code': 'CodeGemma',
    'google/codegemma-7b-it': undefined,
    'ByteDance-Seed/Seed-Coder-8B-Base': 'Seed Coder',
    'ByteDance-Seed/Seed-Coder-8B-Instruct': undefined,
    'JetBrains/Mellum-4b-base': 'Mellum',
    'llama3.2:3b': undefined,
    'qwen2.5:7b': undefined,
    'smollm2:135m': undefined,
  };
  for (const [name, family] of Object.entries(names)) {
    it(`${name}: ${family ?? 'none'}`, () => assert.equal(fimTemplateOf([name])?.family, family));
  }

  it('takes any of the names that a server gives', () => {
    assert.equal(fimTemplateOf(['my-coder', 'Qwen/Qwen2.5-Coder-7B'])?.family, 'Qwen Coder');
    assert.equal(fimTemplateOf([]), undefined);
  });

  it('knows families that have no tokens for it', () => {
    assert.ok(isKnownWithoutFim(['SmolLM2-135M-Instruct']));
    assert.ok(!isKnownWithoutFim(['starcoder2']));
  });

  const prompts: Readonly<Record<string, readonly [alone: string, besideAnother: string]>> = {
    'qwen2.5-coder': [
      '<|fim_prefix|>PRE<|fim_suffix|>SUF<|fim_middle|>',
      '<|repo_name|>repository\n<|file_sep|>src/b.ts\nBESIDE\n<|file_sep|>src/a.ts\n<|fim_prefix|>PRE<|fim_suffix|>SUF<|fim_middle|>',
    ],
    starcoder2: [
      '<fim_prefix>PRE<fim_suffix>SUF<fim_middle>',
      '<repo_name>repository<file_sep>src/b.ts\nBESIDE<file_sep><fim_prefix>src/a.ts\nPRE<fim_suffix>SUF<fim_middle>',
    ],
    granite4: ['<|fim_prefix|>PRE<|fim_suffix|>SUF<|fim_middle|>', '<|fim_prefix|>PRE<|fim_suffix|>SUF<|fim_middle|>'],
    'granite-code': ['<fim_prefix>PRE<fim_suffix>SUF<fim_middle>', '<fim_prefix>PRE<fim_suffix>SUF<fim_middle>'],
    codestral: ['[SUFFIX]SUF[PREFIX]PRE', '[SUFFIX]SUF[PREFIX]+++++ src/b.ts\nBESIDE\n\n+++++ src/a.ts\nPRE'],
    'codellama:7b': ['<PRE> PRE <SUF>SUF <MID>', '<PRE> PRE <SUF>SUF <MID>'],
    'deepseek-coder': [
      '<｜fim▁begin｜>PRE<｜fim▁hole｜>SUF<｜fim▁end｜>',
      '<｜fim▁begin｜>#src/b.ts\nBESIDE\n#src/a.ts\nPRE<｜fim▁hole｜>SUF<｜fim▁end｜>',
    ],
    codegemma: [
      '<|fim_prefix|>PRE<|fim_suffix|>SUF<|fim_middle|>',
      'src/b.ts\nBESIDE<|file_separator|>src/a.ts\n<|fim_prefix|>PRE<|fim_suffix|>SUF<|fim_middle|>',
    ],
    'seed-coder-8b-base': [
      '<[fim-suffix]>SUF<[fim-prefix]>PRE<[fim-middle]>',
      '<[fim-suffix]>SUF<[fim-prefix]>PRE<[fim-middle]>',
    ],
    mellum: [
      '<filename>src/a.ts\n<fim_suffix>SUF<fim_prefix>PRE<fim_middle>',
      '<filename>src/b.ts\nBESIDE\n<filename>src/a.ts\n<fim_suffix>SUF<fim_prefix>PRE<fim_middle>',
    ],
  };
  for (const [name, [alone, besideAnother]] of Object.entries(prompts)) {
    it(`${name}: its tokens in its order`, () => {
      const template = fimTemplateOf([name]);
      assert.equal(template?.prompt(place), alone);
      assert.equal(template?.prompt(beside), besideAnother);
    });
  }

  it('is covered by these prompts whole', () => {
    const covered = Object.keys(prompts).map((name) => fimTemplateOf([name]));
    for (const template of fimTemplates) assert.ok(covered.includes(template), template.family);
  });

  it('says where each comes from, stops at three tokens at most, and has its own tokens among those that are never code', () => {
    for (const template of fimTemplates) {
      assert.match(template.source, /\S/);
      assert.ok(template.stop.length > 0 && template.stop.length <= 3, template.family);
      const tokens = tokensOf(template);
      const written = template.prompt(place).match(/<[^<>\s]*>|\[[A-Z]+\]/g) ?? [];
      for (const token of written) assert.ok(tokens.includes(token), `${template.family}: ${token}`);
    }
  });

  it('cuts off nothing that people write where the family is not known', () => {
    for (const text of ['</s>', '<filename>', '[PREFIX]', '+++++ a', '<eos>']) {
      assert.ok(!tokensOf(undefined).includes(text), text);
    }
    assert.ok(tokensOf(undefined).includes('<|fim_middle|>'));
  });
});
