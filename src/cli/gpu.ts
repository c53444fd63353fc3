import { BackendError } from '../core/clients/errors.ts';
import type { BackendRegistry } from '../core/clients/registry.ts';
import type { Calibration } from '../core/fit/calibration.ts';
import { differencesText } from '../core/fit/calibrationText.ts';
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
  const measured = await measuredLoad(snapshot, settings, host);
  if (json)
    await output.line({ ...snapshot, ...measured, fittingTokens: Object.fromEntries(snapshot.fittingTokens ?? []) });
  else await output.text(`${[...snapshotLines(snapshot), ...measuredLines(measured)].join('\n')}\n`);
  return reading.state === 'failed' ? exitCodes.failed : exitCodes.finished;
}

/** What a model that is loaded alone took beyond its plan is kept for the next plans. */
async function measuredLoad(
  snapshot: GpuSnapshot,
  settings: Settings,
  host: CoreHost,
): Promise<{ readonly measured?: Calibration }> {
  if (snapshot.reading.state !== 'gpus' || snapshot.server?.models.length !== 1) return {};
  const [{ createLoadCalibration }, { ownCalibrationFile }] = await Promise.all([
    import('../core/fit/loadCalibration.ts'),
    import('../core/fit/calibrationFile.ts'),
  ]);
  const file = ownCalibrationFile(process.env);
  const measured = await createLoadCalibration({ file, settings: () => settings, host }).note(snapshot);
  return measured ? { measured } : {};
}

function measuredLines({ measured }: { readonly measured?: Calibration }): readonly string[] {
  return measured ? [`  Measured for the next plans (a2ia measured): ${differencesText(measured)}.`] : [];
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
  const [{ OllamaFits, ownMachine }, { fittingTokens }] = await Promise.all([
    import('../core/fit/ollamaFits.ts'),
    import('../core/gpu/fittingTokens.ts'),
  ]);
  try {
    const { ownCalibrationFile } = await import('../core/fit/calibrationFile.ts');
    const fits = new OllamaFits(host, ownMachine(ownCalibrationFile(process.env), createNodeGpuHost()));
    return await fittingTokens(fits, settings, server, reading, signal);
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
