import { BackendError } from '../clients/errors.ts';
import type { LLMClient, ModelInfo } from '../clients/llmClient.ts';
import type { BackendRegistry } from '../clients/registry.ts';
import type { BackendModel, Settings } from '../settings/settings.ts';
import type { CompletionModel } from './completer.ts';
import { fimAbilityOf, findFimModels, isToBeFetched, type FimModel } from './fimModels.ts';

/** Who completes code, or why nobody does. */
export type CompletionChoice =
  | {
      readonly is: 'ready';
      readonly named: BackendModel;
      readonly displayName: string;
      readonly model: CompletionModel;
    }
  /** The model, or every model there is, cannot do it. These could. */
  | { readonly is: 'cannotFill'; readonly reason: string; readonly alternatives: readonly FimModel[] }
  /** A workspace names that machine, and the user has not agreed to it. Nothing was sent there. */
  | { readonly is: 'mustAsk'; readonly named: BackendModel; readonly origin: string }
  | { readonly is: 'needsDownload'; readonly named: BackendModel; readonly displayName: string };

/** Of a prompt: as much as a small GPU reads within a moment. */
const budgetTokens = 2_048;
/** A CPU reads about a hundred tokens a second. */
const cpuBudgetTokens = 384;

/**
 * Who completes with these settings. A look that nobody asked for: it asks no origin about which the user would have to be asked, and fetches nothing.
 * @throws BackendError when the server is not there, or has not the model
 */
export async function chooseCompletion(
  registry: BackendRegistry,
  settings: Settings,
  signal: AbortSignal,
): Promise<CompletionChoice> {
  const named = settings.completion.model ?? (await bestFound(registry, settings, signal));
  if (!named) {
    const alternatives = await findFimModels(registry, settings, signal);
    return { is: 'cannotFill', reason: 'No model that completes code was found.', alternatives };
  }
  const narrowed = settingsFor(settings, named);
  const [origin] = registry.unasked(narrowed);
  if (origin !== undefined) return { is: 'mustAsk', named, origin };
  const { client } = await registry.chooseClient(narrowed, signal);
  const model = await modelOf(client, named.model, signal);
  const displayName = model.displayName ?? model.id;
  const ability = fimAbilityOf(client, model);
  if (ability.can === 'no') {
    const alternatives = await findFimModels(registry, settings, signal);
    return { is: 'cannotFill', reason: ability.reason, alternatives };
  }
  if (isToBeFetched(client, model)) return { is: 'needsDownload', named, displayName };
  const template = ability.can === 'yes' ? ability.template : undefined;
  return {
    is: 'ready',
    named,
    displayName,
    model: {
      model: model.id,
      ...(template ? { template } : {}),
      budgetTokens: budgetOf(client, model),
      ask: (request, asked) => client.complete?.(request, asked) ?? nothing(),
    },
  };
}

/** The settings under which that backend answers with that model. */
export function settingsFor(settings: Settings, { backend, model }: BackendModel): Settings {
  return { ...settings, backend, models: { ...settings.models, [backend]: model } };
}

async function bestFound(
  registry: BackendRegistry,
  settings: Settings,
  signal: AbortSignal,
): Promise<FimModel | undefined> {
  const found = await findFimModels(registry, settings, signal);
  return found.find(({ needsDownload }) => !needsDownload);
}

/** @throws BackendError of kind `modelNotFound` */
async function modelOf(client: LLMClient, id: string, signal: AbortSignal): Promise<ModelInfo> {
  const models = await client.listModels(signal);
  const model = models.find((candidate) => candidate.id === id || candidate.id === `${id}:latest`);
  if (model) return model;
  throw new BackendError({
    kind: 'modelNotFound',
    backend: client.backend,
    message: `${client.endpoint} does not have ${id}, which a2ia.completion.model names.`,
    hint: 'Choose another one.',
    nextStep: { do: 'chooseModel', models: models.map((candidate) => candidate.id) },
  });
}

/** A prompt and what is written fit into half of the window at most. */
function budgetOf({ backend }: LLMClient, { contextWindowTokens = Infinity }: ModelInfo): number {
  return Math.min(backend === 'embedded' ? cpuBudgetTokens : budgetTokens, Math.floor(contextWindowTokens / 2));
}

async function* nothing(): AsyncGenerator<never> {}
