import type { BackendError } from '../clients/errors.ts';
import { toBackendError } from '../clients/failures.ts';
import type { BackendId, ChatRequest, LLMClient, ModelInfo } from '../clients/llmClient.ts';
import { configuredModel, type Settings } from '../settings/settings.ts';
import { plural } from '../util/plural.ts';
import { failed, passed, skipped, type Finding } from './report.ts';

/** The steps that need a model: which, with how much context, and whether it answers. */

/** Of these the list is whole; others also take names that they do not list (aliases, routes). */
const listsAll: readonly BackendId[] = ['ollama', 'vllm', 'embedded'];

export interface ModelsCheck {
  readonly finding: Finding;
  /** What a question asked now would use. */
  readonly model?: ModelInfo;
}

export async function checkModels(client: LLMClient, settings: Settings, signal: AbortSignal): Promise<ModelsCheck> {
  let models: readonly ModelInfo[];
  try {
    models = await client.listModels(signal);
  } catch (thrown) {
    return { finding: failed(caught(thrown, client, signal)) };
  }
  const ids = models.map(({ id }) => id);
  const wanted = configuredModel(settings, client.backend);
  const model = wanted
    ? models.find(({ id }) => id === wanted || id === `${wanted}:latest`)
    : (models.find(({ loaded }) => loaded) ?? models[0]);
  if (wanted && !model) return notListed(client, wanted, ids);
  if (!model) return { finding: noModels(client) };
  const chosen = wanted ? 'the settings name it' : model.loaded ? 'it is loaded' : 'it is the first';
  return { finding: passed(`${plural(ids.length, 'model')}; ${model.id} answers, since ${chosen}`), model };
}

function notListed(client: LLMClient, wanted: string, ids: readonly string[]): ModelsCheck {
  const shown = ids.slice(0, 8).join(', ') + (ids.length > 8 ? ', …' : '');
  const finding = {
    detail: `${client.endpoint} does not list ${wanted}, which the settings name.`,
    fix:
      client.backend === 'ollama'
        ? `Fetch it (ollama pull ${wanted})${ids.length > 0 ? `, or choose one that is there: ${shown}` : ''}.`
        : `Choose one that it has: ${shown}.`,
    nextStep: { do: 'chooseModel', models: ids },
  } as const;
  return listsAll.includes(client.backend)
    ? { finding: { state: 'failed', ...finding } }
    : { finding: { state: 'warning', ...finding }, model: { id: wanted } };
}

function noModels({ backend, endpoint }: LLMClient): Finding {
  const command = 'ollama pull qwen2.5-coder:7b';
  return {
    state: 'failed',
    detail: `${endpoint} has no model.`,
    fix: backend === 'ollama' ? `Fetch one, for example: ${command}` : 'Start the server with a model.',
    ...(backend === 'ollama' ? { nextStep: { do: 'startServer', command } as const } : {}),
  };
}

/** Who answers: the client, what kind of server is really behind it, and the model. */
export interface Answerer {
  readonly client: LLMClient;
  readonly kind: BackendId;
  readonly model: ModelInfo;
}

/** With less than this a file of a few hundred lines does not fit. */
const shortContextTokens = 8192;

/** By who answers. For Ollama by its own API A2IA has a setting, see `checkContext`. */
const raiseContext: Partial<Record<BackendId, string>> = {
  ollama: 'Start Ollama with OLLAMA_CONTEXT_LENGTH=16384, if the memory allows it.',
  vllm: 'Start vLLM with a larger --max-model-len, if the memory allows it.',
  'openai-compatible': 'Start the server with more (llama-server: -c 16384), if the memory allows it.',
};

export async function checkContext({ client, kind, model }: Answerer, signal: AbortSignal): Promise<Finding> {
  try {
    const tokens = await client.contextWindow(model.id, signal);
    if (tokens === undefined) return skipped('the server does not say how much fits');
    const trained = model.trainedContextTokens;
    const detail = `${tokens} tokens${trained && trained !== tokens ? ` of ${trained} that the model was trained for` : ''}`;
    const setting = client.backend === 'ollama' ? 'a2ia.ollama.contextTokens' : undefined;
    const fix = setting ? `Ask for more in ${setting}, if the memory allows it.` : raiseContext[kind];
    const canGrow = fix !== undefined && (trained === undefined || trained > tokens);
    if (tokens >= shortContextTokens || !canGrow) return passed(detail);
    return {
      state: 'warning',
      detail: `${detail}: short for code`,
      fix,
      ...(setting ? { nextStep: { do: 'openSetting', key: setting } } : {}),
    };
  } catch (thrown) {
    const error = caught(thrown, client, signal);
    // A load that failed would fail again, after minutes; anything else the answer itself will show.
    const isFinal = error.kind === 'outOfMemory' || error.kind === 'loadFailed';
    return isFinal ? failed(error) : { ...failed(error), state: 'warning' };
  }
}

/** Asks for one token and leaves as soon as it is there. */
export async function checkToken({ client, model: { id: model } }: Answerer, signal: AbortSignal): Promise<Finding> {
  const startedMs = performance.now();
  try {
    const warnings: string[] = [];
    for await (const event of client.chat(tinyRequest(model), signal)) {
      if (event.type === 'warning') warnings.push(event.message);
      if (event.type === 'warning' || event.type === 'progress') continue;
      const detail = `${model} began to answer after ${Math.round(performance.now() - startedMs)} ms`;
      const [warning] = warnings;
      if (warning === undefined) return passed(detail);
      return { state: 'warning', detail: `${detail}. ${warning}`, fix: fixFor(warning) ?? 'Choose another model.' };
    }
    signal.throwIfAborted();
    return { state: 'failed', detail: `${model} sent nothing.`, fix: 'Look at the server’s log.' };
  } catch (thrown) {
    const error = caught(thrown, client, signal);
    return failed(error, fixFor(`${error.message} ${error.serverMessage}`) ?? error.hint);
  }
}

function tinyRequest(model: string): ChatRequest {
  return { model, messages: [{ role: 'user', text: 'Hi' }], maxOutputTokens: 1 };
}

function fixFor(words: string): string | undefined {
  return /chat template/i.test(words)
    ? 'The model was made to continue text, not to chat: choose its instruct or chat variant, or give the server a template (vLLM: --chat-template, llama-server: --chat-template-file).'
    : undefined;
}

const toolFix: Partial<Record<BackendId, string>> = {
  ollama: 'For agents choose a model that “ollama show” lists with the capability tools.',
  vllm: 'For agents start vLLM with --enable-auto-tool-choice and the --tool-call-parser of the model’s family.',
  'openai-compatible': 'For agents choose a model with a template for tools (llama-server: start with --jinja).',
};

/** Whether the model could call tools. Nothing of A2IA's questions needs it, so no is a warning. */
export async function checkTools({ client, kind, model }: Answerer, signal: AbortSignal): Promise<Finding> {
  const listed = model.capabilities?.tools;
  const refused: Finding = {
    state: 'warning',
    detail: `${model.id} cannot call tools here`,
    fix: toolFix[kind] ?? 'For agents choose another model.',
  };
  if (listed !== undefined) return listed ? passed('the model can call tools') : refused;
  const parameters = { type: 'object', properties: {} };
  const tools = [{ name: 'noop', description: 'Does nothing.', parameters }];
  try {
    for await (const event of client.chat({ ...tinyRequest(model.id), tools }, signal)) {
      if (event.type === 'warning' && /tool/i.test(event.message)) return refused;
      if (event.type !== 'warning' && event.type !== 'progress') break;
    }
    signal.throwIfAborted();
    return passed('the server takes tools');
  } catch (thrown) {
    const error = caught(thrown, client, signal);
    if (error.kind !== 'unsupported' && error.feature !== 'tools') return skipped(`not known: ${error.message}`);
    return error.serverMessage ? { ...refused, serverMessage: error.serverMessage } : refused;
  }
}

/** The signal's reason when it was cancelled, else the failure. */
function caught(thrown: unknown, client: LLMClient, signal: AbortSignal): BackendError {
  signal.throwIfAborted();
  return toBackendError(thrown, client.backend);
}
