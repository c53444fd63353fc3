import { first, noteRequest, sizePattern, type LinePattern } from './linePattern.ts';
import { countOf, deviceOf, set, shareOf, sizeOf, type LoadFacts } from './loadFacts.ts';

/** What the lines of vLLM and PyTorch say of sizes, of every version that is known. */
export const vllmFigures: readonly LinePattern[] = [
  {
    mark: 'version',
    pattern: /vLLM API server version v?([\w.+-]{1,40})/,
    read: ([, version], facts) => vllmVersion(facts, version),
  },
  {
    mark: 'with config',
    pattern: /Initializing an? (?:V\d )?LLM engine \(v([\w.+-]{1,40})\) with config: (.{1,4000})/,
    read: ([, version, rest = ''], facts) => {
      vllmVersion(facts, version);
      readArguments(rest, facts);
      set(facts, 'dtype', /\bdtype=torch\.(\w{1,20})/.exec(rest)?.[1]);
      set(facts, 'contextTokens', countOf(/\bmax_seq_len=(\d{1,9})/.exec(rest)?.[1]));
    },
  },
  {
    mark: 'args: ',
    pattern: /args: (?:Namespace\(|\{)(.{1,8000})/,
    read: ([, rest = ''], facts) => readArguments(rest, facts),
  },
  {
    mark: 'max_num_batched_tokens=',
    pattern: /enabled with max_num_batched_tokens=(\d{1,8})/,
    read: ([, tokens], facts) => set(facts.vllm, 'maxBatchedTokens', countOf(tokens)),
  },
  {
    mark: 'oading ',
    pattern: new RegExp(`(?:Model loading|Loading model weights) took ${sizePattern}`),
    read: ([, amount, unit], { vllm }) => first(vllm, 'weightsBytes', sizeOf(amount, unit)),
  },
  {
    mark: 'vailable KV cache memory',
    pattern: new RegExp(`Available KV cache memory: ${sizePattern}`),
    read: ([, amount, unit], { vllm }) => first(vllm, 'availableCacheBytes', sizeOf(amount, unit)),
  },
  {
    mark: 'GPU KV cache size',
    pattern: /GPU KV cache size: ([\d,]{1,20}) tokens/,
    read: ([, tokens], { vllm }) => first(vllm, 'cacheTokens', countOf(tokens)),
  },
  {
    mark: 'aximum concurrency for',
    pattern: /Maximum concurrency for ([\d,]{1,20}) tokens/,
    read: ([, tokens], facts) => set(facts, 'contextTokens', countOf(tokens)),
  },
  {
    mark: 'Graph capturing finished',
    pattern: new RegExp(`Graph capturing finished in [\\d.]{1,8} secs, took ${sizePattern}`),
    read: ([, amount, unit], { vllm }) => first(vllm, 'graphBytes', sizeOf(amount, unit)),
  },
  {
    mark: 'CUDA graph memory',
    pattern: new RegExp(`Estimated CUDA graph memory: ${sizePattern}`),
    read: ([, amount, unit], { vllm }) => first(vllm, 'graphBytes', sizeOf(amount, unit)),
  },
  {
    mark: 'Actual usage is',
    pattern:
      /Free memory on device (?:cuda:\d{1,2} )?\(([\d.]{1,10})\/([\d.]{1,10}) GiB\) on startup\. Desired GPU memory utilization is \(([\d.]{1,8}), ([\d.]{1,10}) GiB\)\. Actual usage is (.{1,300})/,
    read: ([, free, total, utilization, budget, usage = ''], facts) => {
      const { vllm } = facts;
      const device = deviceOf(facts, 'GPU 0', false);
      set(device, 'freeBytes', sizeOf(free, 'G'));
      set(device, 'totalBytes', sizeOf(total, 'G'));
      set(vllm, 'utilization', shareOf(utilization));
      set(vllm, 'budgetBytes', sizeOf(budget, 'G'));
      const part = (name: string) => sizeOf(new RegExp(`(-?[\\d.]{1,10}) GiB for ${name}`).exec(usage)?.[1], 'G');
      set(vllm, 'weightsBytes', part('weight') ?? part('consumed memory'));
      set(vllm, 'activationBytes', part('peak activation'));
      set(vllm, 'nonTorchBytes', part('non-torch'));
      set(vllm, 'graphBytes', part('CUDAGraph'));
    },
  },
  {
    mark: 'the current vLLM instance can use',
    pattern: /total_gpu_memory \(([\d.]{1,10})GiB\) x gpu_memory_utilization \(([\d.]{1,8})\) = ([\d.]{1,10})GiB/,
    read: ([, total, utilization, budget], facts) => {
      facts.server = 'vllm';
      set(deviceOf(facts, 'GPU 0', false), 'totalBytes', sizeOf(total, 'G'));
      set(facts.vllm, 'utilization', shareOf(utilization));
      set(facts.vllm, 'budgetBytes', sizeOf(budget, 'G'));
    },
  },
  {
    mark: 'model weights take',
    pattern:
      /model weights take (-?[\d.]{1,10})GiB; non_torch_memory takes (-?[\d.]{1,10})GiB; PyTorch activation peak memory takes (-?[\d.]{1,10})GiB; the rest of the memory reserved for KV Cache is (-?[\d.]{1,10})GiB/,
    read: ([, weights, nonTorch, activation, cache], { vllm }) => {
      set(vllm, 'weightsBytes', sizeOf(weights, 'G'));
      set(vllm, 'nonTorchBytes', sizeOf(nonTorch, 'G'));
      set(vllm, 'activationBytes', sizeOf(activation, 'G'));
      set(vllm, 'availableCacheBytes', sizeOf(cache, 'G'));
    },
  },
  {
    mark: 'memory profiling results',
    pattern: /total_gpu_memory=([\d.]{1,10})GiB initial_memory_usage=([\d.]{1,10})GiB/,
    read: ([, total, used], facts) => {
      facts.server = 'vllm';
      const [totalBytes, usedBytes] = [sizeOf(total, 'G'), sizeOf(used, 'G')];
      const device = deviceOf(facts, 'GPU 0', false);
      set(device, 'totalBytes', totalBytes);
      if (totalBytes !== undefined && usedBytes !== undefined) set(device, 'freeBytes', totalBytes - usedBytes);
    },
  },
  {
    mark: 'Tried to allocate',
    pattern: new RegExp(`Tried to allocate ${sizePattern}`),
    read: ([, amount, unit], facts) => noteRequest(facts, sizeOf(amount, unit), undefined),
  },
  {
    mark: 'has a total capac',
    pattern: new RegExp(`GPU (\\d{1,2}) has a total capac(?:i)?ty of ${sizePattern} of which ${sizePattern} is free`),
    read: ([, index, total, totalUnit, free, freeUnit], facts) =>
      torchGpu(facts, index, sizeOf(total, totalUnit), sizeOf(free, freeUnit)),
  },
  {
    // Until 2023.
    mark: 'total capacity;',
    pattern: new RegExp(
      `\\(GPU (\\d{1,2}); ${sizePattern} total capacity; ${sizePattern} already allocated; ${sizePattern} free`,
    ),
    read: ([, index, total, totalUnit, used, usedUnit, free, freeUnit], facts) => {
      torchGpu(facts, index, sizeOf(total, totalUnit), sizeOf(free, freeUnit));
      first(facts.vllm, 'allocatedBytes', sizeOf(used, usedUnit));
    },
  },
  {
    mark: 'memory in use',
    pattern: new RegExp(`(?:this process|Process \\d{1,10}) has ${sizePattern} memory in use`),
    read: ([, amount, unit], { vllm }) => first(vllm, 'processBytes', sizeOf(amount, unit)),
  },
  {
    mark: 'allocated by PyTorch',
    pattern: new RegExp(
      `${sizePattern} is allocated by PyTorch.{0,80}?, and ${sizePattern} is reserved by PyTorch but unallocated`,
    ),
    read: ([, amount, unit, unused, unusedUnit], { vllm }) => {
      first(vllm, 'allocatedBytes', sizeOf(amount, unit));
      first(vllm, 'unusedBytes', sizeOf(unused, unusedUnit));
    },
  },
];

/** What is free then is what was left, not what there was before the load: it is no `freeBytes`. */
function torchGpu(
  facts: LoadFacts,
  index: string | undefined,
  total: number | undefined,
  left: number | undefined,
): void {
  const id = `GPU ${index}`;
  set(deviceOf(facts, id, false), 'totalBytes', total);
  if (facts.requested && facts.requested.device === undefined) facts.requested = { ...facts.requested, device: id };
  first(facts, 'leftBytes', left);
}

function vllmVersion(facts: LoadFacts, version: string | undefined): void {
  facts.server = 'vllm';
  set(facts, 'version', version);
}

/** `model='m', max_num_seqs=16` and `'max_num_seqs': 16` alike. */
function readArguments(text: string, facts: LoadFacts): void {
  const { vllm } = facts;
  const value = (name: string) => new RegExp(`\\b${name}'?(?:=|: ?)'?([^,'")}\\]]{1,200})`).exec(text)?.[1];
  facts.server = 'vllm';
  set(facts, 'model', value('model') ?? value('model_tag'));
  const contextTokens = countOf(value('max_model_len'));
  if (contextTokens) facts.contextTokens = contextTokens;
  const quantization = value('quantization');
  if (quantization && quantization !== 'None') facts.format = quantization;
  set(vllm, 'utilization', shareOf(value('gpu_memory_utilization')));
  set(vllm, 'maxSequences', countOf(value('max_num_seqs')));
  set(vllm, 'maxBatchedTokens', countOf(value('max_num_batched_tokens')));
  set(vllm, 'tensorParallel', countOf(value('tensor_parallel_size')));
  const eager = value('enforce_eager');
  if (eager) vllm.eager = eager === 'True';
}
