import type { ChatRequest, TokenCount } from './llmClient.ts';
import type { ModelNotes } from './serverMemory.ts';

/** Between code (about 3.3 characters a token) and prose (about 4). Counted in bytes, because scripts with 3 bytes a character have about one token for each. */
const defaultBytesPerToken = 3.5;
/** What a chat template adds around each message. */
const tokensPerMessage = 4;
/** As Ollama counts one (768); others vary with its size. */
const tokensPerImage = 768;
/** Below this a prompt is mostly template, and says little about the text. */
const leastTokensToLearn = 64;

/** For servers that do not count. */
export function estimateTokens(request: ChatRequest, notes: ModelNotes): TokenCount {
  const { bytes, fixedTokens } = weigh(request);
  return { tokens: Math.ceil(bytes / (notes.bytesPerToken ?? defaultBytesPerToken)) + fixedTokens, isExact: false };
}

/** A part of a message, without what the template adds. */
export function estimateTextTokens(text: string, bytesPerToken = defaultBytesPerToken): number {
  return Math.ceil(Buffer.byteLength(text) / bytesPerToken);
}

/** From what the server counted for a request. */
export function learnTokenSize(request: ChatRequest, notes: ModelNotes, promptTokens: number | undefined): void {
  const { bytes, fixedTokens } = weigh(request);
  if (promptTokens === undefined || promptTokens - fixedTokens < leastTokensToLearn) return;
  const measured = bytes / (promptTokens - fixedTokens);
  // A server that cut the prompt, or counts only what it had not in its cache, would teach nonsense.
  if (measured < 1 || measured > 8) return;
  notes.bytesPerToken = notes.bytesPerToken === undefined ? measured : (notes.bytesPerToken + measured) / 2;
}

function weigh({ messages, tools }: ChatRequest): { readonly bytes: number; readonly fixedTokens: number } {
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
