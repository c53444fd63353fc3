import type { BackendRegistry } from '../core/clients/registry.ts';
import { ownCalibrationFile } from '../core/fit/calibrationFile.ts';
import type { FitGpu, FitServer } from '../core/fit/fitRequest.ts';
import type { PlannedMachine } from '../core/fit/machinePlanner.ts';
import { nodeOllamaTraces, readOllamaEnvironment, type OllamaEnvironment } from '../core/fit/ollamaEnvironment.ts';
import { fitGpus, without } from '../core/gpu/fitGpus.ts';
import type { GpuReading } from '../core/gpu/gpuReading.ts';
import { createNodeGpuHost } from '../core/gpu/nodeGpuHost.ts';
import { readGpus } from '../core/gpu/readGpus.ts';
import { isForwarded, isThisMachine, readServerUse } from '../core/gpu/serverUse.ts';
import type { Settings } from '../core/settings/settings.ts';

/** The machine that a plan is for when no other GPU was named. */
export interface OwnMachine extends PlannedMachine {
  readonly gpus: readonly FitGpu[];
  readonly environment: OllamaEnvironment | undefined;
  /** Of the Ollama that runs. */
  readonly version?: string;
  /** Why there are no GPUs. */
  readonly note?: string;
}

/** `kind`: of the server that is planned for. Rejects only when `signal` is aborted, with its reason. */
export async function readOwnMachine(
  kind: FitServer['kind'],
  settings: Settings,
  registry: BackendRegistry,
  signal: AbortSignal,
): Promise<OwnMachine> {
  const url = kind === 'ollama' ? settings.ollamaUrl : kind === 'vllm' ? settings.vllmUrl : '';
  if (URL.canParse(url) && !isThisMachine(new URL(url).hostname)) {
    const who = kind === 'vllm' ? 'vLLM' : 'Ollama';
    return noGpus(`${who} runs on another machine (${new URL(url).host}): say its GPU with --gpu or --vram.`);
  }
  const host = createNodeGpuHost();
  const reading = await readGpus(host, signal);
  const cards = reading.state === 'gpus' ? reading.gpus : [];
  if (fitGpus(cards).length === 0) return noGpus(`${words(reading)} Say one with --gpu or --vram.`);
  const ollama = registry.client('ollama', settings);
  const [calibrations, use, status, environment] = await Promise.all([
    ownCalibrationFile(process.env).read(),
    readServerUse(ollama, signal),
    ollama.probe(signal),
    kind === 'ollama' ? readOllamaEnvironment(nodeOllamaTraces(host)) : undefined,
  ]);
  const isOwn = use?.isHere && !isForwarded(use, cards);
  const free = kind === 'ollama' ? cards : without(kind === 'vllm' ? 'vLLM' : 'llama-server', cards);
  return {
    cards: free,
    gpus: fitGpus(free),
    loaded: isOwn ? use.models : [],
    calibrations,
    environment,
    ...(status.state === 'ready' && status.version !== undefined ? { version: status.version } : {}),
  };
}

function noGpus(note: string): OwnMachine {
  return {
    cards: undefined,
    gpus: [],
    loaded: [],
    calibrations: { version: 2, entries: [] },
    environment: undefined,
    note,
  };
}

function words(reading: GpuReading): string {
  switch (reading.state) {
    case 'gpus':
      return 'The GPU of this machine does not tell its memory.';
    case 'asleep':
      return 'The GPU of this machine is switched off, and is not woken for this.';
    case 'none':
    case 'failed':
      return reading.message;
  }
}
