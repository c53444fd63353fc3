import type { Agent } from 'node:http';
import type { EmbeddedModel } from './embedded/catalogue.ts';
import type { ContextQuestion } from './gpu/usefulContext.ts';

/**
 * The one seam between core and whoever runs it: the editor (src/vscode) and the command line (src/cli) each implement it, tests too.
 * It holds what core cannot know by itself, and nothing else.
 */
export interface CoreHost {
  /** Never given a prompt, an answer or a key. */
  readonly log: Log;
  /** The API key the user entered for exactly this origin (`https://host:port`). */
  credentialFor(origin: string): Promise<string | undefined>;
  /**
   * Asked before anything is sent to an origin. False for one that a workspace names and that the user has not agreed to.
   */
  mayContact(origin: string): Promise<boolean>;
  /** `mayContact` would have to ask the user: a look that he did not ask for leaves that origin alone. */
  mustAsk(origin: string): boolean;
  /** Between two tries. Resolves early, without an error, when the signal is aborted. */
  wait(durationMs: number, signal: AbortSignal): Promise<void>;
  /** A PEM file of certificates to trust beside those that are trusted anyway; empty: none. */
  caFile(): string;
  /** Undefined where none applies, and in the editor, which routes `node:http` through its own proxy settings by itself. */
  proxyAgentFor(url: URL): Promise<Agent | undefined>;
  readonly engine: EngineHost;
  /**
   * The context window to load a model of Ollama with, where the user set none. Undefined: Ollama's own; absent: always that.
   */
  usefulContext?(question: ContextQuestion, signal: AbortSignal): Promise<number | undefined>;
}

export interface Log {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
}

export type Download = (onProgress: (receivedBytes: number) => void) => Promise<void>;

/** What the embedded engine needs of the outside. */
export interface EngineHost {
  /** The built worker program (dist/embeddedWorker.mjs), run by `nodePath` in a process of its own. */
  readonly workerPath: string;
  readonly nodePath: string;
  readonly nodeEnv: Readonly<Record<string, string | undefined>>;
  /** Where downloaded models are kept; created when needed. */
  readonly modelsDir: string;
  /** Asked before anything is downloaded; false leaves the disk and the network alone. */
  confirmDownload(model: EmbeddedModel, targetPath: string): Promise<boolean>;
  /** Runs a download and shows, until it ends in whatever way, how many bytes of the file are there. */
  duringDownload(model: EmbeddedModel, download: Download): Promise<void>;
}
