import type { BackendError } from './errors.ts';
import { toBackendError } from './failures.ts';
import type { BackendId, ChatEvent } from './llmClient.ts';
import type { ModelNotes } from './serverMemory.ts';

/** Parts of a request that a server may refuse and that it can be asked without. */
export type DroppableField = 'tools' | 'reasoning' | 'temperature' | 'topP' | 'seed' | 'usage' | 'maxTokens' | 'suffix';

export interface Refusable {
  readonly backend: BackendId;
  readonly model: string;
  readonly notes: ModelNotes;
  /** Which part of the request the server names as the reason, if it is one that was sent and can be left out. */
  readonly refusedField: (error: BackendError) => DroppableField | undefined;
  /** Sends the request without the fields that `notes` holds. */
  readonly open: () => AsyncIterable<ChatEvent>;
}

/**
 * Sends a request, and once more for each field that the server refuses before it answers. What the user asked for and does not get is said in a `warning`,
 * once; the field is not sent again.
 */
export async function* withoutRefusedFields(request: Refusable): AsyncGenerator<ChatEvent> {
  const { backend, model, notes } = request;
  for (;;) {
    let begun = false;
    try {
      for await (const event of request.open()) {
        begun = true;
        yield event;
      }
      return;
    } catch (thrown) {
      const error = toBackendError(thrown, backend);
      const field = begun ? undefined : request.refusedField(error);
      if (field === undefined || notes.refusedFields.has(field)) throw error;
      notes.refusedFields.add(field);
      const message = warnings[field]?.(model);
      if (message) yield { type: 'warning', message };
    }
  }
}

/** None where nothing is missed. */
const warnings: Partial<Record<DroppableField, (model: string) => string>> = {
  tools: (model) => `${model} cannot use tools here, so it answers without them.`,
  reasoning: (model) => `${model} cannot be told how much to think, so it decides by itself.`,
  temperature: (model) => `${model} takes no temperature, so its own is used.`,
  topP: (model) => `${model} takes no top-p, so its own is used.`,
  seed: (model) => `${model} takes no seed, so its answers vary.`,
};
