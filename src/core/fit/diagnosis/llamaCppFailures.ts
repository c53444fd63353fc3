import { amount, condition, type Amount, type KnownFailure } from './knownFailure.ts';
import {
  countOf,
  failingGpu,
  gpuMemory,
  hostPartBytes,
  partBytes,
  set,
  sizeText,
  type LoadFacts,
  type Part,
} from './loadFacts.ts';

/** Ollama runs llama.cpp, so their texts are one list. The kinds of text that llama.cpp prints first, whatever it was that did not fit, come after those that say it. */
const both = ['ollama', 'llama.cpp'] as const;

export const llamaCppFailures: readonly KnownFailure[] = [
  {
    id: 'llama-weights',
    servers: both,
    title: 'The weights do not fit on the GPU',
    texts: [
      'llama_model_load: error loading model: unable to allocate CUDA0 buffer',
      'llama_model_load: error loading model: unable to allocate backend buffer',
    ],
    marks: ['unable to allocate '],
    pattern: /unable to allocate (?!CPU)\S{1,40} buffer/,
    weight: 'specific',
    isMemory: true,
    inequality: 'weights > free on the GPU',
    condition: (facts) => condition([amount('weights', requested(facts) ?? facts.fileBytes)], free(facts)),
    because: 'the layers that shall run on the GPU are larger than what is free there',
    remedies: ['unloadOthers', 'smallerFile', 'fewerLayers', 'expertsInRam', 'smallerModel'],
    inVain: 'A shorter context or another type of KV cache comes after the weights: neither helps here.',
  },
  {
    id: 'llama-cache',
    servers: both,
    title: 'The KV cache does not fit beside the weights',
    texts: [
      'llama_init_from_model: failed to initialize the context: failed to allocate buffer for kv cache',
      'llama_init_from_model: llama_kv_cache_init() failed for self-attention cache',
    ],
    marks: ['failed to allocate buffer for kv cache', 'llama_kv_cache_init() failed'],
    pattern: /failed to allocate buffer for kv cache|llama_kv_cache_init\(\) failed/,
    weight: 'specific',
    isMemory: true,
    inequality: 'weights + KV cache > free on the GPU',
    condition: (facts) => condition([part(facts, 'weights'), amount('KV cache', requested(facts))], free(facts)),
    because: ({ contextTokens }) =>
      `the KV cache grows with the context${contextTokens === undefined ? '' : `, and ${contextTokens.toLocaleString('en')} tokens were asked for`}`,
    remedies: ['context', 'cacheQ8', 'parallelOne', 'unloadOthers', 'fewerLayers', 'smallerFile'],
  },
  {
    id: 'llama-compute',
    servers: both,
    title: 'The compute buffer does not fit beside weights and KV cache',
    texts: [
      'ggml_gallocr_reserve_n: failed to allocate CUDA0 buffer of size 14822711296',
      'llama_init_from_model: failed to initialize the context: failed to allocate compute pp buffers',
      'llama_new_context_with_model: failed to allocate compute buffers',
    ],
    marks: ['failed to allocate compute', 'ggml_gallocr_reserve_n'],
    pattern: /failed to allocate compute|ggml_gallocr_reserve_n\w{0,10}: failed to allocate/,
    weight: 'specific',
    isMemory: true,
    inequality: 'weights + KV cache + compute buffer > free on the GPU',
    condition: (facts) =>
      condition(
        [part(facts, 'weights'), part(facts, 'cache'), amount('compute buffer', requested(facts))],
        free(facts),
      ),
    because: ({ flashAttention }) =>
      flashAttention === true
        ? 'the compute buffer grows with the batch, and with the context'
        : 'the compute buffer grows with the batch and, without flash attention, with the context times the number of heads',
    remedies: ['flashAttention', 'batch', 'context', 'cacheQ8', 'unloadOthers', 'fewerLayers'],
  },
  {
    id: 'llama-projector',
    servers: both,
    title: 'The part that reads pictures does not fit',
    texts: ['srv  load_model: failed to load multimodal model, mmproj-F16.gguf', 'clip_init: failed to load model'],
    marks: ['failed to load multimodal model', 'clip_init: failed to load model'],
    pattern: /failed to load multimodal model|clip_init: failed to load model/,
    weight: 'general',
    isMemory: false,
    because: 'its file is missing, belongs to another model, or found no memory; the lines above say which',
    remedies: ['projectorInRam', 'wholeLog'],
  },
  {
    id: 'llama-quantized-values',
    servers: both,
    title: 'A KV cache in fewer bits needs flash attention',
    texts: [
      'llama_init_from_model: V cache quantization requires flash_attn',
      'quantized V cache was requested, but this requires Flash Attention',
    ],
    marks: ['V cache'],
    pattern:
      /V cache quantization requires flash_attn|quantized V cache was requested, but this requires Flash Attention/i,
    weight: 'specific',
    isMemory: false,
    because: 'the values of the cache can be in fewer bits only where flash attention reads them',
    remedies: ['flashAttention', 'cacheF16'],
  },
  {
    id: 'ollama-system-memory',
    servers: ['ollama'],
    title: 'GPU and RAM together are too small',
    texts: ['model requires more system memory (8.4 GiB) than is available (6.1 GiB)'],
    marks: ['requires more system memory'],
    pattern: /requires more system memory \(([^)]{1,20})\) than is available \(([^)]{1,20})\)/,
    read: ([, need, have], facts) => {
      const [bytes, freeBytes] = [sizeText(need), sizeText(have)];
      if (bytes !== undefined) facts.requested = { bytes, device: 'CPU' };
      if (freeBytes !== undefined) facts.systemMemory = { ...facts.systemMemory, freeBytes };
    },
    weight: 'specific',
    isMemory: true,
    inequality: 'what the GPU does not take > free RAM',
    condition: (facts) =>
      condition([amount('in RAM', requested(facts))], amount('free RAM and swap', facts.systemMemory?.freeBytes)),
    because: 'what does not fit on the GPU has to be in RAM, and other programs hold that',
    remedies: ['closePrograms', 'context', 'smallerFile', 'smallerModel', 'cacheQ8'],
  },
  {
    id: 'ollama-layout',
    servers: ['ollama'],
    title: 'The layers that were asked for do not fit on the GPU',
    texts: ['memory layout cannot be allocated with num_gpu = 26', 'unable to load full model on GPU'],
    marks: ['memory layout cannot be allocated', 'unable to load full model on GPU'],
    pattern: /memory layout cannot be allocated(?: with num_gpu = (\d{1,5}))?|unable to load full model on GPU/,
    read: ([, layers], facts) => {
      const onGpu = countOf(layers);
      if (onGpu !== undefined) facts.layers = { onGpu, all: facts.layers?.all ?? onGpu };
    },
    weight: 'specific',
    isMemory: true,
    inequality: 'the layers of num_gpu > free on the GPU',
    condition: (facts) =>
      condition([part(facts, 'weights'), part(facts, 'cache'), part(facts, 'compute')], free(facts)),
    because: 'num_gpu says how many layers go to the GPU, so that Ollama may not leave any of them in RAM by itself',
    remedies: ['noLayerCount', 'context', 'cacheQ8', 'unloadOthers', 'smallerFile'],
  },
  {
    id: 'ram-buffer',
    servers: both,
    title: 'The RAM is too small',
    texts: [
      'ggml_aligned_malloc: insufficient memory (attempted to allocate 36000.00 MB)',
      'alloc_tensor_range: failed to allocate CPU buffer of size 37748736000',
      'llama_model_load: error loading model: mmap failed: Cannot allocate memory',
    ],
    marks: ['ggml_aligned_malloc', 'failed to allocate CPU', 'unable to allocate CPU', 'mmap failed', 'std::bad_alloc'],
    pattern:
      /ggml_aligned_malloc: insufficient memory|(?:failed|unable) to allocate CPU\w{0,20} buffer|mmap failed: Cannot allocate memory|std::bad_alloc/,
    weight: 'specific',
    isMemory: true,
    inequality: 'what is not on the GPU > free RAM',
    condition: (facts) =>
      condition(
        [amount('the next buffer in RAM', requested(facts))],
        amount('free RAM', facts.systemMemory?.freeBytes),
      ),
    because: 'what is not on the GPU has to be in RAM: weights, and the KV cache of those layers',
    remedies: ['context', 'closePrograms', 'smallerFile', 'smallerModel'],
  },
  {
    id: 'killed',
    servers: ['ollama', 'llama.cpp', 'vllm'],
    title: 'The system ended the server to save memory',
    texts: [
      'llama runner process has terminated: signal: killed',
      'ollama.service: A process of this unit has been killed by the OOM killer.',
      'Out of memory: Killed process 12345 (llama-server) total-vm:41943040kB',
    ],
    marks: [
      'signal: killed',
      'OOM killer',
      'oom-kill',
      'Out of memory: Killed process',
      'exit code -9',
      'exitcode: -9',
    ],
    pattern:
      /signal: killed|killed by the OOM killer|oom-kill|Out of memory: Killed process|exit code:? -9|exitcode: -9/,
    weight: 'specific',
    isMemory: true,
    inequality: 'RAM of all programs > RAM and swap of the machine',
    condition: (facts) =>
      condition(
        [amount('in RAM', hostPartBytes(facts, 'weights'))],
        amount('free RAM before the load', facts.systemMemory?.freeBytes),
      ),
    because: 'the RAM, not the GPU, was full, and Linux then ends the largest program',
    remedies: ['closePrograms', 'context', 'smallerFile', 'smallerModel', 'containerLimit'],
  },
  {
    id: 'llama-device',
    servers: both,
    title: 'An allocation on the GPU failed',
    texts: [
      'ggml_backend_cuda_buffer_type_alloc_buffer: allocating 24289.03 MiB on device 0: cudaMalloc failed: out of memory',
      'llama runner process has terminated: cudaMalloc failed: out of memory',
      'ggml_vulkan: Device memory allocation of size 1632174080 failed.',
      'ggml_vulkan: vk::Device::allocateMemory: ErrorOutOfDeviceMemory',
      'ggml_backend_cuda_buffer_type_alloc_buffer: allocating 512.00 MiB on device 0: hipMalloc failed: out of memory',
    ],
    marks: [
      'cudaMalloc failed',
      'hipMalloc failed',
      'ErrorOutOfDeviceMemory',
      'Device memory allocation of size',
      'alloc_tensor_range',
    ],
    pattern:
      /(?:cuda|hip)Malloc failed|ErrorOutOfDeviceMemory|Device memory allocation of size \d{1,18} failed|alloc_tensor_range: failed to allocate (?!CPU)/,
    weight: 'general',
    isMemory: true,
    inequality: 'what is loaded + the next buffer > free on the GPU',
    condition: (facts) =>
      condition(
        [part(facts, 'weights'), part(facts, 'cache'), amount(nextBuffer(facts), requested(facts))],
        free(facts),
      ),
    because: 'less is free on the GPU than the next buffer needs',
    remedies: ['context', 'unloadOthers', 'cacheQ8', 'smallerFile', 'fewerLayers'],
  },
  {
    id: 'llama-running',
    servers: both,
    title: 'Memory ran out while a request was answered',
    texts: ['CUDA error: out of memory', 'cuMemSetAccess(pool_addr + pool_size, reserve_size, &access, 1)'],
    marks: ['CUDA error: out of memory', 'ROCm error: out of memory', 'cuMemCreate(', 'cuMemSetAccess('],
    pattern: /(?:CUDA|ROCm) error: out of memory|cuMem(?:Create|SetAccess)\(/,
    weight: 'general',
    isMemory: true,
    inequality: 'working memory of a long prompt > what the load left free',
    condition: (facts) =>
      condition([amount('working memory', requested(facts))], amount('what the load left free', undefined)),
    because:
      'the load filled the GPU almost to its end, and computing a prompt takes another 50 to 400 MiB, more for long ones; or another program took memory meanwhile',
    remedies: ['context', 'moreMargin', 'batch', 'unloadOthers', 'fewerLayers'],
  },
  {
    id: 'llama-cublas',
    servers: both,
    title: 'No memory is left for the library that multiplies matrices',
    texts: ['CUBLAS_STATUS_NOT_INITIALIZED', 'CUBLAS_STATUS_ALLOC_FAILED'],
    marks: ['CUBLAS_STATUS_'],
    pattern: /CUBLAS_STATUS_(?:NOT_INITIALIZED|ALLOC_FAILED)/,
    weight: 'general',
    isMemory: true,
    inequality: 'workspace of cuBLAS > what the load left free',
    because: 'the load filled the GPU to its end, and cuBLAS needs a workspace with the first request',
    remedies: ['moreMargin', 'context', 'fewerLayers', 'unloadOthers'],
  },
  {
    id: 'metal',
    servers: both,
    title: 'Metal may not take more of the memory',
    texts: [
      'error: Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)',
      'ggml_metal_log_allocated_size: warning: current allocated size is greater than the recommended max working set size',
    ],
    marks: ['kIOGPUCommandBufferCallbackErrorOutOfMemory', 'recommended max working set size'],
    pattern: /kIOGPUCommandBufferCallbackErrorOutOfMemory|greater than the recommended max working set size/,
    weight: 'specific',
    isMemory: true,
    inequality: 'weights + KV cache + compute buffer > what macOS lets the GPU have',
    condition: (facts) =>
      condition([part(facts, 'weights'), part(facts, 'cache'), part(facts, 'compute')], free(facts)),
    because: 'macOS lets the GPU have two thirds to three quarters of the memory',
    remedies: ['context', 'smallerFile', 'wiredLimit', 'closePrograms'],
  },
  {
    id: 'ollama-no-layer',
    servers: ['ollama'],
    title: 'Not even one layer fits on the GPU: all of it runs on the CPU',
    texts: [
      'msg="gpu has too little memory to allocate any layers" available="2.9 GiB" minimum_memory=479199232 layer_size="1.0 GiB"',
    ],
    marks: ['too little memory to allocate any layers'],
    pattern: /gpu has too little memory to allocate any layers(.{0,600})/,
    read: ([, rest], facts) => {
      const available = sizeText(/available="([^"]{1,20})"/.exec(rest ?? '')?.[1]);
      if (available !== undefined) facts.expected = { ...facts.expected, availableBytes: available };
    },
    weight: 'hint',
    isMemory: true,
    inequality: 'reserve + compute buffer + two layers > free on the GPU',
    because: 'Ollama puts nothing on a GPU where reserve, compute buffer and two layers do not fit',
    remedies: ['unloadOthers', 'context', 'smallerFile'],
  },
  {
    id: 'llama-told-layers',
    servers: both,
    title: 'The number of layers was given, so nothing was fitted',
    texts: [
      'common_fit_params: failed to fit params to free device memory: n_gpu_layers already set by user to 99, abort',
    ],
    marks: ['n_gpu_layers already set by user'],
    pattern: /n_gpu_layers already set by user to (-?\d{1,5})/,
    weight: 'hint',
    isMemory: true,
    inequality: 'the layers that were asked for > free on the GPU',
    condition: ({ projected }) =>
      condition([amount('needed', projected?.needBytes)], amount('free on the GPU', projected?.freeBytes)),
    because: 'with -ngl llama.cpp loads as it is told, whether that fits or not',
    remedies: ['noLayerCount', 'context', 'cacheQ8'],
  },
  {
    id: 'llama-slot-context',
    servers: both,
    title: 'The prompt is longer than the context',
    texts: [
      'request (4031 tokens) exceeds the available context size (1024 tokens), try increasing it',
      'the input length exceeds the context length',
      'level=WARN msg="truncating input prompt" limit=4096 prompt=5120',
    ],
    marks: ['the available context size', 'exceeds the context length', 'truncating input prompt'],
    pattern:
      /(?:request \((\d{1,9}) tokens\) )?exceeds the available context size(?: \((\d{1,9}) tokens\))?|input length exceeds the context length|truncating input prompt.{0,20}?limit=(\d{1,9})/,
    read: ([, , context, limit], facts) => set(facts, 'contextTokens', countOf(context) ?? countOf(limit)),
    weight: 'general',
    isMemory: false,
    because: 'the model was loaded with a shorter context than this conversation has become',
    remedies: ['longerContext', 'shorterPrompt'],
  },
  {
    id: 'llama-architecture',
    servers: both,
    title: 'The server is too old for this model',
    texts: [
      "llama_model_load: error loading model: error loading model architecture: unknown model architecture: 'qwen35moe'",
      'pull model manifest: 412: The model you are attempting to pull requires a newer version of Ollama.',
      'unable to load model; this model may be incompatible with your version of Ollama',
    ],
    marks: ['unknown model architecture', 'newer version of Ollama', 'incompatible with your version'],
    pattern: /unknown model architecture|requires a newer version of Ollama|incompatible with your version/,
    weight: 'specific',
    isMemory: false,
    because: 'it does not know this kind of model',
    remedies: ['update'],
  },
  {
    id: 'llama-file',
    servers: both,
    title: 'The model’s file is damaged or missing',
    texts: [
      "llama_model_load: error loading model: tensor 'blk.31.ffn_down.weight' data is not within the file bounds, model is corrupted or incomplete",
      'gguf_init_from_file_impl: invalid magic characters',
      'llama_model_loader: failed to load model from model.gguf',
    ],
    marks: ['corrupted or incomplete', 'invalid magic', 'failed to open GGUF', 'failed to load model from'],
    pattern:
      /model is corrupted or incomplete|invalid magic|failed to open GGUF|llama_model_loader: failed to load model from/,
    weight: 'specific',
    isMemory: false,
    because: 'a download that was cut, or a path that is another one, ends like this',
    remedies: ['fetchAgain'],
  },
  {
    id: 'ollama-timeout',
    servers: ['ollama'],
    title: 'The load took longer than Ollama waits',
    texts: ['timed out waiting for llama runner to start - progress 0.10 - '],
    marks: ['timed out waiting for llama'],
    pattern: /timed out waiting for llama/,
    weight: 'specific',
    isMemory: false,
    because: 'reading the file took more than five minutes: a slow disk, or RAM that is full, so that the system swaps',
    remedies: ['loadTimeout', 'closePrograms'],
  },
  {
    id: 'ollama-wrapper',
    servers: ['ollama'],
    title: 'The program that runs the model ended; why stands further up',
    texts: [
      'llama runner process has terminated: exit status 2',
      'model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, check ollama server logs for details',
      'llama-server process has terminated: exit status 1',
    ],
    marks: [
      'process has terminated',
      'runner process no longer running',
      'has unexpectedly stopped',
      'exiting due to model loading error',
    ],
    pattern:
      /process has terminated|runner process no longer running|runner has unexpectedly stopped|exiting due to model loading error/,
    weight: 'wrapper',
    isMemory: false,
    because: 'this text only says that it ended; its own error stands above it in the server’s log',
    remedies: ['ollamaLog', 'wholeLog'],
  },
];

function requested(facts: LoadFacts): number | undefined {
  return facts.requested?.bytes;
}

function free(facts: LoadFacts): Amount {
  return amount('free on the GPU', gpuMemory(facts).freeBytes);
}

const labels: Readonly<Record<Part, string>> = {
  weights: 'weights',
  cache: 'KV cache',
  state: 'recurrent state',
  compute: 'compute buffer',
  output: 'output buffer',
};

/** On the GPU that is full. */
function part(facts: LoadFacts, kind: Part): Amount {
  return amount(labels[kind], partBytes(facts, kind, failingGpu(facts)?.[0]));
}

/** What was loaded already tells what came next; without it nothing is said. */
function nextBuffer(facts: LoadFacts): string {
  if (partBytes(facts, 'cache') !== undefined) return 'compute buffer';
  return partBytes(facts, 'weights') === undefined ? 'the next buffer' : 'KV cache';
}
