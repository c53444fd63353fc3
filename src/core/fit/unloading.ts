import type { FitGpu, FitPlan, FitRequest, Unloading } from './fitRequest.ts';
import type { Planner } from './planFit.ts';
import { ollamaWouldSwap } from './planTogether.ts';

/** What is free beside the models that Ollama has loaded, and in place of them. */
export interface Rooms {
  readonly beside: readonly FitGpu[];
  readonly alone: readonly FitGpu[];
  readonly others: readonly string[];
}

/**
 * The plan on a machine where Ollama has models loaded. Ollama unloads them for another that does not fit beside them, as far as nobody uses them; for another server they are
 * in the way until somebody does. `request.gpus` is not looked at.
 */
export function planWithLoaded(request: FitRequest, { beside, alone, others }: Rooms, planner: Planner): FitPlan {
  const besideOthers = { ...request, gpus: beside };
  const now = planner(besideOthers);
  if (others.length === 0 || now.verdict === 'unknown') return now;
  const isOllama = request.server.kind === 'ollama';
  if (now.verdict === 'fits' && !(isOllama && ollamaWouldSwap(besideOthers, now))) return now;
  const then = planner({ ...request, gpus: alone });
  if (isOllama) {
    const frees = (then.free?.bytes ?? 0) > (now.free?.bytes ?? 0);
    return frees ? { ...then, unloading: { models: others, by: 'server' } } : now;
  }
  const helps = order.indexOf(then.verdict) < order.indexOf(now.verdict);
  return helps ? { ...now, unloading: { models: others, by: 'user' } } : now;
}

const order: readonly FitPlan['verdict'][] = ['fits', 'tight', 'partial', 'fails'];

/** `after unloading qwen3:8b`, `after unloading 3 models` */
export function unloadingWords({ models }: Unloading): string {
  return `after unloading ${models.length > 2 ? `${models.length} models` : models.join(' and ')}`;
}

/** A sentence for the user; undefined where nothing has to go. */
export function unloadingText({ unloading }: { readonly unloading?: Unloading | undefined }): string | undefined {
  if (!unloading) return undefined;
  const { models, by } = unloading;
  const them = models.length > 1 ? 'them' : 'it';
  return by === 'server'
    ? `That is ${unloadingWords(unloading)}: Ollama does that by itself, unless somebody uses ${them} just then.`
    : `Ollama has ${models.join(', ')} loaded. Without ${them} there would be more room: unload ${them} first.`;
}
