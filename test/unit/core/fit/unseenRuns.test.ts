import assert from 'node:assert/strict';
import { readFitCase } from '../../../../bench/support/fitCases.ts';
import type { Prediction } from '../../../../bench/support/fitPrediction.ts';
import { predict } from '../../../../bench/support/fitPredictions.ts';

/** A run as people describe it: model, file type or number type, version, cards, context, flags. With what its weights take by its maker: 10^9 bytes. */
type Row = readonly [
  model: string,
  type: string | null,
  version: string | null,
  gpu: string,
  context: number | null,
  gigabytes: number,
  more?: Readonly<Record<string, unknown>>,
];

const two = { n_gpus: 2, tensor_parallel: 2 };
const four = { n_gpus: 4, tensor_parallel: 4 };
const eight = { n_gpus: 8, tensor_parallel: 8 };

/** Of all GPUs together: parameters times bytes, or the sum of the checkpoint's files; Llama 4 with a table of 10 million rotations on each. */
const vllm: readonly Row[] = [
  ['meta-llama/Llama-2-13b-chat-hf', 'float16', '0.2.1', 'NVIDIA A100 40GB', 4096, 26.03],
  ['meta-llama/Meta-Llama-3-70B-Instruct', 'bfloat16', '0.4.2', 'NVIDIA A100 80GB x4', 8192, 141.1, four],
  ['neuralmagic/Meta-Llama-3.1-70B-Instruct-FP8', 'fp8', '0.6.2', 'NVIDIA H100 80GB', 8192, 72.7, two],
  ['hugging-quants/Meta-Llama-3.1-70B-Instruct-AWQ-INT4', 'awq', '0.5.4', 'NVIDIA RTX A6000 48GB', 8192, 39.8],
  ['unsloth/Llama-3.3-70B-Instruct-bnb-4bit', 'bitsandbytes', '0.7.0', 'NVIDIA A100-SXM4-80GB', 8192, 39.5],
  ['nvidia/Llama-3.3-70B-Instruct-FP4', null, '0.11.0', 'NVIDIA RTX PRO 6000 Blackwell', 32_768, 42.7],
  ['meta-llama/Llama-4-Scout-17B-16E-Instruct', 'bfloat16', '0.9.2', 'NVIDIA H100 80GB x4', 65_536, 228.1, four],
  ['mistralai/Mistral-7B-Instruct-v0.2', 'half', '0.3.0', 'Tesla T4', 4096, 14.5, { enforce_eager: true }],
  ['TheBloke/Mixtral-8x7B-Instruct-v0.1-AWQ', 'awq', '0.2.6', 'NVIDIA GeForce RTX 4090', 4096, 24.65],
  ['mistralai/Mistral-Small-3.2-24B-Instruct-2506', 'bfloat16', '0.9.2', 'NVIDIA A100 80GB PCIe', 32_768, 48.02],
  ['mistralai/Devstral-Small-2507', null, '0.10.0', '2x NVIDIA RTX A5000', 65_536, 47.14, two],
  ['mistralai/Pixtral-12B-2409', null, '0.6.1.post2', 'NVIDIA A10', 16_384, 25.37],
  ['mistralai/Mistral-Large-Instruct-2407', 'bfloat16', '0.6.0', '8x NVIDIA A100 40GB', 32_768, 245.2, eight],
  ['Qwen/Qwen1.5-72B-Chat-GPTQ-Int4', 'gptq', '0.4.0', 'NVIDIA A100 80GB', 8192, 41.3],
  ['Qwen/Qwen2-72B-Instruct', 'bfloat16', '0.5.1', 'NVIDIA A800-SXM4-80GB x4', 32_768, 145.4, four],
  ['Qwen/Qwen2.5-Coder-32B-Instruct-GPTQ-Int8', 'gptq', '0.6.4', 'NVIDIA A40', 16_384, 35.1],
  ['cpatonn/Qwen3-Coder-30B-A3B-Instruct-AWQ-8bit', 'awq', '0.10.2', 'NVIDIA L40S', 32_768, 31.6],
  ['Qwen/QwQ-32B-AWQ', 'awq_marlin', '0.8.1', 'NVIDIA L40S', 32_768, 19.33],
  ['Qwen/Qwen2.5-VL-72B-Instruct-AWQ', 'awq', '0.8.4', '4x NVIDIA A10G', 8192, 43.0, four],
  ['Qwen/Qwen3-32B-FP8', 'fp8', '0.9.1', 'NVIDIA A100-SXM4-80GB', 40_960, 34.3],
  ['Qwen/Qwen3-235B-A22B', 'bfloat16', '0.8.5', '8x NVIDIA H100 80GB HBM3', 32_768, 470.2, eight],
  ['Qwen/Qwen3-Next-80B-A3B-Instruct', 'bfloat16', '0.11.0', 'NVIDIA H200', 262_144, 159.4, two],
  ['Qwen/Qwen3-VL-30B-A3B-Instruct-FP8', 'fp8', '0.11.0', 'NVIDIA L40S 48GB', 32_768, 32.4],
  ['Qwen/Qwen3.5-27B-FP8', 'fp8', '0.17.1', 'NVIDIA RTX PRO 6000 Blackwell', 131_072, 30.6],
  ['google/gemma-2-9b-it', 'bfloat16', '0.5.3', 'NVIDIA L4', 4096, 18.48],
  ['google/gemma-3-27b-it', 'bfloat16', '0.8.2', 'NVIDIA A100 40GB x2', 8192, 54.86, two],
  ['google/gemma-4-31B-it', null, '0.20.0', 'NVIDIA H100 80GB', 32_768, 62.5],
  ['microsoft/Phi-3-medium-4k-instruct', 'float16', '0.4.3', 'NVIDIA A100 40GB', 4096, 27.92],
  ['microsoft/Phi-3.5-vision-instruct', null, '0.6.0', 'NVIDIA A10G', 4096, 8.29],
  ['microsoft/Phi-4-mini-instruct', null, '0.8.3', 'NVIDIA GeForce RTX 4060 Ti 16GB', 32_768, 7.67],
  ['deepseek-ai/DeepSeek-R1-Distill-Qwen-32B', null, '0.7.0', 'NVIDIA GeForce RTX 4090 x4', 16_384, 65.5, four],
  ['deepseek-ai/DeepSeek-V3-0324', null, '0.8.5', 'NVIDIA H200 141GB x8', 65_536, 688, eight],
  ['deepseek-ai/deepseek-coder-33b-instruct', 'bfloat16', '0.3.3', 'NVIDIA A100 80GB', 16_384, 66.7],
  ['openai/gpt-oss-20b', null, '0.11.0', 'NVIDIA GeForce RTX 4090', 32_768, 13.8],
  ['openai/gpt-oss-120b', 'mxfp4', '0.11.0', 'NVIDIA RTX PRO 6000 Blackwell', 131_072, 65.2],
  ['zai-org/GLM-4.5-Air-FP8', 'fp8', '0.10.0', '4x NVIDIA L40S', 65_536, 108.2, four],
  ['THUDM/glm-4-9b-chat', 'float16', '0.5.0', 'Tesla V100-PCIE-32GB', 8192, 18.8],
  ['zai-org/GLM-4.6V-Flash', null, '0.13.0', 'NVIDIA GeForce RTX 5090', 32_768, 20.59],
  ['ibm-granite/granite-4.0-h-small', null, '0.11.0', 'NVIDIA A100-SXM4-80GB', 32_768, 64.4],
  ['nvidia/NVIDIA-Nemotron-Nano-9B-v2', null, '0.10.1', 'NVIDIA A10G', 32_768, 17.8],
  ['CohereForAI/c4ai-command-r-plus', null, '0.4.1', 'NVIDIA A100 80GB x4', 16_384, 207.6, four],
  ['01-ai/Yi-34B-Chat-AWQ', 'awq', '0.2.3', 'NVIDIA GeForce RTX 4090', 4096, 19.3],
  ['internlm/internlm2_5-7b-chat', null, '0.5.4', 'NVIDIA A10', 32_768, 15.48],
  ['OpenGVLab/InternVL2_5-8B', null, '0.6.5', 'NVIDIA GeForce RTX 3090', 8192, 16.15],
  ['OpenGVLab/InternVL3-78B', null, '0.8.4', 'NVIDIA H100 80GB x4', 16_384, 156.8, four],
  ['openbmb/MiniCPM-V-2_6', null, '0.6.0', 'NVIDIA GeForce RTX 3090', 4096, 16.2],
  ['tiiuae/falcon-40b-instruct', null, '0.1.3', 'NVIDIA A100 40GB', 2048, 83, four],
  ['bigcode/starcoder2-15b', null, '0.3.3', 'NVIDIA A100 40GB', 16_384, 31.9],
  ['codellama/CodeLlama-34b-Instruct-hf', null, '0.1.7', 'NVIDIA A100 80GB', 16_384, 67.5],
  ['facebook/opt-125m', null, '0.8.5', 'NVIDIA A10', 2048, 0.251],
  ['RedHatAI/Qwen2.5-VL-7B-Instruct-quantized.w8a8', null, '0.9.0', 'NVIDIA L4', 16_384, 10.2],
  ['MiniMaxAI/MiniMax-M2', 'fp8', '0.11.1', 'NVIDIA H200 x4', 131_072, 230, four],
  ['moonshotai/Moonlight-16B-A3B-Instruct', null, '0.8.5', 'NVIDIA A100 80GB', 8192, 32.5],
  ['baidu/ERNIE-4.5-21B-A3B-PT', null, '0.10.0', 'NVIDIA A100-SXM4-80GB', 32_768, 43.7],
  ['tencent/Hunyuan-A13B-Instruct-GPTQ-Int4', null, '0.9.2', 'NVIDIA RTX A6000 x2', 32_768, 43.5, two],
  ['LGAI-EXAONE/EXAONE-4.0-32B', null, '0.10.0', 'NVIDIA H100 80GB', 65_536, 64.0],
  ['ByteDance-Seed/Seed-OSS-36B-Instruct', null, '0.10.2', 'NVIDIA H100 80GB x2', 131_072, 72.3, two],
  ['HuggingFaceTB/SmolLM3-3B', 'half', '0.9.2', 'NVIDIA GeForce RTX 3060', 8192, 6.15],
  ['allenai/OLMo-2-1124-13B-Instruct', null, '0.7.2', 'NVIDIA A100 40GB', 4096, 27.4],
  ['LiquidAI/LFM2-8B-A1B', null, '0.11.0', 'NVIDIA L4', 32_768, 16.7],
  ['yentinglin/Llama-3-Taiwan-8B-Instruct', null, '0.5.0', 'NVIDIA L4', 8192, 16.06],
];

/** Of the file. */
const gguf: readonly Row[] = [
  ['Meta-Llama-3-8B-Instruct.Q5_K_M.gguf', null, 'b2800', 'NVIDIA GeForce RTX 3060', 8192, 5.73],
  ['bartowski/Qwen2.5-Coder-32B-Instruct-GGUF', 'Q4_K_M', 'b4100', 'NVIDIA GeForce RTX 3090', 16_384, 19.85],
  ['gemma-3-27b-it-Q4_K_M.gguf', null, 'b5000', 'NVIDIA GeForce RTX 3090', 8192, 16.55],
  ['Mixtral-8x7B-Instruct-v0.1 IQ3_XXS', 'IQ3_XXS', 'b2600', 'NVIDIA GeForce RTX 4090', 4096, 18.2],
  ['ggml-org/gpt-oss-120b-GGUF', 'MXFP4', 'b6800', 'NVIDIA RTX PRO 6000 Blackwell', 131_072, 63.4],
  ['DeepSeek-R1-Distill-Qwen-14B-Q6_K.gguf', null, '2025-02', 'NVIDIA GeForce RTX 4090', 8192, 12.12],
  ['granite-4.0-h-tiny-Q4_K_M.gguf', null, 'b6700', 'NVIDIA GeForce RTX 3050', 32_768, 4.23],
  ['NVIDIA-Nemotron-Nano-9B-v2-Q4_K_M.gguf', null, 'b6400', 'NVIDIA GeForce RTX 4070', 32_768, 6.53],
  ['Phi-3.5-mini-instruct Q8_0', null, 'b3700', 'NVIDIA GeForce RTX 3060', 4096, 4.06],
];
const ollama: readonly Row[] = [
  ['llama3.1:8b', null, '0.5.7', 'NVIDIA GeForce RTX 4060 Ti 16GB', 8192, 4.92],
  ['llama3.3:70b-instruct-q4_K_M', null, '0.5.4', 'NVIDIA RTX A6000', 2048, 42.5],
  ['mistral:latest', null, '0.5.1', 'NVIDIA GeForce RTX 3070', 2048, 4.37],
  ['mixtral:8x7b', null, '0.3.6', 'NVIDIA RTX A6000', 4096, 26.4],
  ['mistral-nemo', null, '0.5.1', 'NVIDIA GeForce RTX 3090', 8192, 7.07],
  ['codegemma:7b', null, '0.3.0', 'NVIDIA GeForce RTX 3090', 4096, 5.01],
  ['glm4:9b', null, '0.3.6', 'NVIDIA GeForce RTX 3090', 8192, 5.46],
  ['qwen2.5-coder:32b', null, '0.6.2', 'NVIDIA RTX A6000', 8192, 19.85],
  ['qwen3:14b', null, '0.9.0', 'NVIDIA GeForce RTX 4080', 8192, 9.28],
  ['qwen3-coder:30b', null, '0.12.6', 'NVIDIA GeForce RTX 5090', 65_536, 18.6],
  ['deepseek-r1:32b', null, '0.5.11', 'NVIDIA RTX A6000', 8192, 19.85],
  ['deepseek-r1:8b', null, '0.5.7', 'NVIDIA GeForce RTX 3090', 4096, 4.92],
  ['deepseek-r1:8b', null, '0.11.4', 'NVIDIA GeForce RTX 3090', 4096, 5.03],
  ['mistral-small:latest', null, '0.3.12', 'NVIDIA RTX A5000', 4096, 13.3],
  ['gemma2:27b', null, '0.3.0', 'NVIDIA RTX A5000', 8192, 15.63],
  ['gemma3:12b', null, '0.6.6', 'NVIDIA GeForce RTX 3090', 8192, 7.3],
  ['phi4:14b', null, '0.5.5', 'NVIDIA GeForce RTX 3090', 4096, 9.05],
  ['gpt-oss:20b', null, '0.12.3', 'NVIDIA GeForce RTX 4090', 32_768, 12.1],
  ['qwen3.5:9b', null, '0.31.0', 'NVIDIA GeForce RTX 3060', 16_384, 5.5],
  ['codellama:13b', null, '0.1.20', 'NVIDIA GeForce RTX 3090', 4096, 7.37],
  ['command-r:35b', null, '0.5.1', 'NVIDIA L40S', 8192, 18.6],
  ['minicpm-v:8b', null, '0.3.10', 'NVIDIA GeForce RTX 4090', 4096, 4.43],
  ['granite3.3:8b', null, '0.6.5', 'NVIDIA GeForce RTX 3090', 16_384, 4.94],
  [
    'hf.co/bartowski/Mistral-Small-24B-Instruct-2501-GGUF:IQ4_XS',
    null,
    '0.5.12',
    'NVIDIA GeForce RTX 4090',
    8192,
    12.76,
  ],
];

const unstated = {
  gpu_total_mib: null,
  gpu_free_mib: null,
  n_gpus: 1,
  arch: null,
  num_parallel: null,
  ubatch: null,
  batch: null,
  max_num_seqs: null,
  max_num_batched_tokens: null,
  kv_cache_type: null,
  flash_attention: null,
  gpu_memory_utilization: null,
  tensor_parallel: null,
  enforce_eager: null,
  other_flags: null,
};

function said(backend: string, [model, type, version, gpu, context, , more]: Row, flags?: string): Prediction {
  const run = { ...unstated, id: model, backend, model, quant_or_dtype: type, backend_version: version, gpu, context };
  return predict(readFitCase({ ...run, ...(flags === undefined ? {} : { other_flags: flags }), ...more }));
}

const mebibyte = 1024 ** 2;

function share(answers: readonly Prediction[], isAnswered: (answer: Prediction) => boolean): number {
  return answers.filter(isAnswered).length / answers.length;
}

/** Runs that nobody logged, of models that people use: what the planner says of what it was not calibrated with. */
describe('Runs that the planner was never shown', () => {
  describe('on vLLM', () => {
    const answers = vllm.map((row) => said('vllm', row));

    for (const [index, [model, type, , , , gigabytes, more]] of vllm.entries()) {
      it(`have the weights of ${model}${type === null ? '' : ` in ${type}`}`, () => {
        const gpus = Number(more?.['tensor_parallel'] ?? 1);
        const expected = (gigabytes * 1e9) / mebibyte / gpus;
        const weights = answers[index]?.weights_mib ?? 0;
        assert.ok(Math.abs(weights / expected - 1) < 0.04, `${weights} MiB, expected about ${Math.round(expected)}`);
      });
    }

    it('are answered, but for pools of which nothing sure is left', () => {
      assert.ok(share(answers, ({ available_kv_mib: pool }) => pool !== null) >= 0.85);
      assert.ok(share(answers, ({ verdict }) => verdict !== 'tight' && verdict !== 'unknown') >= 0.65);
    });

    it('have a pool that is smaller than what the weights leave of the card', () => {
      for (const [index, { weights_mib: weights, available_kv_mib: pool, verdict }] of answers.entries()) {
        const name = vllm[index]?.[0];
        if (weights === null || pool === null) continue;
        assert.ok(pool + weights < 0.93 * 143_000, `${name}: ${pool} and ${weights} MiB`);
        if (pool <= 0) assert.equal(verdict, 'fails', name);
      }
    });
  });

  describe('of GGUF files', () => {
    const answers = [
      ...gguf.map((row) => said('llama.cpp', row, '-ngl 99')),
      ...ollama.map((row) => said('ollama', row)),
    ];

    for (const [index, [model, , , , , gigabytes]] of [...gguf, ...ollama].entries()) {
      it(`have the weights of ${model}`, () => {
        // Without the token embedding, or with a second copy of it.
        const weights = ((answers[index]?.weights_mib ?? 0) * mebibyte) / 1e9;
        assert.ok(weights > 0.88 * gigabytes && weights < 1.06 * gigabytes, `${weights} of ${gigabytes}`);
      });
    }

    it('are answered', () => {
      for (const figure of ['kv_mib', 'compute_mib', 'total_mib'] as const)
        assert.ok(share(answers, (answer) => answer[figure] !== null) >= 0.9, figure);
      assert.ok(share(answers, ({ verdict }) => verdict !== 'tight' && verdict !== 'unknown') >= 0.65);
    });
  });
});
