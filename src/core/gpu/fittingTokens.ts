import type { OllamaFits } from '../fit/ollamaFits.ts';
import type { Settings } from '../settings/settings.ts';
import { fitGpus } from './fitGpus.ts';
import type { GpuReading } from './gpuReading.ts';
import { cpuShare, isForwarded, leastCpuShare, type ServerUse } from './serverUse.ts';

/** Below that no question with a file fits. */
const leastUsefulTokens = 2048;

/** The longest context of each model that is partly on the CPU with which it would not be, by its id. Ollama's only: others choose no context for a model. */
export async function fittingTokens(
  fits: OllamaFits,
  settings: Settings,
  server: ServerUse,
  reading: GpuReading,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  if (server.backend !== 'ollama' || !server.isHere || reading.state !== 'gpus') return found;
  if (isForwarded(server, reading.gpus)) return found;
  for (const model of server.models) {
    if ((cpuShare(model) ?? 0) < leastCpuShare) continue;
    const { id, contextWindowTokens } = model;
    const gpus = fitGpus(reading.gpus, { loaded: server.models, unloaded: [model] });
    const plan = gpus.length > 0 && (await fits.plan(settings, id, gpus, signal, contextWindowTokens));
    const longest = plan ? plan.largestContextTokens : undefined;
    if (longest !== undefined && longest >= leastUsefulTokens && longest < (contextWindowTokens ?? 0))
      found.set(id, longest);
  }
  return found;
}
