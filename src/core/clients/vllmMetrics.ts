import type { OpenAIStyleEndpoint } from './openaiStyle.ts';
import { besideV1 } from './openaiStyle.ts';
import { readAll, send } from './transport.ts';

/** How busy a vLLM is, as far as its `/metrics` say; a figure it does not give is left out. */
export interface ServerLoad {
  readonly runningRequests?: number;
  readonly waitingRequests?: number;
  /** 0 to 1, of the fullest engine. */
  readonly kvCacheUsage?: number;
}

/** Of one engine they are 54 KB (0.32), and a server may run dozens. */
const metricsLimitBytes = 4 * 1024 * 1024;

/** Undefined where the server has no metrics, or does not show them to us. */
export async function readVllmLoad(
  endpoint: OpenAIStyleEndpoint,
  signal: AbortSignal,
): Promise<ServerLoad | undefined> {
  const request = { url: besideV1(endpoint, '/metrics'), method: 'GET', signal };
  try {
    const { body } = await send(endpoint.transport, request);
    return parseVllmMetrics(await readAll(body, metricsLimitBytes));
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

/**
 * From the text format of Prometheus. Several engines give several samples of one name: requests add up, of the caches the fullest counts.
 * Undefined where no figure is there.
 */
export function parseVllmMetrics(text: string): ServerLoad | undefined {
  const samples = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{[^\\n]*\\})? +(\\S+)`, 'gm'))]
      .map(([, value]) => Number(value))
      .filter(Number.isFinite);
  const running = samples('vllm:num_requests_running');
  const waiting = samples('vllm:num_requests_waiting');
  // The name until 0.10.
  const usage = [...samples('vllm:kv_cache_usage_perc'), ...samples('vllm:gpu_cache_usage_perc')];
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const load: ServerLoad = {
    ...(running.length > 0 ? { runningRequests: sum(running) } : {}),
    ...(waiting.length > 0 ? { waitingRequests: sum(waiting) } : {}),
    ...(usage.length > 0 ? { kvCacheUsage: Math.max(...usage) } : {}),
  };
  return Object.keys(load).length > 0 ? load : undefined;
}

/** For people; undefined for a server that has nothing to do. */
export function describeLoad({
  runningRequests = 0,
  waitingRequests = 0,
  kvCacheUsage,
}: ServerLoad): string | undefined {
  if (runningRequests + waitingRequests === 0) return undefined;
  const cache = kvCacheUsage === undefined ? '' : `, KV cache ${Math.round(kvCacheUsage * 100)} % used`;
  return `${runningRequests} running, ${waitingRequests} waiting${cache}.`;
}

/** What a vLLM has for keys and values, as it measured it when it started. */
export interface CacheConfig {
  readonly blocks: number;
  readonly blockTokens: number;
  /** Of the GPU, as it was told or as it takes by itself. */
  readonly utilization: number;
  /** Undefined: of another kind. */
  readonly cacheType: 'auto' | 'fp8' | undefined;
}

/** From `vllm:cache_config_info` (seen on 0.32). Undefined where it is not there, was told instead of measured, or is of several engines. */
export function parseCacheConfig(text: string): CacheConfig | undefined {
  const samples = [...text.matchAll(/^vllm:cache_config_info\{([^\n]*)\}/gm)];
  const labels = new Map(
    [...(samples[0]?.[1] ?? '').matchAll(/\b(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
  );
  const count = (name: string) => {
    const number = Number(labels.get(name));
    return Number.isSafeInteger(number) && number > 0 ? number : undefined;
  };
  const isTold = ['kv_cache_memory_bytes', 'num_gpu_blocks_override'].some(
    (name) => (labels.get(name) ?? 'None') !== 'None',
  );
  const [blocks, blockTokens] = [count('num_gpu_blocks'), count('block_size')];
  const utilization = Number(labels.get('gpu_memory_utilization'));
  if (samples.length !== 1 || isTold || !blocks || !blockTokens || !(utilization > 0 && utilization <= 1))
    return undefined;
  const type = labels.get('cache_dtype') ?? '';
  const cacheType = /^(auto|float16|bfloat16)$/.test(type) ? 'auto' : /^fp8(_e\dm\d)?$/.test(type) ? 'fp8' : undefined;
  return { blocks, blockTokens, utilization, cacheType };
}
