import { sendJson, type TransportOptions } from '../clients/transport.ts';
import { commandLines, flagValue, programName, type CommandLine } from '../gpu/commandLines.ts';
import type { GpuHost } from '../gpu/gpuHost.ts';
import type { GpuState } from '../gpu/gpuReading.ts';
import { isCacheType } from './kvCache.ts';
import { countOf, field, type RunningServer } from './runningServer.ts';

const usualPorts = ['8080', '9931'];

/** They put a part elsewhere, or something beside the model that its own description does not tell of. */
const unplannedFlags = [
  '--model-draft',
  '-md',
  '--mmproj',
  '-mm',
  '--cpu-moe',
  '-cmoe',
  '--n-cpu-moe',
  '-ncmoe',
  '--override-tensor',
  '-ot',
  '--no-kv-offload',
  '-nkvo',
  '--device',
  '-dev',
  '--hf-repo-draft',
  '-hfd',
  '-hfrd',
  '--lora',
  '--lora-scaled',
  '--batch-size',
  '-b',
  '--swa-full',
];

/**
 * The llama-server of this machine, by its API, its command line, and what the driver says that its process holds. `url` without `/v1`. Undefined: it is another server,
 * a router of several models, or one of these three is not to be seen.
 * @throws BackendError, or the reason of the signal
 */
export async function readRunningLlamaServer(
  url: string,
  transport: TransportOptions,
  host: GpuHost,
  gpu: GpuState,
  signal: AbortSignal,
): Promise<RunningServer | undefined> {
  const port = new URL(url).port;
  const started = await commandLines(host, ([program, ...words]) => {
    if (programName(program) !== 'llama-server') return false;
    const told = flagValue(words, '--port');
    return told === undefined ? usualPorts.includes(port) : told === port;
  });
  const [line] = started;
  if (!line || started.length > 1) return undefined;
  const { words } = line;
  const all = heldBy(line, gpu);
  if (all === undefined || unplannedFlags.some((name) => flagValue(words, name) !== undefined)) return undefined;
  const props = await sendJson(transport, { url: `${url}/props`, method: 'GET', signal });
  const model = field(props, 'model_path');
  const build = /^b(\d+)/.exec(String(field(props, 'build_info')))?.[1];
  const contextTokens = contextOf(words, props);
  if (typeof model !== 'string' || build === undefined || contextTokens === undefined) return undefined;
  const parallel = countOf(flagValue(words, '--parallel', '-np'));
  const batchTokens = countOf(flagValue(words, '--ubatch-size', '-ub'));
  const cacheType = flagValue(words, '--cache-type-k', '-ctk');
  const valueType = flagValue(words, '--cache-type-v', '-ctv');
  const flash = flagValue(words, '--flash-attn', '-fa');
  // A plan has keys and values of one type; and an encoder may come with a repository without being asked for.
  const isMixed = (cacheType ?? 'f16') !== (valueType ?? 'f16');
  if (isMixed || field(props, 'modalities', 'vision') === true) return undefined;
  const gpuLayers = flagValue(words, '--n-gpu-layers', '--gpu-layers', '-ngl');
  return {
    server: {
      kind: 'llama-server',
      build: Number(build),
      contextTokens,
      ...(parallel === undefined ? {} : { parallel }),
      ...(batchTokens === undefined ? {} : { batchTokens }),
      ...(cacheType !== undefined && isCacheType(cacheType) ? { cacheType } : {}),
      // Until it took a word, the flag alone switched it on.
      ...(flash === 'on' || flash === '' || flash === 'off' ? { flashAttention: flash !== 'off' } : {}),
    },
    model,
    measured: ({ facts }) => (isWhole(gpuLayers, facts.layers.length) ? { all } : undefined),
  };
}

/** Whether all layers, and the output after them, are on the GPU by what `-ngl` says. */
function isWhole(gpuLayers: string | undefined, layers: number): boolean {
  return gpuLayers === undefined || /^(all|auto|-\d+)$/.test(gpuLayers) || Number(gpuLayers) > layers;
}

function heldBy({ pid }: CommandLine, { processes }: GpuState): number | undefined {
  return processes.find((one) => one.pid === pid)?.usedBytes;
}

/** Of all slots together: what it was told, or what it tells of its only one. */
function contextOf(words: readonly string[], props: unknown): number | undefined {
  const told = countOf(flagValue(words, '--ctx-size', '-c'));
  if (told !== undefined) return told;
  return field(props, 'total_slots') === 1 ? countOf(field(props, 'default_generation_settings', 'n_ctx')) : undefined;
}
