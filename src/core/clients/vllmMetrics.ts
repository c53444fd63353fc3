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
