import { amount, condition, type KnownFailure } from './knownFailure.ts';
import { countOf, deviceOf, set, shareOf, sizeOf } from './loadFacts.ts';
import { matrixOf } from './modelKnowledge.ts';
import { budget, budgetCondition, freeAtStart, inUse, left, total, weights, weightsToLoad } from './vllmAmounts.ts';

const torchText = 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate';
/** Also of AMD's and Intel's builds of PyTorch, and from before 2024 (`torch.cuda.OutOfMemoryError`). */
const torch = {
  servers: ['vllm'],
  marks: ['out of memory. Tried to allocate', 'Error: CUDA error: out of memory'],
  // llama.cpp says "CUDA error: out of memory" too, without a name of the exception.
  pattern: /(?:CUDA|HIP|XPU) out of memory\. Tried to allocate|Error: CUDA error: out of memory/,
  isMemory: true,
  isOfOthersToo: true,
} as const;

export const vllmFailures: readonly KnownFailure[] = [
  {
    id: 'vllm-free-below-budget',
    servers: ['vllm'],
    title: 'Less is free than vLLM shall use',
    texts: [
      'ValueError: Free memory on device cuda:0 (7.34/11.60 GiB) on startup is less than desired GPU memory utilization (0.9, 10.44 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.',
      'ValueError: Free memory on device (7.34/139.72 GiB) on startup is less than desired GPU memory utilization (0.9, 125.75 GiB).',
    ],
    marks: ['less than desired GPU memory utilization'],
    pattern:
      /Free memory on device (?:\S{1,20} )?\(([\d.]{1,10})\/([\d.]{1,10}) GiB\) on startup is less than desired GPU memory utilization(?: \(([\d.]{1,8}), ([\d.]{1,10}) GiB\))?/,
    read: ([, free, total, utilization, budget], facts) => {
      const gpu = deviceOf(facts, 'GPU 0', false);
      set(gpu, 'freeBytes', sizeOf(free, 'G'));
      set(gpu, 'totalBytes', sizeOf(total, 'G'));
      set(facts.vllm, 'utilization', shareOf(utilization));
      set(facts.vllm, 'budgetBytes', sizeOf(budget, 'G'));
    },
    weight: 'specific',
    isMemory: true,
    inequality: 'utilization × memory of the GPU > free at the start',
    condition: (facts) => condition([budget(facts)], freeAtStart(facts)),
    because:
      'vLLM takes its whole share of the GPU at once and looks first whether that much is free; other programs, or an earlier vLLM that still runs, hold the rest',
    remedies: ['freeGpu', 'utilizationDown', 'dropCaches'],
  },
  {
    id: 'vllm-context-above-cache',
    servers: ['vllm'],
    title: 'One request of the whole context does not fit into the KV cache',
    texts: [
      "ValueError: To serve at least one request with the models's max seq len (32768), (4.0 GiB KV cache is needed, which is larger than the available KV cache memory (2.83 GiB). Based on the available memory, the estimated maximum model length is 23184. Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine.",
      "ValueError: To serve at least one request with the model's max seq len (196608), 23.25 GiB KV cache is needed, which is larger than the available KV cache memory (22.5 GiB).",
      "ValueError: The model's max seq len (32768) is larger than the maximum number of tokens that can be stored in KV cache (27296). Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine.",
    ],
    marks: ['KV cache is needed, which is larger', 'that can be stored in KV cache'],
    pattern:
      /(?:max seq len \(?([\d,]{1,12})\)?[^\d]{1,8})?([\d.]{1,10}) GiB KV cache is needed, which is larger than the available KV cache memory(?: \(([\d.]{1,10}) GiB\))?(?:.{0,80}?estimated maximum model length is ([\d,]{1,12}))?|max seq len \(([\d,]{1,12})\) is larger than the maximum number of tokens that can be stored in KV cache \(([\d,]{1,12})\)/,
    read: ([, context, needed, available, estimated, oldContext, oldTokens], facts) => {
      set(facts, 'contextTokens', countOf(context) ?? countOf(oldContext));
      set(facts.vllm, 'neededCacheBytes', sizeOf(needed, 'G'));
      set(facts.vllm, 'availableCacheBytes', sizeOf(available, 'G'));
      set(facts.vllm, 'estimatedTokens', countOf(estimated) ?? countOf(oldTokens));
      set(facts.vllm, 'cacheTokens', countOf(oldTokens));
    },
    weight: 'specific',
    isMemory: true,
    inequality: 'KV cache of one request of max_model_len > KV cache that is left',
    condition: (facts) => {
      const { neededCacheBytes, availableCacheBytes, cacheTokens } = facts.vllm;
      return neededCacheBytes === undefined && cacheTokens !== undefined
        ? {
            need: [{ label: 'context', tokens: facts.contextTokens ?? 0 }],
            have: { label: 'what the KV cache holds', tokens: cacheTokens },
          }
        : condition(
            [amount('KV cache of one request', neededCacheBytes)],
            amount('KV cache that is left', availableCacheBytes),
          );
    },
    because: ({ contextTokens }) =>
      `vLLM keeps room for one request of the whole context${contextTokens ? ` of ${tokens(contextTokens)} tokens` : ''}, which is the longest that the model was made for unless one says less`,
    remedies: ['maxModelLen', 'cacheFp8', 'utilizationUp', 'maxSequences', 'eager', 'quantized', 'tensorParallel'],
  },
  {
    id: 'vllm-cannot-auto-fit',
    servers: ['vllm'],
    title: 'No context at all fits',
    texts: ['ValueError: Cannot auto-fit max_model_len: not enough GPU memory available to serve even a single token.'],
    marks: ['Cannot auto-fit max_model_len'],
    pattern: /Cannot auto-fit max_model_len/,
    weight: 'specific',
    isMemory: true,
    inequality: 'weights + activations + process > utilization × memory of the GPU',
    condition: budgetCondition,
    because: 'nothing is left for the KV cache, so that a shorter context does not help either',
    remedies: ['utilizationUp', 'maxSequences', 'maxBatchedTokens', 'eager', 'quantized', 'tensorParallel'],
  },
  {
    id: 'vllm-no-cache-left',
    servers: ['vllm'],
    title: 'Nothing is left for the KV cache',
    texts: [
      'ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.',
    ],
    marks: ['No available memory for the cache blocks', 'blocks: 0'],
    pattern: /No available memory for the cache blocks|# (?:cuda|GPU) blocks: 0\b/,
    weight: 'specific',
    isMemory: true,
    inequality: 'weights + activations + process > utilization × memory of the GPU',
    condition: budgetCondition,
    because: ({ vllm: { utilization } }) =>
      `what the model takes by itself is more than the share of the GPU that vLLM may use${utilization === undefined ? '' : ` (${utilization})`}`,
    remedies: ['utilizationUp', 'maxSequences', 'maxBatchedTokens', 'eager', 'quantized', 'tensorParallel'],
    inVain: 'A lower utilization makes the share smaller: it never helps a model that is too large.',
  },
  {
    id: 'vllm-sampler',
    servers: ['vllm'],
    title: 'The first sampling does not fit beside the KV cache',
    texts: [
      'RuntimeError: CUDA out of memory occurred when warming up sampler with 1024 dummy requests. Please try lowering `max_num_seqs` or `gpu_memory_utilization` when initializing the engine.',
    ],
    marks: ['when warming up sampler'],
    pattern: /out of memory occurred when warming up sampler with (\d{1,6}) dummy requests/,
    read: ([, sequences], facts) => set(facts.vllm, 'maxSequences', countOf(sequences)),
    weight: 'specific',
    isMemory: true,
    inequality: 'scores of all requests at once > what the KV cache left free',
    condition: (facts) => condition([amount('scores of the vocabulary', facts.requested?.bytes)], left(facts)),
    because: ({ vllm: { maxSequences } }) =>
      `the KV cache took the whole share first, and vLLM then tries out ${maxSequences ?? 'max_num_seqs'} requests at the same time, each of which needs a score for every word of the vocabulary`,
    remedies: ['maxSequences', 'utilizationDown'],
  },
  {
    ...torch,
    id: 'vllm-graphs',
    title: 'The CUDA graphs do not fit beside the KV cache',
    texts: [
      `${torchText} 20.00 MiB. GPU 0 has a total capacity of 11.60 GiB of which 14.25 MiB is free. (in capture_model)`,
    ],
    phase: 'capture',
    weight: 'specific',
    inequality: 'KV cache + CUDA graphs > what the GPU has free',
    condition: (facts) => condition([amount('the next piece of the CUDA graphs', facts.requested?.bytes)], left(facts)),
    because:
      'until 0.20 vLLM does not count the CUDA graphs when it sizes the KV cache: they need what the share leaves of the GPU',
    remedies: ['eager', 'maxSequences', 'utilizationDown'],
  },
  {
    ...torch,
    id: 'vllm-activations',
    title: 'The activations of the trial run do not fit beside the weights',
    texts: [
      `${torchText} 1.16 GiB. GPU 0 has a total capacity of 23.57 GiB of which 605.88 MiB is free. (in profile_run)`,
    ],
    phase: 'profile',
    weight: 'specific',
    inequality: 'weights + activations > memory of the GPU',
    condition: (facts) =>
      condition(
        [weights(facts), amount('one part of the activations', facts.requested?.bytes)],
        total(facts) ?? left(facts),
      ),
    because:
      'vLLM runs the largest batch and the most requests that it may get, before it sizes the KV cache; both are set for large cards',
    remedies: ['maxBatchedTokens', 'maxSequences', 'quantized', 'tensorParallel', 'freeGpu'],
  },
  {
    ...torch,
    id: 'vllm-warm-up',
    title: 'The warm-up does not fit beside the KV cache',
    texts: [
      `${torchText} 1.74 GiB. GPU 1 has a total capacity of 23.57 GiB of which 605.88 MiB is free. (in compile_or_warm_up_model)`,
    ],
    phase: 'warmUp',
    weight: 'specific',
    inequality: 'scores of all requests at once > what the KV cache left free',
    condition: (facts) => condition([amount('the next piece', facts.requested?.bytes)], left(facts)),
    because: 'the KV cache has taken the whole share already, and the first run needs memory beside it',
    remedies: ['maxSequences', 'utilizationDown', 'eager'],
  },
  {
    ...torch,
    id: 'vllm-weights',
    title: 'The weights do not fit on the GPU',
    texts: [
      `${torchText} 224.00 MiB. GPU 0 has a total capacity of 11.53 GiB of which 187.75 MiB is free. Including non-PyTorch memory, this process has 11.33 GiB memory in use. (in create_weights or load_model)`,
    ],
    phase: 'load',
    weight: 'specific',
    inequality: 'weights > memory of the GPU',
    condition: (facts) => condition([weightsToLoad(facts)], total(facts) ?? left(facts)),
    because: (facts) => {
      const matrix = matrixOf(facts);
      return `the weights alone are larger than what the GPU has${matrix ? `: it ended at ${matrix}` : ''}`;
    },
    remedies: ['quantized', 'smallerModel', 'tensorParallel', 'otherBackend', 'freeGpu', 'cpuOffload'],
    inVain:
      'Utilization, context, number of requests and swap space do not change the weights: none of them helps here.',
  },
  {
    ...torch,
    id: 'vllm-running',
    title: 'Memory ran out while a request was answered',
    texts: [
      `${torchText} 50.00 MiB. GPU 0 has a total capacity of 23.56 GiB of which 56.88 MiB is free. (in execute_model)`,
    ],
    phase: 'run',
    weight: 'specific',
    inequality: 'what the request needs beside the KV cache > free',
    condition: (facts) => condition([amount('what the request asked for', facts.requested?.bytes)], left(facts)),
    because:
      'the share that vLLM took leaves too little for what grows while it runs: long prompts, pictures, other programs on the GPU',
    remedies: ['utilizationDown', 'maxBatchedTokens', 'maxSequences', 'freeGpu', 'fragmentation'],
  },
  {
    ...torch,
    id: 'vllm-somewhere',
    title: 'The GPU has no memory left (PyTorch)',
    texts: [
      `${torchText} 518.00 MiB. GPU 0 has a total capacity of 21.67 GiB of which 4.06 MiB is free.`,
      'torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 224.00 MiB (GPU 0; 10.73 GiB total capacity; 9.85 GiB already allocated; 46.44 MiB free; 9.86 GiB reserved in total by PyTorch)',
    ],
    weight: 'general',
    inequality: 'in use + the next piece > memory of the GPU',
    condition: (facts) =>
      condition(
        [inUse(facts), amount('the next piece', facts.requested?.bytes)],
        total(facts) ?? amount('memory of the GPU', undefined),
      ),
    because:
      'the GPU is full; the log does not show where in its start vLLM was, which the lines above this one would say',
    remedies: ['freeGpu', 'quantized', 'maxSequences', 'maxBatchedTokens', 'fragmentation'],
  },
  {
    id: 'vllm-profiling-disturbed',
    servers: ['vllm'],
    title: 'Another program changed its memory while vLLM measured',
    texts: [
      'AssertionError: Error in memory profiling. Initial free memory 10.90 GiB, current free memory 11.20 GiB. This happens when other processes sharing the same container release GPU memory while vLLM is profiling during initialization.',
    ],
    marks: ['Error in memory profiling'],
    pattern:
      /Error in memory profiling\.(?: Initial free memory ([\d.]{1,12})(?: GiB)?, current free memory ([\d.]{1,12}))?/,
    weight: 'specific',
    isMemory: true,
    because: 'it sizes the KV cache by what is free before and after, and another program gave memory back in between',
    remedies: ['freeGpu', 'startAgain'],
  },
  {
    id: 'vllm-context-above-model',
    servers: ['vllm'],
    title: 'The context is longer than the model takes',
    texts: [
      "ValueError: User-specified max_model_len (65536) is greater than the derived max_model_len (max_position_embeddings=32768 or model_max_length=None in model's config.json).",
    ],
    marks: ['is greater than the derived max_model_len'],
    pattern: /max_model_len \((\d{1,9})\) is greater than the derived max_model_len \(\w{1,60}=([\d.]{1,12})/,
    read: ([, context, model], facts) => {
      set(facts, 'contextTokens', countOf(context));
      set(facts.vllm, 'modelContextTokens', Math.floor(Number(model)) || undefined);
    },
    weight: 'specific',
    isMemory: false,
    because: 'the model’s configuration says how long a text it was made for, and vLLM takes no more than that',
    remedies: ['modelContext'],
  },
  {
    id: 'vllm-batch-below-context',
    servers: ['vllm'],
    title: 'A batch is shorter than the context',
    texts: [
      'ValueError: max_num_batched_tokens (2048) is smaller than max_model_len (4096). This effectively limits the maximum sequence length to max_num_batched_tokens and makes vLLM reject longer sequences.',
    ],
    marks: ['is smaller than max_model_len'],
    pattern: /max_num_batched_tokens \((\d{1,9})\) is smaller than max_model_len \((\d{1,9})\)/,
    read: ([, batch, context], facts) => {
      set(facts.vllm, 'maxBatchedTokens', countOf(batch));
      set(facts, 'contextTokens', countOf(context));
    },
    weight: 'specific',
    isMemory: false,
    because: 'without chunked prefill a prompt has to fit into one batch',
    remedies: ['batchAsContext'],
  },
  {
    id: 'vllm-bfloat16',
    servers: ['vllm'],
    title: 'The card does not know bfloat16',
    texts: [
      'ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Tesla T4 GPU has compute capability 7.5. You can use float16 instead by explicitly setting the `dtype` flag in CLI, for example: --dtype=half.',
    ],
    marks: ['Bfloat16 is only supported'],
    pattern: /Bfloat16 is only supported on GPUs with compute capability of at least/,
    weight: 'specific',
    isMemory: false,
    because: 'the card is older than Ampere (2020), and the checkpoint is stored in bfloat16',
    remedies: ['dtypeHalf'],
  },
  {
    id: 'vllm-quantization-dtype',
    servers: ['vllm'],
    title: 'The quantization wants another number format',
    texts: [
      'ValueError: torch.bfloat16 is not supported for quantization method awq. Supported dtypes: [torch.float16]',
    ],
    marks: ['is not supported for quantization method'],
    pattern: /torch\.\w{1,20} is not supported for quantization method \w{1,30}/,
    weight: 'specific',
    isMemory: false,
    because: 'its kernels compute in 16-bit floats only',
    remedies: ['dtypeHalf'],
  },
  {
    id: 'vllm-heads',
    servers: ['vllm'],
    title: 'The model cannot be split over that many GPUs',
    texts: ['ValueError: Total number of attention heads (40) must be divisible by tensor parallel size (3).'],
    marks: ['must be divisible by tensor parallel size'],
    pattern: /attention heads \((\d{1,5})\) must be divisible by tensor parallel size \((\d{1,3})\)/,
    read: ([, heads, size], { vllm }) => {
      set(vllm, 'heads', countOf(heads));
      set(vllm, 'tensorParallel', countOf(size));
    },
    weight: 'specific',
    isMemory: false,
    because: 'each GPU gets whole attention heads, the same number of them',
    remedies: ['divisibleParallel'],
  },
  {
    id: 'vllm-swap-space',
    servers: ['vllm'],
    title: 'The swap space is larger than the RAM',
    texts: [
      'ValueError: Too large swap space. 16.00 GiB out of the 15.47 GiB total CPU memory is allocated for the swap space.',
    ],
    marks: ['Too large swap space'],
    pattern: /Too large swap space/,
    weight: 'specific',
    isMemory: true,
    because: 'that much RAM is not there; swap space does not help the GPU anyway, and since 2025 vLLM does without it',
    remedies: ['noSwapSpace'],
  },
  {
    id: 'vllm-wrapper',
    servers: ['vllm'],
    title: 'vLLM’s engine did not start; why stands further up',
    texts: [
      'RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}',
      'ERROR EngineCore failed to start.',
      'vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. See stack trace (above) for the root cause.',
    ],
    marks: [
      'Engine core initialization failed',
      'EngineCore failed to start',
      'EngineCore encountered an issue',
      'WorkerProc initialization failed',
      'Engine process failed to start',
    ],
    pattern:
      /Engine core initialization failed|EngineCore failed to start|EngineCore encountered an issue|WorkerProc initialization failed|Engine process failed to start/,
    weight: 'wrapper',
    isMemory: false,
    because: 'this text only says that the part that does the work has ended: its own error stands above it',
    remedies: ['wholeLog'],
  },
];

function tokens(count: number): string {
  return count.toLocaleString('en');
}
