import { toBackendError } from './failures.ts';
import type { ChatRequest, TokenCount } from './llmClient.ts';
import type { OpenAIStyleEndpoint } from './openaiStyle.ts';
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

export function hasImages({ messages }: ChatRequest): boolean {
  return messages.some(
    (message) => message.role === 'user' && message.images !== undefined && message.images.length > 0,
  );
}
