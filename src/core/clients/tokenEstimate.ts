import type { ChatRequest, TokenCount } from './llmClient.ts';
import type { ModelNotes } from './serverMemory.ts';

/** Between code (about 3.3 characters a token) and prose (about 4). Counted in bytes, because scripts with 3 bytes a character have about one token for each. */
const defaultBytesPerToken = 3.5;
/** What a chat template adds around each message. */
const tokensPerMessage = 4;
/** As Ollama counts one (768); others vary with its size. */
export const tokensPerImage = 768;
/** Below this a prompt is mostly template, and says little about the text. */
const leastTokensToLearn = 64;

type Prompt = Pick<ChatRequest, 'messages' | 'tools'>;

/** For servers that do not count. */
export function estimateTokens(request: Prompt, { bytesPerToken }: Pick<ModelNotes, 'bytesPerToken'>): TokenCount {
  const { bytes, fixedTokens } = weigh(request);
  return { tokens: Math.ceil(bytes / (bytesPerToken ?? defaultBytesPerToken)) + fixedTokens, isExact: false };
}

/** A part of a message, without what the template adds. */
export function estimateTextTokens(text: string, bytesPerToken = defaultBytesPerToken): number {
  return Math.ceil(Buffer.byteLength(text) / bytesPerToken);
}

/** From what the server counted for a request. */
export function learnTokenSize(request: ChatRequest, notes: ModelNotes, promptTokens: number | undefined): void {
  const measured = tokenSize(request, promptTokens);
  if (measured === undefined) return;
  notes.bytesPerToken = notes.bytesPerToken === undefined ? measured : (notes.bytesPerToken + measured) / 2;
}

/** UTF-8 bytes per token in a prompt that somebody counted; undefined where the count says nothing about its text. */
export function tokenSize(request: Prompt, promptTokens: number | undefined): number | undefined {
  const { bytes, fixedTokens } = weigh(request);
  if (promptTokens === undefined || promptTokens - fixedTokens < leastTokensToLearn) return undefined;
  const measured = bytes / (promptTokens - fixedTokens);
  // A server that cut the prompt, or counts only what it had not in its cache, would teach nonsense.
  return measured < 1 || measured > 8 ? undefined : measured;
}

function weigh({ messages, tools }: Prompt): {
  readonly bytes: number;
  readonly fixedTokens: number;
} {
  let bytes = tools?.length ? Buffer.byteLength(JSON.stringify(tools)) : 0;
  let fixedTokens = 0;
  for (const message of messages) {
    bytes += Buffer.byteLength(message.text);
    fixedTokens += tokensPerMessage;
    if (message.role === 'assistant' && message.toolCalls)
      bytes += Buffer.byteLength(JSON.stringify(message.toolCalls));
    if (message.role === 'user' && message.images) fixedTokens += message.images.length * tokensPerImage;
  }
  return { bytes, fixedTokens };
}
