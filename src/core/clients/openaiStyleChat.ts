import { DeltaJoiner } from './chatStream.ts';
import { BackendError } from './errors.ts';
import type { ChatEvent, ChatRequest } from './llmClient.ts';
import { openChat, type OpenAIStyleEndpoint } from './openaiStyle.ts';
import { chatBody, refusedField } from './openaiStyleBody.ts';
import { readCompletion } from './openaiStyleStream.ts';
import { withoutRefusedFields } from './refusals.ts';
import type { ModelNotes } from './serverMemory.ts';
import { learnTokenSize } from './tokenEstimate.ts';
import { ThinkTagSplitter } from './thinkTags.ts';

export interface OpenAIStyleChat {
  readonly endpoint: OpenAIStyleEndpoint;
  readonly request: ChatRequest;
  readonly signal: AbortSignal;
  /** Asked only when an answer is suspiciously empty. */
  readonly contextWindow: (model: string, signal: AbortSignal) => Promise<number | undefined>;
}

/**
 * One streamed chat completion, sent again without a field that the server refuses. `lawful` holds it to the laws.
 * @throws BackendError, or an error of the package that carries one as its cause
 */
export function streamChat(chat: OpenAIStyleChat): AsyncIterable<ChatEvent> {
  const { endpoint, request, signal } = chat;
  const notes = endpoint.memory.of(endpoint.baseUrl, request.model);
  return withoutRefusedFields({
    backend: endpoint.backend,
    model: request.model,
    notes,
    refusedField: (error) => refusedField(error, request),
    open: async function* () {
      const response = await openChat(endpoint, chatBody(endpoint, request), signal);
      const joiner = new DeltaJoiner();
      const tags = new ThinkTagSplitter(joiner, notes.startsInReasoning && request.reasoning !== 'off');
      yield* judged(chat, notes, tags, readCompletion(endpoint, response, joiner, tags));
    },
  });
}

/** An answer with what its end shows: that it is none, or what to remember for the next. */
async function* judged(
  chat: OpenAIStyleChat,
  notes: ModelNotes,
  tags: ThinkTagSplitter,
  events: AsyncIterable<ChatEvent>,
): AsyncGenerator<ChatEvent> {
  let isEmpty = true;
  for await (const event of events) {
    if (event.type === 'text' || event.type === 'toolCall' || event.type === 'reasoning') isEmpty = false;
    if (event.type === 'finish') {
      const promptTokens = event.usage?.promptTokens;
      if (isEmpty && event.reason === 'stop') await requireRoom(chat, promptTokens);
      learnTokenSize(chat.request, notes, promptTokens);
      if (tags.isUnopened) notes.startsInReasoning = true;
      if (tags.isUnclosed && event.reason === 'stop') notes.startsInReasoning = false;
    }
    yield event;
  }
}

/**
 * LM Studio answers a prompt that does not fit with an empty success.
 * @throws BackendError of kind `contextOverflow`
 */
async function requireRoom(
  { endpoint, request, signal, contextWindow }: OpenAIStyleChat,
  promptTokens: number | undefined,
): Promise<void> {
  if (promptTokens === undefined) return;
  const contextTokens = await contextWindow(request.model, signal).catch(() => undefined);
  if (contextTokens === undefined || promptTokens < contextTokens) return;
  throw new BackendError({
    kind: 'contextOverflow',
    backend: endpoint.backend,
    message: `The prompt has ${promptTokens} tokens; the context window has ${contextTokens}, so there is no answer.`,
    hint: 'Shorten the question or leave out context, or load the model with a larger context window.',
    promptTokens,
    contextTokens,
  });
}
