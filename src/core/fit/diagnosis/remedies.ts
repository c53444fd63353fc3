import { memoryText } from '../bytesText.ts';
import { gpuMemory, type LoadFacts } from './loadFacts.ts';
import { checkpointOf, fourBitBytes, shapeOf } from './modelKnowledge.ts';
import {
  bytesPerScore,
  cacheBytes,
  cacheOnGpu,
  contextThatFits,
  layersThatFit,
  shareOfContext,
} from './remedySizes.ts';

/** Something that can be done, as exactly as the log allows. */
export interface Remedy {
  readonly id: RemedyId;
  /** A whole sentence. */
  readonly text: string;
  /** What to type, to add to the command, or to set: `--max-model-len 23184`. */
  readonly option?: string;
  /** How much less is needed, or more is there. */
  readonly gainBytes?: number;
  /** For a context that fits. */
  readonly contextTokens?: number;
  readonly action?: 'shorterContext' | 'unload' | 'plan';
}

export interface RemedyRule {
  /** For the document, where there are no numbers. */
  readonly text: string;
  readonly option?: Partial<Record<'ollama' | 'llama.cpp' | 'vllm', string>>;
  readonly action?: Remedy['action'];
  /** What this log adds; undefined: it cannot help here. Absent: the text as it is. */
  readonly with?: (facts: LoadFacts) => Partial<Omit<Remedy, 'id'>> | undefined;
}

const gibibyte = 1024 ** 3;
const mebibyte = 1024 ** 2;
/** What vLLM's own process takes before it looks. */
const ownContextBytes = 0.1 * gibibyte;

const rules = {
  context: {
    text: 'Run the model with a shorter context; the KV cache shrinks in proportion.',
    option: { ollama: 'options.num_ctx, PARAMETER num_ctx or OLLAMA_CONTEXT_LENGTH', 'llama.cpp': '-c' },
    action: 'shorterContext',
    with: (facts) => {
      const contextTokens = contextThatFits(facts);
      if (contextTokens === undefined) return {};
      if (contextTokens < 256) return undefined;
      return {
        text: `Run the model with a context of ${count(contextTokens)} tokens: that fits beside the weights, with 1 GiB to spare.`,
        option: facts.server === 'ollama' ? `OLLAMA_CONTEXT_LENGTH=${contextTokens}` : `-c ${contextTokens}`,
        contextTokens,
        ...gain(cacheBytes(facts, facts.contextTokens ?? 0) - cacheBytes(facts, contextTokens)),
      };
    },
  },
  cacheQ8: {
    text: 'Keep the KV cache in 8 bits: it takes 53 % of what it takes in 16 bits, and needs flash attention.',
    option: {
      ollama: 'OLLAMA_FLASH_ATTENTION=1 OLLAMA_KV_CACHE_TYPE=q8_0',
      'llama.cpp': '-fa on --cache-type-k q8_0 --cache-type-v q8_0',
    },
    with: (facts) => {
      if (facts.cacheType && facts.cacheType !== 'f16' && facts.cacheType !== 'bf16') return undefined;
      const bytes = cacheOnGpu(facts);
      return bytes === undefined ? {} : gain(bytes * (1 - 17 / 32));
    },
  },
  flashAttention: {
    text: 'Turn flash attention on: the compute buffer then hardly grows with the context.',
    option: { ollama: 'OLLAMA_FLASH_ATTENTION=1', 'llama.cpp': '-fa on' },
    with: ({ flashAttention }) => (flashAttention ? undefined : {}),
  },
  cacheF16: {
    text: 'Or keep the KV cache in 16 bits.',
    option: { ollama: 'OLLAMA_KV_CACHE_TYPE=f16', 'llama.cpp': '--cache-type-v f16' },
  },
  parallelOne: {
    text: 'Answer one request at a time: each slot has a KV cache of its own.',
    option: { ollama: 'OLLAMA_NUM_PARALLEL=1', 'llama.cpp': '-np 1' },
    with: (facts) => {
      const slots = facts.parallel ?? 1;
      if (slots <= 1) return undefined;
      const bytes = cacheOnGpu(facts);
      return facts.server === 'ollama' && bytes !== undefined ? gain(bytes * (1 - 1 / slots)) : {};
    },
  },
  batch: {
    text: 'Use a smaller batch: the compute buffer is proportional to it, reading a prompt becomes somewhat slower.',
    option: { ollama: 'options.num_batch 512', 'llama.cpp': '-b 512 -ub 512' },
    with: ({ batchTokens, server }) => {
      if (batchTokens === undefined || batchTokens > 512) return {};
      return batchTokens > 128
        ? { option: server === 'ollama' ? 'options.num_batch 128' : '-b 128 -ub 128' }
        : undefined;
    },
  },
  unloadOthers: {
    text: 'Unload other models, and close what else uses the GPU.',
    option: { ollama: 'ollama stop <model>' },
    action: 'unload',
  },
  smallerFile: {
    text: 'Take the model in fewer bits, for example Q4_K_M.',
    action: 'plan',
    with: ({ format, fileBytes }) =>
      format && /^(?:Q[2-3]|IQ[1-3])/.test(format)
        ? undefined
        : fileBytes === undefined
          ? {}
          : {
              text: `Take the model in fewer bits: this file has ${memoryText(fileBytes)}${format ? ` (${format})` : ''}.`,
            },
  },
  smallerModel: { text: 'Take a model with fewer parameters.', action: 'plan' },
  fewerLayers: {
    text: 'Let fewer layers run on the GPU, and the rest, slower, on the CPU; or leave the number out, so that the server fits it.',
    option: { ollama: 'options.num_gpu', 'llama.cpp': '-ngl' },
    with: (facts) => {
      const layers = layersThatFit(facts);
      if (layers === undefined) return {};
      return { option: facts.server === 'ollama' ? `options.num_gpu ${layers}` : `-ngl ${layers}` };
    },
  },
  noLayerCount: {
    text: 'Do not give the number of layers: the server then puts as many on the GPU as fit.',
    option: { ollama: 'without num_gpu', 'llama.cpp': 'without -ngl' },
  },
  expertsInRam: {
    text: 'Of a mixture of experts, keep the experts of some layers in RAM: that is far faster than whole layers there.',
    option: { 'llama.cpp': '--n-cpu-moe 20' },
    with: (facts) => (facts.server === 'llama.cpp' && isMixture(facts) ? {} : undefined),
  },
  projectorInRam: { text: 'Keep the part that reads pictures in RAM.', option: { 'llama.cpp': '--no-mmproj-offload' } },
  moreMargin: {
    text: 'Leave more room when the model is loaded.',
    option: {
      ollama: 'LLAMA_ARG_FIT_TARGET=2048 (until 0.24: OLLAMA_GPU_OVERHEAD=1073741824)',
      'llama.cpp': '--fit-target 2048',
    },
  },
  closePrograms: { text: 'Close programs that hold RAM, or give the machine more swap.' },
  containerLimit: { text: 'In a container or service, look at its memory limit: it may be lower than the machine’s.' },
  wiredLimit: {
    text: 'Let macOS give the GPU more, until the next restart.',
    option: { 'llama.cpp': 'sudo sysctl iogpu.wired_limit_mb=<MiB>' },
  },
  longerContext: {
    text: 'Load the model with a longer context, if it fits.',
    option: { ollama: 'options.num_ctx', 'llama.cpp': '-c' },
    action: 'plan',
  },
  shorterPrompt: { text: 'Or send less: leave out attachments and older turns.' },
  update: { text: 'Install the newest version of the server.' },
  fetchAgain: { text: 'Fetch the file again, or correct its path.', option: { ollama: 'ollama pull <model>' } },
  loadTimeout: { text: 'Let it wait longer.', option: { ollama: 'OLLAMA_LOAD_TIMEOUT=15m' } },
  ollamaLog: {
    text: 'Read the server’s own log, and explain that: Linux `journalctl -u ollama`, macOS `~/.ollama/logs/server.log`, Windows `%LOCALAPPDATA%\\Ollama\\server.log`.',
  },
  wholeLog: { text: 'Explain the whole log, from the start of the server on.' },
  freeGpu: {
    text: 'Free the GPU: `nvidia-smi` lists what uses it. Often it is an earlier `VLLM::EngineCore`, an Ollama that keeps its model (`ollama stop <model>`), or the desktop.',
    action: 'unload',
    with: (facts) => {
      const { totalBytes, freeBytes } = gpuMemory(facts);
      return totalBytes === undefined || freeBytes === undefined ? {} : gain(totalBytes - freeBytes);
    },
  },
  utilizationDown: {
    text: 'Let vLLM take a smaller share of the GPU.',
    option: { vllm: '--gpu-memory-utilization' },
    with: (facts) => {
      const { totalBytes, freeBytes } = gpuMemory(facts);
      const { utilization } = facts.vllm;
      if (totalBytes !== undefined && freeBytes !== undefined) {
        const share = hundredths((freeBytes - ownContextBytes) / totalBytes);
        if (share <= 0.05) return undefined;
        return {
          option: `--gpu-memory-utilization ${share.toFixed(2)}`,
          text: `Let vLLM take only what is free: ${memoryText(share * totalBytes)}. The weights have to fit into that.`,
        };
      }
      return utilization === undefined
        ? {}
        : { option: `--gpu-memory-utilization ${hundredths(utilization - 0.04).toFixed(2)}` };
    },
  },
  utilizationUp: {
    text: 'Let vLLM take a larger share of the GPU, if nothing else uses it.',
    option: { vllm: '--gpu-memory-utilization' },
    with: (facts) => {
      const { totalBytes, freeBytes } = gpuMemory(facts);
      const { utilization, neededCacheBytes, availableCacheBytes } = facts.vllm;
      if (totalBytes === undefined || utilization === undefined) return {};
      const most =
        freeBytes === undefined ? 0.95 : Math.min(0.98, hundredths((freeBytes - ownContextBytes) / totalBytes));
      if (most <= utilization) return undefined;
      const missing = neededCacheBytes === undefined ? undefined : neededCacheBytes - (availableCacheBytes ?? 0);
      if (missing !== undefined && missing <= 0) return {};
      const wanted = missing === undefined ? most : Math.ceil((utilization + missing / totalBytes) * 100) / 100;
      const share = Math.min(most, wanted);
      const gainBytes = (share - utilization) * totalBytes;
      const isEnough = missing === undefined || gainBytes >= missing;
      return {
        option: `--gpu-memory-utilization ${share.toFixed(2)}`,
        ...gain(gainBytes),
        ...(isEnough ? {} : { text: 'Let vLLM take a larger share of the GPU; by itself that is not enough.' }),
      };
    },
  },
  dropCaches: {
    text: 'On a machine where CPU and GPU share the memory, files that the system caches count as used: `sync; echo 3 | sudo tee /proc/sys/vm/drop_caches` frees them.',
    with: (facts) => (/GB10|Orin|Thor|GH200/i.test(gpuMemory(facts).name ?? '') ? {} : undefined),
  },
  maxModelLen: {
    text: 'Ask for a shorter context.',
    option: { vllm: '--max-model-len' },
    action: 'shorterContext',
    with: (facts) => {
      const { estimatedTokens } = facts.vllm;
      const tokens = estimatedTokens ?? shareOfContext(facts);
      if (tokens === undefined) return {};
      if (tokens < 16) return undefined;
      const about = estimatedTokens === undefined ? 'about ' : '';
      return {
        text: `Ask for a shorter context: ${about}${count(tokens)} tokens fit.`,
        option: `--max-model-len ${tokens}`,
        contextTokens: tokens,
        ...gain((facts.vllm.neededCacheBytes ?? NaN) - (facts.vllm.availableCacheBytes ?? NaN)),
      };
    },
  },
  cacheFp8: {
    text: 'Keep the KV cache in 8 bits: it takes half, so that twice the context fits. Fast on Ada, Hopper and newer cards.',
    option: { vllm: '--kv-cache-dtype fp8' },
    with: ({ vllm: { neededCacheBytes, availableCacheBytes } }) => {
      if (neededCacheBytes === undefined) return {};
      const isEnough = availableCacheBytes !== undefined && neededCacheBytes / 2 <= availableCacheBytes;
      return {
        ...gain(neededCacheBytes / 2),
        ...(isEnough
          ? { text: 'Keep the KV cache in 8 bits: then the whole context fits. Fast on Ada, Hopper and newer cards.' }
          : {}),
      };
    },
  },
  maxSequences: {
    text: 'Plan for fewer requests at the same time; one person needs no more than 8 to 16.',
    option: { vllm: '--max-num-seqs 16' },
    with: (facts) => {
      const now = facts.vllm.maxSequences;
      if (now !== undefined && now <= 16) return undefined;
      const vocabulary = shapeOf(facts)?.vocabularySize;
      return now === undefined || vocabulary === undefined
        ? {}
        : gain((now - 16) * vocabulary * bytesPerScore(facts.version));
    },
  },
  maxBatchedTokens: {
    text: 'Let it read prompts in smaller pieces.',
    option: { vllm: '--max-num-batched-tokens 2048' },
    with: ({ vllm: { maxBatchedTokens } }) => {
      if (maxBatchedTokens === undefined || maxBatchedTokens > 2048) return {};
      return maxBatchedTokens > 1024 ? { option: '--max-num-batched-tokens 1024' } : undefined;
    },
  },
  eager: {
    text: 'Do without CUDA graphs; answers are then written 10 to 40 % slower.',
    option: { vllm: '--enforce-eager' },
    with: ({ vllm: { eager, graphBytes } }) => (eager ? undefined : graphBytes === undefined ? {} : gain(graphBytes)),
  },
  quantized: {
    text: 'Take a checkpoint in 4 bits (AWQ or GPTQ; its name says so): the weights take less than a third of 16 bits.',
    action: 'plan',
    with: (facts) => {
      const now = checkpointOf(facts)?.bytes ?? facts.vllm.weightsBytes;
      const then = fourBitBytes(facts);
      if (/awq|gptq|w4a16|nf4|nvfp4|mxfp4|int4/i.test(`${facts.format ?? ''} ${facts.model ?? ''}`)) return undefined;
      if (now === undefined || then === undefined) return {};
      return {
        text: `Take a checkpoint in 4 bits (AWQ or GPTQ; its name says so): its weights take ${memoryText(then)} instead of ${memoryText(now)}.`,
        ...gain(now - then),
      };
    },
  },
  tensorParallel: {
    text: 'Share the model among several GPUs of the same kind, if there are any.',
    option: { vllm: '--tensor-parallel-size 2' },
    with: ({ vllm: { tensorParallel } }) => ((tensorParallel ?? 1) > 1 ? undefined : {}),
  },
  otherBackend: { text: 'Or use Ollama or llama.cpp, which keep in RAM what does not fit on the GPU.', action: 'plan' },
  cpuOffload: {
    text: 'As a last resort keep a part of the weights in RAM: each token then reads it over PCIe, and under WSL it does not work.',
    option: { vllm: '--cpu-offload-gb' },
    with: (facts) => {
      const { totalBytes } = gpuMemory(facts);
      const weights = checkpointOf(facts)?.bytes;
      if (totalBytes === undefined || weights === undefined) return {};
      const missing = Math.ceil((weights + gibibyte - (facts.vllm.utilization ?? 0.9) * totalBytes) / gibibyte);
      return missing > 0 && missing * gibibyte < weights ? { option: `--cpu-offload-gb ${missing}` } : undefined;
    },
  },
  fragmentation: {
    text: 'Where much is reserved but not used, let PyTorch use memory in pieces.',
    option: { vllm: 'PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True' },
    with: ({ vllm: { unusedBytes } }) =>
      unusedBytes === undefined ? {} : unusedBytes < 256 * mebibyte ? undefined : gain(unusedBytes),
  },
  startAgain: { text: 'Start vLLM again when nothing else starts or ends on that GPU.' },
  modelContext: {
    text: 'Ask for no more than the model takes, or leave the setting out.',
    option: { vllm: '--max-model-len' },
    with: ({ vllm: { modelContextTokens } }) =>
      modelContextTokens === undefined
        ? {}
        : { option: `--max-model-len ${modelContextTokens}`, contextTokens: modelContextTokens },
  },
  batchAsContext: {
    text: 'Let a batch be as long as the context.',
    option: { vllm: '--max-num-batched-tokens' },
    with: ({ contextTokens }) =>
      contextTokens === undefined ? {} : { option: `--max-num-batched-tokens ${contextTokens}` },
  },
  dtypeHalf: { text: 'Compute in 16-bit floats.', option: { vllm: '--dtype half' } },
  divisibleParallel: {
    text: 'Choose a number of GPUs that divides the number of heads.',
    option: { vllm: '--tensor-parallel-size' },
    with: ({ vllm: { heads, tensorParallel = 1 } }) => {
      const below = heads === undefined ? undefined : range(tensorParallel).find((size) => heads % size === 0);
      return below === undefined ? {} : { option: `--tensor-parallel-size ${below}` };
    },
  },
  fewerGpus: {
    text: 'Ask for as many GPUs as there are, and look whether CUDA_VISIBLE_DEVICES hides some.',
    option: { vllm: '--tensor-parallel-size 1' },
  },
  noSwapSpace: { text: 'Leave the swap space out.', option: { vllm: 'without --swap-space' } },
  otherPort: {
    text: 'Use the server that runs there already, end it, or take another port.',
    option: { ollama: 'OLLAMA_HOST=127.0.0.1:11435', 'llama.cpp': '--port 8081', vllm: '--port 8001' },
  },
  gpuVisible: { text: 'Look whether `nvidia-smi` works where the server runs; a container needs `--gpus all`.' },
  modelAccess: { text: 'Check its name, accept its licence on its page, and log in there (`hf auth login`).' },
  diskRoom: { text: 'Make room on the disk; a container wants `--ipc=host` or a larger `--shm-size`.' },
} as const satisfies Record<string, RemedyRule>;

export type RemedyId = keyof typeof rules;

export const remedyRules: Readonly<Record<RemedyId, RemedyRule>> = rules;

/** Undefined: it cannot help here. */
export function remedyFor(id: RemedyId, facts: LoadFacts): Remedy | undefined {
  const rule: RemedyRule = rules[id];
  const found = rule.with ? rule.with(facts) : {};
  if (!found) return undefined;
  const option = found.option ?? (facts.server && rule.option?.[facts.server]);
  return {
    id,
    text: rule.text,
    ...(rule.action ? { action: rule.action } : {}),
    ...found,
    ...(option ? { option } : {}),
  };
}

function gain(bytes: number): { readonly gainBytes: number } | Record<never, never> {
  return bytes >= mebibyte ? { gainBytes: bytes } : {};
}

function count(tokens: number): string {
  return tokens.toLocaleString('en');
}

function hundredths(share: number): number {
  return Math.floor(share * 100) / 100;
}

function range(from: number): readonly number[] {
  return Array.from({ length: from }, (_, index) => from - index);
}

function isMixture(facts: LoadFacts): boolean {
  return /\d+x\d+b|-a\d+b|moe|gpt-oss|mixtral|deepseek/i.test(facts.model ?? '');
}
