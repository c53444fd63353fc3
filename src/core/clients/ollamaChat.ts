import type { Message, Options } from 'ollama/browser';
import { DeltaJoiner, unfiltered, type DeltaFilter } from './chatStream.ts';
import { BackendError } from './errors.ts';
import { toBackendError } from './failures.ts';
import type { ChatEvent, ChatMessage, ChatRequest, CompletionRequest, ServerTimings, TokenUsage } from './llmClient.ts';
import { ask, modelFields, notesOf, streamObjects, type OllamaServer } from './ollamaApi.ts';
import { contextWindow, describeModel } from './ollamaModels.ts';
import { withoutRefusedFields, type DroppableField } from './refusals.ts';
import type { ModelNotes } from './serverMemory.ts';
import { ThinkTagSplitter } from './thinkTags.ts';
import { estimateTokens, learnTokenSize } from './tokenEstimate.ts';
import { argumentsObject } from './toolCalls.ts';

/** One chat by `/api/chat`. @throws BackendError */
export async function* streamChat(
  server: OllamaServer,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const notes = notesOf(server, request.model);
  try {
    if (imagesOf(request) > 0) await requireImages(server, request.model, signal);
    yield* withoutRefusedFields({
      backend: 'ollama',
      model: request.model,
      notes,
      refusedField: (error) => refusedField(error, request),
      open: () => openChat(server, request, notes, signal),
    });
  } catch (error) {
    throw await withNumbers(server, request, toBackendError(error, 'ollama'), signal);
  }
}

async function* openChat(
  server: OllamaServer,
  request: ChatRequest,
  notes: ModelNotes,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const think = thinkField(request, notes);
  const { tools = [] } = request;
  const body = {
    ...modelFields(server, request.model, generationOptions(request)),
    messages: request.messages.map(toPackageMessage),
    ...(think === undefined ? {} : { think }),
    ...(tools.length > 0 && !notes.refusedFields.has('tools')
      ? { tools: tools.map((tool) => ({ type: 'function', function: { ...tool } })) }
      : {}),
  };
  const joiner = new DeltaJoiner();
  // Models whose template says nothing of thinking: Ollama leaves their tags in the text.
  const tags = new ThinkTagSplitter(joiner, notes.startsInReasoning && request.reasoning !== 'off');
  const lines = streamObjects<AnswerLine>(server, (ollama) => ollama.chat(body), signal);
  for await (const event of readAnswer(lines, joiner, tags)) {
    if (event.type === 'finish') {
      if (tags.isUnopened) notes.startsInReasoning = true;
      if (tags.isUnclosed && event.reason === 'stop') notes.startsInReasoning = false;
      yield* promptWarnings(server, request, event.usage ?? {}, signal);
    }
    yield event;
  }
}

/** A model that takes no level is asked without one; `false` is taken by every model. */
function thinkField({ reasoning }: ChatRequest, notes: ModelNotes) {
  if (reasoning === 'off') return false;
  return notes.refusedFields.has('reasoning') ? undefined : reasoning;
}

function refusedField(error: BackendError, { tools, reasoning }: ChatRequest): DroppableField | undefined {
  const words = error.status === 400 ? (error.serverMessage ?? '') : '';
  if (tools?.length && words.includes('does not support tools')) return 'tools';
  // "does not support thinking", "think value "low" is not supported for this model"; before 0.11: no text where a boolean is.
  if (reasoning && reasoning !== 'off' && /\bthink(ing)?\b/.test(words)) return 'reasoning';
  return undefined;
}

/** One completion by `/api/generate`. @throws BackendError */
export async function* streamCompletion(
  server: OllamaServer,
  request: CompletionRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const { model, prefix, suffix } = request;
  const notes = notesOf(server, model);
  try {
    yield* withoutRefusedFields({
      backend: 'ollama',
      model,
      notes,
      refusedField: (error) => (error.serverMessage?.includes('does not support insert') ? 'suffix' : undefined),
      open: () => {
        const body = {
          ...modelFields(server, model, generationOptions(request)),
          ...promptFields(request, notes),
          // Left out, a model that can think does, for as long as the whole completion may take.
          think: false,
        };
        const lines = streamObjects<AnswerLine>(server, (ollama) => ollama.generate(body), signal);
        return readAnswer(lines, new DeltaJoiner());
      },
    });
  } catch (error) {
    const asChat: ChatRequest = { model, messages: [{ role: 'user', text: prefix + suffix }] };
    throw await withNumbers(server, asChat, toBackendError(error, 'ollama'), signal);
  }
}

function promptFields({ model, prefix, suffix, rawPrompt, neighbours }: CompletionRequest, notes: ModelNotes) {
  // Raw: without the model's chat template around it, which would make it answer instead of going on.
  if (suffix === '') return { prompt: prefix, raw: true };
  // Its templates have no place for other files.
  if (rawPrompt !== undefined && neighbours?.length) return { prompt: rawPrompt, raw: true };
  const canFill = notes.description?.capabilities?.fillInTheMiddle !== false && !notes.refusedFields.has('suffix');
  if (canFill) return { prompt: prefix, suffix };
  if (rawPrompt !== undefined) return { prompt: rawPrompt, raw: true };
  throw new BackendError({
    kind: 'unsupported',
    feature: 'fillInTheMiddle',
    backend: 'ollama',
    message: `${model} cannot fill a gap in a text.`,
    hint: 'Choose a model made for completion, for example qwen2.5-coder.',
  });
}

function generationOptions(request: ChatRequest | CompletionRequest): Partial<Options> {
  return {
    ...(request.maxOutputTokens === undefined ? {} : { num_predict: request.maxOutputTokens }),
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(request.topP === undefined ? {} : { top_p: request.topP }),
    ...(request.seed === undefined ? {} : { seed: request.seed }),
    ...(request.stop === undefined ? {} : { stop: [...request.stop] }),
  };
}

// ---- Answers ----------------------------------------------------------------------------------------------------------------------------------------

/** One object of an answer: chat has `message`, completion `response` and `thinking`. */
interface AnswerLine {
  readonly message?: {
    readonly content?: string;
    readonly thinking?: string;
    readonly tool_calls?: readonly ToolCallLine[];
  };
  readonly response?: string;
  readonly thinking?: string;
  readonly done?: boolean;
  readonly done_reason?: string;
  readonly prompt_eval_count?: number;
  readonly prompt_eval_duration?: number;
  readonly eval_count?: number;
  readonly eval_duration?: number;
  readonly load_duration?: number;
}

interface ToolCallLine {
  readonly id?: string;
  readonly function?: { readonly name?: string; readonly arguments?: unknown };
}

/** What arrived before a failure is given. */
async function* readAnswer(
  batches: AsyncIterable<readonly AnswerLine[]>,
  joiner: DeltaJoiner,
  filter: DeltaFilter = unfiltered(joiner),
): AsyncGenerator<ChatEvent> {
  let calledTools = false;
  const take = (line: AnswerLine): void => {
    const reasoning = line.message?.thinking ?? line.thinking;
    const text = line.message?.content ?? line.response;
    if (reasoning) filter.reasoning(reasoning);
    if (text) filter.text(text);
    for (const call of line.message?.tool_calls ?? []) {
      calledTools = true;
      joiner.push(toolCallEvent(call));
    }
  };
  try {
    for await (const lines of batches) {
      for (const line of lines) {
        take(line);
        if (!line.done) continue;
        filter.end();
        joiner.push(finishEvent(line, calledTools));
        yield* joiner.take();
        return;
      }
      yield* joiner.take();
    }
  } catch (error) {
    filter.end();
    yield* joiner.take();
    throw error;
  }
  filter.end();
  yield* joiner.take();
}

function toolCallEvent({ id, function: called }: ToolCallLine): ChatEvent {
  return {
    type: 'toolCall',
    // Older servers give none, and a conversation refers to it for as long as it lasts.
    id: id ?? `call_${crypto.randomUUID().slice(0, 8)}`,
    name: called?.name ?? '',
    argumentsJson: JSON.stringify(called?.arguments ?? {}),
  };
}

function finishEvent(line: AnswerLine, calledTools: boolean): ChatEvent {
  // Counters are left out when they are 0; durations are nanoseconds.
  const usage: TokenUsage = {
    ...(line.prompt_eval_count ? { promptTokens: line.prompt_eval_count } : {}),
    ...(line.eval_count ? { outputTokens: line.eval_count } : {}),
  };
  const timings: ServerTimings = {
    ...(line.load_duration ? { loadMs: line.load_duration / 1e6 } : {}),
    ...(line.prompt_eval_duration ? { promptMs: line.prompt_eval_duration / 1e6 } : {}),
    ...(line.eval_duration ? { outputMs: line.eval_duration / 1e6 } : {}),
  };
  const reason = calledTools ? 'toolCalls' : line.done_reason === 'length' ? 'length' : 'stop';
  return { type: 'finish', reason, usage, timings };
}

/** Learns from what the server counted, or says that it dropped a part of the prompt: only servers before 0.12.6 do. */
async function* promptWarnings(
  server: OllamaServer,
  request: ChatRequest,
  usage: TokenUsage,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const notes = notesOf(server, request.model);
  const { promptTokens, outputTokens = 0 } = usage;
  if (promptTokens === undefined) return;
  const isFull = notes.contextTokens !== undefined && promptTokens + outputTokens >= notes.contextTokens - 1;
  const isFew = imagesOf(request) === 0 && promptTokens < estimateTokens(request, notes).tokens / 2;
  const silentVersion = isFull || isFew ? await versionThatTruncates(server, signal) : undefined;
  if (silentVersion === undefined) return learnTokenSize(request, notes, promptTokens);
  if (notes.truncationWasTold) return;
  notes.truncationWasTold = true;
  yield {
    type: 'warning',
    message: `The prompt was truncated: Ollama ${silentVersion} drops what does not fit into the context window. Leave out context, or update Ollama: since 0.12.6 it refuses such a prompt instead.`,
  };
}

/** Undefined for a server that knows `truncate: false`, and when it cannot be known. */
async function versionThatTruncates(server: OllamaServer, signal: AbortSignal): Promise<string | undefined> {
  const answer = await ask(server, (ollama) => ollama.version(), signal).catch(() => undefined);
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)/.exec(String(answer?.version)) ?? [];
  const number = Number(major) * 1e6 + Number(minor) * 1e3 + Number(patch);
  // 0.0.0 is one that somebody built without a version.
  return number > 0 && number < 12_006 ? answer?.version : undefined;
}

// ---- Requests ---------------------------------------------------------------------------------------------------------------------------------------

function imagesOf({ messages }: ChatRequest): number {
  return messages.reduce((sum, message) => sum + (message.role === 'user' ? (message.images?.length ?? 0) : 0), 0);
}

/** A model without eyes ignores images and says nothing. */
async function requireImages(server: OllamaServer, model: string, signal: AbortSignal): Promise<void> {
  if (notesOf(server, model).description?.capabilities?.images) return;
  const { capabilities } = await describeModel(server, model, signal);
  if (capabilities?.images !== false) return;
  throw new BackendError({
    kind: 'unsupported',
    feature: 'images',
    backend: 'ollama',
    message: `${model} cannot see images. Nothing was sent.`,
    hint: 'Leave the image out, or choose a model that can, for example gemma3 or qwen2.5vl.',
  });
}

function toPackageMessage(message: ChatMessage): Message {
  switch (message.role) {
    case 'system':
      return { role: 'system', content: message.text };
    case 'user':
      return {
        role: 'user',
        content: message.text,
        ...(message.images?.length ? { images: message.images.map(({ base64 }) => base64) } : {}),
      };
    case 'tool': {
      // Not in the package's types: by it newer servers tell two calls of one tool apart.
      const call = { tool_call_id: message.toolCallId };
      return { role: 'tool', content: message.text, tool_name: message.toolName, ...call };
    }
    case 'assistant':
      return {
        role: 'assistant',
        content: message.text,
        ...(message.toolCalls?.length
          ? {
              tool_calls: message.toolCalls.map((call) => ({
                id: call.id,
                function: { name: call.name, arguments: argumentsObject(call.argumentsJson) },
              })),
            }
          : {}),
      };
  }
}

// ---- Errors -----------------------------------------------------------------------------------------------------------------------------------------

/** An overflow with the numbers, which Ollama leaves out from 0.12.6 to 0.29: the window as it is, and an estimate of the prompt. */
async function withNumbers(
  server: OllamaServer,
  request: ChatRequest,
  error: BackendError,
  signal: AbortSignal,
): Promise<BackendError> {
  if (error.kind !== 'contextOverflow') return error;
  const contextTokens =
    error.contextTokens ?? (await contextWindow(server, request.model, signal).catch(() => undefined));
  const promptTokens = error.promptTokens ?? estimateTokens(request, notesOf(server, request.model)).tokens;
  const message =
    contextTokens === undefined || error.promptTokens !== undefined
      ? error.message
      : promptTokens > contextTokens
        ? `The prompt has about ${promptTokens} tokens; the context window of ${request.model} has ${contextTokens}.`
        : `The prompt does not fit into the context window of ${request.model}, which has ${contextTokens} tokens.`;
  return new BackendError({
    kind: 'contextOverflow',
    backend: 'ollama',
    message,
    hint: 'Shorten the question or leave out context, or ask for a larger window in a2ia.ollama.contextTokens.',
    nextStep: { do: 'openSetting', key: 'a2ia.ollama.contextTokens' },
    ...(contextTokens === undefined ? {} : { contextTokens }),
    // An estimate that contradicts the refusal says nothing.
    ...(error.promptTokens !== undefined || promptTokens > (contextTokens ?? Infinity) ? { promptTokens } : {}),
    ...(error.serverMessage ? { serverMessage: error.serverMessage } : {}),
    ...(error.status ? { status: error.status } : {}),
    cause: error,
  });
}
