import type { BackendId, LLMClient, ModelInfo } from '../clients/llmClient.ts';
import type { BackendRegistry } from '../clients/registry.ts';
import type { BackendModel, Settings } from '../settings/settings.ts';
import { fimTemplateOf, isKnownWithoutFim, type FimTemplate } from './fimTemplates.ts';

/** Whether a model fills gaps, and how it has to be asked. */
export type FimAbility =
  /** Without a template its server knows how. */
  | { readonly can: 'yes'; readonly template?: FimTemplate }
  /** Its server says it with the first request. */
  | { readonly can: 'perhaps' }
  | { readonly can: 'no'; readonly reason: string };

/** By what the server says, and where it says nothing by the model's name. */
export function fimAbilityOf(client: LLMClient, model: ModelInfo): FimAbility {
  const { backend } = client;
  if (!client.complete) return { can: 'no', reason: `${backendNames[backend]} has no way to fill a gap in code.` };
  const names = [model.id, model.displayName ?? '', model.basedOn ?? ''];
  const says = model.capabilities?.fillInTheMiddle;
  const template = fimTemplateOf(names);
  const cannot: FimAbility = { can: 'no', reason: `${model.displayName ?? model.id} cannot fill a gap in code.` };
  // The embedded engine looks into the vocabulary: what is not in there no name can help.
  if (isKnownWithoutFim(names) || (backend === 'embedded' && says === false)) return cannot;
  if (template) return { can: 'yes', template };
  if (says === true) return { can: 'yes' };
  if (says === false) return cannot;
  // llama-server has the tokens of the model at hand; the name of the file may be anything.
  return backend === 'openai-compatible' ? { can: 'perhaps' } : cannot;
}

const backendNames: Readonly<Record<BackendId, string>> = {
  ollama: 'Ollama',
  vllm: 'vLLM',
  'openai-compatible': 'This server',
  openai: 'OpenAI’s API',
  anthropic: 'Anthropic’s API',
  embedded: 'The embedded engine',
};

/** Found on a server, or to be had. */
export interface FimModel extends BackendModel {
  readonly displayName: string;
  readonly sizeBytes?: number;
  readonly isLoaded: boolean;
  /** It is fetched first, after the user agrees. */
  readonly needsDownload: boolean;
}

/**
 * Models for completion, the best first: what is in memory, then the smaller, since an answer has to come while one types; last what would have to be fetched.
 * Nobody is asked for leave, and clouds are left alone.
 */
export async function findFimModels(
  registry: BackendRegistry,
  settings: Settings,
  signal: AbortSignal,
): Promise<readonly FimModel[]> {
  const findings = await registry.survey(settings, signal, { isQuiet: true });
  const found = await Promise.all(
    findings
      .filter(({ client, status }) => status.state === 'ready' && !cloud.includes(client.backend))
      .map(({ client }) => fimModelsOf(client, signal)),
  );
  return found.flat().sort((a, b) => rank(a) - rank(b) || (a.sizeBytes ?? Infinity) - (b.sizeBytes ?? Infinity));
}

const cloud: readonly BackendId[] = ['openai', 'anthropic'];

function rank({ isLoaded, needsDownload }: FimModel): number {
  if (needsDownload) return 2;
  return isLoaded ? 0 : 1;
}

async function fimModelsOf(client: LLMClient, signal: AbortSignal): Promise<readonly FimModel[]> {
  let models: readonly ModelInfo[];
  try {
    models = await client.listModels(signal);
  } catch {
    // One server that fails takes no other from the list.
    signal.throwIfAborted();
    return [];
  }
  return models
    .filter((model) => fimAbilityOf(client, model).can === 'yes')
    .map((model) => ({
      backend: client.backend,
      model: model.id,
      displayName: model.displayName ?? model.id,
      ...(model.sizeBytes ? { sizeBytes: model.sizeBytes } : {}),
      isLoaded: model.loaded ?? false,
      needsDownload: isToBeFetched(client, model),
    }));
}

/** What the embedded engine has on the disk it has looked into. */
export function isToBeFetched(client: LLMClient, model: ModelInfo): boolean {
  return client.backend === 'embedded' && model.capabilities === undefined;
}
