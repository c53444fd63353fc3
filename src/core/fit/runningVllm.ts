import { readAll, send, sendJson, type TransportOptions } from '../clients/transport.ts';
import { parseCacheConfig, type CacheConfig } from '../clients/vllmMetrics.ts';
import { commandLines, flagValue, programName } from '../gpu/commandLines.ts';
import type { GpuHost } from '../gpu/gpuHost.ts';
import type { FitModel } from './fitRequest.ts';
import { countOf, field, type RunningServer } from './runningServer.ts';
import { uniformBytesPerToken } from './vllm.ts';
import { vllmVersionNamed } from './vllmVersion.ts';

const metricsLimitBytes = 4 * 1024 * 1024;
const usualPort = '8000';

/** They change what is left for the cache in ways that no plan follows, or say it instead of measuring. */
const unplannedFlags = [
  '--config',
  '--cpu-offload-gb',
  '--kv-cache-memory-bytes',
  '--kv-cache-memory',
  '--num-gpu-blocks-override',
  '--speculative-config',
  '--enable-lora',
  '--compilation-config',
  '-cc',
  '--cuda-graph-sizes',
  '--data-parallel-size',
  '-dp',
];

/**
 * The vLLM of this machine, by its API and by the command line that it was started with, since the API tells no flags. `url` without `/v1`. Undefined: it serves several
 * models or uses several GPUs, its command line is not to be seen, or it has flags that no plan follows.
 * @throws BackendError, or the reason of the signal
 */
export async function readRunningVllm(
  url: string,
  transport: TransportOptions,
  host: GpuHost,
  signal: AbortSignal,
): Promise<RunningServer | undefined> {
  const words = await flagsOfVllm(host, new URL(url).port || usualPort);
  if (!words) return undefined;
  const ask = (path: string) => sendJson(transport, { url: `${url}${path}`, method: 'GET', signal });
  const [models, version, metrics] = await Promise.all([
    ask('/v1/models'),
    ask('/version'),
    send(transport, { url: `${url}/metrics`, method: 'GET', signal }).then(({ body }) =>
      readAll(body, metricsLimitBytes),
    ),
  ]);
  const listed = field(models, 'data');
  const [entry, other] = Array.isArray(listed) ? (listed as readonly unknown[]) : [];
  const [model, contextTokens] = [field(entry, 'root') ?? field(entry, 'id'), countOf(field(entry, 'max_model_len'))];
  const cache = parseCacheConfig(metrics);
  const release = vllmVersionNamed(String(field(version, 'version')));
  if (other !== undefined || typeof model !== 'string' || !contextTokens || !cache || !release) return undefined;
  const { utilization, cacheType } = cache;
  const told = ['--max-num-seqs', '--max-num-batched-tokens'].map((name) => flagValue(words, name));
  const [maxSequences, maxBatchedTokens] = told.map(countOf);
  // vLLM reads `8k` too: what is told and not understood is not what it takes by itself.
  if (told.some((value) => value !== undefined && countOf(value) === undefined)) return undefined;
  return {
    server: {
      kind: 'vllm',
      version: release,
      contextTokens,
      utilization,
      ...(maxSequences === undefined ? {} : { maxSequences }),
      ...(maxBatchedTokens === undefined ? {} : { maxBatchedTokens }),
      ...(flagValue(words, '--enforce-eager') === undefined ? {} : { eager: true }),
      ...(cacheType === 'fp8' ? { cacheType } : {}),
    },
    model,
    measured: (described) => measuredPool(described, cache),
  };
}

/** Undefined: not to be seen, or with flags that no plan follows. */
async function flagsOfVllm(host: GpuHost, port: string): Promise<readonly string[] | undefined> {
  const found = await commandLines(host, (words) => {
    const [first, second, third] = words.map(programName);
    const isCommand = first === 'vllm' || second === 'vllm' || third?.startsWith('vllm.entrypoints');
    return Boolean(isCommand) && (flagValue(words, '--port') ?? usualPort) === port;
  });
  const [words] = found.map((one) => one.words.map(withHyphens));
  if (!words || found.length > 1) return undefined;
  const parallel = [
    flagValue(words, '--tensor-parallel-size', '-tp'),
    flagValue(words, '--pipeline-parallel-size', '-pp'),
  ];
  if (parallel.some((count) => count !== undefined && count !== '1')) return undefined;
  const converts = /^(fp8|bitsandbytes)$/.test(flagValue(words, '--quantization', '-q') ?? '');
  const isUnplanned =
    unplannedFlags.some((name) => words.some((word) => word.split(/[=.]/)[0] === name)) ||
    words.some((word) => word.startsWith('-O'));
  return converts || isUnplanned || flagValue(words, '--dtype') === 'float32' ? undefined : words;
}

/** `--max_num_seqs` is `--max-num-seqs` to vLLM. */
function withHyphens(word: string): string {
  return word.replace(/^--[^=]+/, (name) => name.replaceAll('_', '-'));
}

/** What it has for keys and values; of models whose layers have caches of different kinds the blocks are not alike. */
function measuredPool({ facts }: FitModel, { blocks, blockTokens, cacheType }: CacheConfig) {
  const perToken = cacheType && uniformBytesPerToken(facts, cacheType === 'fp8' ? 1 : 2);
  return perToken === undefined ? undefined : { pool: blocks * blockTokens * perToken };
}
