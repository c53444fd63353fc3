import type { LoadedModel } from '../clients/llmClient.ts';
import type { FitGpu } from '../fit/fitRequest.ts';
import type { OllamaFits } from '../fit/ollamaFits.ts';
import type { Settings } from '../settings/settings.ts';
import { roomsFor } from './fitGpus.ts';
import type { GpuState } from './gpuReading.ts';
import { isForwarded, isThisMachine } from './serverUse.ts';

export interface ContextQuestion {
  readonly settings: Settings;
  readonly model: string;
  /** What the server has in memory now. */
  readonly loaded: readonly LoadedModel[];
}

const steps = [131_072, 98_304, 65_536, 49_152, 32_768, 24_576, 16_384, 12_288, 8192, 6144, 4096];
const gibibyte = 1024 ** 3;

/** More than that is memory that nobody reads into, and is missed by the next model. */
function mostUseful(gpus: readonly FitGpu[]): number {
  const totalBytes = gpus.reduce((total, gpu) => total + gpu.totalBytes, 0);
  if (totalBytes < 20 * gibibyte) return 32_768;
  return totalBytes < 44 * gibibyte ? 65_536 : 131_072;
}

/**
 * The longest useful context with which all of a model is certain to be on the GPU, beside what is there; where that is none, in place of the server's other
 * models. Undefined where nothing is certain: on another machine, without figures of the GPU, or where the model does not fit at all.
 * @throws BackendError, or the reason of the signal
 */
export async function usefulContext(
  fits: OllamaFits,
  cards: readonly GpuState[],
  { settings, model, loaded }: ContextQuestion,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { hostname } = new URL(settings.ollamaUrl);
  if (!isThisMachine(hostname)) return undefined;
  const use = { backend: 'ollama', endpoint: settings.ollamaUrl, isHere: true, models: loaded } as const;
  if (isForwarded(use, cards)) return undefined;
  const { beside, alone, others } = roomsFor([model], cards, loaded);
  for (const gpus of others.length > 0 ? [beside, alone] : [beside]) {
    if (gpus.length === 0 || gpus.some(({ freeBytes }) => freeBytes === undefined)) return undefined;
    const longest = (await fits.plan(settings, model, gpus, signal, mostUseful(gpus)))?.largestContextTokens ?? 0;
    for (const tokens of steps.filter((step) => step <= Math.min(longest, mostUseful(gpus)))) {
      const plan = await fits.plan(settings, model, gpus, signal, tokens);
      if (plan?.verdict === 'fits') return plan.contextTokens;
    }
  }
  return undefined;
}
