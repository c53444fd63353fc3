import { BackendError } from '../core/clients/errors.ts';
import type { BackendRegistry } from '../core/clients/registry.ts';
import type { GpuReading } from '../core/gpu/gpuReading.ts';
import { snapshotLines, type GpuSnapshot } from '../core/gpu/gpuText.ts';
import { createNodeGpuHost } from '../core/gpu/nodeGpuHost.ts';
import { readGpus } from '../core/gpu/readGpus.ts';
import { cpuShare, leastCpuShare, readServerUse, type ServerUse } from '../core/gpu/serverUse.ts';
import type { CoreHost } from '../core/host.ts';
import type { Settings } from '../core/settings/settings.ts';
import type { CommonOptions } from './arguments.ts';
import { exitCodes, type ExitCode } from './exitCodes.ts';
import type { Output } from './output.ts';

/** The GPUs of this machine, and what the server in use has loaded. No GPU, or one that is switched off, is an answer; one that cannot be read is a failure. */
export async function gpu(
  { settings, json }: CommonOptions,
  host: CoreHost,
  registry: BackendRegistry,
  output: Output,
  signal: AbortSignal,
): Promise<ExitCode> {
  const [reading, server] = await Promise.all([
    readGpus(createNodeGpuHost(), signal),
    serverInUse(settings, registry, signal),
  ]);
  const snapshot: GpuSnapshot = {
    reading,
    ...(server ? { server, fittingTokens: await fitting(settings, host, server, reading, signal) } : {}),
  };
  if (json) await output.line({ ...snapshot, fittingTokens: Object.fromEntries(snapshot.fittingTokens ?? []) });
  else await output.text(`${snapshotLines(snapshot).join('\n')}\n`);
  return reading.state === 'failed' ? exitCodes.failed : exitCodes.finished;
}

/** The planner takes a moment to load, and only a model that is slow needs it. What cannot be planned is left out. */
async function fitting(
  settings: Settings,
  host: CoreHost,
  server: ServerUse,
  reading: GpuReading,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  if (!server.models.some((model) => (cpuShare(model) ?? 0) >= leastCpuShare)) return new Map();
  const [{ OllamaFits }, { fittingTokens }] = await Promise.all([
    import('../core/fit/ollamaFits.ts'),
    import('../core/gpu/fittingTokens.ts'),
  ]);
  try {
    return await fittingTokens(new OllamaFits(host), settings, server, reading, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof BackendError) return new Map();
    throw error;
  }
}

/** That there is none matters to nobody who asks for the GPUs. */
async function serverInUse(
  settings: Settings,
  registry: BackendRegistry,
  signal: AbortSignal,
): Promise<ServerUse | undefined> {
  try {
    const { client } = await registry.chooseClient(settings, signal);
    return client.backend === 'embedded' && settings.backend === 'auto'
      ? undefined
      : await readServerUse(client, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof BackendError) return undefined;
    throw error;
  }
}
