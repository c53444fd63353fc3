/**
 * The contract between A2IA and every backend.
 *
 * The laws of `chat`, which test/contract runs against every client:
 *
 *  1. A stream that completes has exactly one `finish`, and it is the last event.
 *  2. A stream that ends without its protocol's end marker throws `BackendError` of kind `truncated`; the events before it stand.
 *  3. A tool call is one event, once, with all of its arguments.
 *  4. A failure is thrown as `BackendError`, never written into the text.
 *  5. Abort ends the iterator within 100 ms, closes the socket (so that the server stops generating) and throws nothing.
 *     No event follows an abort. A consumer that stops iterating has the same effect.
 *  6. A chunk may be cut at any byte: the events carry the same text whatever the cuts. Deltas that arrive in one read may be one event.
 *  7. A key goes to the origin it was entered for and nowhere else, and appears in no error and no log.
 *  8. Fields this file does not know are ignored; nothing is sent that the request did not ask for (no default temperature, no tools).
 */

export const backendIds = ['ollama', 'vllm', 'openai-compatible', 'openai', 'anthropic', 'embedded'] as const;
export type BackendId = (typeof backendIds)[number];

export interface LLMClient {
  readonly backend: BackendId;
  /** Where requests go: a base URL, or the model file of the embedded engine. For people; carries no credentials. */
  readonly endpoint: string;
  /** Is it there, and who answers? Never throws for a server that is down: that is a status. */
  probe(signal: AbortSignal): Promise<BackendStatus>;
  /** @throws BackendError */
  listModels(signal: AbortSignal): Promise<readonly ModelInfo[]>;
  /** @throws BackendError, see the laws above */
  chat(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatEvent>;
}

export type BackendStatus =
  | {
      readonly state: 'ready';
      /** Who really answers, e.g. `Ollama`, `vLLM`, `llama-server`, as far as the server says. */
      readonly server: string;
      readonly version?: string;
      readonly modelIds: readonly string[];
      readonly detail?: string;
    }
  | { readonly state: 'loading'; readonly server: string; readonly detail: string }
  | { readonly state: 'unavailable'; readonly reason: string; readonly hint: string };

export interface ModelInfo {
  readonly id: string;
  readonly displayName?: string;
  /** Tokens of prompt plus answer that a request can use now, when the server says so. */
  readonly contextWindowTokens?: number;
  /** Tokens the model was trained for; the server may run it with fewer. */
  readonly trainedContextTokens?: number;
  readonly sizeBytes?: number;
  readonly quantization?: string;
  /** In memory already, so that the first token comes soon. */
  readonly loaded?: boolean;
}

export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  /** Left out: the server's own default. The same holds for every generation setting below. */
  readonly maxOutputTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
  readonly tools?: readonly ToolDefinition[];
}

/** Backend-neutral, so that a conversation can change backend in the middle. */
export type ChatMessage =
  | { readonly role: 'system'; readonly text: string }
  | { readonly role: 'user'; readonly text: string }
  | { readonly role: 'assistant'; readonly text: string; readonly toolCalls?: readonly ToolCall[] }
  | { readonly role: 'tool'; readonly toolCallId: string; readonly toolName: string; readonly text: string };

export interface ToolDefinition {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text, as the model wrote it: it may be invalid, which the model is told, not the user. */
  readonly argumentsJson: string;
}

export type ChatEvent =
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'reasoning'; readonly delta: string }
  | { readonly type: 'text'; readonly delta: string }
  | ({ readonly type: 'toolCall' } & ToolCall)
  | {
      readonly type: 'finish';
      readonly reason: FinishReason;
      readonly usage?: TokenUsage;
      readonly timings?: ServerTimings;
    };

export type FinishReason = 'stop' | 'length' | 'toolCalls' | 'contentFilter';

/** As the server counts; a count it does not give is left out, never 0. */
export interface TokenUsage {
  readonly promptTokens?: number;
  readonly outputTokens?: number;
  readonly cachedPromptTokens?: number;
}

/** As the server measured it. */
export interface ServerTimings {
  readonly loadMs?: number;
  readonly promptMs?: number;
  readonly outputMs?: number;
}
