import { DeltaJoiner } from './chatStream.ts';
import { BackendError } from './errors.ts';
import type { ChatEvent, CompletionRequest } from './llmClient.ts';
import { openCompletion, type OpenAIStyleEndpoint } from './openaiStyle.ts';
import { generationFields, refusedField } from './openaiStyleBody.ts';
import { readCompletion } from './openaiStyleStream.ts';
import { withoutRefusedFields } from './refusals.ts';

/**
 * Raw text continued by `/v1/completions`. Its `suffix` is never used: vLLM takes it for a few models only, others ignore it.
 * @throws BackendError, of kind `unsupported` when there is a gap to fill and no `rawPrompt` for it
 */
export function streamCompletion(
  endpoint: OpenAIStyleEndpoint,
  request: CompletionRequest,
  signal: AbortSignal,
): AsyncIterable<ChatEvent> {
  return withoutRefusedFields({
    backend: endpoint.backend,
    model: request.model,
    notes: endpoint.memory.of(endpoint.baseUrl, request.model),
    refusedField: (error) => refusedField(error, request),
    open: () => continueText(endpoint, request, signal),
  });
}

/** The same, once. */
export async function* continueText(
  endpoint: OpenAIStyleEndpoint,
  request: CompletionRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const prompt = request.rawPrompt ?? (request.suffix === '' ? request.prefix : undefined);
  if (prompt === undefined) throw cannotFill(endpoint, request.model);
  const body = {
    model: request.model,
    prompt,
    ...generationFields(endpoint, request),
    ...(request.maxOutputTokens === undefined ? {} : { max_tokens: request.maxOutputTokens }),
  };
  yield* readCompletion(endpoint, await openCompletion(endpoint, body, signal), new DeltaJoiner());
}

function cannotFill({ backend }: OpenAIStyleEndpoint, model: string): BackendError {
  return new BackendError({
    kind: 'unsupported',
    feature: 'fillInTheMiddle',
    backend,
    message: `How ${model} fills a gap in a text is not known.`,
    hint: 'Choose a model made for code completion, such as qwen2.5-coder.',
  });
}
