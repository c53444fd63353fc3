import type { ModelCapabilities } from './llmClient.ts';
import type { ModelRules } from './anthropicMessages.ts';
import type { AskedContext } from './ollamaContext.ts';
import type { DroppableField } from './refusals.ts';
import type { ServerIdentity } from './serverIdentity.ts';

/**
 * What was learnt about servers while A2IA runs, so that no request repeats a mistake. Clients live for one request or one look, this for the program.
 * Nothing of it goes to the disk.
 */
export class ServerMemory {
  readonly #models = new Map<string, Map<string, ModelNotes>>();
  readonly #servers = new Map<string, ServerNotes>();

  /** By the client's endpoint and the model's id. */
  of(endpoint: string, model: string): ModelNotes {
    const models = this.#models.get(endpoint) ?? new Map<string, ModelNotes>();
    this.#models.set(endpoint, models);
    const notes = models.get(model) ?? { refusedFields: new Set() };
    models.set(model, notes);
    return notes;
  }

  /** By the client's endpoint. */
  server(endpoint: string): ServerNotes {
    const notes = this.#servers.get(endpoint) ?? {};
    this.#servers.set(endpoint, notes);
    return notes;
  }

  /** Another server may answer there now. */
  forget(endpoint: string): void {
    this.#models.delete(endpoint);
    this.#servers.delete(endpoint);
  }
}

export interface ServerNotes {
  identity?: ServerIdentity;
  /** Where its API was found, when that is not where it was first looked for. */
  baseUrl?: string;
}

export interface ModelNotes {
  /** Fields of a request that the server refused and can do without: they are not sent again. */
  readonly refusedFields: Set<DroppableField>;
  /** UTF-8 bytes of prompt per token, measured on earlier requests. */
  bytesPerToken?: number;
  /** Its answers begin in the reasoning, without a tag that says so: see thinkTags.ts. */
  startsInReasoning?: boolean;
  /** That the server dropped a part of a prompt is said once. */
  truncationWasTold?: boolean;
  /** What the list of an Anthropic-style server says and requests depend on. */
  anthropicRules?: ModelRules;
  /** By tool call: the blocks of thinking before it, which Anthropic's API wants back with the call's result. */
  thinkingBeforeCalls?: Map<string, readonly object[]>;
  /** The context window when it was last looked at. */
  contextTokens?: number;
  description?: ModelDescription;
  /** The window that requests ask for, where the user set none. */
  askedContext?: AskedContext;
  decidingContext?: Promise<AskedContext>;
}

/** What a server says about a model when it is asked for more than its list has. */
export interface ModelDescription {
  /** Of the version of the model that this describes. */
  readonly digest?: string;
  readonly capabilities?: ModelCapabilities;
  readonly trainedContextTokens?: number;
  /** The context window that the model's own file asks for. */
  readonly ownContextTokens?: number;
  /** The server passes requests on to another. */
  readonly isRemote?: true;
}
