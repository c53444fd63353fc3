import {
  addPart,
  countOf,
  deviceOf,
  set,
  shareOf,
  sizeOf,
  sizeText,
  type GpuMemory,
  type LoadFacts,
  type Part,
} from './loadFacts.ts';

/** Lines that say how much something takes, of every version that is known; all are read with a failure or without one. */
export interface LinePattern {
  /** A piece of the text that is searched for first: patterns are tried only on lines that have it. */
  readonly mark: string;
  readonly pattern: RegExp;
  readonly read: (found: RegExpExecArray, facts: LoadFacts) => void;
}

const mebibyte = 1024 ** 2;
const size = String.raw`(-?[\d.,]{1,20}) ?([KMGT]?i?B)\b`;

const llamaCpp: readonly LinePattern[] = [
  {
    mark: 'buffer size',
    pattern: new RegExp(String.raw`(\S{1,40}) +(?:(model|KV|compute|output|RS) +)?buffer size(?: *=| is) *${size}`),
    read: ([, device = '', kind, amount, unit], facts) => {
      const bytes = sizeOf(amount, unit);
      if (bytes !== undefined) addPart(facts, device, partOfBuffer[kind ?? 'model'] ?? 'weights', bytes);
    },
  },
  {
    mark: 'layers to GPU',
    pattern: /offloaded (\d{1,5})\/(\d{1,5}) layers to GPU/,
    read: ([, onGpu, all], facts) => {
      const [some, every] = [countOf(onGpu), countOf(all)];
      if (some !== undefined && every !== undefined) facts.layers = { onGpu: some, all: every };
    },
  },
  {
    mark: 'using device ',
    pattern: /using device (\S{1,40}) \((.{1,100}?)\).{0,80}? - (\d{1,9}) MiB free/,
    read: ([, id = '', name, free], facts) => {
      const device = deviceOf(facts, id);
      set(device, 'name', name);
      set(device, 'freeBytes', mebibytes(free));
    },
  },
  {
    mark: 'compute capability',
    pattern: /Device (\d{1,2}): (.{1,100}?), compute capability/,
    read: ([, index, name], facts) => set(deviceOf(facts, `CUDA${index}`), 'name', name),
  },
  {
    mark: 'projected to use',
    pattern: /projected to use (\d{1,9}) MiB of device memory vs\. (?:a total of )?(\d{1,9}) MiB/,
    read: ([, need, free], facts) => {
      const [needBytes, freeBytes] = [mebibytes(need), mebibytes(free)];
      if (needBytes !== undefined && freeBytes !== undefined) facts.projected = { needBytes, freeBytes };
    },
  },
  {
    mark: ' = ',
    pattern:
      /\| +- (\S{1,40}) \(.{1,100}?\) +\| +(\d{1,9}) = +(\d{1,9}) \+ +\((\d{1,9}) = +(\d{1,9}) \+ +(\d{1,9}) \+ +(\d{1,9})\)/,
    read: ([, id = '', total, free, , model, context, compute], facts) => {
      const device = deviceOf(facts, id);
      // At the end of a run the same table says what is free with the model in memory.
      if (device.parts.size === 0) set(device, 'freeBytes', mebibytes(free));
      set(device, 'totalBytes', mebibytes(total));
      for (const [part, text] of [
        ['weights', model],
        ['cache', context],
        ['compute', compute],
      ] as const) {
        const bytes = mebibytes(text);
        if (bytes !== undefined) device.parts.set(part, bytes);
      }
      facts.lastPart = 'compute';
    },
  },
  {
    mark: ' size ',
    pattern: new RegExp(String.raw`(?:file size|model size) +=? *${size} \([\d.]+ BPW`),
    read: ([, amount, unit], facts) => set(facts, 'fileBytes', sizeOf(amount, unit)),
  },
  {
    mark: 'general.name',
    pattern: /general\.name +(?:str +)?= *(\S.{0,100})/,
    read: ([, name], facts) => set(facts, 'model', name?.trim()),
  },
  {
    mark: 'file type',
    pattern: /(?:print_info|llm_load_print_meta): file type +=? *(\S.{0,40})/,
    read: ([, type], facts) => set(facts, 'format', type?.trim()),
  },
  {
    mark: 'n_ctx',
    pattern: /\bn_ctx +=? *(\d{1,10})\b/,
    read: ([, tokens], facts) => set(facts, 'contextTokens', countOf(tokens)),
  },
  {
    mark: 'n_ubatch',
    pattern: /\bn_ubatch +=? *(\d{1,10})\b/,
    read: ([, tokens], facts) => set(facts, 'batchTokens', countOf(tokens)),
  },
  {
    mark: 'n_ctx_slot',
    pattern: /\bn_slots = (\d{1,5}), n_ctx_slot = (\d{1,10})/,
    read: ([, slots, tokens], facts) => {
      set(facts, 'parallel', countOf(slots));
      set(facts, 'contextTokens', countOf(tokens));
    },
  },
  {
    mark: 'loading model ',
    pattern: /load_model: loading model '([^']{1,300})'/,
    read: ([, file], facts) => set(facts, 'model', file?.replace(/^.*[/\\]/, '')),
  },
  {
    mark: 'n_seq_max',
    pattern: /\bn_seq_max +=? *(\d{1,6})\b/,
    read: ([, slots], facts) => set(facts, 'parallel', countOf(slots)),
  },
  {
    mark: 'flash_attn',
    pattern: /\bflash_attn +=? *(0|1|enabled|disabled)\b/,
    read: ([, state], facts) => {
      facts.flashAttention = state === '1' || state === 'enabled';
    },
  },
  {
    mark: 'K (',
    pattern: /\bK \((\w{2,6})\): +[\d.]+ MiB/,
    read: ([, type], facts) => set(facts, 'cacheType', type),
  },
  {
    mark: 'VRAM used',
    pattern: new RegExp(`VRAM used: +${size}`),
    read: ([, amount, unit], facts) => {
      const bytes = sizeOf(amount, unit);
      if (bytes !== undefined && facts.lastPart === undefined) addPart(facts, 'GPU', 'weights', bytes);
    },
  },
  {
    mark: '(',
    pattern: /\b(?:build(?:: | = )|version: )(\d{3,6}) \([0-9a-f]{6,12}\)/,
    read: ([, build], facts) => {
      facts.server ??= 'llama.cpp';
      if (facts.server === 'llama.cpp') facts.version = `b${build}`;
    },
  },
  {
    mark: 'allocating ',
    pattern: new RegExp(`allocating ${size} on device (\\d{1,2})`),
    read: ([, amount, unit, device], facts) => request(facts, sizeOf(amount, unit), `CUDA${device}`),
  },
  {
    mark: 'buffer of size',
    pattern: /failed to allocate (\S{1,40}) buffer of size (\d{1,18})/,
    read: ([, device, bytes], facts) => request(facts, countOf(bytes), device),
  },
  {
    mark: 'memory allocation of size',
    pattern: /ggml_vulkan: Device memory allocation of size (\d{1,18}) failed/,
    read: ([, bytes], facts) => request(facts, countOf(bytes), undefined),
  },
  {
    mark: 'attempted to allocate',
    pattern: new RegExp(`insufficient memory \\(attempted to allocate +${size}`),
    read: ([, amount, unit], facts) => request(facts, sizeOf(amount, unit), 'CPU'),
  },
];

const partOfBuffer: Readonly<Record<string, Part>> = {
  model: 'weights',
  KV: 'cache',
  compute: 'compute',
  output: 'output',
  RS: 'state',
};

/** Ollama's own lines are keys and values. */
const ollama: readonly LinePattern[] = [
  {
    mark: 'Listening on',
    pattern: /Listening on \S{1,80} \(version ([\w.+-]{1,40})\)/,
    read: ([, version], facts) => {
      facts.server = 'ollama';
      set(facts, 'version', version);
    },
  },
  {
    mark: 'OLLAMA_',
    pattern: /server config.{0,20}env=/,
    read: ({ input }, facts) => {
      facts.server = 'ollama';
      const value = (name: string) => new RegExp(`\\b${name}:([^ \\]"]{1,20})`).exec(input)?.[1];
      if (value('OLLAMA_FLASH_ATTENTION') === 'true') facts.flashAttention = true;
      set(facts, 'cacheType', value('OLLAMA_KV_CACHE_TYPE'));
      const parallel = countOf(value('OLLAMA_NUM_PARALLEL'));
      if (parallel) facts.parallel = parallel;
    },
  },
  {
    mark: 'inference compute',
    pattern: /msg="inference compute" (.{1,1000})/,
    read: ([, rest = ''], facts) => {
      const { id = 'GPU', library, name, description, total, available } = keysAndValues(rest);
      if (library?.toLowerCase() === 'cpu') return;
      noteGpu(facts, id, description ?? name, sizeText(total), sizeText(available));
    },
  },
  {
    mark: 'gpu memory',
    pattern: /msg="gpu memory" (.{1,500})/,
    read: ([, rest = ''], facts) => {
      const { id = 'GPU', free, total } = keysAndValues(rest);
      noteGpu(facts, id, undefined, sizeText(total), sizeText(free));
    },
  },
  {
    mark: 'system memory',
    pattern: /msg="system memory" (.{1,300})/,
    read: ([, rest = ''], facts) => {
      const { total, free } = keysAndValues(rest);
      facts.systemMemory = sizes({ totalBytes: sizeText(total), freeBytes: sizeText(free) });
    },
  },
  {
    mark: 'memory.required',
    pattern: /layers\.(?:model|real)=.{0,2000}/,
    read: ([rest], facts) => {
      const found = keysAndValues(rest);
      facts.server = 'ollama';
      const [onGpu, all] = [countOf(found['layers.offload']), countOf(found['layers.model'])];
      if (onGpu !== undefined && all !== undefined) facts.layers = { onGpu, all };
      facts.expected = sizes({
        fullBytes: sizeText(found['memory.required.full']),
        partialBytes: sizeText(found['memory.required.partial']),
        availableBytes: sizeText(found['memory.available']),
      });
      const weights = sizeText(found['memory.weights.total']);
      const cache = sizeText(found['memory.required.kv']);
      const compute = sizeText(found['memory.graph.full']);
      if (weights !== undefined) facts.fileBytes ??= weights;
      for (const [part, bytes] of [
        ['cache', cache],
        ['compute', compute],
      ] as const) {
        if (bytes !== undefined) expectedDevice(facts).parts.set(part, bytes);
      }
    },
  },
  {
    mark: 'size=',
    pattern:
      /msg="(model weights|kv cache|compute graph)" .{0,60}?(?:device|buffer|backend)=(\S{1,40}) .{0,60}?size="([^"]{1,20})"/,
    read: ([, kind, device = '', text], facts) => {
      const part = ({ 'model weights': 'weights', 'kv cache': 'cache' } as const)[kind ?? ''] ?? 'compute';
      const bytes = sizeText(text);
      if (bytes !== undefined) addPart(facts, device, part, bytes);
    },
  },
  {
    mark: 'KvSize:',
    pattern: /Parallel:(\d{1,4}) BatchSize:(\d{1,8}) FlashAttention:(\w{1,12}) KvSize:(\d{1,10}) KvCacheType:(\w{0,8})/,
    read: ([, parallel, batch, flash, cells, type], facts) => {
      set(facts, 'parallel', countOf(parallel));
      set(facts, 'batchTokens', countOf(batch));
      set(facts, 'contextTokens', countOf(cells));
      if (/^(true|enabled)$/i.test(flash ?? '')) facts.flashAttention = true;
      if (type) facts.cacheType = type;
    },
  },
  {
    mark: 'starting ',
    pattern: /msg="starting (?:llama-server|llama server|runner)".{0,20}cmd="([^"]{1,4000})/,
    read: ([, command = ''], facts) => {
      facts.server = 'ollama';
      const flag = (names: string) => new RegExp(` (?:${names}) (\\S{1,20})`).exec(command)?.[1];
      set(facts, 'contextTokens', countOf(flag('-c|--ctx-size')));
      set(facts, 'parallel', countOf(flag('-np|--parallel')));
      set(facts, 'batchTokens', countOf(flag('-ub|--batch-size')));
      set(facts, 'cacheType', flag('--cache-type-k|--kv-cache-type'));
      if (/ --flash-attn(?! (?:off|auto|0))/.test(command)) facts.flashAttention = true;
    },
  },
];

const vllm: readonly LinePattern[] = [
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
    pattern: new RegExp(`(?:Model loading|Loading model weights) took ${size}`),
    read: ([, amount, unit], { vllm }) => first(vllm, 'weightsBytes', sizeOf(amount, unit)),
  },
  {
    mark: 'vailable KV cache memory',
    pattern: new RegExp(`Available KV cache memory: ${size}`),
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
    pattern: new RegExp(`Graph capturing finished in [\\d.]{1,8} secs, took ${size}`),
    read: ([, amount, unit], { vllm }) => first(vllm, 'graphBytes', sizeOf(amount, unit)),
  },
  {
    mark: 'CUDA graph memory',
    pattern: new RegExp(`Estimated CUDA graph memory: ${size}`),
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
    pattern: new RegExp(`Tried to allocate ${size}`),
    read: ([, amount, unit], facts) => request(facts, sizeOf(amount, unit), undefined),
  },
  {
    mark: 'has a total capac',
    pattern: new RegExp(`GPU (\\d{1,2}) has a total capac(?:i)?ty of ${size} of which ${size} is free`),
    read: ([, index, total, totalUnit, free, freeUnit], facts) =>
      torchGpu(facts, index, sizeOf(total, totalUnit), sizeOf(free, freeUnit)),
  },
  {
    // Until 2023.
    mark: 'total capacity;',
    pattern: new RegExp(`\\(GPU (\\d{1,2}); ${size} total capacity; ${size} already allocated; ${size} free`),
    read: ([, index, total, totalUnit, used, usedUnit, free, freeUnit], facts) => {
      torchGpu(facts, index, sizeOf(total, totalUnit), sizeOf(free, freeUnit));
      first(facts.vllm, 'allocatedBytes', sizeOf(used, usedUnit));
    },
  },
  {
    mark: 'memory in use',
    pattern: new RegExp(`(?:this process|Process \\d{1,10}) has ${size} memory in use`),
    read: ([, amount, unit], { vllm }) => first(vllm, 'processBytes', sizeOf(amount, unit)),
  },
  {
    mark: 'allocated by PyTorch',
    pattern: new RegExp(`${size} is allocated by PyTorch.{0,80}?, and ${size} is reserved by PyTorch but unallocated`),
    read: ([, amount, unit, unused, unusedUnit], { vllm }) => {
      first(vllm, 'allocatedBytes', sizeOf(amount, unit));
      first(vllm, 'unusedBytes', sizeOf(unused, unusedUnit));
    },
  },
];

export const figurePatterns: readonly LinePattern[] = [...llamaCpp, ...ollama, ...vllm];

/** Of several failing workers the first is told. */
function first<Facts, Key extends keyof Facts>(facts: Facts, key: Key, value: Facts[Key] | undefined): void {
  if (facts[key] === undefined) set(facts, key, value);
}

function request(facts: LoadFacts, bytes: number | undefined, device: string | undefined): void {
  if (bytes === undefined || facts.requested) return;
  facts.requested = device === undefined ? { bytes } : { bytes, device };
}

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

function noteGpu(
  facts: LoadFacts,
  id: string,
  name: string | undefined,
  totalBytes: number | undefined,
  freeBytes: number | undefined,
): void {
  facts.server = 'ollama';
  const gpu: GpuMemory = facts.inventory.get(id) ?? {};
  if (facts.inventory.size < 64) facts.inventory.set(id, gpu);
  set(gpu, 'name', name);
  set(gpu, 'totalBytes', totalBytes);
  set(gpu, 'freeBytes', freeBytes);
}

/** Where Ollama's estimate of a part goes, which names no device. */
function expectedDevice(facts: LoadFacts) {
  return deviceOf(facts, 'GPU', false);
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

/** `key=value` and `key="value with blanks"`. */
function keysAndValues(text: string): Partial<Record<string, string>> {
  const found: Partial<Record<string, string>> = {};
  for (const [, key = '', quoted, plain] of text.matchAll(/([\w.]{1,60})=(?:"([^"]{0,300})"|(\S{0,300}))/g)) {
    found[key] ??= quoted ?? plain ?? '';
  }
  return found;
}

function mebibytes(text: string | undefined): number | undefined {
  const count = countOf(text);
  return count === undefined ? undefined : count * mebibyte;
}

/** Without those that the line does not have. */
function sizes<Key extends string>(found: Readonly<Record<Key, number | undefined>>): { [key in Key]?: number } {
  return Object.fromEntries(Object.entries(found).filter(([, bytes]) => bytes !== undefined)) as {
    [key in Key]?: number;
  };
}
