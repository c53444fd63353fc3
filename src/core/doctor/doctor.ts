import type { BackendId } from '../clients/llmClient.ts';
import { usualUrls } from '../clients/openaiCompatible.ts';
import { BackendRegistry } from '../clients/registry.ts';
import { checkEmbedded, checkTarget, type OnStep } from './checkup.ts';
import { tryTcp } from './reach.ts';
import type { Report } from './report.ts';
import { hostOf, portOf, urlSettings, type CheckOptions, type ServerBackend, type Target } from './target.ts';

/**
 * The connection doctor: for each backend, from the address to the first token, what works, how long it took, and what to do about the first thing that
 * does not.
 */

export interface DoctorOptions extends CheckOptions {
  /** Left out: the backend that the settings choose; with `auto` all that `auto` can choose, and the clouds that have a key. */
  readonly backend?: BackendId | undefined;
  /** Has the embedded engine, so that its model is not loaded twice. */
  readonly registry: BackendRegistry;
  readonly onStep?: (backend: BackendId, step: Parameters<OnStep>[0]) => void;
}

/**
 * One report after the other, so that none slows another down.
 * @throws the signal's reason when it is aborted
 */
export async function* checkConnections(options: DoctorOptions, signal: AbortSignal): AsyncGenerator<Report> {
  const { settings, registry, onStep } = options;
  // Servers are looked at without what was learnt about them: what they refuse is to be seen.
  const fresh = new BackendRegistry(options.host);
  try {
    for (const backend of await backendsToCheck(options)) {
      const told: OnStep = (step) => onStep?.(backend, step);
      if (backend === 'embedded') {
        yield await checkEmbedded(registry.client(backend, settings), options, told, signal);
        continue;
      }
      for (const target of await targetsOf(backend, options, fresh, signal)) {
        yield await checkTarget(target, told, signal);
      }
    }
  } finally {
    fresh.dispose();
  }
}

function chosenBackend({ backend, settings }: DoctorOptions): BackendId | undefined {
  return backend ?? (settings.backend === 'auto' ? undefined : settings.backend);
}

async function backendsToCheck(options: DoctorOptions): Promise<readonly BackendId[]> {
  const chosen = chosenBackend(options);
  if (chosen) return [chosen];
  const { settings, host } = options;
  const clouds: BackendId[] = [];
  for (const [backend, url] of [
    ['openai', settings.openaiUrl],
    ['anthropic', settings.anthropicUrl],
  ] as const) {
    if ((await host.credentialFor(new URL(url).origin)) !== undefined) clouds.push(backend);
  }
  return ['ollama', 'vllm', 'openai-compatible', ...clouds, 'embedded'];
}

/** One address, except where none is set for OpenAI-compatible servers: then those of the usual ones at which something listens. */
async function targetsOf(
  backend: ServerBackend,
  options: DoctorOptions,
  registry: BackendRegistry,
  signal: AbortSignal,
): Promise<readonly Target[]> {
  const { settings } = options;
  const isChosen = chosenBackend(options) === backend;
  const target = async (address: string): Promise<Target> => {
    const url = new URL(address);
    return {
      // Only the usual addresses differ from what the settings hold already.
      client: registry.client(
        backend,
        backend === 'openai-compatible' ? { ...settings, openaiCompatibleUrl: address } : settings,
      ),
      backend,
      url,
      urlSetting: urlSettings[backend],
      isChosen,
      proxy: await options.proxyFor(url),
      registry,
      options,
    };
  };
  switch (backend) {
    case 'ollama':
      return [await target(settings.ollamaUrl)];
    case 'vllm':
      return [await target(settings.vllmUrl)];
    case 'openai':
      return [await target(settings.openaiUrl)];
    case 'anthropic':
      return [await target(settings.anthropicUrl)];
    case 'openai-compatible': {
      if (settings.openaiCompatibleUrl) return [await target(settings.openaiCompatibleUrl)];
      const all = await Promise.all(usualUrls.map(target));
      const listening = await Promise.all(all.map(({ url }) => tryTcp(hostOf(url), portOf(url), signal)));
      const found = all.filter((_, index) => listening[index]?.state === 'accepted');
      // Nobody misses a server that was not asked for.
      return found.length > 0 || !isChosen ? found : all.slice(0, 1);
    }
  }
}
