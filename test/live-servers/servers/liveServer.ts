/** Where scripts/live.mjs found a server: a program to start, or one that runs already. */
export type Found = { readonly program: string } | { readonly url: string };

export const serverNames = ['ollama', 'vllm', 'llama-server', 'litellm', 'embedded'] as const;
export type ServerName = (typeof serverNames)[number];

interface Run {
  /** Those that are tested. */
  readonly servers: readonly ServerName[];
  /** All that are there: one may stand behind another. */
  readonly found: Readonly<Partial<Record<ServerName, Found>>>;
}

/** As scripts/live.mjs says it. */
export const run = JSON.parse(process.env['A2IA_LIVE_RUN'] ?? '{"servers": [], "found": {}}') as Run;

/** The GGUF file that the servers are started with. */
export const modelFile = process.env['A2IA_TEST_MODEL'] ?? '';

/** Small, so that prompts that fill it are read soon. */
export const contextTokens = 1024;

/** A real server with one small model. */
export interface LiveServer {
  /** Without `/v1`. Of the embedded engine: empty. */
  readonly url: string;
  readonly model: string;
  /** Tokens of prompt plus answer. */
  readonly contextTokens: number;
  /** Does it generate, as the server or the system says, not our socket? Absent where nobody can tell. */
  readonly isGenerating?: () => Promise<boolean>;
  /** Ends it without a word to its clients. Absent, as `restart` is, for a server that somebody else started. */
  readonly kill?: () => Promise<void>;
  readonly restart?: () => Promise<void>;
  readonly stop: () => Promise<void>;
}
