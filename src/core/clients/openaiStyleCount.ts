import { toBackendError } from './failures.ts';
import type { ChatRequest, TokenCount } from './llmClient.ts';
import { askJson, besideV1, knownBaseUrl, type OpenAIStyleEndpoint } from './openaiStyle.ts';
import { promptFields } from './openaiStyleBody.ts';
import { estimateTokens } from './tokenEstimate.ts';

/**
 * The server's own count; an estimate where it has none, or answers with an error.
 * @throws BackendError when it cannot be reached
 */
export async function countOrEstimate(
  endpoint: OpenAIStyleEndpoint,
  request: ChatRequest,
  count: () => Promise<number | undefined>,
): Promise<TokenCount> {
  try {
    const tokens = await count();
    if (typeof tokens === 'number') return { tokens, isExact: true };
  } catch (thrown) {
    const error = toBackendError(thrown, endpoint.backend);
    if (error.status === undefined) throw error;
  }
  return estimateTokens(request, endpoint.memory.of(endpoint.baseUrl, request.model));
}

/** Undefined: it cannot count that. @throws BackendError */
export async function countByVllm(
  endpoint: OpenAIStyleEndpoint,
  request: ChatRequest,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (hasImages(request)) return undefined;
  const answer = await askJson(endpoint, besideV1(endpoint, '/tokenize'), signal, promptFields(endpoint, request));
  return (answer as { readonly count?: number } | null)?.count;
}

/** Undefined: it cannot count that. @throws BackendError */
export async function countByLlamaServer(
  endpoint: OpenAIStyleEndpoint,
  request: ChatRequest,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (hasImages(request)) return undefined;
  const prompt = promptFields(endpoint, request);
  const ask = (url: string, body: object) => askJson(endpoint, url, signal, body);
  try {
    const counted = await ask(`${knownBaseUrl(endpoint)}/chat/completions/input_tokens`, prompt);
    return (counted as { readonly input_tokens?: number }).input_tokens;
  } catch (thrown) {
    if (toBackendError(thrown, endpoint.backend).status !== 404) throw thrown;
  }
  // Builds before it had that.
  const applied = await ask(besideV1(endpoint, '/apply-template'), prompt);
  const content = (applied as { readonly prompt?: string }).prompt;
  const { model } = request;
  const tokenized = await ask(besideV1(endpoint, '/tokenize'), { model, content, add_special: true });
  return (tokenized as { readonly tokens?: readonly unknown[] }).tokens?.length;
}

/** To a tokenizer an image is one token, whatever it becomes in the model. */
function hasImages({ messages }: ChatRequest): boolean {
  return messages.some((message) => message.role === 'user' && (message.images?.length ?? 0) > 0);
}
