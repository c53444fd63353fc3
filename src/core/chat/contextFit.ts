import { BackendError } from '../clients/errors.ts';
import { toBackendError } from '../clients/failures.ts';
import type { BackendId, ChatRequest, LLMClient, TokenCount } from '../clients/llmClient.ts';

/** A part of the prompt that can be left out, as the user knows it. */
export interface PromptPart {
  readonly label: string;
  readonly text: string;
}

/** Prompts below this fit into every window there is; asking the server about them would cost a round trip for nothing. */
const surelyFitsBytes = 3000;
/** What a chat template may add. */
const templateTokens = 200;
/** So much room an answer needs to be worth asking for. */
const leastAnswerTokens = 16;
/** An estimate may be this much too high, and a prompt that fits must never be refused. */
const estimateMargin = 1.25;

/**
 * Refuses a prompt that does not fit before anything of it is sent, with both numbers and what to leave out. Where it cannot be known it is not refused:
 * the server has the last word then.
 * @param knownContextTokens As somebody saw it a moment ago; what is far below needs no look at it.
 * @throws BackendError of kind `contextOverflow`, or what the client throws
 */
export async function requireFit(
  client: LLMClient,
  request: ChatRequest,
  parts: readonly PromptPart[],
  signal: AbortSignal,
  knownContextTokens = 0,
): Promise<void> {
  const bytes = promptBytes(request);
  if (bytes < surelyFitsBytes || bytes + templateTokens < knownContextTokens) return;
  const contextTokens = await client.contextWindow(request.model, signal);
  if (contextTokens === undefined) return;
  // No tokenizer makes more than one token of a byte, so most prompts need no count.
  if (bytes + templateTokens < contextTokens) return;
  const { tokens, isExact } = await countTokens(client, request, signal);
  const surelyTokens = isExact ? tokens : tokens / estimateMargin;
  if (surelyTokens + leastAnswerTokens <= contextTokens) return;
  throw overflow(client, request, parts, { promptTokens: tokens, contextTokens, isExact });
}

/** Some servers (vLLM, of Anthropic's protocol) do not even count what does not fit: they refuse it, with the numbers. */
async function countTokens(client: LLMClient, request: ChatRequest, signal: AbortSignal): Promise<TokenCount> {
  try {
    return await client.countTokens(request, signal);
  } catch (thrown) {
    const error = toBackendError(thrown, client.backend);
    if (error.kind !== 'contextOverflow' || error.promptTokens === undefined) throw error;
    return { tokens: error.promptTokens, isExact: true };
  }
}

/** Where A2IA itself says how large the window shall be. */
const windowSettings: Partial<Record<BackendId, string>> = {
  ollama: 'a2ia.ollama.contextTokens',
  embedded: 'a2ia.embedded.contextTokens',
};

interface Numbers {
  readonly promptTokens: number;
  readonly contextTokens: number;
  readonly isExact: boolean;
}

function overflow(client: LLMClient, request: ChatRequest, parts: readonly PromptPart[], numbers: Numbers) {
  const { promptTokens, contextTokens, isExact } = numbers;
  const setting = windowSettings[client.backend];
  const [largest] = [...parts].sort((a, b) => b.text.length - a.text.length);
  const advice = largest
    ? `Leave out or shorten ${largest.label}, which is ${share(largest.text.length, request)} of it`
    : 'Shorten the question';
  return new BackendError({
    kind: 'contextOverflow',
    backend: client.backend,
    message: `The prompt has ${isExact ? '' : 'about '}${promptTokens} tokens; the context window of ${request.model} has ${contextTokens}. Nothing was sent.`,
    hint: `${advice}, or run the model with a larger context window${setting ? ` (${setting})` : ''}.`,
    promptTokens,
    contextTokens,
    ...(setting ? { nextStep: { do: 'openSetting', key: setting } } : {}),
  });
}

function share(chars: number, { messages }: ChatRequest): string {
  const all = messages.reduce((sum, message) => sum + message.text.length, 0);
  return `${Math.round((chars / all) * 100)} %`;
}

function promptBytes({ messages, tools }: ChatRequest): number {
  const images = messages.some((message) => message.role === 'user' && message.images?.length);
  if (images || tools?.length) return Number.POSITIVE_INFINITY;
  return messages.reduce((sum, message) => sum + Buffer.byteLength(message.text), 0);
}
