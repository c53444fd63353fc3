import assert from 'node:assert/strict';
import fc from 'fast-check';
import { knownModel } from '../../../../src/core/fit/catalogue.ts';
import type { FactsReading } from '../../../../src/core/fit/factsReading.ts';
import { factsOfGguf } from '../../../../src/core/fit/ggufFacts.ts';
import { checkpointBytesOfIndex, factsOfConfig, schemeOfConfig } from '../../../../src/core/fit/huggingFaceFacts.ts';
import { cacheBytes, type CacheSettings } from '../../../../src/core/fit/kvCache.ts';
import { estimateLlamaCpp, gpuWeightBytes } from '../../../../src/core/fit/llamaCpp.ts';
import type { ModelFacts } from '../../../../src/core/fit/modelFacts.ts';
import { factsOfOllamaShow } from '../../../../src/core/fit/ollamaFacts.ts';
import { readGguf } from '../../../../src/core/gguf/ggufReader.ts';
import { ggufBytes, text, tinyLlama, u32, u64, type GgufTensorSpec } from './ggufBytes.ts';

/** Random inputs for each reader; `A2IA_FUZZ_RUNS=20000` for a long look. */
const runs = Number(process.env['A2IA_FUZZ_RUNS'] ?? 500);

const settings: CacheSettings = {
  contextTokens: 8192,
  sequences: 1,
  batchTokens: 512,
  keyType: 'f16',
  valueType: 'f16',
};

function factsOf(reading: FactsReading): ModelFacts {
  assert.ok(reading.outcome === 'facts', JSON.stringify(reading));
  return reading.facts;
}

function problemOf(reading: FactsReading): string {
  assert.ok(reading.outcome === 'unusable', 'it was accepted');
  return reading.problem;
}

function read(bytes: Buffer): FactsReading {
  const reading = readGguf(bytes);
  assert.ok(reading.outcome === 'read', JSON.stringify(reading));
  return factsOfGguf(reading.file);
}

const llama = { ...tinyLlama, 'general.name': 'Tiny' } as const;
const tensors: readonly GgufTensorSpec[] = [
  { name: 'token_embd.weight', dimensions: [256, 1000], type: 8 },
  { name: 'blk.0.attn_q.weight', dimensions: [256, 256], type: 12 },
  { name: 'blk.0.ffn_gate_exps.weight', dimensions: [256, 512, 4], type: 12 },
  { name: 'blk.1.attn_norm.weight', dimensions: [256], type: 0 },
  { name: 'v.patch_embd.weight', dimensions: [16, 16], type: 1 },
];

describe('Facts of a GGUF head', () => {
  it('are the shape by its keys and the bytes by its tensors', () => {
    const facts = factsOf(read(ggufBytes(llama, tensors)));
    assert.equal(facts.name, 'Tiny');
    assert.equal(facts.vocabularySize, 1000);
    assert.equal(facts.tiedEmbeddings, true);
    assert.deepEqual(facts.doubts, []);
    assert.deepEqual(facts.layers[1], {
      mixer: { kind: 'attention', heads: 8, kvHeads: 2, keyLength: 32, valueLength: 32 },
      feedForward: { kind: 'dense', width: 512, gated: true },
    });
    assert.deepEqual(facts.weights, {
      tokenEmbedding: (256_000 / 32) * 34,
      perLayerInputs: 0,
      output: 0,
      layers: [
        { dense: 256 * 144, experts: 2048 * 144 },
        { dense: 1024, experts: 0 },
      ],
      encoder: 512,
      largestTensor: 2048 * 144,
    });
    // The embedding is tied, so the GPU has a copy of it.
    assert.equal(gpuWeightBytes(facts, facts.weights ?? assert.fail()), 272_000 + 256 * 144 + 2048 * 144 + 1024);
  });

  it('take one number for each layer, and none for layers without attention', () => {
    const values = { ...llama, 'general.architecture': 'deci' };
    const renamed = Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key.replace('llama.', 'deci.'), value]),
    );
    const facts = factsOf(read(ggufBytes({ ...renamed, 'deci.attention.head_count_kv': [2, 0] }, tensors)));
    assert.deepEqual(
      facts.layers.map(({ mixer }) => mixer.kind),
      ['attention', 'none'],
    );
    assert.equal(cacheBytes(facts, settings), 8192 * 2 * 2 * 32 * 2);
  });

  it('have the windows that llama.cpp gives a family', () => {
    const gemma = {
      'general.architecture': 'gemma3',
      'gemma3.block_count': 12,
      'gemma3.embedding_length': 256,
      'gemma3.feed_forward_length': 512,
      'gemma3.attention.head_count': 4,
      'gemma3.attention.sliding_window': 1024,
    };
    const facts = factsOf(read(ggufBytes(gemma, tensors)));
    const full = facts.layers.flatMap(({ mixer }, index) =>
      mixer.kind === 'attention' && mixer.windowTokens === undefined ? [index] : [],
    );
    assert.deepEqual(full, [5, 11]);
  });

  it('have three recurrent layers to a full one in Qwen’s hybrids, with the state of the catalogue', () => {
    const hybrid = {
      'general.architecture': 'qwen35',
      'qwen35.block_count': 33,
      'qwen35.nextn_predict_layers': 1,
      'qwen35.embedding_length': 4096,
      'qwen35.feed_forward_length': 12_288,
      'qwen35.attention.head_count': 16,
      'qwen35.attention.head_count_kv': 4,
      'qwen35.attention.key_length': 256,
      'qwen35.attention.value_length': 256,
      'qwen35.full_attention_interval': 4,
      'qwen35.ssm.conv_kernel': 4,
      'qwen35.ssm.state_size': 128,
      'qwen35.ssm.group_count': 16,
      'qwen35.ssm.time_step_rank': 32,
      'qwen35.ssm.inner_size': 4096,
    };
    const facts = factsOf(read(ggufBytes(hybrid, tensors)));
    const known = knownModel('qwen3.5-9b') ?? assert.fail();
    assert.equal(cacheBytes(facts, settings), cacheBytes(known, settings));
    const state = (model: ModelFacts) =>
      estimateLlamaCpp(model, { ...settings, build: {}, flashAttention: true, gpus: 1 }).state.bytes;
    assert.equal(state(facts), state(known));
  });

  it('are a bound for an architecture that nobody knows, and say so', () => {
    const values = { ...llama, 'general.architecture': 'llama99' };
    const renamed = Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key.replace('llama.', 'llama99.'), value]),
    );
    const facts = factsOf(read(ggufBytes({ ...renamed, 'llama99.attention.sliding_window': 128 }, tensors)));
    assert.match(facts.doubts.join(), /“llama99” is not known/);
    const { cache } = estimateLlamaCpp(facts, { ...settings, build: {}, flashAttention: true, gpus: 1 });
    assert.equal(cache.origin, 'bound');
    assert.equal(cache.lowBytes, 0);
    assert.equal(cache.highBytes, 2 * 8192 * 2 * 2 * 32 * 2);
  });

  it('measure a tensor of an unknown type by the distance to the next', () => {
    const facts = factsOf(
      read(ggufBytes(llama, [{ name: 'blk.0.ffn_up.weight', dimensions: [256, 2], type: 250 }, ...tensors])),
    );
    assert.equal(facts.weights?.layers[0]?.dense, 64 * 1024 + 256 * 144);
  });

  it('refuse what cannot be', () => {
    const without = (key: string) => Object.fromEntries(Object.entries(llama).filter(([name]) => name !== key));
    assert.match(problemOf(read(ggufBytes(without('llama.block_count'), tensors))), /number of layers/);
    assert.match(problemOf(read(ggufBytes({ ...llama, 'llama.block_count': 1_000_000 }, tensors))), /impossible/);
    assert.match(
      problemOf(read(ggufBytes({ ...llama, 'llama.attention.head_count': 4_000_000_000 }, tensors))),
      /impossible/,
    );
    assert.match(
      problemOf(read(ggufBytes({ ...llama, 'general.architecture': '../../etc' }, tensors))),
      /architecture/,
    );
    assert.match(problemOf(read(ggufBytes(llama, []))), /vocabulary/);
  });

  it('end in an outcome whatever a file claims', () => {
    const start = [Buffer.from('GGUF'), u32(3)];
    const huge = Buffer.alloc(8, 0xff);
    const billions = u64(1_000_000_000);
    for (const claim of [
      Buffer.concat([...start, huge, huge]),
      Buffer.concat([...start, billions, u64(0), Buffer.alloc(1024)]),
      Buffer.concat([...start, u64(0), billions, Buffer.alloc(1024)]),
      Buffer.concat([...start, u64(0), u64(1), text('a'), u32(8), u64(4 * 1024 ** 3)]),
      Buffer.concat([...start, u64(0), u64(1), text('a'), u32(9), u32(6), billions, Buffer.alloc(1024)]),
    ]) {
      assert.notEqual(readGguf(claim).outcome, 'read');
    }
    const many = Buffer.concat([...start, u64(300_000), u64(0), Buffer.alloc(300_000 * 24)]);
    assert.equal(readGguf(many).outcome, 'invalid');
  });

  it('never throw, whatever is changed in a file', () => {
    const whole = ggufBytes({ ...llama, 'tokenizer.ggml.tokens': { tokens: 20 } }, tensors);
    const change = fc.record({ at: fc.nat(whole.length - 1), bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), fc.nat(whole.length), (changes, length) => {
        const changed = Buffer.from(whole);
        for (const { at, bytes } of changes) changed.set(bytes.subarray(0, changed.length - at), at);
        const reading = readGguf(length % 3 === 0 ? changed.subarray(0, length) : changed);
        if (reading.outcome === 'read') planned(factsOfGguf(reading.file));
      }),
      { numRuns: runs },
    );
  });
});

describe('Facts of Ollama’s show', () => {
  const info = {
    'general.architecture': 'qwen2',
    'qwen2.block_count': 28,
    'qwen2.context_length': 32_768,
    'qwen2.embedding_length': 3584,
    'qwen2.feed_forward_length': 18_944,
    'qwen2.attention.head_count': 28,
    'qwen2.attention.head_count_kv': 4,
    'qwen2.vocab_size': 152_064,
  };

  it('are those of the catalogue', () => {
    const facts = factsOf(factsOfOllamaShow({ model_info: info }));
    const known = knownModel('qwen2.5:7b') ?? assert.fail();
    assert.equal(cacheBytes(facts, settings), cacheBytes(known, settings));
    assert.equal(facts.weights, undefined);
  });

  it('share out what the file has among tensors whose type Ollama does not name', () => {
    const list = [
      { name: 'token_embd.weight', type: 'Q8_0', shape: [3584, 32] },
      { name: 'output.weight', type: 'unknown', shape: [3584, 32] },
      { name: 'blk.0.ffn_up.weight', type: 'unknown', shape: [3584, 96] },
    ];
    const known = ((3584 * 32) / 32) * 34;
    const facts = factsOf(factsOfOllamaShow({ model_info: info, tensors: list }, known + 4000));
    assert.equal(facts.weights?.output, 1000);
    assert.equal(facts.weights?.layers[0]?.dense, 3000);
    assert.equal(facts.tiedEmbeddings, false);
    assert.match(problemOf(factsOfOllamaShow({ model_info: info, tensors: list })), /unknown type/);
  });

  it('ask for a verbose answer where lists are left out', () => {
    assert.match(
      problemOf(factsOfOllamaShow({ model_info: { ...info, 'qwen2.attention.head_count_kv': null } })),
      /verbose/,
    );
  });

  it('never throw', () => {
    const keys = Object.keys(info);
    const noise = fc.dictionary(fc.constantFrom(...keys), fc.oneof(fc.jsonValue(), fc.integer(), fc.double()));
    const tensor = fc.record({
      name: fc.constantFrom('blk.0.a', 'blk.9999.b', 'output.weight', ''),
      type: fc.constantFrom('Q4_K', 'unknown', 'F16'),
      shape: fc.jsonValue(),
    });
    fc.assert(
      fc.property(noise, fc.oneof(fc.array(tensor), fc.jsonValue()), fc.option(fc.double()), (changes, list, size) => {
        planned(factsOfOllamaShow({ model_info: { ...info, ...changes }, tensors: list }, size ?? undefined));
      }),
      { numRuns: runs },
    );
    for (const answer of [null, undefined, 1, 'text', [], {}, { model_info: [] }]) problemOf(factsOfOllamaShow(answer));
  });
});

describe('Facts of a config.json', () => {
  const qwen = {
    architectures: ['Qwen3ForCausalLM'],
    model_type: 'qwen3',
    hidden_size: 4096,
    intermediate_size: 12_288,
    num_hidden_layers: 36,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    head_dim: 128,
    vocab_size: 151_936,
    max_position_embeddings: 40_960,
    tie_word_embeddings: false,
    torch_dtype: 'bfloat16',
  };

  it('are those of the catalogue', () => {
    const facts = factsOf(factsOfConfig(qwen));
    const known = knownModel('qwen3-8b') ?? assert.fail();
    assert.deepEqual(facts.layers, known.layers);
    assert.deepEqual(facts.doubts, []);
  });

  it('are found inside a multimodal one, with its kinds of layers', () => {
    const text = {
      model_type: 'qwen3_5_text',
      hidden_size: 5120,
      intermediate_size: 17_408,
      num_hidden_layers: 64,
      num_attention_heads: 24,
      num_key_value_heads: 4,
      head_dim: 256,
      attn_output_gate: true,
      full_attention_interval: 4,
      linear_num_key_heads: 16,
      linear_num_value_heads: 48,
      linear_key_head_dim: 128,
      linear_value_head_dim: 128,
      linear_conv_kernel_dim: 4,
      vocab_size: 248_320,
    };
    const facts = factsOf(
      factsOfConfig({ architectures: ['Qwen3_5ForConditionalGeneration'], model_type: 'qwen3_5', text_config: text }),
    );
    assert.deepEqual(facts.layers, knownModel('qwen3.5-27b')?.layers);
  });

  it('know latent attention and experts', () => {
    const deepseek = {
      architectures: ['DeepseekV2ForCausalLM'],
      model_type: 'deepseek_v2',
      hidden_size: 2048,
      intermediate_size: 10_944,
      moe_intermediate_size: 1408,
      num_hidden_layers: 27,
      num_attention_heads: 16,
      kv_lora_rank: 512,
      q_lora_rank: null,
      qk_rope_head_dim: 64,
      qk_nope_head_dim: 128,
      v_head_dim: 128,
      n_routed_experts: 64,
      n_shared_experts: 2,
      num_experts_per_tok: 6,
      first_k_dense_replace: 1,
      vocab_size: 102_400,
    };
    assert.deepEqual(factsOf(factsOfConfig(deepseek)).layers, knownModel('deepseek-v2-lite')?.layers);
  });

  it('are a bound for a type that nobody knows', () => {
    const facts = factsOf(factsOfConfig({ ...qwen, model_type: 'qwen99' }));
    assert.match(facts.doubts.join(), /“qwen99” is not known/);
  });

  it('say how the checkpoint is stored', () => {
    const stored = (quantization_config: unknown) => schemeOfConfig({ ...qwen, quantization_config });
    assert.deepEqual(schemeOfConfig(qwen), { kind: 'plain', bytes: 2 });
    assert.deepEqual(stored({ quant_method: 'awq', bits: 4 }), { kind: 'awq' });
    assert.deepEqual(
      stored({ quant_method: 'compressed-tensors', config_groups: { a: { weights: { num_bits: 8, type: 'int' } } } }),
      { kind: 'int8' },
    );
    assert.deepEqual(
      stored({ quant_method: 'compressed-tensors', config_groups: { a: { weights: { num_bits: 4, type: 'int' } } } }),
      { kind: 'w4a16' },
    );
    assert.equal(stored({ quant_method: 'something new' }), undefined);
    assert.equal(stored({ quant_method: 'compressed-tensors' }), undefined);
    assert.equal(schemeOfConfig('text'), undefined);
    assert.equal(checkpointBytesOfIndex({ metadata: { total_size: 16_000 } }), 16_000);
    for (const index of [
      null,
      {},
      { metadata: null },
      { metadata: { total_size: -1 } },
      { metadata: { total_size: '1 GB' } },
    ]) {
      assert.equal(checkpointBytesOfIndex(index), undefined);
    }
  });

  it('never throw', () => {
    const noise = fc.dictionary(
      fc.constantFrom(
        ...Object.keys(qwen),
        'layer_types',
        'kv_lora_rank',
        'num_experts',
        'text_config',
        'thinker_config',
        'sliding_window',
        'quantization_config',
      ),
      fc.oneof(fc.jsonValue(), fc.integer(), fc.double()),
    );
    fc.assert(
      fc.property(noise, (changes) => {
        planned(factsOfConfig({ ...qwen, ...changes }));
        schemeOfConfig({ ...qwen, ...changes });
        checkpointBytesOfIndex(changes);
      }),
      { numRuns: runs },
    );
    for (const config of [null, 1, 'text', [], {}]) problemOf(factsOfConfig(config));
  });
});

/** Whatever facts come out of nonsense, planning with them ends. */
function planned(reading: FactsReading): void {
  if (reading.outcome === 'unusable') assert.ok(reading.problem.length > 0);
  else estimateLlamaCpp(reading.facts, { ...settings, build: {}, flashAttention: true, gpus: 2 });
}
