import { noteRequest, sizePattern, type LinePattern } from './linePattern.ts';
import { addPart, countOf, deviceOf, set, sizeOf, type Part } from './loadFacts.ts';

const mebibyte = 1024 ** 2;

/** What llama.cpp’s lines say of sizes, those of the one inside Ollama among them, of every version that is known. */
export const llamaCppFigures: readonly LinePattern[] = [
  {
    mark: 'buffer size',
    pattern: new RegExp(
      String.raw`(\S{1,40}) +(?:(model|KV|compute|output|RS) +)?buffer size(?: *=| is) *${sizePattern}`,
    ),
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
    pattern: new RegExp(String.raw`(?:file size|model size) +=? *${sizePattern} \([\d.]+ BPW`),
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
    pattern: new RegExp(`VRAM used: +${sizePattern}`),
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
    pattern: new RegExp(`allocating ${sizePattern} on device (\\d{1,2})`),
    read: ([, amount, unit, device], facts) => noteRequest(facts, sizeOf(amount, unit), `CUDA${device}`),
  },
  {
    mark: 'buffer of size',
    pattern: /failed to allocate (\S{1,40}) buffer of size (\d{1,18})/,
    read: ([, device, bytes], facts) => noteRequest(facts, countOf(bytes), device),
  },
  {
    mark: 'memory allocation of size',
    pattern: /ggml_vulkan: Device memory allocation of size (\d{1,18}) failed/,
    read: ([, bytes], facts) => noteRequest(facts, countOf(bytes), undefined),
  },
  {
    mark: 'attempted to allocate',
    pattern: new RegExp(`insufficient memory \\(attempted to allocate +${sizePattern}`),
    read: ([, amount, unit], facts) => noteRequest(facts, sizeOf(amount, unit), 'CPU'),
  },
];

const partOfBuffer: Readonly<Record<string, Part>> = {
  model: 'weights',
  KV: 'cache',
  compute: 'compute',
  output: 'output',
  RS: 'state',
};

function mebibytes(text: string | undefined): number | undefined {
  const count = countOf(text);
  return count === undefined ? undefined : count * mebibyte;
}
