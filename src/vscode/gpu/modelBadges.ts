import type { LLMClient, ModelInfo } from '../../core/clients/llmClient.ts';
import { fitGpus, roomsFor } from '../../core/gpu/fitGpus.ts';
import { isForwarded, readServerUse } from '../../core/gpu/serverUse.ts';
import type { Settings } from '../../core/settings/settings.ts';
import type { GpuIndicator } from './gpuIndicator.ts';

/** Asking what a model is takes Ollama some 50 ms, and it may have a hundred. */
const atOnce = 4;
const mostModels = 60;

/**
 * The verdict on each model that is not loaded, beside those that are or in place of them. Of Ollama on this machine only: what another server
 * loads it was started with, and of another machine's GPU nothing is known.
 */
export async function modelBadges(
  indicator: GpuIndicator,
  settings: Settings,
  client: LLMClient,
  models: readonly ModelInfo[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const badges = new Map<string, string>();
  if (client.backend !== 'ollama') return badges;
  try {
    const reading = await indicator.read();
    if (reading?.state !== 'gpus') return badges;
    const use = await readServerUse(client, signal);
    if (!use?.isHere || use.problem !== undefined || isForwarded(use, reading.gpus)) return badges;
    if (fitGpus(reading.gpus).length === 0) return badges;
    const [fits, { fitBadge }] = await Promise.all([indicator.fits(), import('../../core/fit/fitBadge.ts')]);
    const waiting = models.filter(({ loaded }) => !loaded).slice(0, mostModels);
    const work = async () => {
      for (let model = waiting.shift(); model; model = waiting.shift()) {
        // One that cannot be planned has no badge.
        const rooms = roomsFor([model.id], reading.gpus, use.models);
        const plan = await fits.planWithLoaded(settings, model.id, rooms, signal).catch(() => undefined);
        const badge = plan && fitBadge(plan);
        if (badge !== undefined) badges.set(model.id, badge);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
  } catch {
    // The list is there without them.
  }
  return badges;
}
