/**
 * The contract between A2IA and every backend.
 *
 * The laws of `chat` and `complete`, which test/contract runs against every client:
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
 *  9. A request is sent again only before its first byte of answer: when the server is busy (twice at most), or refuses a field that it can do without.
 *     What is left out for it is said in a `warning`, and remembered.
 * 10. Requests for one model send the same load options, whatever they are for, so that the server never loads it anew between them.
 */

export const backendIds = ['ollama', 'vllm', 'openai-compatible', 'openai', 'anthropic', 'embedded'] as const;
export type BackendId = (typeof backendIds)[number];

export interface LLMClient {
  readonly backend: BackendId;
  /** Where requests go: a base URL; for the embedded engine the user’s model file, else the folder of its models. For people; carries no credentials. */
  readonly endpoint: string;
  /** Is it there, and who answers? Never throws for a server that is down: that is a status. */
  probe(signal: AbortSignal): Promise<BackendStatus>;
  /** @throws BackendError */
  listModels(signal: AbortSignal): Promise<readonly ModelInfo[]>;
  /** @throws BackendError, see the laws above */
  chat(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatEvent>;
  /**
   * Continues raw text, or fills a gap in it. Absent where the backend has no such thing.
   * @throws BackendError, of kind `unsupported` when the model or server cannot fill gaps and there is no `rawPrompt` to fall back to
   */
  complete?(request: CompletionRequest, signal: AbortSignal): AsyncIterable<ChatEvent>;
  /**
   * The tokens of prompt that the server will read for this request: its own count where it has one, else an estimate that says it is one.
   * @throws BackendError
   */
  countTokens(request: ChatRequest, signal: AbortSignal): Promise<TokenCount>;
  /**
   * Tokens of prompt plus answer that a request to this model can use now; undefined when the server does not tell. May load the model where only a loaded
   * one has a window (Ollama).
   * @throws BackendError
   */
  contextWindow(model: string, signal: AbortSignal): Promise<number | undefined>;
  /** What occupies the server's memory now. @throws BackendError */
  loadedModels?(signal: AbortSignal): Promise<readonly LoadedModel[]>;
  /** Brings a model into memory, with the options that requests use. Ends when it is there. @throws BackendError */
  load?(model: string, signal: AbortSignal): Promise<void>;
  /** @throws BackendError */
  unload?(model: string, signal: AbortSignal): Promise<void>;
  /** Fetches a model to the server. Abort stops it; a later pull goes on. @throws BackendError */
  pull?(model: string, signal: AbortSignal): AsyncIterable<PullProgress>;
}

export type BackendStatus =
  | {
      readonly state: 'ready';
      /** Who really answers, e.g. `Ollama`, `vLLM`, `llama-server`, as far as the server says. */
      readonly server: string;
      readonly version?: string;
      readonly modelIds: readonly string[];
      readonly detail?: string;
      /** The model that would answer has to be fetched first. */
      readonly needsDownload?: true;
    }
  | { readonly state: 'loading'; readonly server: string; readonly detail: string }
  | { readonly state: 'unavailable'; readonly reason: string; readonly hint: string };

export interface ModelInfo {
  readonly id: string;
  readonly displayName?: string;
  /** What it is a copy of, or was made of, where the server calls it something else. */
  readonly basedOn?: string;
  /** Tokens of prompt plus answer that a request can use now, when the server says so. */
  readonly contextWindowTokens?: number;
  /** Tokens the model was trained for; the server may run it with fewer. */
  readonly trainedContextTokens?: number;
  readonly sizeBytes?: number;
  readonly quantization?: string;
  /** In memory already, so that the first token comes soon. */
  readonly loaded?: boolean;
  readonly capabilities?: ModelCapabilities;
}

/** As the server says; left out where it does not. */
export interface ModelCapabilities {
  /** False: an embedding model or the like. */
  readonly chat?: boolean;
  readonly tools?: boolean;
  readonly images?: boolean;
  readonly reasoning?: boolean;
  readonly fillInTheMiddle?: boolean;
}

export interface LoadedModel {
  readonly id: string;
  /** Of its files, where the server tells it: a name may have been given to another model since. */
  readonly digest?: string;
  /** All of it: weights, KV cache, buffers. */
  readonly sizeBytes?: number;
  /** The part of it on the GPU. */
  readonly vramBytes?: number;
  readonly contextWindowTokens?: number;
  /** 0 to 1: how much of its KV cache, which such a server allocates at once, requests occupy. */
  readonly kvCacheUsage?: number;
  /** Served for as long as the server runs: no request unloads it. */
  readonly isFixed?: boolean;
  /** When the server will unload it, in milliseconds since 1970; left out: never, or not known. */
  readonly expiresAtMs?: number;
}

export interface PullProgress {
  /** In the server's words: `pulling manifest`, `verifying sha256 digest`. */
  readonly status: string;
  /** Of all parts that are known so far: never decreases. */
  readonly completedBytes: number;
  /** Of all parts that are known so far: grows when a part becomes known. */
  readonly totalBytes: number;
}

export interface TokenCount {
  readonly tokens: number;
  /** False: an estimate, about 10 % off. */
  readonly isExact: boolean;
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
  /** Whether the model shall think before it answers. A model or server that cannot choose ignores it, with a warning. */
  readonly reasoning?: 'off' | 'low' | 'medium' | 'high';
}

export interface CompletionRequest {
  readonly model: string;
  /** The text before the gap, and after it; without a suffix the text is continued. */
  readonly prefix: string;
  readonly suffix: string;
  /** The gap in the model family's own tokens, for servers and models that have no other way to fill one. */
  readonly rawPrompt?: string;
  /** Parts of other files that the model may see; `rawPrompt` has them already. A server that has no place for them is asked without. */
  readonly neighbours?: readonly { readonly path: string; readonly text: string }[];
  readonly maxOutputTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
}

/** Backend-neutral, so that a conversation can change backend in the middle. */
export type ChatMessage =
  | { readonly role: 'system'; readonly text: string }
  | { readonly role: 'user'; readonly text: string; readonly images?: readonly ImageAttachment[] }
  | { readonly role: 'assistant'; readonly text: string; readonly toolCalls?: readonly ToolCall[] }
  | { readonly role: 'tool'; readonly toolCallId: string; readonly toolName: string; readonly text: string };

export interface ImageAttachment {
  /** `image/png`, `image/jpeg`, `image/gif` or `image/webp`. */
  readonly mediaType: string;
  /** The bytes, in base64. Never a path or an address. */
  readonly base64: string;
}

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
  /** What the server does before it answers, as far as it tells. */
  | {
      readonly type: 'progress';
      readonly stage: 'busy' | 'loading' | 'readingPrompt';
      /** 0 to 1. */
      readonly fraction?: number;
    }
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
