import type { LinePattern } from './linePattern.ts';
import { addPart, countOf, deviceOf, set, sizeText, type GpuMemory, type LoadFacts } from './loadFacts.ts';

/** What Ollama’s own lines say of sizes, as keys and values, of every version that is known. */
export const ollamaFigures: readonly LinePattern[] = [
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

/** `key=value` and `key="value with blanks"`. */
function keysAndValues(text: string): Partial<Record<string, string>> {
  const found: Partial<Record<string, string>> = {};
  for (const [, key = '', quoted, plain] of text.matchAll(/([\w.]{1,60})=(?:"([^"]{0,300})"|(\S{0,300}))/g)) {
    found[key] ??= quoted ?? plain ?? '';
  }
  return found;
}

/** Without those that the line does not have. */
function sizes<Key extends string>(found: Readonly<Record<Key, number | undefined>>): { [key in Key]?: number } {
  return Object.fromEntries(Object.entries(found).filter(([, bytes]) => bytes !== undefined)) as {
    [key in Key]?: number;
  };
}
