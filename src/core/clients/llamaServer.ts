import { DeltaJoiner } from './chatStream.ts';
import { BackendError } from './errors.ts';
import type { ChatEvent, CompletionRequest, ModelInfo, TokenUsage } from './llmClient.ts';
import { askIfThere, askJson, besideV1, type OpenAIStyleEndpoint } from './openaiStyle.ts';
import { generationFields, refusedField } from './openaiStyleBody.ts';
import { continueText } from './openaiStyleComplete.ts';
import { listModels, toModelInfo, type OpenAIStyleModel } from './openaiStyleModels.ts';
import { readChunks, toTimings, type LlamaTimings } from './openaiStyleStream.ts';
import { withoutRefusedFields } from './refusals.ts';
import { send } from './transport.ts';

/** What llama-server has beside OpenAI's API. Checked on b11434. */

interface Props {
  /** `n_ctx` is the window of one slot: that of one request. */
  readonly default_generation_settings?: { readonly n_ctx?: number };
  readonly modalities?: { readonly vision?: boolean };
  readonly chat_template_caps?: { readonly supports_tools?: boolean };
}

/** With what a model that is loaded tells of itself. Asking does not load one that is not. */
export async function describeLlamaModel(
  endpoint: OpenAIStyleEndpoint,
  model: OpenAIStyleModel,
  signal: AbortSignal,
): Promise<ModelInfo> {
  const loaded = model.status === undefined || model.status.value === 'loaded';
  const query = model.status === undefined ? '' : `?model=${encodeURIComponent(model.id)}&autoload=false`;
  const props = loaded ? ((await askIfThere(endpoint, `/props${query}`, signal)) as Props | undefined) : undefined;
  const contextWindowTokens = props?.default_generation_settings?.n_ctx;
  const images = props?.modalities?.vision;
  const tools = props?.chat_template_caps?.supports_tools;
  return {
    ...toModelInfo(model, []),
    ...(contextWindowTokens ? { contextWindowTokens } : {}),
    loaded,
    capabilities: {
      ...(images === undefined ? {} : { images }),
      ...(tools === undefined ? {} : { tools }),
    },
  };
}

/**
 * A gap filled by `/infill`, which knows the model's own tokens for it; by `/v1/completions` and the request's `rawPrompt` when the model has none.
 * @throws BackendError, of kind `unsupported` when there is none either
 */
export function fillGap(
  endpoint: OpenAIStyleEndpoint,
  request: CompletionRequest,
  signal: AbortSignal,
): AsyncIterable<ChatEvent> {
  const notes = endpoint.memory.of(endpoint.baseUrl, request.model);
  return withoutRefusedFields({
    backend: endpoint.backend,
    model: request.model,
    notes,
    refusedField: (error) => (error.status === 501 ? 'suffix' : refusedField(error, request)),
    open: () =>
      notes.refusedFields.has('suffix') ? continueText(endpoint, request, signal) : infill(endpoint, request, signal),
  });
}

interface InfillChunk {
  readonly content?: string;
  readonly stop?: boolean;
  readonly stop_type?: string;
  readonly tokens_evaluated?: number;
  readonly tokens_predicted?: number;
  readonly timings?: LlamaTimings;
}

async function* infill(
  endpoint: OpenAIStyleEndpoint,
  request: CompletionRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const body = JSON.stringify({
    model: request.model,
    input_prefix: request.prefix,
    input_suffix: request.suffix,
    ...(request.neighbours?.length
      ? { input_extra: request.neighbours.map(({ path, text }) => ({ filename: path, text })) }
      : {}),
    ...generationFields(endpoint, request),
    ...(request.maxOutputTokens === undefined ? {} : { n_predict: request.maxOutputTokens }),
  });
  const url = besideV1(endpoint, '/infill');
  const response = await send(endpoint.transport, { url, method: 'POST', body, signal });
  const joiner = new DeltaJoiner();
  let last: InfillChunk | undefined;
  const take = (chunk: InfillChunk): boolean => {
    if (chunk.content) joiner.add('text', chunk.content);
    if (chunk.stop === true) last = chunk;
    return chunk.stop === true;
  };
  yield* readChunks(endpoint, response, { joiner, take, end: () => undefined });
  if (last) yield finishOf(last);
}

function finishOf({ stop_type, tokens_evaluated, tokens_predicted, timings }: InfillChunk): ChatEvent {
  const usage: TokenUsage = {
    ...(tokens_evaluated ? { promptTokens: tokens_evaluated } : {}),
    ...(tokens_predicted ? { outputTokens: tokens_predicted } : {}),
  };
  const measured = toTimings(timings);
  return {
    type: 'finish',
    reason: stop_type === 'limit' ? 'length' : 'stop',
    usage,
    ...(measured ? { timings: measured } : {}),
  };
}

const loadPollMs = 1000;

/**
 * Has a router load a model, and waits for it.
 * @throws BackendError, of kind `loadFailed` when it cannot
 */
export async function loadInRouter(endpoint: OpenAIStyleEndpoint, model: string, signal: AbortSignal): Promise<void> {
  await commandRouter(endpoint, 'load', model, signal);
  const status = await settledStatus(endpoint, model, 'loading', signal);
  if (status?.value === 'loaded') return;
  throw new BackendError({
    kind: 'loadFailed',
    backend: endpoint.backend,
    message: `The server could not load ${model}.`,
    hint: 'Look at the server’s log; often memory is short, or the server is too old for the model.',
  });
}

/** @throws BackendError */
export async function unloadInRouter(endpoint: OpenAIStyleEndpoint, model: string, signal: AbortSignal): Promise<void> {
  await commandRouter(endpoint, 'unload', model, signal);
  await settledStatus(endpoint, model, 'loaded', signal);
}

async function commandRouter(
  endpoint: OpenAIStyleEndpoint,
  command: 'load' | 'unload',
  model: string,
  signal: AbortSignal,
): Promise<void> {
  const models = await listModels(endpoint, signal);
  const { backend } = endpoint;
  if (!models.some(({ status }) => status)) {
    throw new BackendError({
      kind: 'unsupported',
      backend,
      message: 'This llama-server has one model, which it cannot load or unload by request.',
      hint: 'Start it without a model, as a router of all that are in a folder (--models-dir).',
    });
  }
  const ids = models.map(({ id }) => id);
  if (!ids.includes(model)) {
    throw new BackendError({
      kind: 'modelNotFound',
      backend,
      message: `The server does not have ${model}.`,
      hint: `Choose one that it has: ${ids.join(', ')}.`,
      nextStep: { do: 'chooseModel', models: ids },
    });
  }
  await askJson(endpoint, besideV1(endpoint, `/models/${command}`), signal, { model });
}

/** The first that is another than `passing`. */
async function settledStatus(
  endpoint: OpenAIStyleEndpoint,
  model: string,
  passing: string,
  signal: AbortSignal,
): Promise<OpenAIStyleModel['status']> {
  for (;;) {
    const status = (await listModels(endpoint, signal)).find(({ id }) => id === model)?.status;
    if (status?.value !== passing) return status;
    await endpoint.transport.host.wait(loadPollMs, signal);
    signal.throwIfAborted();
  }
}
