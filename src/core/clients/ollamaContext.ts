import type { Settings } from '../settings/settings.ts';
import type { ChatEvent } from './llmClient.ts';
import { notesOf, type OllamaServer } from './ollamaApi.ts';
import { describeModel, loadedModels } from './ollamaModels.ts';

/** Somebody else may load the model anew meanwhile. A look takes a millisecond or two. */
const trustedMs = 60_000;

/** The context window that requests for a model ask for, where the user set none. */
export interface AskedContext {
  /** Undefined: Ollama's own. */
  readonly tokens: number | undefined;
  readonly checkedAtMs: number;
  /** What the user shall know of it. Told once. */
  note?: string | undefined;
}

/**
 * The server with the context window that this model is asked for: what the user set; else the one it is loaded with, so that nobody's model is loaded anew for
 * ours; else what `CoreHost.usefulContext` chooses. The same for every request, until the model is loaded with another.
 * @throws only the reason of the signal: where nothing can be found out, Ollama decides as it would by itself
 */
export async function withContext(
  server: OllamaServer,
  settings: Settings,
  model: string,
  signal: AbortSignal,
): Promise<OllamaServer> {
  if (server.contextTokens !== undefined || !server.host.usefulContext) return server;
  const notes = notesOf(server, model);
  if (!notes.askedContext || Date.now() - notes.askedContext.checkedAtMs >= trustedMs) {
    // Two requests at once must not ask for two contexts.
    notes.decidingContext ??= decide(server, settings, model, signal).finally(() => delete notes.decidingContext);
    const decided = await notes.decidingContext.catch(() => undefined);
    signal.throwIfAborted();
    // The other one was stopped in the middle of it.
    if (!decided) return withContext(server, settings, model, signal);
    notes.askedContext = decided;
  }
  const { tokens } = notes.askedContext;
  return tokens === undefined ? server : { ...server, contextTokens: tokens };
}

/** What the user shall know of the window, once. */
export function* contextNote(server: OllamaServer, model: string): Generator<ChatEvent> {
  const { askedContext } = notesOf(server, model);
  if (askedContext?.note === undefined) return;
  yield { type: 'warning', message: askedContext.note };
  delete askedContext.note;
}

async function decide(
  server: OllamaServer,
  settings: Settings,
  model: string,
  signal: AbortSignal,
): Promise<AskedContext> {
  const before = notesOf(server, model).askedContext;
  const checkedAtMs = Date.now();
  try {
    const loaded = await loadedModels(server, signal);
    const running = loaded.find(({ id }) => id === model || id === `${model}:latest`);
    if (running && running.contextWindowTokens === undefined) return { tokens: undefined, checkedAtMs };
    const known = running?.contextWindowTokens;
    if (known !== undefined && known === before?.tokens) return { ...before, checkedAtMs };
    const description = notesOf(server, model).description ?? (await describeModel(server, model, signal));
    const isChosen = description.isRemote !== true && description.ownContextTokens === undefined;
    const useful = isChosen ? await server.host.usefulContext?.({ settings, model, loaded }, signal) : undefined;
    if (known === undefined) return { tokens: useful, checkedAtMs };
    const isOurs = before !== undefined && before.tokens === undefined;
    const isShort = !isOurs && useful !== undefined && useful > known;
    return { tokens: known, checkedAtMs, ...(isShort ? { note: shortNote(model, known, useful) } : {}) };
  } catch {
    signal.throwIfAborted();
    return { tokens: before?.tokens, checkedAtMs };
  }
}

function shortNote(model: string, known: number, useful: number): string {
  const tokens = (count: number) => count.toLocaleString('en');
  return `${model} is loaded with a context of ${tokens(known)} tokens, which A2IA did not choose and leaves as it is. ${tokens(useful)} would fit on the GPU: unload the model (A2IA: Show GPU Memory), and the next question loads it with those.`;
}
